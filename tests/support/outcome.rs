//! How every story of a replaced phone ends, whatever happened on the way: read from the database when the server has stopped.

use std::collections::BTreeMap;

use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::{Credential, CredentialState, RevocationReason, Slot};
use remint::lifecycle::device::{DeviceKind, DeviceState, DeviceStatus};
use remint::lifecycle::holdings::{Holdings, Standing};
use remint::lifecycle::ids::{DeviceId, RequestId, UserId};
use remint::lifecycle::request::RequestState;
use remint::server::config::Config;
use remint::server::house;
use remint::store::audit::Outcome;
use remint::workflows::world::World;

use super::process::Installation;
use super::stage::{Handset, Invited, Person};

/// The data folder of a stopped server.
pub struct Aftermath {
    world: World,
}

impl Aftermath {
    /// Stops the server, and opens what it leaves.
    pub async fn of(installation: &Installation) -> Self {
        let ended = installation.stop();
        assert!(ended.success(), "the server ended with {ended}");
        let config = Config::load(&installation.data()).unwrap();
        Self { world: house::open(&installation.data(), &config).await.unwrap() }
    }

    /// The same, where the check and the audit log find nothing.
    pub async fn checked(installation: &Installation) -> Self {
        for words in [&["check"][..], &["audit", "verify"]] {
            let (is_whole, said) = installation.runs(words);
            assert!(is_whole, "{words:?}: {said}");
        }
        Self::of(installation).await
    }

    /// What somebody holds. No invariant is broken, and nothing unconfirmed is left.
    pub async fn holdings(&self, person: &Person) -> Holdings {
        let user = UserId(person.user.parse().unwrap());
        let held = self.world.store.holdings(user).await.unwrap().expect("the user").holdings;
        assert_eq!(held.faults(&self.world.policy, self.world.now()), []);
        let unconfirmed: Vec<_> = held.credentials.values().filter(|credential| credential.is_unconfirmed()).collect();
        assert!(unconfirmed.is_empty(), "unconfirmed credentials are left: {unconfirmed:?}");
        held
    }

    /// One active mobile smart card with one credential a slot; phone-1 terminated and its credentials revoked; the request issued.
    pub async fn is_one_new_phone(&self, person: &Person, phone: &Handset, invited: &Invited) {
        let held = self.holdings(person).await;
        let (old, new) = (device_of(&person.phone), device_of(phone));
        let cards = held.devices.values().filter(|device| device.kind == DeviceKind::MobileSmartCard);
        let cards: BTreeMap<_, _> = cards.map(|device| (device.id, held.device_status(device))).collect();
        assert_eq!(cards, BTreeMap::from([(old, DeviceStatus::Terminated), (new, DeviceStatus::Active)]));

        let request = RequestId(invited.request.parse().unwrap());
        assert!(matches!(held.requests[&request].state, RequestState::Issued { device, .. } if device == new));
        assert_eq!(held.open_requests().count(), 0, "{:?}", held.open_requests().collect::<Vec<_>>());

        assert_eq!(current(&held, new), serials(phone), "the phone and the server know the same credentials");
        assert_eq!(current(&held, new).keys().copied().collect::<Vec<_>>(), [Slot::Auth, Slot::Sign, Slot::Enc]);
        let made = held.credentials.values().filter(|credential| credential.made_for == new);
        assert_eq!(made.count(), 3, "one credential was made for each slot");
        assert!(held.carried_by(new).filter(|(_, how)| *how == Carried::Current).all(|(credential, _)| is_issued(credential)));

        let compromised: Vec<_> = held
            .credentials
            .values()
            .filter(|credential| serials(&person.phone).values().any(|s| *s == credential.serial.to_string()))
            .collect();
        assert_eq!(compromised.len(), 3);
        for credential in compromised {
            assert!(matches!(credential.state, CredentialState::Revoked { reason: RevocationReason::KeyCompromise, .. }), "{credential:?}");
        }
        assert!(matches!(held.devices[&old].state, DeviceState::Terminated { .. }));
    }

    /// The tablet has the encryption credential of the new phone, and the former one to read old mail.
    pub async fn is_updated(&self, person: &Person, phone: &Handset) {
        let held = self.holdings(person).await;
        let tablet = device_of(&person.tablet);
        assert_eq!(held.device_status(&held.devices[&tablet]), DeviceStatus::Active);
        assert_eq!(current(&held, tablet), serials(&person.tablet));
        assert_eq!(serials(&person.tablet)[&Slot::Enc], serials(phone)[&Slot::Enc], "the encryption credential is shared");
        assert_eq!(person.tablet.card().history.len(), 1, "the former encryption key");
    }

    /// The tablet is all that is in use, active, with an encryption key that was never on phone-1; nothing is open.
    pub async fn is_the_tablet_alone(&self, person: &Person) {
        let held = self.holdings(person).await;
        let tablet = device_of(&person.tablet);
        let in_use: Vec<_> = held.devices_in_use().map(|device| (device.id, held.device_status(device))).collect();
        assert_eq!(in_use, [(tablet, DeviceStatus::Active)]);
        assert_eq!(current(&held, tablet), serials(&person.tablet));
        assert_ne!(serials(&person.tablet)[&Slot::Enc], serials(&person.phone)[&Slot::Enc]);
        let encs = held.credentials.values().filter(|credential| credential.slot == Slot::Enc);
        assert_eq!(encs.count(), 2, "one was made for each");
        assert_eq!(held.open_requests().count(), 0);
    }

    /// phone-1 is the only mobile smart card in use, and is active with all that it had; nothing is open.
    pub async fn is_as_before(&self, person: &Person) {
        let held = self.holdings(person).await;
        let old = device_of(&person.phone);
        let cards = held.devices_in_use().filter(|device| device.kind == DeviceKind::MobileSmartCard);
        let cards: Vec<_> = cards.map(|device| (device.id, held.device_status(device))).collect();
        assert_eq!(cards, [(old, DeviceStatus::Active)]);
        assert_eq!(current(&held, old), serials(&person.phone));
        assert!(held.carried_by(old).all(|(credential, _)| held.standing(credential) == Standing::Good));
        assert_eq!(held.holds.iter().count(), 0);
        assert_eq!(held.open_requests().count(), 0);
    }

    /// How often an act was done under a request, by the audit log.
    pub async fn times_done(&self, act: &str, request: &str) -> usize {
        let request = RequestId(request.parse().unwrap());
        let log = self.world.store.audit(0, u32::MAX).await.unwrap();
        log.iter().filter(|entry| entry.act == act && entry.request == Some(request) && entry.outcome == Outcome::Done).count()
    }
}

/// The device's id, as the phone was told.
pub fn device_of(handset: &Handset) -> DeviceId {
    DeviceId(handset.card().standing.expect("an issued device").device.parse().unwrap())
}

fn is_issued(credential: &Credential) -> bool {
    matches!(credential.state, CredentialState::Issued { .. })
}

/// Serials by slot, as the server knows them. A slot that is filled twice is found out by their number.
fn current(held: &Holdings, device: DeviceId) -> BTreeMap<Slot, String> {
    let carried: Vec<_> = held.carried_by(device).filter(|(_, how)| *how == Carried::Current).collect();
    let by_slot: BTreeMap<_, _> = carried.iter().map(|(credential, _)| (credential.slot, credential.serial.to_string())).collect();
    assert_eq!(by_slot.len(), carried.len(), "one credential a slot");
    by_slot
}

/// Serials by slot, as the phone knows them.
fn serials(handset: &Handset) -> BTreeMap<Slot, String> {
    handset.card().slots.iter().map(|(slot, certificate)| (slot.as_str().parse().unwrap(), certificate.serial())).collect()
}
