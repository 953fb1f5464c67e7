//! The workstation personalizes a card that somebody else wrote, against the stand-in for the server that the phone's own tests have.

#![allow(clippy::unwrap_used)]

#[path = "../../mobile-sim/tests/station/mod.rs"]
mod station;

use std::sync::{Arc, Mutex};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use foreign_card::{ForeignCard, MANAGEMENT_KEY_HEX};
use mobile_sim::piv::{KeyReference, ManagementKey, Secret};
use mobile_sim::station::channel::Gone;
use mobile_sim::station::{Channel, Officer, PivCard, personalize};
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Outcome, Phone, PhoneError};
use station::{Manners, Station};

/// The card stays when the workstation has done with it.
#[derive(Clone)]
struct InReader(Arc<Mutex<ForeignCard>>);

impl InReader {
    fn blank() -> Self {
        Self(Arc::new(Mutex::new(ForeignCard::new())))
    }

    fn card(&self) -> PivCard {
        PivCard::select(self.clone()).unwrap()
    }
}

impl Channel for InReader {
    fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
        Ok(self.0.lock().unwrap().transmit(command))
    }
}

fn officer(gives_enc: bool) -> Officer {
    Officer {
        management: ManagementKey::from_hex(MANAGEMENT_KEY_HEX).unwrap(),
        old_pin: Secret::pin("123456").unwrap(),
        old_puk: Secret::puk("12345678").unwrap(),
        pin: Secret::pin("24681357").unwrap(),
        puk: Secret::puk("13572468").unwrap(),
        gives_enc,
    }
}

async fn issue(phone: &mut Phone, card: &InReader, station: &Station, officer: &Officer) -> Result<Outcome, PhoneError> {
    let (model, serial, name) = ("Nitrokey".to_owned(), "0A31-7702".to_owned(), "Ana's card".to_owned());
    let device = DeviceFacts { kind: DeviceKind::SmartCard, model, serial, name };
    personalize(phone, card.clone(), officer, &station.invitation().parse().unwrap(), None, &device, &Faults::default()).await
}

/// Nothing of ours is on it, and its secrets are those of the factory.
fn is_untouched(card: &InReader) {
    let mut card = card.card();
    for place in (0..=u8::MAX).filter_map(KeyReference::from_byte) {
        assert_eq!(card.certificate(place).unwrap(), None);
    }
    card.verify(&Secret::pin("123456").unwrap()).unwrap();
}

#[tokio::test]
async fn a_foreign_card_makes_its_keys_signs_its_requests_and_confirms() {
    let station = Station::start(Manners { plans_no_enc: true, ..Manners::default() }).await;
    let (card, mut phone) = (InReader::blank(), Phone::in_memory());
    assert_eq!(issue(&mut phone, &card, &station, &officer(false)).await.unwrap(), Outcome::Issued);
    let mut inside = card.card();
    for (slot, byte) in [("auth", 0x9A), ("sign", 0x9C)] {
        let (place, ours) = (KeyReference::from_byte(byte).unwrap(), phone.card());
        let certificate = ours.certificate(slot).unwrap();
        assert_eq!(inside.certificate(place).unwrap().unwrap(), certificate.der(), "{slot}");
        inside.verify(&Secret::pin("24681357").unwrap()).unwrap();
        let signature = inside.sign(place, digest(&SHA256, b"hello").as_ref().try_into().unwrap()).unwrap();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, certificate.point().unwrap()).verify(b"hello", &signature).unwrap();
    }
    drop(inside);

    assert_eq!(issue(&mut phone, &card, &station, &officer(false)).await.unwrap(), Outcome::AlreadyIssued);
    let said = issue(&mut Phone::in_memory(), &card, &station, &officer(false)).await.unwrap_err().to_string();
    assert!(said.contains("somebody's"), "{said}");
}

#[tokio::test]
async fn what_cannot_go_well_is_refused_before_anything_is_written() {
    let station = Station::start(Manners::default()).await;
    let card = InReader::blank();
    let wrong = Officer { management: ManagementKey::from_hex(&"11".repeat(32)).unwrap(), ..officer(false) };
    for (officer, why) in [(officer(true), "takes no private key from outside"), (wrong, "not the management key")] {
        let said = issue(&mut Phone::in_memory(), &card, &station, &officer).await.unwrap_err().to_string();
        assert!(said.contains(why), "{said}");
        is_untouched(&card);
    }
    assert!(station.ledger().messages.is_empty(), "nobody was asked");
}
