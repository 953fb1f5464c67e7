//! Collect the encryption keys: which `enc` the device is given as its current one, and which as history.

use jiff::Timestamp;

use super::enroll::at_work;
use super::redeem::{NewCredential, reserved};
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::{Certified, Credential, CredentialState, Slot};
use crate::lifecycle::device::DeviceStatus;
use crate::lifecycle::enc::{CurrentEnc, wanted_encs};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, RequestId, SessionId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{EncPlan, Issuing, Purpose, Request, RequestState};

/// A device asks for its encryption key.
#[derive(Clone, Copy, Debug)]
pub struct Collect {
    pub request: RequestId,
    pub session: SessionId,
    /// Used if a new `enc` has to be made and no serial is on record for it.
    pub new: NewCredential,
}

/// What is to be done for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Collection {
    /// Put the serial of a new `enc` on record first, then ask again.
    Reserve(Vec<Change>),
    /// Make a key and sign under the serial that is on record; then it is [`collected`].
    Make { credential: Credential, history: Vec<CredentialId> },
    /// Hand over what is there.
    Deliver(EncPlan),
}

/// The request and the session that is at work on it, whose device may be handed keys. An update is for a device that is active: one that
/// was reported lost or stolen meanwhile, and is in other hands, receives nothing.
pub fn may_receive(holdings: &Holdings, request: RequestId, session: SessionId) -> Result<(&Request, &Issuing), Refusal> {
    let (request, issuing) = at_work(holdings, request, session)?;
    if let Purpose::Update { device } = request.purpose {
        let status = holdings.devices.get(&device).map(|device| holdings.device_status(device));
        if status != Some(DeviceStatus::Active) {
            let found = status.map_or("unknown", DeviceStatus::as_str);
            return Err(Refusal::new(RefusalCode::WrongState, found, "an active device"));
        }
    }
    Ok((request, issuing))
}

/// Decides what a device is given.
pub fn collect(holdings: &Holdings, policy: &Policy, act: &Collect, now: Timestamp) -> Result<Collection, Refusal> {
    let (request, issuing) = may_receive(holdings, act.request, act.session)?;
    let wanted = wanted_encs(holdings, policy, request, now)
        .ok_or_else(|| Refusal::new(RefusalCode::UnknownSlot, Slot::Enc.as_str(), "a slot of the plan"))?;
    let current = match wanted.current {
        CurrentEnc::Existing(current) => current,
        CurrentEnc::New => match holdings.unconfirmed_for(issuing.device).find(|credential| credential.slot == Slot::Enc) {
            None => {
                let credential = reserved(act.new, Slot::Enc, issuing.device, now);
                return Ok(Collection::Reserve(vec![Change::CredentialReserved(credential)]));
            }
            Some(credential) if matches!(credential.state, CredentialState::Reserved { .. }) => {
                return Ok(Collection::Make { credential: credential.clone(), history: wanted.history });
            }
            Some(signed) => signed.id,
        },
    };
    Ok(Collection::Deliver(EncPlan { current, history: wanted.history }))
}

/// The device has been handed `plan`; `made` is the new credential and what signing fixed, where one was made for it.
pub fn collected(
    holdings: &Holdings,
    request: RequestId,
    session: SessionId,
    plan: EncPlan,
    made: Option<(CredentialId, Certified)>,
) -> Result<Vec<Change>, Refusal> {
    let (request, issuing) = may_receive(holdings, request, session)?;
    let mut changes: Vec<Change> =
        made.into_iter().map(|(credential, certified)| Change::CredentialSigned { credential, certified }).collect();
    if issuing.collected.as_ref() != Some(&plan) {
        let issuing = Issuing { collected: Some(plan), ..issuing.clone() };
        changes.push(Change::RequestMoved { request: request.id, to: RequestState::Issuing(issuing) });
    }
    Ok(changes)
}
