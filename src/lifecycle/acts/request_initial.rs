//! Request an initial issuance (help desk operator): a device of one kind for one user. It has no target and places no holds; from here
//! it goes the way of every request.

use jiff::Timestamp;

use super::invite::{self, NewTicket};
use super::submit::mode_fits;
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Mode, Purpose, Request, RequestState, Requester};

/// A user gets a device.
#[derive(Clone, Debug)]
pub struct RequestInitial {
    pub actor: Actor,
    pub request: RequestId,
    pub kind: DeviceKind,
    pub mode: Mode,
    /// The ticket that goes out at once where the request is remote and needs no validation.
    pub ticket: NewTicket,
}

/// Opens the request, approved by being submitted unless the policy asks for validation.
pub fn request_initial(holdings: &Holdings, policy: &Policy, act: &RequestInitial, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let Actor::Operator(operator) = &act.actor else {
        return Err(act.actor.not_permitted(Role::HelpDesk.as_str()));
    };
    act.actor.must_be(Role::HelpDesk)?;
    mode_fits(policy, act.mode, act.kind)?;
    has_room(holdings, policy, act.kind)?;

    let mut draft = Draft::on(holdings, policy, now);
    let state = if policy.validate_initial { RequestState::AwaitingApproval } else { RequestState::Approved };
    let is_invited = state == RequestState::Approved && act.mode == Mode::Remote;
    draft.make(Change::RequestOpened(Request {
        id: act.request,
        kind: act.kind,
        purpose: Purpose::Initial { mode: act.mode },
        requester: Requester::Operator(operator.id),
        opened_at: now,
        state,
    }));
    if is_invited {
        invite::issue_ticket(&mut draft, act.request, &act.ticket);
    }
    Ok(draft.finish())
}

/// A user has a limited number of devices of a kind, in use or asked for.
fn has_room(holdings: &Holdings, policy: &Policy, kind: DeviceKind) -> Result<(), Refusal> {
    let limit = policy.kinds.get(&kind).map_or(0, |kind| kind.limit);
    let in_use = holdings.devices_in_use().filter(|device| device.kind == kind).count();
    let asked =
        holdings.open_requests().filter(|request| request.kind == kind && matches!(request.purpose, Purpose::Initial { .. })).count();
    if u32::try_from(in_use + asked).unwrap_or(u32::MAX) < limit {
        return Ok(());
    }
    let found = format!("{kind}: {in_use} in use, {asked} requested");
    Err(Refusal::new(RefusalCode::LimitReached, found, format!("fewer than {limit}, the limit of the policy")))
}
