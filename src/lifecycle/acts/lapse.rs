//! A stand-in lapses: its end date is reached. It is terminated, and the original stays invalid: an unattended card must not come alive by
//! itself.

use jiff::Timestamp;

use crate::lifecycle::actor::Actor;
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::Credential;
use crate::lifecycle::device::{Device, StandIn};
use crate::lifecycle::draft::Draft;
use crate::lifecycle::ending::Ending;
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// The time of a stand-in is up.
#[derive(Clone, Debug)]
pub struct Lapse {
    pub actor: Actor,
    pub stand_in: DeviceId,
}

/// Ends the stand-in; what it was lent is suspended again.
pub fn lapse(holdings: &Holdings, policy: &Policy, act: &Lapse, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be_system()?;
    let device = holdings.device_in_use(act.stand_in)?;
    let mark = due(device, now)?;
    let open = holdings.open_replacement_of(device.id).and_then(|request| request.replacement()).map(|(reason, _)| reason);
    let mut draft = Draft::on(holdings, policy, now);
    draft.end_device(device.id, Ending::of_lapsed(policy, device, open));
    hold_lent(&mut draft, device.id, mark);
    draft.end_orphans();
    draft.open_updates(device.id.0);
    Ok(draft.finish())
}

fn due(device: &Device, now: Timestamp) -> Result<StandIn, Refusal> {
    let wrong = |found: String| Refusal::new(RefusalCode::WrongState, found, "a stand-in whose end date is reached");
    let mark = device.stand_in().ok_or_else(|| wrong("a permanent device".to_owned()))?;
    if now < mark.until { Err(wrong(format!("a stand-in until {}", mark.until))) } else { Ok(*mark) }
}

/// The temporary request's hold stands again on every unrevoked `enc` that both carry, while the original is in use.
fn hold_lent(draft: &mut Draft, stand_in: DeviceId, mark: StandIn) {
    if !draft.holdings.devices.get(&mark.original).is_some_and(Device::is_in_use) {
        return;
    }
    let theirs = draft.encs_of(mark.original);
    let is_alive = |enc: &CredentialId| !draft.holdings.credentials.get(enc).is_some_and(Credential::is_revoked);
    let lent: Vec<_> = draft.encs_of(stand_in).into_iter().filter(|enc| theirs.contains(enc) && is_alive(enc)).collect();
    for enc in lent {
        draft.place_hold(Held::Credential(enc), Cause::Replacement(mark.arrangement));
    }
}
