//! A draft: the holdings as an act is changing them, with the list of changes so far. The consequences that several acts share
//! (what ends with a device, which updates open) are its verbs.

use jiff::Timestamp;
use uuid::Uuid;

use super::change::Change;
use super::credential::{RevocationReason, Slot};
use super::device::DeviceState;
use super::ending::Ending;
use super::hold::{Cause, Held, Hold};
use super::holdings::Holdings;
use super::ids::{CredentialId, DeviceId, RequestId};
use super::policy::Policy;
use super::reason::{EncFate, EndReason};
use super::request::{Purpose, Request, RequestState, Requester};
use super::ticket::TicketState;

pub(super) struct Draft<'a> {
    pub holdings: Holdings,
    pub policy: &'a Policy,
    pub now: Timestamp,
    changes: Vec<Change>,
}

impl<'a> Draft<'a> {
    pub fn on(holdings: &Holdings, policy: &'a Policy, now: Timestamp) -> Self {
        Self { holdings: holdings.clone(), policy, now, changes: Vec::new() }
    }

    pub fn make(&mut self, change: Change) {
        self.holdings.apply(&change);
        self.changes.push(change);
    }

    pub fn finish(self) -> Vec<Change> {
        self.changes
    }

    pub fn move_request(&mut self, request: RequestId, to: RequestState) {
        self.make(Change::RequestMoved { request, to });
    }

    pub fn place_hold(&mut self, on: Held, cause: Cause) {
        if !self.holdings.holds.stands(on, cause) {
            self.make(Change::HoldPlaced { hold: Hold { on, cause }, at: self.now });
        }
    }

    /// Lifts the holds of one cause from everything that `from` selects.
    pub fn lift_holds_of(&mut self, cause: Cause, from: impl Fn(&Held) -> bool) {
        let lifted: Vec<Hold> = self.holdings.holds.of(cause).filter(|hold| from(&hold.on)).copied().collect();
        for hold in lifted {
            self.make(Change::HoldLifted { hold });
        }
    }

    fn lift_holds_on(&mut self, on: Held) {
        let lifted: Vec<Hold> = self.holdings.holds.on(on).map(|(hold, _)| *hold).collect();
        for hold in lifted {
            self.make(Change::HoldLifted { hold });
        }
    }

    /// Revokes a credential, unless it is: the first revocation stands. What has ended needs no hold.
    pub fn revoke(&mut self, credential: CredentialId, reason: RevocationReason) {
        let standing = self.holdings.credentials.get(&credential);
        if standing.is_some_and(|credential| !credential.is_revoked()) {
            self.make(Change::CredentialRevoked { credential, at: self.now, reason });
            self.lift_holds_on(Held::Credential(credential));
        }
    }

    /// Holds a device in use and every usable credential that it carries, shared ones included [seed: rule 1].
    pub fn hold_device(&mut self, device: DeviceId, cause: Cause) {
        self.place_hold(Held::Device(device), cause);
        let carried: Vec<CredentialId> = self
            .holdings
            .carried_by(device)
            .filter(|(credential, _)| credential.is_usable(self.now))
            .map(|(credential, _)| credential.id)
            .collect();
        for credential in carried {
            self.place_hold(Held::Credential(credential), cause);
        }
    }

    /// Ends a device: what it carries, itself, and what ends with every device (lifecycle.md §4). A device that has ended before keeps
    /// its end; what it carried is treated all the same. Afterwards the caller calls [`Self::end_orphans`].
    pub fn end_device(&mut self, device: DeviceId, ending: Ending) {
        if let Some(revocation) = ending.encs {
            for enc in self.encs_of(device) {
                self.revoke(enc, revocation);
            }
        }
        for credential in self.own_credentials_of(device) {
            self.revoke(credential, ending.own);
        }
        if !self.holdings.devices.get(&device).is_some_and(|device| device.is_in_use()) {
            return;
        }
        let arrangements: Vec<RequestId> = self.holdings.arrangements_over(device).map(|request| request.id).collect();
        self.make(Change::DeviceTerminated { device, at: self.now, reason: ending.reason });
        for arrangement in arrangements {
            self.lift_holds_of(Cause::Replacement(arrangement), |_| true);
        }
        self.lift_holds_of(Cause::HelpDeskDevice(device), |_| true);
        self.lift_holds_on(Held::Device(device));
        self.drop_unconfirmed(device);
        if let Some(update) = self.holdings.open_update_of(device).map(|request| request.id) {
            self.close_unissued(update, RequestState::Canceled { at: self.now });
        }
    }

    /// What a device carries that is its alone: everything but `enc`.
    pub fn own_credentials_of(&self, device: DeviceId) -> Vec<CredentialId> {
        self.holdings
            .carried_by(device)
            .filter(|(credential, _)| credential.slot != Slot::Enc)
            .map(|(credential, _)| credential.id)
            .collect()
    }

    /// Every `enc` that a device carries or carried, history too.
    pub fn encs_of(&self, device: DeviceId) -> Vec<CredentialId> {
        self.holdings
            .carried_by(device)
            .filter(|(credential, _)| credential.slot == Slot::Enc)
            .map(|(credential, _)| credential.id)
            .collect()
    }

    /// Nobody has a usable credential that nobody holds: an `enc` that no device in use carries, and that no open replacement of one of
    /// its carriers will carry, ends.
    pub fn end_orphans(&mut self) {
        let orphans: Vec<CredentialId> = self
            .holdings
            .credentials
            .values()
            .filter(|enc| self.holdings.is_orphan(enc, self.policy, self.now))
            .map(|enc| enc.id)
            .collect();
        for enc in orphans {
            self.revoke(enc, RevocationReason::CessationOfOperation);
        }
    }

    /// Opens an update for every device in use whose current `enc` is revoked and that has none open. `cause` names the act.
    pub fn open_updates(&mut self, cause: Uuid) {
        let outdated: Vec<_> = self
            .holdings
            .devices_in_use()
            .filter(|device| self.holdings.current_enc_of(device.id).is_some_and(|enc| enc.is_revoked()))
            .filter(|device| self.holdings.open_update_of(device.id).is_none())
            .map(|device| (device.id, device.kind))
            .collect();
        for (device, kind) in outdated {
            self.make(Change::RequestOpened(Request {
                id: RequestId::of_update(cause, device),
                kind,
                purpose: Purpose::Update { device },
                requester: Requester::System,
                opened_at: self.now,
                state: RequestState::Approved,
            }));
        }
    }

    /// Every ticket of a request that is not dead dies.
    pub fn kill_tickets(&mut self, request: RequestId) {
        let alive: Vec<_> = self.holdings.tickets.values().filter(|ticket| ticket.request == request).map(|t| (t.id, t.state)).collect();
        for (ticket, state) in alive {
            let session = match state {
                TicketState::Dead { .. } => continue,
                TicketState::Open => None,
                TicketState::Redeemed { session } => Some(session),
            };
            self.make(Change::TicketMoved { ticket, to: TicketState::Dead { session } });
        }
    }

    /// Gives up the session at work on a request, if one is: what was made for its device and not confirmed is revoked, and a phone
    /// that was bound by enrolling is let go. Returns the stock device that stays bound.
    pub fn give_up_session(&mut self, request: RequestId) -> Option<DeviceId> {
        let device = self.holdings.requests.get(&request)?.issuing()?.device;
        self.drop_unconfirmed(device);
        let provisioned = self.holdings.devices.get(&device)?;
        let is_new = matches!(provisioned.state, DeviceState::Assigned { .. });
        if is_new && provisioned.kind.is_stock() {
            return Some(device);
        }
        if is_new {
            self.make(Change::DeviceTerminated { device, at: self.now, reason: EndReason::Unissued });
        }
        None
    }

    /// Revokes what was made for a device and is not confirmed.
    pub fn drop_unconfirmed(&mut self, device: DeviceId) {
        let dropped: Vec<CredentialId> = self.holdings.unconfirmed_for(device).map(|credential| credential.id).collect();
        for credential in dropped {
            self.revoke(credential, RevocationReason::CessationOfOperation);
        }
    }

    /// Closes a request that was not issued: its session and tickets end, a stock device goes back, and its holds are lifted.
    /// For cancel, reject, and an update whose device has ended; afterwards the caller calls [`Self::end_orphans`].
    pub fn close_unissued(&mut self, request: RequestId, to: RequestState) {
        let bound = match self.holdings.requests.get(&request).map(|request| &request.state) {
            Some(RequestState::Bound { device }) => Some(*device),
            Some(RequestState::Issuing(_)) => self.give_up_session(request),
            _ => None,
        };
        self.kill_tickets(request);
        if let Some(device) = bound {
            self.make(Change::DeviceUnbound { device });
        }
        self.lift_holds_of(Cause::Replacement(request), |_| true);
        self.move_request(request, to);
    }
}

impl Holdings {
    /// Whether a credential is a usable `enc` that no device in use carries and no open replacement of a carrier will carry.
    pub(super) fn is_orphan(&self, credential: &super::credential::Credential, policy: &Policy, now: Timestamp) -> bool {
        credential.slot == Slot::Enc
            && credential.is_usable(now)
            && self.carriers_in_use(credential.id).next().is_none()
            && !self.open_requests().any(|request| self.will_recover(request, credential.id, policy))
    }

    /// Whether an open replacement will recover an `enc` of its target onto the new device, still usable.
    fn will_recover(&self, request: &Request, enc: CredentialId, policy: &Policy) -> bool {
        request.replacement().is_some_and(|(reason, line)| {
            let renewed = matches!(policy.enc_fate(request.kind, reason), EncFate::Renewed(_));
            !renewed && self.carries.contains_key(&(line.target, enc))
        })
    }
}
