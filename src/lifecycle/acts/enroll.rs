//! Enroll a slot: a device shows a key that it generated, and gets a certificate for it, on hold until it confirms.

use crate::lifecycle::change::Change;
use crate::lifecycle::credential::{Certified, Credential, CredentialState, KeyId, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, RequestId, SessionId};
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Issuing, Purpose, Request, RequestState};

/// A device asks for a certificate.
#[derive(Clone, Copy, Debug)]
pub struct Enroll {
    pub request: RequestId,
    pub session: SessionId,
    pub slot: Slot,
    pub key: KeyId,
}

/// What is to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Enrollment {
    /// Sign under the serial that is on record.
    Sign(Credential),
    /// The same key again: the same certificate.
    Already(CredentialId),
}

/// Decides what an enrollment gets.
pub fn enroll(holdings: &Holdings, act: &Enroll) -> Result<Enrollment, Refusal> {
    let (request, issuing) = at_work(holdings, act.request, act.session)?;
    let is_update = matches!(request.purpose, Purpose::Update { .. });
    let unknown = || Refusal::new(RefusalCode::UnknownSlot, act.slot.as_str(), "a slot of the plan whose key the device generates");
    if is_update || !is_generated_on_device(act.slot) {
        return Err(unknown());
    }
    let credential = holdings.unconfirmed_for(issuing.device).find(|credential| credential.slot == act.slot).ok_or_else(unknown)?;
    match &credential.state {
        CredentialState::Signed { certified } if certified.key == act.key => Ok(Enrollment::Already(credential.id)),
        CredentialState::Signed { .. } => {
            Err(Refusal::new(RefusalCode::SlotTaken, format!("another key in {}", act.slot), "the key that was enrolled"))
        }
        CredentialState::Reserved { .. } | CredentialState::Issued { .. } | CredentialState::Revoked { .. } => {
            Ok(Enrollment::Sign(credential.clone()))
        }
    }
}

/// The certificate has been signed.
pub fn signed(credential: CredentialId, certified: Certified) -> Vec<Change> {
    vec![Change::CredentialSigned { credential, certified }]
}

/// Whether the key of a slot is generated on the device: all but the shared encryption key.
pub fn is_generated_on_device(slot: Slot) -> bool {
    match slot {
        Slot::Auth | Slot::Sign | Slot::CardAuth => true,
        Slot::Enc => false,
    }
}

/// The request and the session that is at work on it; refused when the session has ended.
pub fn at_work(holdings: &Holdings, request: RequestId, session: SessionId) -> Result<(&Request, &Issuing), Refusal> {
    let gone = |found: &str| Refusal::new(RefusalCode::Canceled, found, "a session at work");
    let request = holdings.requests.get(&request).ok_or_else(|| gone("no such request"))?;
    match &request.state {
        RequestState::Issuing(issuing) if issuing.session == session => Ok((request, issuing)),
        RequestState::Issued { .. } => Err(Refusal::new(RefusalCode::AlreadyConfirmed, "issued", "a session at work")),
        RequestState::Issuing(_) | RequestState::Approved | RequestState::Bound { .. } => Err(gone("a session that was given up")),
        RequestState::AwaitingApproval | RequestState::Rejected { .. } | RequestState::Canceled { .. } => Err(gone(request.state.as_str())),
    }
}
