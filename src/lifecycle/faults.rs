//! Faults: which invariants of lifecycle.md §8 the holdings of a user break. None, after every step of every story.

use jiff::Timestamp;

use super::change::Carried;
use super::credential::{Credential, Slot};
use super::device::{Device, DeviceState};
use super::hold::{Cause, Held};
use super::holdings::Holdings;
use super::policy::Policy;
use super::request::{Issuing, Purpose, Request, RequestState};

/// One broken invariant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invariant {invariant}: {found}")]
pub struct Fault {
    /// Its number in lifecycle.md §8; 0 for a structure that makes no sense at all.
    pub invariant: u8,
    pub found: String,
}

impl Holdings {
    /// Every broken invariant, in order of devices, credentials and requests.
    pub fn faults(&self, policy: &Policy, now: Timestamp) -> Vec<Fault> {
        let mut found = Vec::new();
        self.faulty_holds(&mut found);
        self.faulty_replacements(&mut found);
        self.faulty_suspensions(&mut found);
        self.faulty_lines(&mut found);
        self.faulty_carries(&mut found);
        self.faulty_encs(policy, now, &mut found);
        self.faulty_sessions(&mut found);
        found
    }

    /// 1 and 2: what has ended bears no hold, and no hold outlives its cause.
    fn faulty_holds(&self, found: &mut Vec<Fault>) {
        for (hold, _) in self.holds.iter() {
            let lives = match hold.on {
                Held::Device(device) => self.devices.get(&device).is_some_and(Device::is_in_use),
                Held::Credential(credential) => self.credentials.get(&credential).is_some_and(|c| !c.is_revoked() && !c.is_unconfirmed()),
            };
            if !lives {
                fault(found, 1, format!("a hold on what does not live: {}", hold.on));
            }
            let is_justified = match hold.cause {
                Cause::Replacement(request) => self.requests.get(&request).is_some_and(|request| self.may_hold(request)),
                Cause::HelpDeskDevice(device) => self.holds.stands(Held::Device(device), hold.cause),
                Cause::HelpDeskCredential(credential) => hold.on == Held::Credential(credential),
            };
            if !is_justified {
                fault(found, 2, format!("a hold that outlives its cause: {} on {}", hold.cause, hold.on));
            }
        }
    }

    /// 2, the other way round: while a replacement is open, what it took away is held.
    fn faulty_replacements(&self, found: &mut Vec<Fault>) {
        for (request, line) in self.open_requests().filter_map(|request| request.replacement().map(|(_, line)| (request, line))) {
            let taken = [Some(line.target), line.original].into_iter().flatten();
            let in_use = taken.filter(|device| self.devices.get(device).is_some_and(Device::is_in_use));
            for device in in_use.filter(|device| !self.holds.stands(Held::Device(*device), Cause::Replacement(request.id))) {
                fault(found, 2, format!("{device} is not held by its open replacement {}", request.id));
            }
        }
    }

    /// 1, the other way round: what holds a device holds every credential that was on it then, but an `enc` that a temporary arrangement
    /// lends; and an original is held while its stand-in is in use.
    fn faulty_suspensions(&self, found: &mut Vec<Fault>) {
        let of_devices = self.holds.iter().filter_map(|(hold, since)| match hold.on {
            Held::Device(device) => Some((device, hold.cause, since)),
            Held::Credential(_) => None,
        });
        for (device, cause, since) in of_devices {
            let may_be_lent = matches!(cause, Cause::Replacement(request) if self.requests.get(&request).is_some_and(|r| !r.is_open()));
            let was_on_it = |credential: &Credential| {
                let was_usable = credential.certified().is_some_and(|certified| certified.not_after > since);
                was_usable && !credential.is_revoked() && credential.issued_at().is_some_and(|issued| issued <= since)
            };
            let suspended = self.carried_by(device).map(|(credential, _)| credential).filter(|credential| was_on_it(credential));
            for credential in suspended.filter(|credential| !(may_be_lent && credential.slot == Slot::Enc)) {
                if !self.holds.stands(Held::Credential(credential.id), cause) {
                    let Credential { slot, serial, .. } = credential;
                    fault(found, 1, format!("{slot} {serial} of {device} is not held by {cause}, which holds the device"));
                }
            }
        }
        for (device, mark) in self.devices_in_use().filter_map(|device| device.stand_in().map(|mark| (device.id, mark))) {
            let is_in_use = self.devices.get(&mark.original).is_some_and(Device::is_in_use);
            if is_in_use && !self.holds.stands(Held::Device(mark.original), Cause::Replacement(mark.arrangement)) {
                fault(found, 2, format!("{} is not held while {device} stands in for it", mark.original));
            }
        }
    }

    /// A replacement holds while it is open; a temporary one also while its original is in use.
    fn may_hold(&self, request: &Request) -> bool {
        request.replacement().is_some_and(|(reason, line)| {
            let original_waits = self.devices.get(&line.target).is_some_and(Device::is_in_use);
            request.is_open() || (reason.is_temporary() && self.issued_under(request).is_some() && original_waits)
        })
    }

    /// 4 and 7: one open replacement a line, one stand-in an original, and nothing invalid left behind a permanent device.
    fn faulty_lines(&self, found: &mut Vec<Fault>) {
        let open: Vec<_> = self.open_requests().filter_map(|request| request.replacement().map(|(_, line)| (request.id, line))).collect();
        for (position, (id, line)) in open.iter().enumerate() {
            for (other, theirs) in &open[..position] {
                if line.devices().any(|device| theirs.devices().any(|theirs| theirs == device)) {
                    fault(found, 4, format!("two open replacements on a line: {id} and {other}"));
                }
            }
        }
        for device in self.devices_in_use() {
            let stand_ins = self.devices_in_use().filter(|other| other.stand_in().is_some_and(|s| s.original == device.id)).count();
            if stand_ins > 1 {
                fault(found, 4, format!("{stand_ins} stand-ins in use for {}", device.id));
            }
        }
        for request in self.requests.values() {
            let Some((reason, line)) = request.replacement() else { continue };
            let is_permanent = !reason.is_temporary() && self.issued_under(request).is_some();
            let left_behind = line.devices().filter(|device| self.devices.get(device).is_some_and(Device::is_in_use));
            for device in left_behind.filter(|_| is_permanent) {
                fault(found, 7, format!("{device} still in use behind the permanent replacement {}", request.id));
            }
        }
    }

    /// 6: only `enc` is ever shared or history; and a device in use has one current `enc` at most.
    fn faulty_carries(&self, found: &mut Vec<Fault>) {
        for credential in self.credentials.values() {
            let carriers: Vec<_> = self.carries.iter().filter(|((_, carried), _)| *carried == credential.id).collect();
            let expected = usize::from(credential.issued_at().is_some());
            let is_wrong = carriers.len() != expected || carriers.iter().any(|(_, carried)| **carried != Carried::Current);
            if credential.slot != Slot::Enc && is_wrong {
                fault(found, 6, format!("{} {} is on {} devices", credential.slot, credential.serial, carriers.len()));
            }
        }
        for device in self.devices.values() {
            let current = self.carried_by(device.id).filter(|(c, carried)| c.slot == Slot::Enc && *carried == Carried::Current).count();
            if current > 1 {
                fault(found, 6, format!("{current} current enc credentials on {}", device.id));
            }
        }
    }

    /// 10 and 11: no exposed `enc` lives, none lives alone, and no device is left with a revoked one unasked.
    fn faulty_encs(&self, policy: &Policy, now: Timestamp, found: &mut Vec<Fault>) {
        for device in self.devices.values() {
            let is_exposed = matches!(&device.state, DeviceState::Terminated { reason, .. } if reason.exposes_keys());
            let lives = |credential: &Credential| credential.slot == Slot::Enc && !credential.is_revoked();
            for (enc, _) in self.carried_by(device.id).filter(|(credential, _)| is_exposed && lives(credential)) {
                fault(found, 10, format!("enc {} of a lost or stolen device is not revoked", enc.serial));
            }
            let is_outdated = device.is_in_use() && self.current_enc_of(device.id).is_some_and(Credential::is_revoked);
            if is_outdated && self.open_update_of(device.id).is_none() {
                fault(found, 11, format!("{} has a revoked current enc and no open update", device.id));
            }
        }
        for enc in self.credentials.values().filter(|credential| self.is_orphan(credential, policy, now)) {
            fault(found, 11, format!("usable enc {} that nobody holds", enc.serial));
        }
    }

    /// 0: a session at work has a device that waits for it, an open update has a device in use, and nothing unconfirmed lies about.
    fn faulty_sessions(&self, found: &mut Vec<Fault>) {
        for device in self.devices.values() {
            let DeviceState::Assigned { request } = device.state else { continue };
            let state = self.requests.get(&request).map(|request| &request.state);
            let is_awaited = match state {
                Some(RequestState::Bound { device: bound }) => *bound == device.id,
                Some(RequestState::Issuing(issuing)) => issuing.device == device.id,
                _ => false,
            };
            if !is_awaited {
                fault(found, 0, format!("{} is assigned to request {request}, which does not wait for it", device.id));
            }
        }
        for request in self.open_requests() {
            let is_sound = match (&request.purpose, &request.state) {
                (Purpose::Update { device }, _) => self.devices.get(device).is_some_and(Device::is_in_use),
                (_, RequestState::Issuing(Issuing { device, .. }) | RequestState::Bound { device }) => {
                    self.devices.get(device).is_some_and(|device| device.state == DeviceState::Assigned { request: request.id })
                }
                (_, _) => true,
            };
            if !is_sound {
                fault(found, 0, format!("{} {} has no device to work on", request.purpose_word(), request.id));
            }
        }
        for credential in self.credentials.values().filter(|credential| credential.is_unconfirmed()) {
            let is_awaited =
                self.open_requests().any(|request| request.issuing().is_some_and(|issuing| issuing.device == credential.made_for));
            // a serial on record for the renewal of a device in use, whose server died before it signed
            let is_renewal = credential.slot != Slot::Enc && self.devices.get(&credential.made_for).is_some_and(Device::is_in_use);
            if !is_awaited && !is_renewal {
                fault(found, 0, format!("{} {} is unconfirmed and no session is at work for it", credential.slot, credential.serial));
            }
        }
    }
}

fn fault(found: &mut Vec<Fault>, invariant: u8, what: String) {
    found.push(Fault { invariant, found: what });
}
