//! Abandon a provisioning session before it is confirmed: the device gave up, or its time is up. The target stays as it was, what was
//! signed is revoked, and the request waits for a new ticket.

use jiff::Timestamp;

use super::enroll::at_work;
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{RequestId, SessionId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::Refusal;
use crate::lifecycle::request::RequestState;

/// A session ends without being confirmed.
#[derive(Clone, Copy, Debug)]
pub struct Abandon {
    pub request: RequestId,
    pub session: SessionId,
}

/// Ends the session; the request is approved (or bound, if it has a stock device) again.
pub fn abandon(holdings: &Holdings, policy: &Policy, act: &Abandon, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    at_work(holdings, act.request, act.session)?;
    let mut draft = Draft::on(holdings, policy, now);
    give_up(&mut draft, act.request);
    Ok(draft.finish())
}

/// Ends the session at work on a request.
pub(super) fn give_up(draft: &mut Draft, request: RequestId) {
    let bound = draft.give_up_session(request);
    draft.kill_tickets(request);
    draft.move_request(request, bound.map_or(RequestState::Approved, |device| RequestState::Bound { device }));
}
