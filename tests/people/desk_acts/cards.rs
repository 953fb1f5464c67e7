//! The officer's whole way with a card: stock, bind, a ticket for the officer's own reader, and the simulator as the card in it, a process
//! of its own. And everything that goes wrong on this way.

use std::path::PathBuf;
use std::process::{Command, Output};

use jiff::SignedDuration;
use remint::lifecycle::actor::Role;
use remint::store::audit::Outcome;
use remint::workflows::settle_dues::settle_all;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::refusals::Log;
use crate::support::live::{Live, text};
use crate::support::no::No;
use crate::support::process::mobile_sim;

/// A server with people at the desk.
struct Office {
    live: Live,
    hana: Colleague,
    vera: Colleague,
    ivo: Colleague,
}

/// A card in a reader: what the simulator keeps of it.
struct Reader {
    state: PathBuf,
    serial: String,
}

impl Office {
    async fn open() -> Self {
        let live = Live::start().await;
        let hana = Colleague::hired(&live, "Hana", [Role::HelpDesk]).await;
        let vera = Colleague::hired(&live, "Vera", [Role::ValidationOfficer]).await;
        let ivo = Colleague::hired(&live, "Ivo", [Role::IssuanceOfficer]).await;
        Self { live, hana, vera, ivo }
    }

    /// A blank card: its id.
    async fn blank(&self, serial: &str) -> String {
        let reply = self.ivo.desk.post_json("/api/stock", &json!({ "kind": "smart-card", "serial": serial })).await.unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
        text(&reply.json::<Value>().unwrap()["id"])
    }

    /// What is in stock, by serial.
    async fn stock(&self) -> Vec<String> {
        let page: Value = self.ivo.desk.get("/api/stock").await.unwrap().json().unwrap();
        page["devices"].as_array().unwrap().iter().map(|device| text(&device["serial"])).collect()
    }

    async fn initial(&self, user: &str, mode: &str) -> String {
        let asked = json!({ "kind": "smart-card", "mode": mode });
        let reply = self.hana.desk.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap();
        opened(&reply.json().unwrap())
    }

    async fn submit(&self, target: &str, reason: &str) -> String {
        let asked = json!({ "target": target, "reason": reason, "mode": "local" });
        opened(&self.hana.desk.post_json("/api/replacements", &asked).await.unwrap().json().unwrap())
    }

    async fn bind(&self, request: &str, device: &str) {
        let reply = self.ivo.desk.post_json(&format!("/api/requests/{request}/bind"), &json!({ "device": device })).await.unwrap();
        assert_eq!((reply.status, state_of(&reply.json().unwrap())), (200, "bound".to_owned()), "{}", reply.text());
    }

    /// The officer's ticket.
    async fn ticket(&self, request: &str) -> String {
        let reply = self.ivo.desk.post(&format!("/api/requests/{request}/invitations")).await.unwrap();
        let body: Value = reply.json().unwrap();
        assert_eq!(reply.status, 201, "{body}");
        assert_eq!(body["invitation"]["code"], Value::Null, "the officer holds it already");
        text(&body["invitation"]["uri"])
    }

    async fn state_of(&self, request: &str) -> String {
        state_of(&self.hana.desk.get(&format!("/api/requests/{request}")).await.unwrap().json().unwrap())
    }

    async fn cancel(&self, request: &str) {
        let reply = self.hana.desk.post(&format!("/api/requests/{request}/cancel")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    fn reader(&self, serial: &str) -> Reader {
        static READERS: std::sync::atomic::AtomicUsize = std::sync::atomic::AtomicUsize::new(0);
        let number = READERS.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reader { state: self.live.folder.path().join(format!("reader-{number}")), serial: serial.to_owned() }
    }

    /// A user with a card of this serial, issued; gives both.
    async fn user_with_card(&self, name: &str, serial: &str) -> (String, String) {
        let user = self.live.create_user(name).await;
        let card = self.blank(serial).await;
        let request = self.initial(&user, "local").await;
        self.reader(serial).issued(&self.ticket(&request).await, &[]).await;
        (user, card)
    }

    /// The devices of a user, by serial, with their states.
    async fn devices(&self, user: &str) -> Vec<(String, String)> {
        let held = self.live.lookup(user).await;
        let mut devices: Vec<_> =
            held["devices"].as_array().unwrap().iter().map(|device| (text(&device["serial"]), text(&device["status"]))).collect();
        devices.sort();
        devices
    }

    async fn end(self) {
        assert_eq!(self.live.faults().await, Vec::<String>::new());
        self.live.stop().await;
    }
}

impl Reader {
    async fn run(&self, words: &[&str]) -> Output {
        let mut program = Command::new(mobile_sim());
        program.arg("--state").arg(&self.state).args(["--pin", "123456"]).args(words);
        tokio::task::spawn_blocking(move || program.output().unwrap()).await.unwrap()
    }

    async fn issue(&self, ticket: &str, more: &[&str]) -> Output {
        self.run(&[&["issue", ticket, "--kind", "smart-card", "--serial", &self.serial, "--name", "Ana's card"], more].concat()).await
    }

    async fn issued(&self, ticket: &str, more: &[&str]) {
        let output = self.issue(ticket, more).await;
        assert!(output.status.success() && said(&output).starts_with("issued"), "{output:?}");
    }

    /// Refused with this code: status 1, and one line for a person.
    async fn is_refused(&self, ticket: &str, more: &[&str], code: &str, words: &[&str]) {
        refused(&self.issue(ticket, more).await, code, words);
    }
}

fn refused(output: &Output, code: &str, words: &[&str]) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    assert!(told.contains(&format!("refused: {code}: ")) && told.trim().lines().count() == 1, "expected: {code}, found: {told}");
    for word in words {
        assert!(told.contains(word), "it lacks {word:?}: {told}");
    }
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn opened(body: &Value) -> String {
    assert_eq!(body["invitation"], Value::Null, "nobody is invited yet: {body}");
    text(&body["request"]["id"])
}

fn state_of(request: &Value) -> String {
    text(&request["state"])
}

fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
    list.iter().map(|(serial, status)| ((*serial).to_owned(), (*status).to_owned())).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_card_is_replaced_at_the_counter() {
    let office = Office::open().await;
    let (user, old) = office.user_with_card("Ana", "OLD").await;
    let new = office.blank("NEW").await;
    let request = office.submit(&old, "damaged").await;
    assert_eq!(office.devices(&user).await, pairs(&[("OLD", "invalid")]));
    office.bind(&request, &new).await;
    assert_eq!(office.devices(&user).await, pairs(&[("NEW", "assigned"), ("OLD", "invalid")]));
    assert_eq!(office.stock().await, Vec::<String>::new());

    for (colleague, expected) in [(&office.hana, 403), (&office.vera, 403), (&office.ivo, 201)] {
        let reply = colleague.desk.post(&format!("/api/requests/{request}/invitations")).await.unwrap();
        assert_eq!(reply.status, expected, "{}: {}", colleague.role, reply.text());
    }
    let reader = office.reader("NEW");
    let ticket = office.ticket(&request).await;
    // the card is pulled out of the reader right before the end, and put in again
    let torn = reader.issue(&ticket, &["--die-before-sending=m6"]).await;
    assert!(!torn.status.success(), "{torn:?}");
    assert_eq!(office.devices(&user).await, pairs(&[("NEW", "assigned"), ("OLD", "invalid")]));
    reader.issued(&ticket, &[]).await;
    assert_eq!(office.devices(&user).await, pairs(&[("NEW", "active"), ("OLD", "terminated")]));
    assert_eq!(office.state_of(&request).await, "issued");

    let again = reader.issue(&ticket, &[]).await;
    assert!(said(&again).contains("issued already"), "{again:?}");
    let shown = said(&reader.run(&["show"]).await);
    assert!(shown.contains("active"), "{shown}");
    office.end().await;
}

/// Without a binding, the officer takes any blank card; its serial tells which.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_is_blank_stock_or_the_one_that_is_bound() {
    let office = Office::open().await;
    office.user_with_card("Bob", "BOBS").await;
    let user = office.live.create_user("Ana").await;
    let (bound, _) = (office.blank("BOUND").await, office.blank("BLANK").await);
    let request = office.initial(&user, "local").await;
    let ticket = office.ticket(&request).await;
    let before = office.live.record().await;
    let mut log = Log::from_now_on(&office.live).await;
    office.reader("FOUND IN THE STREET").is_refused(&ticket, &[], "not-available", &["FOUND IN THE STREET", "blank stock"]).await;
    office.reader("BOBS").is_refused(&ticket, &[], "not-available", &["a device in use"]).await;
    let as_phone = office.reader("BLANK").run(&["issue", &ticket, "--serial", "BLANK"]).await;
    refused(&as_phone, "wrong-kind", &["smart-card"]);
    assert_eq!(before.changes_to(&office.live.record().await), Vec::<String>::new());
    let told: Vec<_> = log.news().await.into_iter().map(|entry| (entry.act, entry.outcome, entry.request.unwrap().to_string())).collect();
    let refused = |code: &str| ("open-session".to_owned(), Outcome::Refused(code.to_owned()), request.clone());
    assert_eq!(told, [refused("not-available"), refused("not-available"), refused("wrong-kind")]);

    office.bind(&request, &bound).await;
    let before = office.live.record().await;
    let reader = office.reader("BLANK");
    reader.is_refused(&ticket, &[], "not-available", &["BLANK", "the device that is bound"]).await;
    assert_eq!(before.changes_to(&office.live.record().await), Vec::<String>::new());

    // the right card in the same reader, with the ticket that was refused to the wrong one
    let right = Reader { serial: "BOUND".to_owned(), ..reader };
    right.issued(&ticket, &[]).await;
    assert_eq!(office.devices(&user).await, pairs(&[("BOUND", "active")]));
    assert_eq!(office.stock().await, ["BLANK"]);

    // unbound: the officer takes whichever
    let request = office.initial(&user, "local").await;
    office.reader("BLANK").issued(&office.ticket(&request).await, &[]).await;
    assert_eq!(office.devices(&user).await, pairs(&[("BLANK", "active"), ("BOUND", "active")]));
    let held = office.live.lookup(&user).await;
    let name = held["devices"].as_array().unwrap().iter().find(|device| device["serial"] == "BLANK").map(|device| text(&device["name"]));
    assert_eq!(name.as_deref(), Some("Ana's card"));

    // a card that has been issued is never blank again
    let held = office.live.lookup(&user).await;
    for device in held["devices"].as_array().unwrap() {
        let path = format!("/api/devices/{}/terminate", text(&device["id"]));
        assert_eq!(office.hana.desk.post_json(&path, &json!({ "reason": "retired" })).await.unwrap().status, 200);
    }
    let request = office.initial(&user, "local").await;
    office.reader("BLANK").is_refused(&office.ticket(&request).await, &[], "not-available", &["a terminated device"]).await;
    office.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_ticket_kills_the_first() {
    let office = Office::open().await;
    let user = office.live.create_user("Ana").await;
    let card = office.blank("CARD").await;
    let request = office.initial(&user, "local").await;
    office.bind(&request, &card).await;
    let (first, second) = (office.ticket(&request).await, office.ticket(&request).await);
    office.reader("CARD").is_refused(&first, &[], "invitation-canceled", &[]).await;

    // also while the card is at work with it: what was signed is revoked, and the card stays bound
    let reader = office.reader("CARD");
    let signed = reader.issue(&second, &["--until", "signed"]).await;
    assert!(signed.status.success(), "{signed:?}");
    assert_eq!(office.state_of(&request).await, "issuing");
    let third = office.ticket(&request).await;
    assert_eq!(office.state_of(&request).await, "bound");
    reader.is_refused(&second, &[], "canceled", &[]).await;
    let held = office.live.lookup(&user).await;
    for credential in held["credentials"].as_array().unwrap() {
        assert_eq!(credential["revocation_reason"], "cessation-of-operation", "{credential}");
    }
    let stuck = reader.issue(&third, &[]).await;
    assert_eq!(stuck.status.code(), Some(2), "it asks before it forgets: {stuck:?}");
    reader.issued(&third, &["--restart"]).await;
    assert_eq!(office.devices(&user).await, pairs(&[("CARD", "active")]));
    office.end().await;
}

/// The officer gives up, tries again, and in the end the request is canceled: the card is as blank as it was, for anybody.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_that_was_given_up_is_tried_again_or_goes_back() {
    let office = Office::open().await;
    let user = office.live.create_user("Ana").await;
    office.blank("CARD").await;
    let request = office.initial(&user, "local").await;
    for _ in 0..2 {
        let reader = office.reader("CARD");
        let ticket = office.ticket(&request).await;
        assert!(reader.issue(&ticket, &["--until", "signed"]).await.status.success());
        let given_up = reader.run(&["give-up"]).await;
        assert!(given_up.status.success(), "{given_up:?}");
        assert_eq!(office.state_of(&request).await, "bound", "the card that was taken stays");
        office.reader("CARD").is_refused(&ticket, &[], "invitation-used", &[]).await;
    }
    let reader = office.reader("CARD");
    let ticket = office.ticket(&request).await;
    assert!(reader.issue(&ticket, &["--until", "signed"]).await.status.success());
    office.cancel(&request).await;
    reader.is_refused(&ticket, &[], "canceled", &[]).await;
    office.reader("CARD").is_refused(&ticket, &[], "invitation-used", &[]).await;
    assert_eq!(office.devices(&user).await, pairs(&[]));
    assert_eq!(office.stock().await, ["CARD"]);

    let other = office.live.create_user("Bob").await;
    let request = office.initial(&other, "local").await;
    let page: Value = office.ivo.desk.get("/api/stock").await.unwrap().json().unwrap();
    office.bind(&request, &text(&page["devices"][0]["id"])).await;
    let held = office.live.lookup(&other).await;
    assert_eq!((&held["devices"][0]["name"], held["devices"][0]["carries"].as_array().unwrap().len()), (&json!("CARD"), 0), "not Ana's");
    office.reader("CARD").issued(&office.ticket(&request).await, &[]).await;
    assert_eq!(office.devices(&other).await, pairs(&[("CARD", "active")]));
    office.end().await;
}

/// For the portal the user's own ticket; the device may be bound or not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_enrolls_itself_with_the_users_ticket() {
    let office = Office::open().await;
    let user = office.live.create_user("Ana").await;
    let bound = office.blank("BOUND").await;
    office.blank("BLANK").await;
    let mut browser = office.live.browser_of(&user).await;
    for (serial, is_bound) in [("BOUND", true), ("BLANK", false)] {
        let request = office.initial(&user, "self-enrollment").await;
        if is_bound {
            office.bind(&request, &bound).await;
        }
        for colleague in [&office.hana, &office.ivo] {
            let reply = colleague.desk.post(&format!("/api/requests/{request}/invitations")).await.unwrap();
            No::read(colleague.role, &reply).is(colleague.role, 403, "not-permitted", &["required: the user"]);
        }
        let ticket = text(&browser.ticket(&request).await["invitation"]["uri"]);
        if is_bound {
            office.reader("BLANK").is_refused(&ticket, &[], "not-available", &["the device that is bound"]).await;
        }
        office.reader(serial).issued(&ticket, &[]).await;
    }
    assert_eq!(office.devices(&user).await, pairs(&[("BLANK", "active"), ("BOUND", "active")]));
    office.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forgotten_card_comes_back() {
    let office = Office::open().await;
    let (user, original) = office.user_with_card("Ana", "OLD").await;
    for (serial, lapses) in [("TEMP-1", false), ("TEMP-2", true)] {
        let stand_in = office.blank(serial).await;
        let request = office.submit(&original, "forgotten").await;
        office.bind(&request, &stand_in).await;
        let reader = office.reader(serial);
        reader.issued(&office.ticket(&request).await, &[]).await;
        let held = office.live.lookup(&user).await;
        let found = held["devices"].as_array().unwrap().iter().find(|device| device["id"] == json!(stand_in)).unwrap();
        assert_eq!((&found["status"], &found["stands_in_for"]), (&json!("active"), &json!(original)), "{found}");
        assert!(found["temporary_until"].is_string(), "{found}");
        let devices = office.devices(&user).await;
        assert!(devices.contains(&("OLD".to_owned(), "invalid".to_owned())), "{devices:?}");

        let (path, body) = if lapses {
            office.live.advance(SignedDuration::from_hours(24 * 30 + 1));
            settle_all(office.live.world()).await.unwrap();
            let devices = office.devices(&user).await;
            assert!(devices.contains(&("OLD".to_owned(), "invalid".to_owned())), "nobody has seen it: {devices:?}");
            assert!(devices.contains(&(serial.to_owned(), "terminated".to_owned())), "{devices:?}");
            (format!("/api/devices/{original}/returned"), json!({}))
        } else {
            (format!("/api/devices/{stand_in}/terminate"), json!({ "reason": "retired" }))
        };
        let reply = office.hana.desk.post_json(&path, &body).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let devices = office.devices(&user).await;
        assert!(devices.contains(&("OLD".to_owned(), "active".to_owned())), "{devices:?}");
        let synced = reader.run(&["sync"]).await;
        refused(&synced, "wrong-certificate", &["revoked"]);
    }
    office.end().await;
}
