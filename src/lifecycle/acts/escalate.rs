//! Escalate (system): a lost or stolen target whose replacement was not issued in time is terminated, as by "revoke now" [NIST: revoked within
//! 18 hours of notice]. Off unless the policy sets the hours.

use jiff::Timestamp;

use super::terminate::end_early;
use crate::lifecycle::actor::Actor;
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::due::escalates_at;
use crate::lifecycle::ending::Ending;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// The time to issue a replacement is up.
#[derive(Clone, Debug)]
pub struct Escalate {
    pub actor: Actor,
    pub request: RequestId,
}

/// Ends the target; the request stays open.
pub fn escalate(holdings: &Holdings, policy: &Policy, act: &Escalate, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be_system()?;
    let request = holdings.request(act.request)?;
    let wrong = |found: &str, required: &str| Refusal::new(RefusalCode::WrongState, found, required);
    let replacement = request.replacement().filter(|(reason, _)| request.is_open() && reason.exposes_keys());
    let (reason, line) = replacement.ok_or_else(|| wrong(request.state.as_str(), "an open replacement of a lost or stolen device"))?;
    if escalates_at(request.opened_at, policy).is_none_or(|at| now < at) {
        return Err(wrong("not due", "a replacement that was not issued in time"));
    }
    let target = holdings.device_in_use(line.target)?;
    let mut draft = Draft::on(holdings, policy, now);
    if let Some(ending) = Ending::of_target(policy, target, reason) {
        end_early(&mut draft, target, ending);
    }
    Ok(draft.finish())
}
