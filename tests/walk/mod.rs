//! One user's holdings on a random walk through the acts. Whatever an act is refused for is simply not done.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::Fault;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::abandon::{Abandon, abandon};
use remint::lifecycle::acts::cancel::{Cancel, cancel};
use remint::lifecycle::acts::collect::{Collect, Collection, collect, collected};
use remint::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, is_generated_on_device, signed};
use remint::lifecycle::acts::invite::{Invite, NewTicket, invite};
use remint::lifecycle::acts::issue::{Issue, issue};
use remint::lifecycle::acts::redeem::{DeviceFacts, NewCredential, Redeem, admission, redeem};
use remint::lifecycle::acts::request_initial::{RequestInitial, request_initial};
use remint::lifecycle::acts::submit::{Submit, submit};
use remint::lifecycle::acts::update::{Update, update};
use remint::lifecycle::change::Change;
use remint::lifecycle::credential::{Certified, KeyId, Slot};
use remint::lifecycle::device::{DeviceKind, DeviceStatus};
use remint::lifecycle::hold::{Cause, Held};
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RequestId, Serial, SessionId, TicketId, UserId};
use remint::lifecycle::policy::Policy;
use remint::lifecycle::reason::Reason;
use remint::lifecycle::refusal::Refusal;
use remint::lifecycle::request::{EncPlan, Issuing, Mode, Purpose};
use remint::lifecycle::ticket::TicketState;
use remint::lifecycle::user::User;
use remint::server::policy;
use uuid::Uuid;

/// Something to try. An index chooses among what there is, modulo how many there are.
#[derive(Clone, Debug)]
pub enum Act {
    RequestInitial(usize),
    Submit(usize, usize),
    Begin(usize),
    Provision(usize),
    Confirm(usize),
    Cancel(usize),
    Abandon(usize),
    InviteAgain(usize),
    Update(usize),
    Wait(i64),
    /// A request goes all the way: redeemed, provisioned, confirmed.
    Carry(usize),
}

pub struct Walk {
    holdings: Holdings,
    policy: Policy,
    now: Timestamp,
    drawn: u128,
}

impl Walk {
    pub fn new() -> Self {
        let user =
            User { id: UserId(Uuid::from_u128(1)), name: "Ana".into(), email: "ana@example.org".into(), upn: "ana@example.org".into() };
        Self {
            holdings: Holdings::of(user),
            policy: policy::parse(policy::BUILT_IN).unwrap(),
            now: "2026-11-22T12:00:00Z".parse().unwrap(),
            drawn: 1,
        }
    }

    pub fn take(&mut self, act: &Act) {
        self.now += SignedDuration::from_secs(1);
        match *act {
            Act::RequestInitial(kind) => self.request_initial(kind),
            Act::Submit(device, reason) => {
                self.submit(device, reason);
            }
            Act::Begin(index) => self.with_open(index, Self::begin_request),
            Act::Provision(index) => self.with_open(index, Self::provision_request),
            Act::Confirm(index) => self.with_open(index, Self::confirm_request),
            Act::Cancel(index) => self.with_open(index, Self::cancel_request),
            Act::Abandon(index) => self.with_open(index, Self::abandon_request),
            Act::InviteAgain(index) => self.with_open(index, Self::invite_again),
            Act::Update(index) => self.update(index),
            Act::Carry(index) => self.with_open(index, Self::carry_out),
            Act::Wait(hours) => self.now += SignedDuration::from_hours(hours),
        }
    }

    pub fn faults(&self) -> Vec<Fault> {
        self.holdings.faults(&self.policy, self.now)
    }

    /// What people see: devices in use with their states, credentials with what relying parties are told, and who carries what.
    pub fn shown(&self) -> Vec<String> {
        let held = &self.holdings;
        let devices = held.devices_in_use().map(|device| format!("{} {}", device.id, held.device_status(device)));
        let credentials = held.credentials.values().filter(|credential| credential.issued_at().is_some());
        let credentials = credentials.map(|credential| format!("{} {:?}", credential.id, held.standing(credential)));
        let carries = held.carries.iter().map(|carry| format!("{carry:?}"));
        devices.chain(credentials).chain(carries).collect()
    }

    /// Everything that is terminated or revoked, with how it ended.
    pub fn ended(&self) -> BTreeSet<String> {
        let devices = self.holdings.devices.values().filter(|device| self.holdings.device_status(device) == DeviceStatus::Terminated);
        let credentials = self.holdings.credentials.values().filter(|credential| credential.is_revoked());
        devices.map(|device| format!("{device:?}")).chain(credentials.map(|credential| format!("{credential:?}"))).collect()
    }

    pub fn devices_in_use(&self) -> usize {
        self.holdings.devices_in_use().count()
    }

    pub fn usable_encs(&self) -> usize {
        self.holdings.credentials.values().filter(|c| c.slot == Slot::Enc && c.is_usable(self.now)).count()
    }

    fn keep(&mut self, decided: Result<Vec<Change>, Refusal>) -> bool {
        let Ok(changes) = decided else { return false };
        changes.iter().for_each(|change| self.holdings.apply(change));
        true
    }

    fn fresh(&mut self) -> Uuid {
        self.drawn += 1;
        Uuid::from_u128(self.drawn)
    }

    fn fresh_credential(&mut self) -> NewCredential {
        let id = self.fresh();
        let mut serial = [0; 20];
        serial[4..].copy_from_slice(id.as_bytes());
        NewCredential { id: CredentialId(id), serial: Serial::from_random(serial) }
    }

    fn fresh_ticket(&mut self) -> NewTicket {
        NewTicket { id: TicketId(self.fresh()) }
    }

    fn fresh_certified(&mut self) -> Certified {
        let mut key = [0; 32];
        key[16..].copy_from_slice(self.fresh().as_bytes());
        Certified { key: KeyId(key), not_before: self.now, not_after: self.now + SignedDuration::from_hours(24 * 1000) }
    }

    fn with_open(&mut self, index: usize, then: fn(&mut Self, RequestId)) {
        let open: Vec<RequestId> = self.holdings.open_requests().map(|request| request.id).collect();
        if !open.is_empty() {
            then(self, open[index % open.len()]);
        }
    }

    fn issuing(&self, request: RequestId) -> Option<Issuing> {
        self.holdings.requests.get(&request)?.issuing().cloned()
    }

    fn request_initial(&mut self, kind: usize) {
        let (kind, mode) = [(DeviceKind::MobileSmartCard, Mode::Remote), (DeviceKind::MobileApp, Mode::SelfEnrollment)][kind];
        let act = RequestInitial { actor: omar(), request: RequestId(self.fresh()), kind, mode, ticket: self.fresh_ticket() };
        self.keep(request_initial(&self.holdings, &self.policy, &act, self.now));
    }

    pub fn submit(&mut self, device: usize, reason: usize) -> Option<RequestId> {
        let devices: Vec<DeviceId> = self.holdings.devices_in_use().map(|device| device.id).collect();
        let target = *devices.get(device % devices.len().max(1))?;
        let mode = Mode::fitting(self.holdings.devices[&target].kind).last().copied()?;
        let request = RequestId(self.fresh());
        let act = Submit { actor: omar(), request, target, reason: Reason::ALL[reason], mode, ticket: self.fresh_ticket() };
        self.keep(submit(&self.holdings, &self.policy, &act, self.now)).then_some(request)
    }

    /// A phone redeems the open ticket of a request.
    pub fn begin_request(&mut self, request: RequestId) {
        let open = self.holdings.tickets.values().find(|ticket| ticket.request == request && ticket.state == TicketState::Open);
        let Some(ticket) = open.cloned() else { return self.invite_again(request) };
        if admission(&self.holdings, &ticket, self.now).is_err() {
            return;
        }
        let facts = DeviceFacts { kind: self.holdings.requests[&request].kind, model: "m".into(), serial: "s".into(), name: "n".into() };
        let reserve = (0..4).map(|_| self.fresh_credential()).collect();
        let (session, device) = (SessionId(self.fresh()), DeviceId(self.fresh()));
        self.keep(redeem(
            &self.holdings,
            &self.policy,
            &Redeem { ticket: ticket.id, session, device, facts, known: None, reserve },
            self.now,
        ));
    }

    /// The phone at work on a request enrolls its slots and collects its keys.
    pub fn provision_request(&mut self, request: RequestId) {
        let Some(Issuing { session, .. }) = self.issuing(request) else { return };
        for slot in self.policy.slots(self.holdings.requests[&request].kind).to_vec() {
            if is_generated_on_device(slot) {
                let certified = self.fresh_certified();
                if let Ok(Enrollment::Sign(credential)) = enroll(&self.holdings, &Enroll { request, session, slot, key: certified.key }) {
                    self.keep(Ok(signed(credential.id, certified)));
                }
            } else {
                self.collect(request, session);
            }
        }
    }

    fn collect(&mut self, request: RequestId, session: SessionId) {
        for _ in 0..2 {
            let act = Collect { request, session, new: self.fresh_credential() };
            let (plan, made) = match collect(&self.holdings, &self.policy, &act, self.now) {
                Ok(Collection::Reserve(changes)) => {
                    self.keep(Ok(changes));
                    continue;
                }
                Ok(Collection::Make { credential, history }) => {
                    let certified = self.fresh_certified();
                    (EncPlan { current: credential.id, history }, Some((credential.id, certified)))
                }
                Ok(Collection::Deliver(plan)) => (plan, None),
                Err(_) => return,
            };
            self.keep(collected(&self.holdings, request, session, plan, made));
            return;
        }
    }

    fn confirm_request(&mut self, request: RequestId) {
        let Some(Issuing { session, device, collected, .. }) = self.issuing(request) else { return };
        let own =
            self.holdings.unconfirmed_for(device).filter(|credential| credential.certified().is_some()).map(|credential| credential.id);
        let confirmed = own.chain(collected.map(|plan| plan.current)).collect();
        self.keep(issue(&self.holdings, &self.policy, &Issue { request, session, confirmed }, self.now));
    }

    pub fn cancel_request(&mut self, request: RequestId) {
        self.keep(cancel(&self.holdings, &self.policy, &Cancel { actor: omar(), request }, self.now));
    }

    pub fn carry_out(&mut self, request: RequestId) {
        for _ in 0..2 {
            // the first may have to ask for a ticket
            if self.issuing(request).is_none() {
                self.begin_request(request);
            }
        }
        if let Purpose::Update { device } = self.holdings.requests[&request].purpose {
            let session = SessionId(self.fresh());
            self.keep(update(&self.holdings, &self.policy, &Update { device, session }, self.now));
        }
        self.provision_request(request);
        self.confirm_request(request);
    }

    /// What a request holds: devices, then credentials.
    pub fn held_by(&self, request: RequestId) -> Vec<Held> {
        self.holdings.holds.of(Cause::Replacement(request)).map(|hold| hold.on).collect()
    }

    fn abandon_request(&mut self, request: RequestId) {
        let Some(Issuing { session, .. }) = self.issuing(request) else { return };
        self.keep(abandon(&self.holdings, &self.policy, &Abandon { request, session }, self.now));
    }

    fn invite_again(&mut self, request: RequestId) {
        let ticket = self.fresh_ticket();
        let is_users = self.holdings.requests[&request].mode() == Some(Mode::SelfEnrollment);
        let actor = if is_users { Actor::User(self.holdings.user.id) } else { omar() };
        self.keep(invite(&self.holdings, &self.policy, &Invite { actor, request, ticket }, self.now));
    }

    fn update(&mut self, index: usize) {
        let devices: Vec<DeviceId> = self.holdings.devices_in_use().map(|device| device.id).collect();
        if let Some(device) = devices.get(index % devices.len().max(1)) {
            let session = SessionId(self.fresh());
            self.keep(update(&self.holdings, &self.policy, &Update { device: *device, session }, self.now));
        }
    }
}

/// The operator at the help desk.
fn omar() -> Actor {
    let roles = BTreeSet::from([Role::HelpDesk]);
    Actor::Operator(Operator { id: OperatorId(Uuid::from_u128(2)), name: "omar".into(), roles, user: None })
}
