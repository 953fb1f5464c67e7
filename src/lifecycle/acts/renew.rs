//! Renew: a device in use replaces the certificate of a key of its own by one for a new key, shortly before it expires (RFC 7030 §4.2.2).
//! In one step: the new one is good and the old one is superseded. A device that lost the answer shows the same key again.
//!
//! `enc` is not renewed so: it is shared, and the server makes it.

use jiff::Timestamp;

use super::enroll::is_generated_on_device;
use super::redeem::{NewCredential, reserved};
use crate::lifecycle::change::{Carried, Change};
use crate::lifecycle::credential::{Certified, Credential, CredentialState, KeyId, RevocationReason, Slot};
use crate::lifecycle::device::DeviceStatus;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::hold::Held;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// A device asks for a certificate for a new key.
#[derive(Clone, Copy, Debug)]
pub struct Renew {
    pub device: DeviceId,
    pub slot: Slot,
    pub key: KeyId,
    /// Used if no serial is on record for it.
    pub new: NewCredential,
}

/// What is to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The same key again: the same certificate.
    Already(CredentialId),
    /// Put the serial on record first, then ask again.
    Reserve(Vec<Change>),
    /// Sign under the serial that is on record; then it is [`renewed`].
    Sign(Credential),
}

/// Decides what a device gets.
pub fn renew(holdings: &Holdings, policy: &Policy, act: &Renew, now: Timestamp) -> Result<Renewal, Refusal> {
    if !is_generated_on_device(act.slot) {
        return Err(Refusal::new(RefusalCode::UnknownSlot, act.slot.as_str(), "a slot whose key the device generates"));
    }
    must_be_active(holdings, act.device)?;
    let mut carried = holdings.carried_by(act.device).map(|(credential, _)| credential).filter(|credential| credential.slot == act.slot);
    let current = |credential: &&Credential| matches!(credential.state, CredentialState::Issued { .. });
    let old = carried.find(current).ok_or_else(|| wrong("no certificate", "one in this slot"))?;
    if old.certified().is_some_and(|certified| certified.key == act.key) && old.made_for == act.device {
        return Ok(Renewal::Already(old.id));
    }
    may_be_renewed(holdings, policy, old, now)?;
    let on_record = holdings.unconfirmed_for(act.device).find(|credential| credential.slot == act.slot);
    Ok(match on_record {
        Some(credential) => Renewal::Sign(credential.clone()),
        None => Renewal::Reserve(vec![Change::CredentialReserved(reserved(act.new, act.slot, act.device, now))]),
    })
}

/// The certificate has been signed: the device carries it from now on, and its predecessor is superseded.
pub fn renewed(holdings: &Holdings, policy: &Policy, new: &Credential, certified: Certified, now: Timestamp) -> Vec<Change> {
    let device = new.made_for;
    let former = holdings.carried_by(device).filter(|(credential, _)| credential.slot == new.slot && !credential.is_revoked());
    let former: Vec<CredentialId> = former.map(|(credential, _)| credential.id).collect();
    let mut draft = Draft::on(holdings, policy, now);
    draft.make(Change::CredentialSigned { credential: new.id, certified });
    draft.make(Change::CredentialIssued { credential: new.id, at: now });
    draft.make(Change::CarriedAs { device, credential: new.id, carried: Carried::Current });
    for credential in former {
        draft.revoke(credential, RevocationReason::Superseded);
    }
    draft.finish()
}

fn must_be_active(holdings: &Holdings, device: DeviceId) -> Result<(), Refusal> {
    let status = holdings.devices.get(&device).map(|device| holdings.device_status(device));
    match status {
        Some(DeviceStatus::Active) => Ok(()),
        other => Err(wrong(other.map_or("unknown", DeviceStatus::as_str), "an active device")),
    }
}

/// Not suspended, not expired, and not long before its end.
fn may_be_renewed(holdings: &Holdings, policy: &Policy, old: &Credential, now: Timestamp) -> Result<(), Refusal> {
    if holdings.holds.on(Held::Credential(old.id)).next().is_some() {
        return Err(wrong("a suspended certificate", "one that is good"));
    }
    let Some(certified) = old.certified().filter(|_| !old.has_expired(now)) else {
        return Err(wrong("an expired certificate", "one that is good: an expired one is replaced"));
    };
    let from = certified.not_after.checked_sub(policy.renewal_window).unwrap_or(Timestamp::MIN);
    if now < from {
        return Err(Refusal::new(
            RefusalCode::TooEarly,
            format!("a certificate until {}", certified.not_after),
            format!("not before {from}"),
        ));
    }
    Ok(())
}

fn wrong(found: &str, required: &str) -> Refusal {
    Refusal::new(RefusalCode::WrongState, found, required)
}
