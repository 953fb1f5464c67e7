//! Approve or reject a request that awaits it (validation officer). Never the requester and never the user concerned, in whatever role
//! they come (lifecycle.md §4).

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Operator, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Request, RequestState, Requester};

/// A validation officer decides on a request.
#[derive(Clone, Debug)]
pub struct Approve {
    pub actor: Actor,
    pub request: RequestId,
}

/// The request may be issued from now on.
pub fn approve(holdings: &Holdings, policy: &Policy, act: &Approve, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let request = awaiting(holdings, act)?;
    let mut draft = Draft::on(holdings, policy, now);
    draft.move_request(request.id, RequestState::Approved);
    Ok(draft.finish())
}

/// The request is closed, and everything that it placed is lifted: as cancel.
pub fn reject(holdings: &Holdings, policy: &Policy, act: &Approve, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let request = awaiting(holdings, act)?;
    let mut draft = Draft::on(holdings, policy, now);
    draft.close_unissued(request.id, RequestState::Rejected { at: now });
    draft.end_orphans();
    Ok(draft.finish())
}

/// The request, if this officer may decide on it now.
fn awaiting<'h>(holdings: &'h Holdings, act: &Approve) -> Result<&'h Request, Refusal> {
    let officer = act.actor.operator(Role::ValidationOfficer)?;
    let request = holdings.request(act.request)?;
    not_their_own(holdings, request, officer)?;
    match &request.state {
        RequestState::AwaitingApproval => Ok(request),
        state => Err(Refusal::new(RefusalCode::WrongState, state.as_str(), RequestState::AwaitingApproval.as_str())),
    }
}

/// Refuses the requester and the user concerned.
pub(super) fn not_their_own(holdings: &Holdings, request: &Request, officer: &Operator) -> Result<(), Refusal> {
    let own = |found: &str| Err(Refusal::new(RefusalCode::OwnRequest, found, "an officer whom it does not concern"));
    let is_requester = match request.requester {
        Requester::Operator(operator) => operator == officer.id,
        Requester::User(user) => officer.user == Some(user),
        Requester::System => false,
    };
    if is_requester {
        return own("the requester");
    }
    if officer.user == Some(holdings.user.id) {
        return own("the user concerned");
    }
    Ok(())
}
