//! Update: a device whose current `enc` was revoked collects the user's newest one. The session begins here; it goes on with *collect*
//! and ends with *issue*, as every session does.

use jiff::Timestamp;

use crate::lifecycle::change::Change;
use crate::lifecycle::device::DeviceStatus;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, SessionId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Issuing, RequestState};

/// A device asks for its open update.
#[derive(Clone, Copy, Debug)]
pub struct Update {
    pub device: DeviceId,
    /// The session, should one begin.
    pub session: SessionId,
}

/// Begins the session of the device's open update. One that is at work already goes on: there is nothing to change.
pub fn update(holdings: &Holdings, policy: &Policy, act: &Update, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let wrong = |found: &str, required: &str| Refusal::new(RefusalCode::WrongState, found, required);
    let status = holdings.devices.get(&act.device).map(|device| holdings.device_status(device));
    if status != Some(DeviceStatus::Active) {
        return Err(wrong(status.map_or("unknown", DeviceStatus::as_str), "an active device"));
    }
    let request = holdings.open_update_of(act.device).ok_or_else(|| wrong("no open update", "an open update"))?;
    let mut draft = Draft::on(holdings, policy, now);
    if request.issuing().is_none() {
        let issuing = Issuing { session: act.session, device: act.device, since: now, collected: None };
        draft.move_request(request.id, RequestState::Issuing(issuing));
    }
    Ok(draft.finish())
}
