//! Terminate a device in use, with a reason (help desk operator). For the target of an open permanent replacement this is "revoke now": the
//! worse of both reasons applies, its credentials end at once, and the request stays open (lifecycle.md §4).

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::device::Device;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::ending::Ending;
use crate::lifecycle::hold::Cause;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::reason::{Reason, Termination};
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// An operator ends a device.
#[derive(Clone, Debug)]
pub struct Terminate {
    pub actor: Actor,
    pub device: DeviceId,
    pub reason: Termination,
}

/// Ends the device, and what ends with it.
pub fn terminate(holdings: &Holdings, policy: &Policy, act: &Terminate, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be(Role::HelpDesk)?;
    let open = open_permanent(holdings, act.device)?;
    let device = holdings.device_in_use(act.device)?;
    let mut draft = Draft::on(holdings, policy, now);
    let ending = match open {
        Some((request, asked)) => {
            let reason = asked.worse(act.reason);
            if reason != asked {
                draft.make(Change::RequestWorsened { request, reason });
            }
            Ending::of_target(policy, device, reason)
        }
        None => None,
    };
    end_early(&mut draft, device, ending.unwrap_or_else(|| Ending::of_terminated(device, act.reason)));
    Ok(draft.finish())
}

/// The open permanent replacement of a device. That of a temporary one is refused: it expects its target back.
fn open_permanent(holdings: &Holdings, target: DeviceId) -> Result<Option<(RequestId, Reason)>, Refusal> {
    let open = holdings.open_replacement_of(target);
    match open.and_then(|request| request.replacement().map(|(reason, _)| (request.id, reason))) {
        Some((request, reason)) if reason.is_temporary() => Err(Refusal::new(
            RefusalCode::OpenRequest,
            format!("the target of an open temporary replacement: {request}"),
            "none: cancel it first",
        )),
        open => Ok(open),
    }
}

/// A device ends before its time: if it is a stand-in, the holds of its temporary arrangement are lifted, so that the original is
/// restored [seed: rule 3].
pub(super) fn end_early(draft: &mut Draft, device: &Device, ending: Ending) {
    draft.end_device(device.id, ending);
    if let Some(stand_in) = device.stand_in() {
        draft.lift_holds_of(Cause::Replacement(stand_in.arrangement), |_| true);
    }
    draft.end_orphans();
    draft.open_updates(device.id.0);
}
