//! Due: what falls due by itself for a user, and when. A stand-in lapses at its end date; a lost or stolen target whose replacement was not
//! issued in time is terminated, where the policy says so. Timed work carries it out; whoever loads the holdings sees to it first, so that
//! nobody acts on a stand-in whose time is up.

use jiff::Timestamp;

use super::device::Device;
use super::holdings::Holdings;
use super::ids::{DeviceId, RequestId};
use super::policy::Policy;

/// One thing that falls due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Due {
    Lapse(DeviceId),
    Escalation(RequestId),
}

/// Everything that falls due for a user, with its time, the earliest first.
pub fn dues(holdings: &Holdings, policy: &Policy) -> Vec<(Timestamp, Due)> {
    let lapses = holdings.devices_in_use().filter_map(|device| Some((device.stand_in()?.until, Due::Lapse(device.id))));
    let escalations = holdings.open_requests().filter_map(|request| {
        let (reason, line) = request.replacement()?;
        let is_awaited = reason.exposes_keys() && holdings.devices.get(&line.target).is_some_and(Device::is_in_use);
        let at = escalates_at(request.opened_at, policy).filter(|_| is_awaited)?;
        Some((at, Due::Escalation(request.id)))
    });
    let mut dues: Vec<_> = lapses.chain(escalations).collect();
    dues.sort();
    dues
}

/// When a lost or stolen device is terminated, if its replacement has not been issued by then.
pub fn escalates_at(opened_at: Timestamp, policy: &Policy) -> Option<Timestamp> {
    policy.escalation.and_then(|after| opened_at.checked_add(after).ok())
}
