//! Where the stories of the tests play: a server process, and people with phones that keep everything on disk.

use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mobile_sim::certificate::Certificate;
use mobile_sim::wire::{Client, Reply, WireError};
use mobile_sim::{Card, DeviceFacts, DeviceKind, Faults, Invitation, Outcome, Phone, PhoneError, Synced};
use serde_json::{Value, json};

use super::portal::Browser;
use super::process::{Installation, mobile_sim, until};
use super::relay::Relay;

const PIN: &str = "123456";

/// A server with phones that reach it by way of a relay.
pub struct Stage {
    pub installation: Arc<Installation>,
    pub relay: Relay,
    /// The desk as the operator hana sees it.
    pub desk: Client,
    people: AtomicUsize,
}

/// Somebody with a mobile smart card on phone-1, and mobile app certificates on tablet-1 that share the encryption credential.
pub struct Person {
    pub user: String,
    name: String,
    pub phone: Handset,
    pub tablet: Handset,
    folder: PathBuf,
}

/// What the operator hands to a user.
pub struct Invited {
    pub request: String,
    pub uri: String,
    pub code: Option<String>,
}

/// A phone or a tablet: a folder. Everything that it does begins with reading it.
pub struct Handset {
    folder: PathBuf,
    facts: DeviceFacts,
}

impl Stage {
    pub async fn open() -> Self {
        let installation = Arc::new(Installation::found());
        let relay = Relay::before(&installation).await;
        Self::of(installation, relay)
    }

    /// At a server that is there, by way of this relay.
    pub fn of(installation: Arc<Installation>, relay: Relay) -> Self {
        let desk = installation.desk("hana");
        Self { installation, relay, desk, people: AtomicUsize::new(0) }
    }

    /// Somebody new, with both devices issued.
    pub async fn person(&self) -> Person {
        let person = self.newcomer().await;
        let invited = self.first_invitation(&person).await;
        assert_eq!(person.phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
        let invited = self.ticket_for_the_tablet_of(&person).await;
        assert_eq!(person.tablet.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
        person
    }

    /// Somebody new, who has nothing yet.
    pub async fn newcomer(&self) -> Person {
        let name = format!("ana{}", self.people.fetch_add(1, Ordering::Relaxed) + 1);
        let folder = self.installation.beside(&name);
        let body = json!({ "name": name, "email": format!("{name}@example.org"), "upn": format!("{name}@corp.example.org") });
        let user = text(&done(&self.desk.post_json("/api/users", &body).await.unwrap())["id"]);
        let [phone, tablet] = [DeviceKind::MobileSmartCard, DeviceKind::MobileApp].map(|kind| Handset::new(&folder, kind));
        Person { user, name, phone, tablet, folder }
    }

    /// The invitation to the first phone of a newcomer.
    pub async fn first_invitation(&self, person: &Person) -> Invited {
        self.invited(&self.first_issuance(person, &person.phone, "remote").await)
    }

    /// What lets a newcomer enroll the tablet: by the portal, with a password of theirs.
    pub async fn ticket_for_the_tablet_of(&self, person: &Person) -> Invited {
        let opened = self.first_issuance(person, &person.tablet, "self-enrollment").await;
        let (address, root) = (self.installation.portal_address(), self.installation.root());
        let mut browser = Browser::of(&address, &root, &self.desk, &person.user, &format!("{}@example.org", person.name)).await;
        self.invited(&browser.ticket(&text(&opened["request"]["id"])).await)
    }

    async fn first_issuance(&self, person: &Person, handset: &Handset, mode: &str) -> Value {
        let body = json!({ "kind": handset.facts.kind, "mode": mode });
        done(&self.desk.post_json(&format!("/api/users/{}/initial-issuances", person.user), &body).await.unwrap())
    }

    /// phone-1 is lost: the operator submits its replacement.
    pub async fn replace_the_phone_of(&self, person: &Person) -> Invited {
        self.invited(&done(&person.submit(&self.desk).await))
    }

    /// Another invitation to the replacement of a person's phone, whose first one was lost with its answer; nothing where nobody answers.
    pub async fn invited_again(&self, desk: &Client, person: &Person) -> Option<Invited> {
        let held = done(&desk.get(&format!("/api/users/{}", person.user)).await.ok()?);
        let open = held["requests"].as_array().unwrap().iter().find(|request| request["purpose"] == "replacement")?;
        let again = desk.post(&format!("/api/requests/{}/invitations", text(&open["id"]))).await.ok()?;
        (again.status < 300).then(|| self.invited(&done(&again)))
    }

    pub fn invited(&self, opened: &Value) -> Invited {
        let invitation = &opened["invitation"];
        let uri = self.relay.redirect(&text(&invitation["uri"]));
        Invited { request: text(&opened["request"]["id"]), uri, code: invitation["code"].as_str().map(str::to_owned) }
    }
}

impl Person {
    /// An operator says that phone-1 is lost.
    pub async fn submit(&self, desk: &Client) -> Reply {
        self.try_to_submit(desk).await.unwrap()
    }

    /// The same, where the desk may be gone.
    pub async fn try_to_submit(&self, desk: &Client) -> Result<Reply, WireError> {
        let target = self.phone.card().standing.expect("an issued phone").device;
        desk.post_json("/api/replacements", &json!({ "target": target, "reason": "lost", "mode": "remote" })).await
    }

    /// A phone out of its box.
    pub fn new_phone(&self) -> Handset {
        self.new_phone_at(&self.folder)
    }

    /// The same, with its memory in this folder.
    pub fn new_phone_at(&self, folder: &Path) -> Handset {
        Handset::new(folder, DeviceKind::MobileSmartCard)
    }
}

impl Handset {
    fn new(folder: &Path, kind: DeviceKind) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let serial = format!("SERIAL-{}", MADE.fetch_add(1, Ordering::Relaxed) + 1);
        let facts = DeviceFacts { kind, model: "Pixel 11".to_owned(), serial: serial.clone(), name: format!("my {kind}") };
        Self { folder: folder.join(serial), facts }
    }

    pub fn read(&self) -> Phone {
        Phone::open(&self.folder, PIN).unwrap()
    }

    pub fn card(&self) -> Card {
        Card::read(&self.folder).unwrap().expect("a card")
    }

    /// The current certificates, by slot: `auth`, `enc`, `sign`.
    pub fn certificates(&self) -> Vec<Certificate> {
        self.card().slots.into_values().collect()
    }

    pub async fn issue(&self, invited: &Invited, faults: &Faults) -> Result<Outcome, PhoneError> {
        let invitation: Invitation = invited.uri.parse().unwrap();
        self.read().issue(&invitation, invited.code.as_deref(), &self.facts, faults).await
    }

    /// Runs again until it is issued.
    pub async fn issue_at_last(&self, invited: &Invited) {
        until("an issued phone", async || match self.issue(invited, &Faults::default()).await {
            Ok(Outcome::Issued | Outcome::AlreadyIssued) => Some(()),
            Err(error) if error.is_transient() => None,
            other => panic!("{other:?}"),
        })
        .await;
    }

    pub async fn sync(&self, faults: &Faults) -> Result<Synced, PhoneError> {
        self.read().sync(faults).await
    }

    /// The phone's program as a process of its own, with an option that kills it.
    pub fn issue_in_a_process(&self, invited: &Invited, death: &str) -> ExitStatus {
        let DeviceFacts { kind, model, serial, name } = &self.facts;
        let kind = text(&json!(kind));
        let about = ["--kind", &kind, "--model", model, "--serial", serial, "--name", name].map(str::to_owned);
        let code = invited.code.iter().flat_map(|code| ["--code".to_owned(), code.clone()]);
        self.run(["issue", &invited.uri, death].map(str::to_owned).into_iter().chain(code).chain(about))
    }

    pub fn sync_in_a_process(&self, death: &str) -> ExitStatus {
        self.run(["sync", death].map(str::to_owned))
    }

    fn run(&self, words: impl IntoIterator<Item = String>) -> ExitStatus {
        let mut program = Command::new(mobile_sim());
        program.arg("--state").arg(&self.folder).args(["--pin", PIN]).args(words);
        program.output().unwrap().status
    }

    /// A second phone with the same memory, keys and all, as no real phone can have: to say the same twice at once.
    pub fn twin(&self) -> Self {
        let folder = self.folder.with_extension("twin");
        std::fs::create_dir(&folder).unwrap();
        for file in std::fs::read_dir(&self.folder).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), folder.join(file.file_name())).unwrap();
        }
        Self { folder, facts: self.facts.clone() }
    }
}

/// The JSON of a good answer.
pub fn done(reply: &Reply) -> Value {
    assert!(reply.status < 300, "{}: {}", reply.status, reply.text());
    reply.json().unwrap()
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("expected: a text, found: {value}")).to_owned()
}

/// The phone's process did not end by itself.
pub fn is_aborted(ended: ExitStatus) {
    const ABORTED: i32 = 6;
    assert_eq!(ended.signal(), Some(ABORTED), "the phone ended with {ended}");
}
