//! Letters: each act writes its own in its transaction, what they say is sealed until it is delivered, and what cannot be delivered is seen.

mod smtp;

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::Mutex;

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::hold::Held;
use remint::lifecycle::ids::{DeviceId, RequestId, UserId};
use remint::lifecycle::reason::{Reason, Termination};
use remint::lifecycle::request::Mode;
use remint::server::post::Folder;
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::approve_request::{ApproveRequest, RejectRequest};
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::deliver_letters::{Envelope, Post, Posted, deliver_letters};
use remint::workflows::errand::{Done, Errand, carry_out};
use remint::workflows::failure::Failure;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::second_step::SecondStep;
use remint::workflows::set_password::give_initial_password;
use remint::workflows::settle_dues::settle_all;
use remint::workflows::sign_in::sign_in;
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::suspend::{Resume, Suspend};
use remint::workflows::terminate_device::TerminateDevice;
use remint::workflows::world::{Caller, World};

/// A house with the operator hana, who holds every role, and the user ana.
struct Scene {
    house: House,
    hana: Caller,
    ana: UserId,
}

/// Takes every letter, or none.
#[derive(Default)]
struct Box_ {
    taken: Mutex<Vec<(String, String, String)>>,
    is_closed: Mutex<bool>,
}

impl Post for Box_ {
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> Posted<'a> {
        Box::pin(async move {
            if *self.is_closed.lock().unwrap() {
                return Err("the box is closed".to_owned());
            }
            self.taken.lock().unwrap().push((envelope.to.clone(), envelope.subject.clone(), envelope.body.clone()));
            Ok(())
        })
    }
}

async fn scene_named(name: &str) -> Scene {
    let mut house = House::new(11, |_| {}).await;
    house.world.mail.officers = Some("officers@example.org".to_owned());
    let roles = BTreeSet::from([Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]);
    let hired = add_operator(&house.world, "hana", roles, None).await.unwrap().operator;
    let who = Who::Operator { id: hired.id, fingerprint: "AB".to_owned() };
    let hana = Caller { actor: Actor::Operator(hired), who, source: "test".to_owned(), session: None };
    let new = NewUser {
        name: name.to_owned(),
        email: "ana@example.org".to_owned(),
        upn: "ana@corp.example.org".to_owned(),
        attributes: Attributes::default(),
    };
    let ana = create_user(&house.world, &administrator(), new).await.unwrap().id;
    Scene { house, hana, ana }
}

async fn scene() -> Scene {
    scene_named("Ana Ruiz").await
}

impl Scene {
    fn world(&self) -> &World {
        &self.house.world
    }

    async fn done(&self, errand: &impl Errand) -> Done {
        carry_out(self.world(), &self.hana, errand).await.unwrap()
    }

    async fn by_ana(&self, errand: &impl Errand) -> RequestId {
        let ana = Caller { actor: Actor::User(self.ana), who: Who::User(self.ana), source: "test".to_owned(), session: None };
        carry_out(self.world(), &ana, errand).await.unwrap().request.unwrap()
    }

    /// Issues what a done errand invited to.
    async fn issue(&self, done: &Done, name: &str) -> DeviceId {
        let facts =
            DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "m".to_owned(), serial: name.to_owned(), name: name.to_owned() };
        let mut device = Device::new(facts);
        device.open(self.world(), &Secret::of(done.invitation.as_ref().unwrap())).await.unwrap();
        device.provision(self.world()).await.unwrap();
        device.confirm(self.world()).await.unwrap();
        device.session.as_ref().unwrap().device
    }

    async fn phone(&self, name: &str) -> DeviceId {
        let initial = RequestInitialIssuance { user: self.ana, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
        self.issue(&self.done(&initial).await, name).await
    }

    async fn replace(&self, target: DeviceId, reason: Reason) -> Done {
        self.done(&SubmitReplacement { target, reason, mode: Mode::Remote }).await
    }

    /// The kinds of the letters that were written since the last time, by the alphabet.
    async fn news(&self) -> Vec<String> {
        self.house.clock.advance(SignedDuration::from_secs(1));
        let letters = self.world().store.letters(Some("waiting"), None, 100).await.unwrap();
        deliver_letters(self.world(), &Box_::default()).await.unwrap();
        let mut kinds: Vec<String> = letters.into_iter().map(|letter| letter.kind).collect();
        kinds.sort();
        kinds
    }
}

#[tokio::test]
async fn every_act_that_people_must_hear_of_writes_its_letters() {
    let scene = scene().await;
    let phone = scene.phone("phone-1").await;
    assert_eq!(scene.news().await, ["invitation", "issued"]);
    let other = scene.phone("phone-2").await;
    assert_eq!(scene.news().await, ["invitation", "issued"]);

    scene.done(&Suspend { what: Held::Device(phone) }).await;
    assert_eq!(scene.news().await, ["held"]);
    scene.done(&Resume { what: Held::Device(phone) }).await;
    assert_eq!(scene.news().await, ["released"]);

    let lost = scene.replace(phone, Reason::Lost).await;
    assert_eq!(scene.news().await, ["invitation", "suspended"]);
    scene.done(&CancelRequest { request: lost.request.unwrap() }).await;
    assert_eq!(scene.news().await, ["canceled"]);

    let local = SubmitReplacement { target: phone, reason: Reason::Lost, mode: Mode::Local };
    let asked = scene.by_ana(&local).await;
    assert_eq!(scene.news().await, ["approval-needed", "suspended"]);
    scene.done(&RejectRequest { request: asked, because: None }).await;
    assert_eq!(scene.news().await, ["rejected"]);
    let asked = scene.by_ana(&local).await;
    scene.news().await;
    scene.done(&ApproveRequest { request: asked }).await;
    assert_eq!(scene.news().await, ["approved"]);
    scene.done(&CancelRequest { request: asked }).await;
    scene.news().await;

    // the two phones share one enc: it is renewed on the other
    let lost = scene.replace(phone, Reason::Lost).await;
    let third = scene.issue(&lost, "phone-3").await;
    assert_eq!(scene.news().await, ["invitation", "issued", "suspended", "update-waiting"]);

    let forgotten = scene.replace(third, Reason::Forgotten).await;
    scene.issue(&forgotten, "stand-in").await;
    scene.news().await;
    scene.house.clock.advance(SignedDuration::from_hours(31 * 24));
    settle_all(scene.world()).await.unwrap();
    assert_eq!(scene.news().await, ["ended"]);
    scene.done(&TerminateDevice { device: other, reason: Termination::Stolen }).await;
    assert_eq!(scene.news().await, ["ended"]);
}

#[tokio::test]
async fn what_is_refused_writes_no_letter() {
    let scene = scene().await;
    let phone = scene.phone("phone-1").await;
    scene.news().await;
    let resumed = carry_out(scene.world(), &scene.hana, &Resume { what: Held::Device(phone) }).await;
    assert!(matches!(resumed, Err(Failure::Refused(_))));
    assert_eq!(scene.news().await, [""; 0]);
}

#[tokio::test]
async fn an_invitation_that_arrives_by_mail_opens_and_is_nowhere_in_the_database() {
    let scene = scene().await;
    let initial = RequestInitialIssuance { user: scene.ana, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
    let done = scene.done(&initial).await;
    let shown = done.invitation.as_ref().unwrap();
    let (uri, code) = (shown.uri.to_string(), shown.code.as_ref().unwrap().to_string());
    let secret = uri.split('&').find_map(|part| part.strip_prefix("c=")).unwrap().to_owned();
    let post = Box_::default();
    for _ in 0..2 {
        // before it is delivered, and after
        for entry in std::fs::read_dir(scene.house.folder.path().join("house")).unwrap() {
            let path = entry.unwrap().path();
            if path.is_file() {
                let bytes = std::fs::read(&path).unwrap();
                assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", path.display());
            }
        }
        deliver_letters(scene.world(), &post).await.unwrap();
    }
    let letter = scene.world().store.letters(None, None, 10).await.unwrap().pop().unwrap();
    assert_eq!((letter.state.as_str(), letter.kind.as_str()), ("delivered", "invitation"));
    let (to, _, body) = post.taken.lock().unwrap()[0].clone();
    assert_eq!(to, "ana@example.org");
    assert!(!body.contains(&code), "the code goes another way");
    let arrived = body.lines().find(|line| line.starts_with("msc1:")).unwrap();
    let facts = DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "m".to_owned(), serial: "s".to_owned(), name: "n".to_owned() };
    Device::new(facts).open(scene.world(), &Secret::read(arrived, Some(&code))).await.unwrap();
}

#[tokio::test]
async fn a_policy_that_shows_invitations_on_screen_only_sends_none() {
    let mut scene = scene().await;
    scene.house.world.policy.invitation.by_mail = false;
    let initial = RequestInitialIssuance { user: scene.ana, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
    assert!(scene.done(&initial).await.invitation.is_some());
    assert_eq!(scene.news().await, [""; 0]);
}

#[tokio::test]
async fn a_letter_that_cannot_be_delivered_waits_longer_each_time_and_is_given_up_visibly() {
    let scene = scene().await;
    let phone = scene.phone("phone-1").await;
    scene.news().await;
    scene.done(&Suspend { what: Held::Device(phone) }).await;
    scene.house.clock.advance(SignedDuration::from_secs(1));
    scene.done(&Resume { what: Held::Device(phone) }).await;
    let post = Box_::default();
    *post.is_closed.lock().unwrap() = true;
    let store = &scene.world().store;
    let mut pauses = Vec::new();
    loop {
        assert_eq!(deliver_letters(scene.world(), &post).await.unwrap(), 0);
        let held = store.letters(None, None, 100).await.unwrap().into_iter().find(|letter| letter.kind == "held").unwrap();
        let Some(due) = held.due_at else {
            assert_eq!((held.state.as_str(), held.attempts, held.last_error.as_deref()), ("failed", 8, Some("the box is closed")));
            break;
        };
        pauses.push(due.duration_since(scene.world().now()).as_mins());
        assert_eq!(store.outbox_summary().await.unwrap().waiting, 2);
        scene.house.clock.advance(due.duration_since(scene.world().now()));
    }
    assert_eq!(pauses, [1, 5, 15, 60, 240, 720, 1440]);
    assert_eq!(store.outbox_summary().await.unwrap().failed, 1);
    // the one behind it kept its turn, and arrives when the box is open
    *post.is_closed.lock().unwrap() = false;
    scene.house.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(deliver_letters(scene.world(), &post).await.unwrap(), 1);
    assert_eq!(post.taken.lock().unwrap()[0].1, "Something of yours is restored");
}

/// A code waits for no other letter, goes before those that were written earlier, and is given up once it is of no use.
#[tokio::test]
async fn a_code_to_sign_in_with_waits_for_nothing() {
    let mut scene = scene().await;
    scene.house.world.second_step = SecondStep::MailedCode;
    let phone = scene.phone("phone-1").await;
    scene.news().await;
    let post = Box_::default();
    *post.is_closed.lock().unwrap() = true;
    scene.done(&Suspend { what: Held::Device(phone) }).await;
    scene.house.clock.advance(SignedDuration::from_secs(1));
    deliver_letters(scene.world(), &post).await.unwrap();
    let ask = async |scene: &Scene| {
        let first = give_initial_password(scene.world(), &administrator(), scene.ana).await.unwrap();
        sign_in(scene.world(), "ANA@example.org", first, "test").await.unwrap();
        scene.house.clock.advance(SignedDuration::from_secs(1));
    };
    ask(&scene).await;
    *post.is_closed.lock().unwrap() = false;
    assert_eq!(deliver_letters(scene.world(), &post).await.unwrap(), 1);
    assert_eq!(post.taken.lock().unwrap()[0].1, "Your code for signing in");
    // the mail server was away for longer than a code is good
    *post.is_closed.lock().unwrap() = true;
    ask(&scene).await;
    deliver_letters(scene.world(), &post).await.unwrap();
    *post.is_closed.lock().unwrap() = false;
    scene.house.clock.advance(SignedDuration::from_mins(11));
    deliver_letters(scene.world(), &post).await.unwrap();
    let letters = scene.world().store.letters(None, None, 100).await.unwrap();
    let states: Vec<&str> = letters.iter().filter(|letter| letter.kind == "sign-in-code").map(|letter| letter.state.as_str()).collect();
    assert_eq!(states, ["failed", "delivered"]);
}

/// A server that dies between delivering a letter and saying so delivers it again: the same file.
#[tokio::test]
async fn a_letter_that_is_delivered_twice_is_there_once() {
    let scene = scene_named("Ana \"<script>\" Ruíz, 日本").await;
    scene.phone("phone-1").await;
    let mail = scene.house.folder.path().join("mail");
    let store = &scene.world().store;
    let due = store.due_letters(scene.world().now(), 10).await.unwrap();
    let sealed = due[0].clone();
    let opened = scene.world().master.open(&remint::workflows::letters::sealing_label(sealed.id), &sealed.sealed).unwrap();
    let text: remint::workflows::letters::Text = serde_json::from_slice(&opened).unwrap();
    let envelope = Envelope {
        id: sealed.id,
        from: scene.world().mail.from.clone(),
        to: sealed.recipient.clone(),
        subject: text.subject,
        body: text.body,
        written_at: sealed.written_at,
    };
    Folder::at(mail.clone()).deliver(&envelope).await.unwrap();
    deliver_letters(scene.world(), &Folder::at(mail.clone())).await.unwrap();
    let files: Vec<_> = std::fs::read_dir(&mail).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), due.len(), "{files:?}");
    // another program reads it
    let script = "import email, email.policy, sys\n\
        m = email.message_from_binary_file(open(sys.argv[1], 'rb'), policy=email.policy.default)\n\
        assert not m.defects, m.defects\n\
        print(m['to'], m['message-id'], m.get_content(), sep='\\n')";
    let file = mail.join(format!("{}.eml", sealed.id));
    let read = Command::new("python3").args(["-c", script]).arg(&file).output().expect("python3: install the package python3");
    let read = (read.status.success(), String::from_utf8(read.stdout).unwrap(), String::from_utf8(read.stderr).unwrap());
    assert!(read.0, "{}", read.2);
    let id = sealed.id;
    assert!(read.1.starts_with(&format!("ana@example.org\n<{id}@localhost>\nDear Ana \"<script>\" Ruíz, 日本,")), "{}", read.1);
}

/// No name gets out of its place: a header cannot be put in by a name, an address or a subject.
#[tokio::test]
async fn nobody_puts_a_header_into_a_letter() {
    let folder = tempfile::tempdir().unwrap();
    let post = Folder::at(folder.path().join("mail"));
    let id = uuid::Uuid::from_u128(7);
    let envelope = |to: &str, subject: &str| Envelope {
        id,
        from: "remint@example.org".to_owned(),
        to: to.to_owned(),
        subject: subject.to_owned(),
        body: "x\r\n.\r\nBcc: eve@example.org\r\n".to_owned(),
        written_at: "2026-11-22T12:00:00Z".parse().unwrap(),
    };
    let evil = post.deliver(&envelope("ana@example.org\r\nBcc: eve@example.org", "x")).await;
    assert!(evil.is_err());
    post.deliver(&envelope("ana@example.org", "hello\r\nBcc: eve@example.org")).await.unwrap();
    let text = std::fs::read_to_string(folder.path().join(format!("mail/{id}.eml"))).unwrap();
    let (headers, _) = text.split_once("\r\n\r\n").unwrap();
    assert!(!headers.lines().any(|line| line.to_lowercase().starts_with("bcc:")), "{headers}");
}
