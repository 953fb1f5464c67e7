//! Everything that can be tried in a state, and what comes of it: by the product's own functions.

use std::collections::BTreeSet;

use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::abandon::{Abandon, abandon};
use remint::lifecycle::acts::approve::{Approve, approve, reject};
use remint::lifecycle::acts::bind::{Bind, Unbind, bind, unbind};
use remint::lifecycle::acts::cancel::{Cancel, cancel};
use remint::lifecycle::acts::collect::{Collect, Collection, collect, collected};
use remint::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, signed};
use remint::lifecycle::acts::escalate::{Escalate, escalate};
use remint::lifecycle::acts::invite::{Invite, NewTicket, invite};
use remint::lifecycle::acts::issue::{Issue, issue};
use remint::lifecycle::acts::lapse::{Lapse, lapse};
use remint::lifecycle::acts::redeem::{DeviceFacts, NewCredential, Redeem, redeem};
use remint::lifecycle::acts::request_initial::{RequestInitial, request_initial};
use remint::lifecycle::acts::returned::{Returned, returned};
use remint::lifecycle::acts::submit::{Submit, submit};
use remint::lifecycle::acts::suspend::{Suspend, resume, suspend};
use remint::lifecycle::acts::terminate::{Terminate, terminate};
use remint::lifecycle::acts::update::{Update, update};
use remint::lifecycle::change::Change;
use remint::lifecycle::credential::Slot;
use remint::lifecycle::device::{Device, DeviceKind, DeviceState};
use remint::lifecycle::hold::Held;
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RequestId, Serial, SessionId, TicketId};
use remint::lifecycle::policy::Policy;
use remint::lifecycle::reason::{Reason, Termination};
use remint::lifecycle::refusal::Refusal;
use remint::lifecycle::request::{EncPlan, Mode, Purpose, RequestState};
use remint::lifecycle::ticket::TicketState;
use uuid::Uuid;

use super::normal::{certified, end_of_stand_ins, noon};

/// Something to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Act {
    Initial(DeviceKind, Mode),
    Submit(DeviceId, Reason),
    /// By the user.
    Report(DeviceId, Reason),
    Approve(RequestId),
    Reject(RequestId),
    Cancel(RequestId),
    Bind(RequestId),
    Unbind(RequestId),
    /// A device begins a session, with a fresh ticket.
    Begin(RequestId),
    /// It has its certificates signed, and collects its keys.
    Provision(RequestId),
    Confirm(RequestId),
    Abandon(RequestId),
    Update(DeviceId),
    Suspend(DeviceId),
    Resume(DeviceId),
    SuspendCredential(CredentialId),
    ResumeCredential(CredentialId),
    Terminate(DeviceId, Termination),
    Lapse(DeviceId),
    Returned(DeviceId),
    Escalate(RequestId),
}

/// Stolen is to every rule what lost is, and expired what damaged is (lifecycle.md §2): one of each is enough.
const REASONS: [Reason; 3] = [Reason::Damaged, Reason::Lost, Reason::Forgotten];
const TERMINATIONS: [Termination; 3] = [Termination::Retired, Termination::Damaged, Termination::Lost];
/// How many devices there are at once, in use or being provisioned.
pub const DEVICES: usize = 3;

/// Everything to try; what a rule refuses comes to nothing.
pub fn acts(held: &Holdings) -> Vec<Act> {
    let mut acts = Vec::new();
    let alive = held.devices.values().filter(|device| !matches!(device.state, DeviceState::Terminated { .. })).count();
    let coming = held.open_requests().filter(|request| request.mode().is_some() && request.issuing().is_none()).count();
    if alive + coming < DEVICES {
        acts.push(Act::Initial(DeviceKind::SmartCard, Mode::Local));
        acts.push(Act::Initial(DeviceKind::MobileApp, Mode::SelfEnrollment));
    }
    for device in held.devices_in_use() {
        let id = device.id;
        acts.extend(REASONS.into_iter().flat_map(|reason| [Act::Submit(id, reason), Act::Report(id, reason)]));
        acts.extend(TERMINATIONS.map(|reason| Act::Terminate(id, reason)));
        acts.extend([Act::Suspend(id), Act::Resume(id), Act::Update(id), Act::Returned(id), Act::Lapse(id)]);
    }
    for credential in held.credentials.values().filter(|credential| credential.is_usable(noon())) {
        acts.extend([Act::SuspendCredential(credential.id), Act::ResumeCredential(credential.id)]);
    }
    for request in held.open_requests() {
        let id = request.id;
        acts.extend([Act::Approve(id), Act::Reject(id), Act::Cancel(id), Act::Bind(id), Act::Unbind(id), Act::Escalate(id)]);
        acts.extend([Act::Provision(id), Act::Confirm(id), Act::Abandon(id)]);
        if alive < DEVICES || matches!(request.state, RequestState::Bound { .. }) {
            acts.push(Act::Begin(id));
        }
    }
    acts
}

/// What comes of an act; nothing where it is refused.
pub fn carry_out(held: &Holdings, policy: &Policy, act: Act) -> Option<Holdings> {
    let now = noon();
    let changed = |decided: Result<Vec<Change>, Refusal>| decided.ok().map(|changes| after(held, &changes));
    let omar = || operator(2, Role::HelpDesk);
    let (vera, ivo) = (operator(4, Role::ValidationOfficer), operator(5, Role::IssuanceOfficer));
    match act {
        Act::Initial(kind, mode) => {
            let act = RequestInitial { actor: omar(), request: RequestId(new(1)), kind, mode, ticket: ticket() };
            changed(request_initial(held, policy, &act, now))
        }
        Act::Submit(target, reason) => submitted(held, policy, omar(), target, reason),
        Act::Report(target, reason) => submitted(held, policy, Actor::User(held.user.id), target, reason),
        Act::Approve(request) => changed(approve(held, policy, &Approve { actor: vera, request }, now)),
        Act::Reject(request) => changed(reject(held, policy, &Approve { actor: vera, request }, now)),
        Act::Cancel(request) => changed(cancel(held, policy, &Cancel { actor: omar(), request }, now)),
        Act::Bind(request) => changed(bind(held, policy, &Bind { actor: ivo, request, device: blank() }, now)),
        Act::Unbind(request) => {
            let RequestState::Bound { device } = held.requests.get(&request)?.state else { return None };
            changed(unbind(held, policy, &Unbind { actor: ivo, request, device }, now))
        }
        Act::Begin(request) => begin(held, policy, request),
        Act::Provision(request) => provision(held, policy, request),
        Act::Confirm(request) => {
            let issuing = held.requests.get(&request)?.issuing()?;
            let own = held.unconfirmed_for(issuing.device).filter(|c| c.certified().is_some()).map(|c| c.id);
            let confirmed = own.chain(issuing.collected.as_ref().map(|plan| plan.current)).collect();
            // later than every credential before it
            let later = now + SignedDuration::from_secs(1000);
            changed(issue(held, policy, &Issue { request, session: issuing.session, confirmed }, later))
        }
        Act::Abandon(request) => {
            let session = held.requests.get(&request)?.issuing()?.session;
            changed(abandon(held, policy, &Abandon { request, session }, now))
        }
        Act::Update(device) => {
            let decided = update(held, policy, &Update { device, session: SessionId(new(3)) }, now);
            changed(decided).filter(|after| after != held)
        }
        Act::Suspend(device) => changed(suspend(held, policy, &Suspend { actor: omar(), what: Held::Device(device) }, now)),
        Act::Resume(device) => changed(resume(held, policy, &Suspend { actor: omar(), what: Held::Device(device) }, now)),
        Act::SuspendCredential(id) => changed(suspend(held, policy, &Suspend { actor: omar(), what: Held::Credential(id) }, now)),
        Act::ResumeCredential(id) => changed(resume(held, policy, &Suspend { actor: omar(), what: Held::Credential(id) }, now)),
        Act::Terminate(device, reason) => changed(terminate(held, policy, &Terminate { actor: omar(), device, reason }, now)),
        Act::Lapse(stand_in) => changed(lapse(held, policy, &Lapse { actor: Actor::System, stand_in }, end_of_stand_ins())),
        Act::Returned(original) => changed(returned(held, policy, &Returned { actor: omar(), original }, now)),
        Act::Escalate(request) => {
            let late = now + SignedDuration::from_hours(18);
            changed(escalate(held, policy, &Escalate { actor: Actor::System, request }, late))
        }
    }
}

fn submitted(held: &Holdings, policy: &Policy, actor: Actor, target: DeviceId, reason: Reason) -> Option<Holdings> {
    // the mode decides only who hands out the ticket and whether a device is bound: the card's is local, so that it is
    let mode = match held.devices.get(&target)?.kind {
        DeviceKind::SmartCard => Mode::Local,
        DeviceKind::MobileSmartCard | DeviceKind::MobileApp => Mode::SelfEnrollment,
    };
    let act = Submit { actor, request: RequestId(new(1)), target, reason, mode, ticket: ticket() };
    submit(held, policy, &act, noon()).ok().map(|changes| after(held, &changes))
}

fn begin(held: &Holdings, policy: &Policy, request: RequestId) -> Option<Holdings> {
    let asked = held.requests.get(&request)?;
    if asked.issuing().is_some() || asked.mode().is_none() {
        return None;
    }
    let actor = match asked.mode()? {
        Mode::Local => operator(5, Role::IssuanceOfficer),
        Mode::SelfEnrollment => Actor::User(held.user.id),
        Mode::Remote => operator(2, Role::HelpDesk),
    };
    let invited = after(held, &invite(held, policy, &Invite { actor, request, ticket: ticket() }, noon()).ok()?);
    let ticket = invited.tickets.values().find(|ticket| ticket.state == TicketState::Open)?.id;
    let known = match &asked.state {
        RequestState::Bound { device } => held.devices.get(device).cloned(),
        _ => Some(blank()).filter(|_| asked.kind == DeviceKind::SmartCard),
    };
    let serial = known.as_ref().map(|known| known.serial.clone()).unwrap_or_default();
    let facts = DeviceFacts { kind: asked.kind, model: String::new(), serial, name: String::new() };
    let reserve = (0..4).map(|n| credential(10 + n)).collect();
    let act = Redeem { ticket, session: SessionId(new(3)), device: DeviceId(new(4)), facts, known, reserve };
    let changes = redeem(&invited, policy, &act, noon()).ok()?;
    Some(after(&invited, &changes))
}

fn provision(held: &Holdings, policy: &Policy, request: RequestId) -> Option<Holdings> {
    let mut held = held.clone();
    let asked = held.requests.get(&request)?.clone();
    let session = asked.issuing()?.session;
    let is_update = matches!(asked.purpose, Purpose::Update { .. });
    let auth = Enroll { request, session, slot: Slot::Auth, key: certified().key };
    if let (false, Ok(Enrollment::Sign(credential))) = (is_update, enroll(&held, &auth)) {
        held = after(&held, &signed(credential.id, certified()));
    }
    for n in 0..2 {
        let act = Collect { request, session, new: credential(20 + n) };
        let (plan, made) = match collect(&held, policy, &act, noon()).ok()? {
            Collection::Reserve(changes) => {
                held = after(&held, &changes);
                continue;
            }
            Collection::Make { credential, history } => (EncPlan { current: credential.id, history }, Some((credential.id, certified()))),
            Collection::Deliver(plan) => (plan, None),
        };
        let changes = collected(&held, request, session, plan, made).ok()?;
        return Some(after(&held, &changes));
    }
    None
}

fn after(held: &Holdings, changes: &[Change]) -> Holdings {
    let mut after = held.clone();
    changes.iter().for_each(|change| after.apply(change));
    after
}

fn operator(id: u128, role: Role) -> Actor {
    Actor::Operator(Operator { id: OperatorId(Uuid::from_u128(id)), name: String::new(), roles: BTreeSet::from([role]), user: None })
}

/// A name that nothing in a normal form has.
fn new(n: u128) -> Uuid {
    Uuid::from_u128(1000 + n)
}

fn ticket() -> NewTicket {
    NewTicket { id: TicketId(new(2)) }
}

fn credential(n: u128) -> NewCredential {
    NewCredential { id: CredentialId(new(n)), serial: Serial::from_random([0; 20]) }
}

/// A card of the stock, which never ends.
fn blank() -> Device {
    let (id, kind, state) = (DeviceId(new(5)), DeviceKind::SmartCard, DeviceState::Available);
    Device { id, kind, serial: "blank".to_owned(), model: String::new(), name: String::new(), state }
}
