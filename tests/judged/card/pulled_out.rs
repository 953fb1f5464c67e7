//! A card that is pulled out of the reader in the middle of being personalized, again and again and each time a little later: the same command takes it
//! up where it was, and what comes out is one active card.

use std::path::Path;

use mobile_sim::piv::{ManagementKey, Secret, Transport, plastic};
use mobile_sim::station::channel::Gone;
use mobile_sim::station::{CardError, Channel, Officer, personalize};
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Invitation, Outcome, Phone, PhoneError};
use remint::lifecycle::actor::Role;
use serde_json::{Value, json};

use super::ticket;
use crate::support::live::{Live, facts, text};
use crate::support::process::until;

const MANAGEMENT: &str = "000102030405060708090a0b0c0d0e0f";

/// A reader from which the card is pulled before a command, or right after it was carried out and before its answer came.
struct Loose<C> {
    card: C,
    commands_left: usize,
    carries_out_the_last: bool,
}

impl<C: Channel> Channel for Loose<C> {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
        let pulled_out = || Gone("pulled out".to_owned());
        self.commands_left = self.commands_left.checked_sub(1).ok_or_else(pulled_out)?;
        if self.commands_left > 0 || self.carries_out_the_last {
            let answer = self.card.transmit(command)?;
            return if self.commands_left > 0 { Ok(answer) } else { Err(pulled_out()) };
        }
        Err(pulled_out())
    }
}

/// The card lies in the reader, as soon as nobody else has it: a connection that its key opened may last for a moment longer than the attempt.
async fn put_in(folder: &Path, management: &ManagementKey) -> Transport {
    until("the card is free", async || plastic::present(folder, "123456", "12345678", management).ok()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_that_is_pulled_out_is_taken_up_again() {
    let live = Live::start().await;
    let officer_client = live.operator("Ines", [Role::IssuanceOfficer, Role::HelpDesk]).await;
    let user = live.create_user("Ana").await;
    let device = DeviceFacts { serial: "0A31-7702".to_owned(), ..facts(DeviceKind::SmartCard) };
    let stocked = officer_client.post_json("/api/stock", &json!({ "kind": "smart-card", "serial": &device.serial })).await.unwrap();
    assert_eq!(stocked.status, 201, "{}", stocked.text());
    let asked = json!({ "kind": "smart-card", "mode": "local" });
    let opened = officer_client.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap();
    let request = text(&opened.json::<Value>().unwrap()["request"]["id"]);
    let invitation: Invitation = ticket(&officer_client, &request).await.parse().unwrap();

    let (card, bench) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let management = ManagementKey::from_hex(MANAGEMENT).unwrap();
    let officer = Officer {
        management: management.clone(),
        old_pin: Secret::pin("123456").unwrap(),
        old_puk: Secret::puk("12345678").unwrap(),
        pin: Secret::pin("24681357").unwrap(),
        puk: Secret::puk("13572468").unwrap(),
        gives_enc: true,
    };
    let (mut commands, mut pulled) = (1, 0);
    loop {
        let card = put_in(card.path(), &management).await;
        let channel = Loose { card, commands_left: commands, carries_out_the_last: pulled % 2 == 1 };
        let mut phone = Phone::open(bench.path(), "24681357").unwrap();
        match personalize(&mut phone, channel, &officer, &invitation, None, &device, &Faults::default()).await {
            Err(PhoneError::Card(CardError::Gone(_))) => {
                // Before it is carried out, and then after.
                pulled += 1;
                commands += (pulled + 1) % 2;
            }
            ended => break assert_eq!(ended.unwrap(), Outcome::Issued),
        }
    }
    assert!(pulled > 100, "{pulled}");

    // the PIN and the PUK are those that it was given, and the factory's no longer
    let mut card = put_in(card.path(), &management).await;
    let status = |answer: Vec<u8>| answer[answer.len() - 2..].to_vec();
    card.answer(b"\x00\xA4\x04\x00\x05\xA0\x00\x00\x03\x08");
    assert_eq!(status(card.answer(b"\x00\x20\x00\x80\x0824681357")), [0x90, 0x00]);
    assert_eq!(status(card.answer(b"\x00\x24\x00\x81\x1012345678aaaaaaaa")), [0x63, 0xC2]);
    assert_eq!(status(card.answer(b"\x00\x24\x00\x81\x101357246813572468")), [0x90, 0x00]);
    let held = live.lookup(&user).await;
    assert_eq!(held["devices"][0]["status"], "active", "{held}");
    assert_eq!(held["devices"].as_array().unwrap().len(), 1, "{held}");
    live.stop().await;
}
