//! Holdings: all that one user holds, and what can be read off it. [`Holdings::apply`] is the only way it changes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::change::{Carried, Change};
use super::credential::{Credential, CredentialState, CredentialStatus, RevocationReason, Slot};
use super::device::{Device, DeviceState, DeviceStatus};
use super::hold::{Cause, Held, Holds};
use super::ids::{CredentialId, DeviceId, RequestId, TicketId};
use super::refusal::{Refusal, RefusalCode};
use super::request::{Purpose, Request, RequestState};
use super::ticket::Ticket;
use super::user::User;

/// All that one user holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    pub user: User,
    pub devices: BTreeMap<DeviceId, Device>,
    pub credentials: BTreeMap<CredentialId, Credential>,
    /// Device × credential; the slot is the credential's. Kept when the device ends: it did carry them.
    pub carries: BTreeMap<(DeviceId, CredentialId), Carried>,
    pub holds: Holds,
    pub requests: BTreeMap<RequestId, Request>,
    pub tickets: BTreeMap<TicketId, Ticket>,
}

/// What relying parties are told of a credential, in CRL and OCSP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    Good,
    /// `certificateHold`: suspended, or not yet confirmed.
    OnHold {
        since: Timestamp,
    },
    Revoked {
        at: Timestamp,
        reason: RevocationReason,
    },
}

impl Standing {
    /// Reads it off a credential and the time of the oldest hold on it.
    pub fn of(state: &CredentialState, held_since: Option<Timestamp>) -> Self {
        match (state, held_since) {
            (CredentialState::Revoked { at, reason, .. }, _) => Self::Revoked { at: *at, reason: *reason },
            (CredentialState::Reserved { at }, _) => Self::OnHold { since: *at },
            (CredentialState::Signed { certified }, _) => Self::OnHold { since: certified.not_before },
            (CredentialState::Issued { .. }, Some(since)) => Self::OnHold { since },
            (CredentialState::Issued { .. }, None) => Self::Good,
        }
    }

    /// As relying parties are told of it at a time. Nothing has happened in the future: where a clock was set back, it is told since now, and
    /// not later than it will be when the time has come.
    pub fn told_at(self, now: Timestamp) -> Self {
        match self {
            Self::Good => Self::Good,
            Self::OnHold { since } => Self::OnHold { since: since.min(now) },
            Self::Revoked { at, reason } => Self::Revoked { at: at.min(now), reason },
        }
    }
}

impl Holdings {
    /// A user who holds nothing yet.
    pub fn of(user: User) -> Self {
        Self {
            user,
            devices: BTreeMap::new(),
            credentials: BTreeMap::new(),
            carries: BTreeMap::new(),
            holds: Holds::default(),
            requests: BTreeMap::new(),
            tickets: BTreeMap::new(),
        }
    }

    /// Carries out one change. A change of something that is not held does nothing; acts make no such change.
    pub fn apply(&mut self, change: &Change) {
        match change {
            Change::RequestOpened(request) => {
                self.requests.insert(request.id, request.clone());
            }
            Change::RequestMoved { request, to } => {
                if let Some(request) = self.requests.get_mut(request) {
                    request.state = to.clone();
                }
            }
            Change::RequestWorsened { request, reason } => {
                if let Some(Request { purpose: Purpose::Replacement { reason: asked, .. }, .. }) = self.requests.get_mut(request) {
                    *asked = *reason;
                }
            }
            Change::TicketIssued(ticket) => {
                self.tickets.insert(ticket.id, ticket.clone());
            }
            Change::TicketMoved { ticket, to } => {
                if let Some(ticket) = self.tickets.get_mut(ticket) {
                    ticket.state = *to;
                }
            }
            Change::TicketMissed { ticket, attempts_left } => {
                if let Some(ticket) = self.tickets.get_mut(ticket) {
                    ticket.attempts_left = *attempts_left;
                }
            }
            Change::DeviceAssigned { .. }
            | Change::DeviceUnbound { .. }
            | Change::DeviceIssued { .. }
            | Change::DeviceTerminated { .. } => self.apply_to_device(change),
            Change::CredentialReserved(_)
            | Change::CredentialSigned { .. }
            | Change::CredentialIssued { .. }
            | Change::CredentialRevoked { .. } => self.apply_to_credential(change),
            Change::CarriedAs { device, credential, carried } => {
                self.carries.insert((*device, *credential), *carried);
            }
            Change::HoldPlaced { hold, at } => self.holds.place(*hold, *at),
            Change::HoldLifted { hold } => self.holds.lift(hold),
        }
    }

    fn apply_to_device(&mut self, change: &Change) {
        match change {
            Change::DeviceAssigned { device } => {
                self.devices.insert(device.id, device.clone());
            }
            Change::DeviceUnbound { device } => {
                self.devices.remove(device);
            }
            Change::DeviceIssued { device, at, stand_in } => {
                if let Some(device) = self.devices.get_mut(device) {
                    device.state = DeviceState::Issued { at: *at, stand_in: *stand_in };
                }
            }
            Change::DeviceTerminated { device, at, reason } => {
                if let Some(device) = self.devices.get_mut(device) {
                    device.state = device.state.clone().terminated(*at, *reason);
                }
            }
            _ => {}
        }
    }

    fn apply_to_credential(&mut self, change: &Change) {
        match change {
            Change::CredentialReserved(credential) => {
                self.credentials.insert(credential.id, credential.clone());
            }
            Change::CredentialSigned { credential, certified } => {
                if let Some(credential) = self.credentials.get_mut(credential) {
                    credential.state = CredentialState::Signed { certified: *certified };
                }
            }
            Change::CredentialIssued { credential, at } => {
                if let Some(credential) = self.credentials.get_mut(credential) {
                    credential.state = credential.state.clone().issued(*at);
                }
            }
            Change::CredentialRevoked { credential, at, reason } => {
                if let Some(credential) = self.credentials.get_mut(credential) {
                    credential.state = credential.state.clone().revoked(*at, *reason);
                }
            }
            _ => {}
        }
    }

    // ---- what an act is about ----

    /// A request, or the refusal that there is none.
    pub(super) fn request(&self, request: RequestId) -> Result<&Request, Refusal> {
        self.requests.get(&request).ok_or_else(|| Refusal::unknown("request"))
    }

    /// A device in use, or the refusal that says what it is instead.
    pub(super) fn device_in_use(&self, device: DeviceId) -> Result<&Device, Refusal> {
        let device = self.devices.get(&device).ok_or_else(|| Refusal::unknown("device"))?;
        if device.is_in_use() {
            return Ok(device);
        }
        Err(Refusal::new(RefusalCode::WrongState, self.device_status(device).as_str(), "a device in use"))
    }

    // ---- what can be read off ----

    /// What a device is now: its state, and for one in use what its holds make of it.
    pub fn device_status(&self, device: &Device) -> DeviceStatus {
        match &device.state {
            DeviceState::Available => DeviceStatus::Available,
            DeviceState::Assigned { .. } => DeviceStatus::Assigned,
            DeviceState::Terminated { .. } => DeviceStatus::Terminated,
            DeviceState::Issued { .. } => self.status_by_holds(device.id),
        }
    }

    fn status_by_holds(&self, device: DeviceId) -> DeviceStatus {
        let mut status = DeviceStatus::Active;
        for (hold, _) in self.holds.on(Held::Device(device)) {
            match hold.cause {
                Cause::Replacement(_) => return DeviceStatus::Invalid,
                Cause::HelpDeskDevice(_) | Cause::HelpDeskCredential(_) => status = DeviceStatus::Suspended,
            }
        }
        status
    }

    /// What relying parties are told of a credential.
    pub fn standing(&self, credential: &Credential) -> Standing {
        Standing::of(&credential.state, self.holds.since(Held::Credential(credential.id)))
    }

    /// What a credential is now: its state, and for an issued one what the clock and its holds make of it.
    pub fn credential_status(&self, credential: &Credential, now: Timestamp) -> CredentialStatus {
        match &credential.state {
            CredentialState::Reserved { .. } => CredentialStatus::Reserved,
            CredentialState::Signed { .. } => CredentialStatus::Signed,
            CredentialState::Revoked { .. } => CredentialStatus::Revoked,
            CredentialState::Issued { certified, .. } if now >= certified.not_after => CredentialStatus::Expired,
            CredentialState::Issued { .. } if self.standing(credential) == Standing::Good => CredentialStatus::Active,
            CredentialState::Issued { .. } => CredentialStatus::Suspended,
        }
    }

    /// What a device carries, or carried before it ended.
    pub fn carried_by(&self, device: DeviceId) -> impl Iterator<Item = (&Credential, Carried)> {
        self.carries
            .range((device, CredentialId(uuid::Uuid::nil()))..=(device, CredentialId(uuid::Uuid::max())))
            .filter_map(|((_, credential), carried)| Some((self.credentials.get(credential)?, *carried)))
    }

    /// The devices in use that carry a credential.
    pub fn carriers_in_use(&self, credential: CredentialId) -> impl Iterator<Item = &Device> {
        self.carries
            .keys()
            .filter(move |(_, carried)| *carried == credential)
            .filter_map(|(device, _)| self.devices.get(device))
            .filter(|device| device.is_in_use())
    }

    pub fn devices_in_use(&self) -> impl Iterator<Item = &Device> {
        self.devices.values().filter(|device| device.is_in_use())
    }

    /// The stand-in that is in use for a device.
    pub fn stand_in_of(&self, original: DeviceId) -> Option<&Device> {
        self.devices_in_use().find(|device| device.stand_in().is_some_and(|stand_in| stand_in.original == original))
    }

    /// The temporary arrangements over an original that have not been undone: issued, with their hold still standing on it.
    pub fn arrangements_over(&self, original: DeviceId) -> impl Iterator<Item = &Request> {
        self.holds.on(Held::Device(original)).filter_map(|(hold, _)| match hold.cause {
            Cause::Replacement(request) => self.requests.get(&request).filter(|request| !request.is_open()),
            Cause::HelpDeskDevice(_) | Cause::HelpDeskCredential(_) => None,
        })
    }

    pub fn open_requests(&self) -> impl Iterator<Item = &Request> {
        self.requests.values().filter(|request| request.is_open())
    }

    /// The open replacement whose target a device is.
    pub fn open_replacement_of(&self, target: DeviceId) -> Option<&Request> {
        self.open_requests().find(|request| request.replacement().is_some_and(|(_, line)| line.target == target))
    }

    /// Whether a device is on the line of an open replacement, its own or another's.
    pub fn is_on_open_line(&self, device: DeviceId) -> bool {
        self.open_requests().any(|request| request.replacement().is_some_and(|(_, line)| line.devices().any(|on_it| on_it == device)))
    }

    /// The open update of a device.
    pub fn open_update_of(&self, device: DeviceId) -> Option<&Request> {
        self.open_requests().find(|request| matches!(request.purpose, Purpose::Update { device: updated } if updated == device))
    }

    /// Credentials made for a device that it has not confirmed.
    pub fn unconfirmed_for(&self, device: DeviceId) -> impl Iterator<Item = &Credential> {
        self.credentials.values().filter(move |credential| credential.made_for == device && credential.is_unconfirmed())
    }

    /// Every `enc` that was ever issued to the user, revoked or not, newest first.
    pub fn encs_ever_issued(&self) -> Vec<&Credential> {
        let mut encs: Vec<_> = self.credentials.values().filter(|c| c.slot == Slot::Enc && c.issued_at().is_some()).collect();
        encs.sort_by_key(|credential| std::cmp::Reverse((credential.issued_at(), credential.id)));
        encs
    }

    /// The `enc` that a device carries as current.
    pub fn current_enc_of(&self, device: DeviceId) -> Option<&Credential> {
        self.carried_by(device)
            .find(|(credential, carried)| credential.slot == Slot::Enc && *carried == Carried::Current)
            .map(|(enc, _)| enc)
    }

    /// The device that was issued under a request, once it was.
    pub fn issued_under(&self, request: &Request) -> Option<&Device> {
        match &request.state {
            RequestState::Issued { device, .. } => self.devices.get(device),
            _ => None,
        }
    }
}
