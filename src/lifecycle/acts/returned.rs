//! Returned: an operator has seen that an original is back, after its stand-in lapsed. Only a person brings it to life again.

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::hold::Cause;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// An original is back.
#[derive(Clone, Debug)]
pub struct Returned {
    pub actor: Actor,
    pub original: DeviceId,
}

/// Lifts the holds of its lapsed arrangements.
pub fn returned(holdings: &Holdings, policy: &Policy, act: &Returned, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be(Role::HelpDesk)?;
    let original = holdings.device_in_use(act.original)?;
    let wrong = |found: &str| Err(Refusal::new(RefusalCode::WrongState, found, "an original whose stand-in has lapsed"));
    if holdings.stand_in_of(original.id).is_some() {
        return wrong("an original whose stand-in is in use: terminate the stand-in");
    }
    let lapsed: Vec<RequestId> = holdings.arrangements_over(original.id).map(|request| request.id).collect();
    if lapsed.is_empty() {
        return wrong(holdings.device_status(original).as_str());
    }
    let mut draft = Draft::on(holdings, policy, now);
    for arrangement in lapsed {
        draft.lift_holds_of(Cause::Replacement(arrangement), |_| true);
    }
    Ok(draft.finish())
}
