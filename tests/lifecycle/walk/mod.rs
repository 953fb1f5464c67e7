//! Users on a random walk through the acts, one of whom has their turn, with a stock of cards. Whatever an act is refused for is simply not done.

use std::collections::{BTreeSet, VecDeque};

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::Fault;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::abandon::{Abandon, abandon};
use remint::lifecycle::acts::approve::{Approve, approve, reject};
use remint::lifecycle::acts::bind::{Bind, Unbind, bind, unbind};
use remint::lifecycle::acts::cancel::{Cancel, cancel};
use remint::lifecycle::acts::collect::{Collect, Collection, collect, collected};
use remint::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, is_generated_on_device, signed};
use remint::lifecycle::acts::escalate::{Escalate, escalate};
use remint::lifecycle::acts::invite::{Invite, NewTicket, invite};
use remint::lifecycle::acts::issue::{Issue, issue};
use remint::lifecycle::acts::lapse::{Lapse, lapse};
use remint::lifecycle::acts::redeem::{DeviceFacts, NewCredential, Redeem, admission, redeem};
use remint::lifecycle::acts::request_initial::{RequestInitial, request_initial};
use remint::lifecycle::acts::returned::{Returned, returned};
use remint::lifecycle::acts::submit::{Submit, submit};
use remint::lifecycle::acts::suspend::{Suspend, resume, suspend};
use remint::lifecycle::acts::terminate::{Terminate, terminate};
use remint::lifecycle::acts::update::{Update, update};
use remint::lifecycle::change::Change;
use remint::lifecycle::credential::{Certified, KeyId, Slot};
use remint::lifecycle::device::{Device, DeviceKind, DeviceState, DeviceStatus};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::due::{Due, dues};
use remint::lifecycle::hold::{Cause, Held};
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RequestId, Serial, SessionId, TicketId, UserId};
use remint::lifecycle::policy::Policy;
use remint::lifecycle::reason::{Reason, Termination};
use remint::lifecycle::refusal::Refusal;
use remint::lifecycle::request::{EncPlan, Issuing, Mode, Purpose, RequestState};
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
    /// The user reports a device.
    Report(usize, usize, usize),
    Approve(usize),
    Reject(usize),
    Bind(usize, usize),
    Unbind(usize),
    Suspend(usize),
    Resume(usize),
    SuspendCredential(usize),
    ResumeCredential(usize),
    Terminate(usize, usize),
    Returned(usize),
    /// Another user has their turn.
    Next,
}

#[derive(Clone)]
pub struct Walk {
    holdings: Holdings,
    /// The other users, who wait for their turn.
    others: VecDeque<Holdings>,
    /// Blank cards.
    stock: Vec<Device>,
    policy: Policy,
    now: Timestamp,
    drawn: u128,
}

impl Walk {
    pub fn new() -> Self {
        let user = |id| User {
            id: UserId(Uuid::from_u128(id)),
            name: "A".into(),
            email: "a@example.org".into(),
            upn: "a@example.org".into(),
            attributes: Attributes::default(),
        };
        let card = |n: u128| Device {
            id: DeviceId(Uuid::from_u128(900 + n)),
            kind: DeviceKind::SmartCard,
            serial: format!("card-{n}"),
            model: "m".into(),
            name: "n".into(),
            state: DeviceState::Available,
        };
        let mut policy = policy::parse(policy::BUILT_IN).unwrap();
        policy.escalation = Some(SignedDuration::from_hours(200));
        Self {
            holdings: Holdings::of(user(1)),
            others: [Holdings::of(user(3))].into(),
            stock: (0..6).map(card).collect(),
            policy,
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
            Act::Report(device, reason, mode) => {
                self.report(device, reason, mode);
            }
            Act::Approve(index) => self.with_open(index, |walk, request| {
                walk.keep(approve(&walk.holdings, &walk.policy, &Approve { actor: vera(), request }, walk.now));
            }),
            Act::Reject(index) => self.with_open(index, |walk, request| {
                walk.keep(reject(&walk.holdings, &walk.policy, &Approve { actor: vera(), request }, walk.now));
            }),
            Act::Bind(index, card) => self.bind_card(index, card),
            Act::Unbind(index) => self.with_open(index, |walk, request| {
                let RequestState::Bound { device } = walk.holdings.requests[&request].state else { return };
                walk.keep(unbind(&walk.holdings, &walk.policy, &Unbind { actor: ivo(), request, device }, walk.now));
            }),
            Act::Suspend(device) => self.hold(device, suspend),
            Act::Resume(device) => self.hold(device, resume),
            Act::SuspendCredential(credential) => self.hold_credential(credential, suspend),
            Act::ResumeCredential(credential) => self.hold_credential(credential, resume),
            Act::Terminate(device, reason) => {
                let Some(device) = self.device(device) else { return };
                let act = Terminate { actor: omar(), device, reason: Termination::ALL[reason % 4] };
                self.keep(terminate(&self.holdings, &self.policy, &act, self.now));
            }
            Act::Returned(device) => {
                let Some(original) = self.device(device) else { return };
                self.keep(returned(&self.holdings, &self.policy, &Returned { actor: omar(), original }, self.now));
            }
            Act::Next => {
                let next = self.others.pop_front().unwrap();
                self.others.push_back(std::mem::replace(&mut self.holdings, next));
            }
        }
        self.settle();
    }

    /// What falls due by itself, for everybody.
    fn settle(&mut self) {
        for _ in 0..=self.others.len() {
            // one may make another unnecessary: a stand-in that is escalated does not lapse
            while let Some((_, due)) = dues(&self.holdings, &self.policy).into_iter().find(|(at, _)| *at <= self.now) {
                let decided = match due {
                    Due::Lapse(stand_in) => lapse(&self.holdings, &self.policy, &Lapse { actor: Actor::System, stand_in }, self.now),
                    Due::Escalation(request) => {
                        escalate(&self.holdings, &self.policy, &Escalate { actor: Actor::System, request }, self.now)
                    }
                };
                assert!(self.keep(decided), "what is due can be settled");
            }
            let next = self.others.pop_front().unwrap();
            self.others.push_back(std::mem::replace(&mut self.holdings, next));
        }
        // one more turn than there are others: everybody is back in their place
    }

    /// Every act by somebody who may not, on everything that there is: each is refused.
    pub fn is_closed_to_strangers(&self) -> bool {
        let (held, policy, now) = (&self.holdings, &self.policy, self.now);
        let bo = || Actor::User(UserId(Uuid::from_u128(99)));
        let ticket = || NewTicket { id: TicketId(Uuid::from_u128(7)) };
        let requests = held.requests.keys().all(|request| {
            let request = *request;
            [bo(), ivo()].into_iter().all(|actor| cancel(held, policy, &Cancel { actor, request }, now).is_err())
                && [bo(), omar(), ivo()].into_iter().all(|actor| approve(held, policy, &Approve { actor, request }, now).is_err())
                && [bo(), omar(), vera()]
                    .into_iter()
                    .all(|actor| unbind(held, policy, &Unbind { actor, request, device: DeviceId(Uuid::from_u128(900)) }, now).is_err())
                && [bo(), vera()].into_iter().all(|actor| invite(held, policy, &Invite { actor, request, ticket: ticket() }, now).is_err())
        });
        let own = || Actor::User(held.user.id);
        requests
            && held.devices.keys().all(|device| {
                [bo(), own(), ivo(), vera(), Actor::System].into_iter().all(|actor| {
                    let what = Held::Device(*device);
                    let act = Suspend { actor: actor.clone(), what };
                    suspend(held, policy, &act, now).is_err()
                        && resume(held, policy, &act, now).is_err()
                        && terminate(held, policy, &Terminate { actor: actor.clone(), device: *device, reason: Termination::Lost }, now)
                            .is_err()
                        && returned(held, policy, &Returned { actor, original: *device }, now).is_err()
                })
            })
    }

    fn device(&self, index: usize) -> Option<DeviceId> {
        let devices: Vec<DeviceId> = self.holdings.devices_in_use().map(|device| device.id).collect();
        devices.get(index % devices.len().max(1)).copied()
    }

    fn hold(&mut self, device: usize, act: HoldAct) {
        if let Some(device) = self.device(device) {
            self.keep(act(&self.holdings, &self.policy, &Suspend { actor: omar(), what: Held::Device(device) }, self.now));
        }
    }

    fn hold_credential(&mut self, credential: usize, act: HoldAct) {
        let issued = self.holdings.credentials.values().filter(|credential| credential.issued_at().is_some());
        let credentials: Vec<CredentialId> = issued.map(|credential| credential.id).collect();
        if let Some(credential) = credentials.get(credential % credentials.len().max(1)) {
            let what = Held::Credential(*credential);
            self.keep(act(&self.holdings, &self.policy, &Suspend { actor: omar(), what }, self.now));
        }
    }

    fn bind_card(&mut self, index: usize, card: usize) {
        self.with_open(index, |_, _| {});
        let open: Vec<RequestId> = self.holdings.open_requests().map(|request| request.id).collect();
        let (Some(request), false) = (open.get(index % open.len().max(1)).copied(), self.stock.is_empty()) else { return };
        let device = self.stock[card % self.stock.len()].clone();
        self.keep(bind(&self.holdings, &self.policy, &Bind { actor: ivo(), request, device }, self.now));
    }

    /// The user reports a device of their own; an officer must approve it.
    fn report(&mut self, device: usize, reason: usize, mode: usize) -> Option<RequestId> {
        let target = self.device(device)?;
        let fitting = Mode::fitting(self.holdings.devices[&target].kind);
        let mode = fitting[mode % fitting.len()];
        let request = RequestId(self.fresh());
        let actor = Actor::User(self.holdings.user.id);
        let act = Submit { actor, request, target, reason: Reason::ALL[reason], mode, ticket: self.fresh_ticket() };
        self.keep(submit(&self.holdings, &self.policy, &act, self.now)).then_some(request)
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

    /// Two walks give the same names to what comes next.
    pub fn draw_as(&mut self, other: &Self) {
        self.drawn = other.drawn;
        self.now = other.now;
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
        for change in &changes {
            match change {
                Change::DeviceUnbound { device } => {
                    let back = self.holdings.devices[device].clone();
                    self.stock.push(Device { state: DeviceState::Available, ..back });
                }
                Change::DeviceAssigned { device } => self.stock.retain(|blank| blank.id != device.id),
                _ => {}
            }
            self.holdings.apply(change);
        }
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
        let (kind, mode) = [
            (DeviceKind::MobileSmartCard, Mode::Remote),
            (DeviceKind::MobileApp, Mode::SelfEnrollment),
            (DeviceKind::SmartCard, Mode::Local),
            (DeviceKind::SmartCard, Mode::SelfEnrollment),
        ][kind];
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
        let asked = &self.holdings.requests[&request];
        let known = match &asked.state {
            RequestState::Bound { device } => self.holdings.devices.get(device).cloned(),
            _ if asked.kind == DeviceKind::SmartCard => self.stock.first().cloned(),
            _ => None,
        };
        let serial = known.as_ref().map_or_else(|| "s".to_owned(), |known| known.serial.clone());
        let facts = DeviceFacts { kind: asked.kind, model: "m".into(), serial, name: "n".into() };
        let reserve = (0..4).map(|_| self.fresh_credential()).collect();
        let (session, device) = (SessionId(self.fresh()), DeviceId(self.fresh()));
        self.keep(redeem(&self.holdings, &self.policy, &Redeem { ticket: ticket.id, session, device, facts, known, reserve }, self.now));
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
        let actor = match self.holdings.requests[&request].mode() {
            Some(Mode::SelfEnrollment) => Actor::User(self.holdings.user.id),
            Some(Mode::Local) => ivo(),
            Some(Mode::Remote) | None => omar(),
        };
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

type HoldAct = fn(&Holdings, &Policy, &Suspend, Timestamp) -> Result<Vec<Change>, Refusal>;

fn operator(id: u128, role: Role) -> Actor {
    Actor::Operator(Operator { id: OperatorId(Uuid::from_u128(id)), name: "o".into(), roles: BTreeSet::from([role]), user: None })
}

/// The operator at the help desk.
pub fn omar() -> Actor {
    operator(2, Role::HelpDesk)
}

/// The validation officer.
pub fn vera() -> Actor {
    operator(4, Role::ValidationOfficer)
}

/// The issuance officer.
pub fn ivo() -> Actor {
    operator(5, Role::IssuanceOfficer)
}
