//! A physical card in a reader, personalized at the officer's workstation: the program `mobile-sim personalize` drives it over PC/SC, and openssl and
//! pkcs11-tool judge what is on it then.

use mobile_sim::{DeviceKind, Faults, Phone};
use remint::lifecycle::actor::Role;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::reader::{PIN, Reader, module};
use super::ticket;
use crate::court::Court;
use crate::support::live::{device_of, text};
use crate::support::process::{mobile_sim, until};

const SERIAL: &str = "0A31-7702";

/// A blank card in a reader, and a ticket for it.
struct Desk {
    court: Court,
    reader: Reader,
    /// Of the card, and of the workstation.
    folders: [TempDir; 2],
    user: String,
    ticket: String,
}

impl Desk {
    async fn set() -> Self {
        let court = Court::in_session().await;
        let officer = court.live.operator("Ines", [Role::IssuanceOfficer, Role::HelpDesk]).await;
        let user = court.user.clone();
        // with an older encryption key, as a phone was lost once
        let lost = court.live.submit(&device_of(&court.phone), "lost").await;
        court.live.issue_until(&lost, DeviceKind::MobileSmartCard, &Faults::default()).await;
        let stocked = officer.post_json("/api/stock", &json!({ "kind": "smart-card", "serial": SERIAL })).await.unwrap();
        assert_eq!(stocked.status, 201, "{}", stocked.text());
        let asked = json!({ "kind": "smart-card", "mode": "local" });
        let opened = officer.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap();
        let request = text(&opened.json::<Value>().unwrap()["request"]["id"]);
        let ticket = ticket(&officer, &request).await;
        let folders = [tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap()];
        let reader = Reader::with(&["--state", folders[0].path().to_str().unwrap(), "plastic"]).await;
        Self { court, reader, folders, user, ticket }
    }

    /// Runs the workstation's program; whether it did it, and what it said.
    async fn personalize(&self, more: &[&str]) -> (bool, String) {
        let program: &'static str = mobile_sim().to_str().unwrap().to_owned().leak();
        let state = self.folders[1].path().to_str().unwrap();
        let words = ["--state", state, "--pin", BENCH, "personalize", &self.ticket, "--reader", "mobile-sim 00 00", "--serial", SERIAL];
        let ran = self.reader.try_run(program, &[&words[..], &["--new-pin", PIN_OF_ANA, "--puk", "13572468"], more].concat()).await;
        (ran.succeeded, ran.text())
    }
}

const PIN_OF_ANA: &str = "24681357";
/// Of the workstation's folder.
const BENCH: &str = "975310";

#[tokio::test(flavor = "multi_thread")]
async fn a_blank_card_in_a_reader_becomes_an_active_one_with_its_own_keys() {
    let desk = Desk::set().await;

    // refused before anything is written: another management key, another PIN
    for (wrong, said) in [(["--management-key", &"00".repeat(24)], "management key"), (["--old-pin", "999999"], "PIN")] {
        let (done, told) = desk.personalize(&wrong).await;
        assert!(!done && told.contains(said), "{told}");
    }
    let card = std::fs::read_to_string(desk.folders[0].path().join("plastic.json")).unwrap();
    let card: Value = serde_json::from_str(&card).unwrap();
    assert_eq!([&card["keys"], &card["objects"]], [&json!({}), &json!({})]);

    let (done, said) = desk.personalize(&[]).await;
    assert!(done && said.starts_with("issued"), "{said}");
    until("the card is active", async || {
        let held = desk.court.live.lookup(&desk.user).await;
        let devices = held["devices"].as_array().unwrap().clone();
        devices.iter().any(|device| device["serial"] == SERIAL && device["status"] == "active").then_some(())
    })
    .await;

    // others find what the server issued, the card's keys fit the certificates, and the workstation has none of them
    let module = module();
    let listed =
        desk.reader.run("pkcs11-tool", &["--module", &module, "--slot", "0", "--login", "--pin", PIN_OF_ANA, "--list-objects"]).await;
    assert!(listed.contains("ID:         05"), "the older key: {listed}");
    let message = desk.reader.write("message", "hello");
    for (key, slot) in [("01", "auth"), ("02", "sign"), ("03", "enc")] {
        let certificate = desk.reader.file("certificate");
        let read = ["--module", &module, "--slot", "0", "--read-object", "--type", "cert", "--id", key, "--output-file", &certificate];
        desk.reader.run("pkcs11-tool", &read).await;
        let serial = desk.court.asks(&["x509", "-inform", "DER", "-in", &certificate, "-noout", "-serial"]).await;
        assert!(listed.contains(serial.trim().strip_prefix("serial=").unwrap()), "{slot}: {listed}");
        desk.court.asks(&["verify", "-CAfile", "@ca.pem", &certificate]).await;
    }
    let kept = Phone::open(desk.folders[1].path(), BENCH).unwrap().export(desk.folders[1].path().join("keys"), true);
    assert!(kept.unwrap_err().to_string().contains("in a card"));
    let signature = desk.reader.file("signature");
    let how = ["--mechanism", "ECDSA-SHA256", "--signature-format", "openssl", "--input-file", &message, "--output-file", &signature];
    let sign = ["--module", &module, "--slot", "0", "--login", "--pin", PIN_OF_ANA, "--sign", "--id", "01"];
    desk.reader.run("pkcs11-tool", &[&sign[..], &how].concat()).await;

    // twice is once; and the card is somebody's now
    let (done, said) = desk.personalize(&[]).await;
    assert!(done && said.contains("issued already"), "{said}");
    let elsewhere = tempfile::tempdir().unwrap();
    let program: &'static str = mobile_sim().to_str().unwrap().to_owned().leak();
    let words = ["--state", elsewhere.path().to_str().unwrap(), "--pin", PIN, "personalize", &desk.ticket, "--reader", "mobile-sim 00 00"];
    let ran =
        desk.reader.try_run(program, &[&words[..], &["--serial", SERIAL, "--new-pin", PIN_OF_ANA, "--puk", "13572468"]].concat()).await;
    assert!(!ran.succeeded && ran.text().contains("somebody's"), "{}", ran.text());
    desk.court.live.stop().await;
}
