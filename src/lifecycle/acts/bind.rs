//! Bind a device from stock to a request, and give it back (issuance officer). Stock is for kinds that somebody hands out; a phone or
//! tablet is bound by enrolling.

use jiff::Timestamp;

use super::approve::not_their_own;
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::device::{Device, DeviceState};
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Mode, Request, RequestState};

/// An officer puts a device aside for a request.
#[derive(Clone, Debug)]
pub struct Bind {
    pub actor: Actor,
    pub request: RequestId,
    /// As it is known now, whosever it is.
    pub device: Device,
}

/// An officer takes the device of a request back.
#[derive(Clone, Debug)]
pub struct Unbind {
    pub actor: Actor,
    pub request: RequestId,
    pub device: DeviceId,
}

/// The device is assigned to the request's user.
pub fn bind(holdings: &Holdings, policy: &Policy, act: &Bind, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let officer = act.actor.operator(Role::IssuanceOfficer)?;
    let request = holdings.request(act.request)?;
    if policy.separate_issuer {
        not_their_own(holdings, request, officer)?;
    }
    is_bindable(request)?;
    let device = from_stock(request, &act.device)?;
    let mut draft = Draft::on(holdings, policy, now);
    draft.move_request(request.id, RequestState::Bound { device: device.id });
    draft.make(Change::DeviceAssigned { device });
    Ok(draft.finish())
}

/// The device goes back to stock; to bind another, bind again.
pub fn unbind(holdings: &Holdings, policy: &Policy, act: &Unbind, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be(Role::IssuanceOfficer)?;
    let request = holdings.request(act.request)?;
    let RequestState::Bound { device } = &request.state else {
        return Err(Refusal::new(RefusalCode::WrongState, request.state.as_str(), "bound"));
    };
    if *device != act.device {
        return Err(Refusal::new(RefusalCode::NotAvailable, act.device.to_string(), format!("the device that is bound: {device}")));
    }
    let mut draft = Draft::on(holdings, policy, now);
    draft.move_request(request.id, RequestState::Approved);
    draft.make(Change::DeviceUnbound { device: *device });
    Ok(draft.finish())
}

/// Local and self-enrollment requests of kinds that are stock, in state approved [seed].
fn is_bindable(request: &Request) -> Result<(), Refusal> {
    let wrong = |found: &str, required: &str| Err(Refusal::new(RefusalCode::WrongState, found, required));
    match (&request.state, request.mode()) {
        (RequestState::AwaitingApproval, _) => Err(Refusal::new(RefusalCode::NotApproved, request.state.as_str(), "approved")),
        (_, None) => wrong("an update, which brings a device up to date", "a replacement or an initial issuance"),
        (RequestState::Approved, Some(Mode::Local | Mode::SelfEnrollment)) if request.kind.is_stock() => Ok(()),
        (RequestState::Approved, Some(_)) => wrong(request.kind.as_str(), "a kind that comes from stock: a phone is bound by enrolling"),
        (state, Some(_)) => wrong(state.as_str(), "approved, with no device bound"),
    }
}

/// The device as it becomes when it is taken for a request; refused unless it is blank stock of the right kind.
pub(super) fn from_stock(request: &Request, device: &Device) -> Result<Device, Refusal> {
    let required = || format!("a {} from stock", request.kind);
    if device.kind != request.kind {
        return Err(Refusal::new(RefusalCode::NotAvailable, format!("a {}", device.kind), required()));
    }
    let found = match device.state {
        DeviceState::Available => return Ok(Device { state: DeviceState::Assigned { request: request.id }, ..device.clone() }),
        DeviceState::Assigned { .. } => "an assigned device",
        DeviceState::Issued { .. } => "a device in use",
        DeviceState::Terminated { .. } => "a terminated device",
    };
    Err(Refusal::new(RefusalCode::NotAvailable, found, required()))
}
