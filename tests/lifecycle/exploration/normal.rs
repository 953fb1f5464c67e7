//! The normal form of holdings: two states of the world that differ only in names, in times that no rule compares, or in what has ended and no rule
//! looks at any more, have the same one.
//!
//! Why nothing is lost by it:
//! - *Names.* No rule compares ids but for equality (the order of ids decides between credentials of the same instant only; no two `enc` here
//!   have one).
//! - *Times.* The rules compare the clock with the end of a stand-in, of a ticket, of a credential and with the escalation of a request. Here the
//!   clock stands still but for the acts *lapse* and *escalate*, which happen when they may; and of `enc` credentials only the order in
//!   which they were issued counts, which is kept.
//! - *What has ended.* Terminated and revoked are final: each act is compared with what was before it, in full, before anything is forgotten. A
//!   terminated device is kept while a request that matters has it on its line or was issued onto it, or a stand-in stands in for it; a revoked credential while a device in
//!   use carries it as current. The rules ask nothing else of them.
//! - *Tickets.* A new one can be had whenever the last is gone, so each session begins with a fresh one.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::{Certified, Credential, CredentialState, KeyId, Slot};
use remint::lifecycle::device::{Device, DeviceState, StandIn};
use remint::lifecycle::hold::{Cause, Held, Hold, Holds};
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, Serial, SessionId};
use remint::lifecycle::request::{EncPlan, Issuing, Line, Purpose, Request, RequestState};
use uuid::Uuid;

/// When everything happens.
pub fn noon() -> Timestamp {
    "2026-11-24T12:00:00Z".parse().unwrap()
}

/// The end of every stand-in.
pub fn end_of_stand_ins() -> Timestamp {
    noon() + SignedDuration::from_hours(30 * 24)
}

pub fn certified() -> Certified {
    Certified { key: KeyId([0; 32]), not_before: noon(), not_after: noon() + SignedDuration::from_hours(24 * 3000) }
}

/// The normal form.
pub fn normal(held: &Holdings) -> Holdings {
    let mut held = held.clone();
    forget_what_has_ended(&mut held);
    let names = Names::of(&held);
    names.rename(&held)
}

fn forget_what_has_ended(held: &mut Holdings) {
    held.tickets.clear();
    let standing: Vec<RequestId> = held.holds.iter().filter_map(|(hold, _)| cause_request(hold)).collect();
    let marks: Vec<StandIn> = held.devices_in_use().filter_map(|device| device.stand_in().copied()).collect();
    held.requests.retain(|id, request| request.is_open() || standing.contains(id) || marks.iter().any(|mark| mark.arrangement == *id));
    let lines: Vec<Line> = held.requests.values().filter_map(|request| request.replacement().map(|(_, line)| *line)).collect();
    let issued = |request: &Request| if let RequestState::Issued { device, .. } = request.state { Some(device) } else { None };
    let issued: Vec<DeviceId> = held.requests.values().filter_map(issued).collect();
    held.devices.retain(|id, device| {
        let is_over = matches!(device.state, DeviceState::Terminated { .. });
        let is_on_a_line = lines.iter().any(|line| line.devices().any(|on| on == *id));
        !is_over || is_on_a_line || issued.contains(id) || marks.iter().any(|mark| mark.original == *id)
    });
    let devices = &held.devices;
    let in_use = |id: &DeviceId| devices.get(id).is_some_and(Device::is_in_use);
    let credentials = &held.credentials;
    held.carries.retain(|(device, credential), carried| {
        let is_revoked = credentials.get(credential).is_none_or(Credential::is_revoked);
        devices.contains_key(device) && (!is_revoked || (*carried == Carried::Current && in_use(device)))
    });
    let carried: Vec<CredentialId> = held.carries.keys().map(|(_, credential)| *credential).collect();
    held.credentials
        .retain(|id, credential| carried.contains(id) || (!credential.is_revoked() && devices.contains_key(&credential.made_for)));
    let credentials = &held.credentials;
    for request in held.requests.values_mut() {
        if let RequestState::Issuing(Issuing { collected: Some(plan), .. }) = &mut request.state {
            plan.history.retain(|enc| credentials.contains_key(enc));
        }
    }
}

fn cause_request(hold: &Hold) -> Option<RequestId> {
    match hold.cause {
        Cause::Replacement(request) => Some(request),
        Cause::HelpDeskDevice(_) | Cause::HelpDeskCredential(_) => None,
    }
}

/// New names, in an order that is read off what is named.
struct Names {
    devices: BTreeMap<DeviceId, DeviceId>,
    credentials: BTreeMap<CredentialId, CredentialId>,
    requests: BTreeMap<RequestId, RequestId>,
    /// The usable and the outdated `enc` in the order of their issue.
    ages: BTreeMap<CredentialId, i64>,
}

impl Names {
    fn of(held: &Holdings) -> Self {
        let mut devices: Vec<(String, DeviceId)> = held.devices.values().map(|device| (looks(held, device), device.id)).collect();
        devices.sort();
        let devices: BTreeMap<_, _> = (1..).zip(devices).map(|(n, (_, id))| (id, DeviceId(Uuid::from_u128(n)))).collect();
        let mut credentials: Vec<_> = held
            .credentials
            .values()
            .map(|credential| {
                ((devices.get(&credential.made_for), credential.slot, credential.is_revoked(), credential.issued_at()), credential.id)
            })
            .collect();
        credentials.sort();
        let credentials = (100..).zip(credentials).map(|(n, (_, id))| (id, CredentialId(Uuid::from_u128(n)))).collect();
        let mut requests: Vec<_> = held
            .requests
            .values()
            .map(|request| {
                let target = request.replacement().map(|(_, line)| devices.get(&line.target));
                ((request.purpose_word(), target, request.state.as_str(), request.kind), request.id)
            })
            .collect();
        requests.sort();
        let requests = (200..).zip(requests).map(|(n, (_, id))| (id, RequestId(Uuid::from_u128(n)))).collect();
        let mut encs: Vec<_> = held.credentials.values().filter(|c| c.slot == Slot::Enc).map(|c| (c.issued_at(), c.id)).collect();
        encs.sort();
        let ages = (0..).zip(encs).map(|(age, (_, id))| (id, age)).collect();
        Self { devices, credentials, requests, ages }
    }

    fn device(&self, id: DeviceId) -> DeviceId {
        self.devices.get(&id).copied().unwrap_or(DeviceId(Uuid::nil()))
    }

    fn credential(&self, id: CredentialId) -> CredentialId {
        self.credentials.get(&id).copied().unwrap_or(CredentialId(Uuid::nil()))
    }

    fn request(&self, id: RequestId) -> RequestId {
        self.requests.get(&id).copied().unwrap_or(RequestId(Uuid::nil()))
    }

    fn rename(&self, held: &Holdings) -> Holdings {
        let mut holds = Holds::default();
        for (hold, _) in held.holds.iter() {
            let on = match hold.on {
                Held::Device(device) => Held::Device(self.device(device)),
                Held::Credential(credential) => Held::Credential(self.credential(credential)),
            };
            let cause = match hold.cause {
                Cause::Replacement(request) => Cause::Replacement(self.request(request)),
                Cause::HelpDeskDevice(device) => Cause::HelpDeskDevice(self.device(device)),
                Cause::HelpDeskCredential(credential) => Cause::HelpDeskCredential(self.credential(credential)),
            };
            holds.place(Hold { on, cause }, noon());
        }
        let carry = |((device, credential), carried): (&(DeviceId, CredentialId), &Carried)| {
            ((self.device(*device), self.credential(*credential)), *carried)
        };
        Holdings {
            user: held.user.clone(),
            devices: held.devices.values().map(|device| self.renamed_device(device)).map(|device| (device.id, device)).collect(),
            credentials: held.credentials.values().map(|c| self.renamed_credential(c)).map(|c| (c.id, c)).collect(),
            carries: held.carries.iter().map(carry).collect(),
            holds,
            requests: held.requests.values().map(|request| self.renamed_request(request)).map(|r| (r.id, r)).collect(),
            tickets: BTreeMap::new(),
        }
    }

    fn renamed_device(&self, device: &Device) -> Device {
        let mark = |mark: &StandIn| StandIn {
            original: self.device(mark.original),
            arrangement: self.request(mark.arrangement),
            until: end_of_stand_ins(),
        };
        let state = match &device.state {
            DeviceState::Available => DeviceState::Available,
            DeviceState::Assigned { request } => DeviceState::Assigned { request: self.request(*request) },
            DeviceState::Issued { stand_in, .. } => DeviceState::Issued { at: noon(), stand_in: stand_in.as_ref().map(mark) },
            DeviceState::Terminated { reason, issued_at, stand_in, .. } => DeviceState::Terminated {
                at: noon(),
                reason: *reason,
                issued_at: issued_at.map(|_| noon()),
                stand_in: stand_in.as_ref().map(mark),
            },
        };
        Device { id: self.device(device.id), state, serial: String::new(), model: String::new(), name: String::new(), kind: device.kind }
    }

    fn renamed_credential(&self, credential: &Credential) -> Credential {
        let issued = noon() + SignedDuration::from_secs(self.ages.get(&credential.id).copied().unwrap_or(0));
        let state = match &credential.state {
            CredentialState::Reserved { .. } => CredentialState::Reserved { at: noon() },
            CredentialState::Signed { .. } => CredentialState::Signed { certified: certified() },
            CredentialState::Issued { .. } => CredentialState::Issued { certified: certified(), at: issued },
            CredentialState::Revoked { issued_at, reason, .. } => {
                CredentialState::Revoked { certified: Some(certified()), issued_at: issued_at.map(|_| issued), at: noon(), reason: *reason }
            }
        };
        let id = self.credential(credential.id);
        Credential { id, slot: credential.slot, serial: Serial::from_random([0; 20]), made_for: self.device(credential.made_for), state }
    }

    fn renamed_request(&self, request: &Request) -> Request {
        let purpose = match &request.purpose {
            Purpose::Initial { mode } => Purpose::Initial { mode: *mode },
            Purpose::Update { device } => Purpose::Update { device: self.device(*device) },
            Purpose::Replacement { mode, reason, line } => {
                let kept = |id: DeviceId| self.devices.get(&id).copied();
                let line = Line {
                    original: line.original.and_then(kept),
                    target: self.device(line.target),
                    stand_in: line.stand_in.and_then(kept),
                };
                Purpose::Replacement { mode: *mode, reason: *reason, line }
            }
        };
        let id = self.request(request.id);
        let state = match &request.state {
            RequestState::Bound { device } => RequestState::Bound { device: self.device(*device) },
            RequestState::Issued { device, .. } => RequestState::Issued { device: self.device(*device), at: noon() },
            RequestState::Issuing(Issuing { device, collected, .. }) => RequestState::Issuing(Issuing {
                session: SessionId(id.0),
                device: self.device(*device),
                since: noon(),
                collected: collected.as_ref().map(|plan| EncPlan {
                    current: self.credential(plan.current),
                    history: plan.history.iter().map(|enc| self.credential(*enc)).collect(),
                }),
            }),
            RequestState::Rejected { .. } => RequestState::Rejected { at: noon() },
            RequestState::Canceled { .. } => RequestState::Canceled { at: noon() },
            waiting @ (RequestState::AwaitingApproval | RequestState::Approved) => waiting.clone(),
        };
        Request { id, kind: request.kind, purpose, requester: request.requester, opened_at: noon(), state }
    }
}

/// What a device looks like without its name: devices that look alike may change places.
fn looks(held: &Holdings, device: &Device) -> String {
    let carries: Vec<_> = held
        .carried_by(device.id)
        .map(|(c, how)| (c.slot, how, c.is_revoked(), held.standing(c) == remint::lifecycle::holdings::Standing::Good))
        .collect();
    let holds: Vec<_> = held.holds.on(Held::Device(device.id)).map(|(hold, _)| matches!(hold.cause, Cause::Replacement(_))).collect();
    let state = match &device.state {
        DeviceState::Available => "available",
        DeviceState::Assigned { .. } => "assigned",
        DeviceState::Issued { stand_in: None, .. } => "issued",
        DeviceState::Issued { stand_in: Some(_), .. } => "stand-in",
        DeviceState::Terminated { .. } => "terminated",
    };
    format!("{:?} {state} {carries:?} {holds:?}", device.kind)
}
