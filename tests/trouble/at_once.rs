//! Two at the same moment: the same message on two connections, two phones with one invitation, an operator who cancels while the phone
//! confirms, two operators with one idea. One of them wins, and the holdings are whole.
//!
//! Both wait for each other right before they send; which one the server takes first is left to chance.

use std::sync::Arc;
use std::time::Duration;

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use crate::support::outcome::Aftermath;
use crate::support::relying_party::ocsp;
use crate::support::stage::Stage;
use crate::support::witness::{Bystander, When};
use mobile_sim::{Faults, Message, Outcome, PhoneError, UpdateOutcome};
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::request::Mode;
use remint::workflows::add_operator::add_operator;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::carry_out;
use remint::workflows::open_session::open_session;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::world::Caller;
use serde_json::Value;
use tokio::sync::Barrier;

/// How often a race is run that may end in two ways.
const ROUNDS: usize = 6;

/// How many copies of a message come at once.
const CROWD: usize = 40;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_message_twice_at_once_gives_one_result() {
    let stage = Stage::open().await;
    let mut ended = Vec::new();
    for name in ["m2", "m4-auth", "m4-sign", "m5", "m6"] {
        for _ in 0..ROUNDS / 2 {
            let message: Message = name.parse().unwrap();
            let person = stage.person().await;
            let invited = stage.replace_the_phone_of(&person).await;
            let phone = person.new_phone();
            phone.issue_in_a_process(&invited, &format!("--die-before-sending={message}"));
            let twin = phone.twin();

            let bystander = meeting(&message);
            let losing = bystander.looking_on().and_losing([message.clone()]);
            let (one, other) = tokio::join!(phone.issue(&invited, &losing), twin.issue(&invited, &losing));
            for run in [one, other] {
                assert!(matches!(run, Err(PhoneError::Unreachable { message: at, .. }) if at == message), "{message}: not answered");
            }
            are_alike(&message, &bystander.answers(&message));
            assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
            let synced = person.tablet.sync(&Faults::default()).await.unwrap();
            assert!(matches!(synced.update, UpdateOutcome::Done { .. }), "{synced:?}");
            ended.push((person, phone, invited));
        }
    }
    let aftermath = Aftermath::of(&stage.installation).await;
    for (person, phone, invited) in &ended {
        aftermath.is_one_new_phone(person, phone, invited).await;
        assert_eq!(aftermath.times_done("open-session", &invited.request).await, 1);
        assert_eq!(aftermath.times_done("issue", &invited.request).await, 1);
    }
}

/// A crowd of copies, each a step behind the last: some come while the first is being committed.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_of_the_same_message_opens_one_session() {
    let house = House::new(1, |_| {}).await;
    let hana = add_operator(&house.world, "hana", [Role::HelpDesk].into(), None).await.unwrap().operator;
    let desk = Caller { actor: Actor::Operator(hana), ..administrator() };
    for round in 0..ROUNDS {
        let name = format!("ana{round}");
        let new = NewUser {
            email: format!("{name}@example.org"),
            upn: format!("{name}@corp.example.org"),
            attributes: Attributes::default(),
            name,
        };
        let user = create_user(&house.world, &administrator(), new).await.unwrap();
        let errand = RequestInitialIssuance { user: user.id, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
        let opened = carry_out(&house.world, &desk, &errand).await.unwrap();
        let secret = Secret::of(opened.invitation.as_ref().unwrap());
        let facts = DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "m".into(), serial: "s".into(), name: "n".into() };
        let device = Device::new(facts);
        let message = device.open_message(&secret);
        let world = &house.world;
        let copies = (0..CROWD).map(|steps| {
            let message = &message;
            async move {
                for _ in 0..steps {
                    tokio::task::yield_now().await;
                }
                open_session(world, message).await.map(|opened| opened.session.id)
            }
        });
        let sessions = futures_util::future::join_all(copies).await;
        let first = sessions[0].as_ref().unwrap();
        assert!(sessions.iter().all(|session| session.as_ref().is_ok_and(|session| session == first)), "{sessions:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_phones_with_one_invitation_one_wins() {
    let stage = Stage::open().await;
    let mut ended = Vec::new();
    for _ in 0..ROUNDS {
        let person = stage.person().await;
        let invited = stage.replace_the_phone_of(&person).await;
        let (one, other) = (person.new_phone(), person.new_phone());
        let faults = meeting(&Message::OpenSession).looking_on();
        let (first, second) = tokio::join!(one.issue(&invited, &faults), other.issue(&invited, &faults));
        let (winner, lost) = match (first, second) {
            (Ok(Outcome::Issued), Err(lost)) => (one, lost),
            (Err(lost), Ok(Outcome::Issued)) => (other, lost),
            both => panic!("expected: one issued, found: {both:?}"),
        };
        assert_eq!(lost.code(), Some("bound-elsewhere"), "{lost}");
        person.tablet.sync(&Faults::default()).await.unwrap();
        ended.push((person, winner, invited));
    }
    let aftermath = Aftermath::of(&stage.installation).await;
    for (person, winner, invited) in &ended {
        aftermath.is_one_new_phone(person, winner, invited).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_cancel_and_confirm_exactly_one_wins() {
    let stage = Stage::open().await;
    let (mut issued, mut canceled) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let person = stage.person().await;
        let invited = stage.replace_the_phone_of(&person).await;
        let phone = person.new_phone();
        let start = Arc::new(Barrier::new(2));
        let faults = meeting_at(&start, &Message::Confirm).looking_on();
        let cancel = async {
            meet(&start).await;
            stage.desk.post(&format!("/api/requests/{}/cancel", invited.request)).await.unwrap()
        };
        let (confirmed, reply) = tokio::join!(phone.issue(&invited, &faults), cancel);
        match (confirmed, reply.status) {
            (Ok(Outcome::Issued), 409) => {
                person.tablet.sync(&Faults::default()).await.unwrap();
                issued.push((person, phone, invited));
            }
            (Err(refused), 200) => {
                assert_eq!(refused.code(), Some("canceled"), "{refused}");
                assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["good"; 3], "everything is restored");
                let left: Vec<_> = ocsp(&stage.installation, &phone.certificates()).await;
                assert!(left.iter().all(|status| !["good", "certificateHold"].contains(&status.as_str())), "left over: {left:?}");
                canceled.push(person);
            }
            both => panic!("expected: one of both, found: {both:?}"),
        }
    }
    println!("confirmed: {}, canceled: {}", issued.len(), canceled.len());
    let aftermath = Aftermath::of(&stage.installation).await;
    for (person, phone, invited) in &issued {
        aftermath.is_one_new_phone(person, phone, invited).await;
    }
    for person in &canceled {
        aftermath.is_as_before(person).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_operators_who_submit_for_one_device_one_is_told_of_the_open_request() {
    let stage = Stage::open().await;
    stage.installation.hire("henk");
    let henk = stage.installation.desk("henk");
    for _ in 0..ROUNDS {
        let person = stage.person().await;
        let replies: [_; 2] = tokio::join!(person.submit(&stage.desk), person.submit(&henk)).into();
        let mut statuses = replies.each_ref().map(|reply| reply.status);
        statuses.sort_unstable();
        assert_eq!(statuses, [201, 409]);
        let refused = replies.iter().find(|reply| reply.status == 409).unwrap();
        assert_eq!(refused.json::<Value>().unwrap()["code"], "open-request");
        assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["certificateHold"; 3]);
    }
}

/// Two runs wait for each other right before they send a message.
fn meeting(message: &Message) -> Arc<Bystander> {
    meeting_at(&Arc::new(Barrier::new(2)), message)
}

fn meeting_at(barrier: &Arc<Barrier>, message: &Message) -> Arc<Bystander> {
    let barrier = Arc::clone(barrier);
    Bystander::who_at(When::AboutToSend, message.clone(), move || {
        let barrier = Arc::clone(&barrier);
        async move { meet(&barrier).await }
    })
}

async fn meet(barrier: &Barrier) {
    tokio::time::timeout(Duration::from_secs(60), barrier.wait()).await.expect("the other comes too");
}

/// What of two answers to one message must be the same: M2 and M5 are made afresh for each connection, and say the same.
fn are_alike(message: &Message, answers: &[Vec<u8>]) {
    let [one, other] = answers else { panic!("{message}: expected: two good answers, found: {}", answers.len()) };
    match message {
        Message::OpenSession => {
            let [one, other] = [one, other].map(|body| serde_json::from_slice::<Value>(body).unwrap());
            for member in ["session", "challenge", "plan"] {
                assert_eq!(one[member], other[member], "{message}: {member}");
            }
        }
        Message::CollectKey => assert_eq!(certificate_part(one), certificate_part(other), "{message}"),
        _ => assert_eq!(String::from_utf8_lossy(one), String::from_utf8_lossy(other), "{message}"),
    }
}

/// The base64 of the last part of a `multipart/mixed` body.
fn certificate_part(body: &[u8]) -> String {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let (_, part) = text.rsplit_once("certs-only").expect("a certificate");
    part.lines().find(|line| line.starts_with("MI")).expect("base64").to_owned()
}
