//! Submit a replacement (help desk operator, or the user at the portal). At once, before any approval, the target is invalid and what
//! it carries is suspended [seed: rule 1].

use jiff::Timestamp;

use super::invite::{self, NewTicket};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::device::{Device, DeviceKind};
use crate::lifecycle::draft::Draft;
use crate::lifecycle::hold::Cause;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Line, Mode, Purpose, Request, RequestState, Requester};

/// Somebody reports an incident with a device.
#[derive(Clone, Debug)]
pub struct Submit {
    pub actor: Actor,
    pub request: RequestId,
    pub target: DeviceId,
    pub reason: Reason,
    pub mode: Mode,
    /// The ticket that goes out at once where the request is remote and approved by being submitted.
    pub ticket: NewTicket,
}

/// Opens the request, places its holds, and gives out the ticket of a remote one.
pub fn submit(holdings: &Holdings, policy: &Policy, act: &Submit, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let requester = may_submit(holdings, &act.actor)?;
    let target = replaceable(holdings, act)?;
    fits(policy, act, target.kind)?;
    stands_alone(holdings, act)?;
    let line = line_of(holdings, target);
    is_free(holdings, &line)?;

    let mut draft = Draft::on(holdings, policy, now);
    let state = match requester {
        Requester::Operator(_) | Requester::System if policy.validate_replacements => RequestState::AwaitingApproval,
        Requester::Operator(_) | Requester::System => RequestState::Approved,
        Requester::User(_) => RequestState::AwaitingApproval,
    };
    let is_invited = state == RequestState::Approved && act.mode == Mode::Remote;
    draft.make(Change::RequestOpened(Request {
        id: act.request,
        kind: target.kind,
        purpose: Purpose::Replacement { mode: act.mode, reason: act.reason, line },
        requester,
        opened_at: now,
        state,
    }));
    for device in [Some(line.target), line.original].into_iter().flatten() {
        draft.hold_device(device, Cause::Replacement(act.request));
    }
    if is_invited {
        invite::issue_ticket(&mut draft, act.request, &act.ticket);
    }
    Ok(draft.finish())
}

fn may_submit(holdings: &Holdings, actor: &Actor) -> Result<Requester, Refusal> {
    match actor {
        Actor::Operator(operator) => actor.must_be(Role::HelpDesk).map(|()| Requester::Operator(operator.id)),
        Actor::User(user) if *user == holdings.user.id => Ok(Requester::User(*user)),
        Actor::User(_) => {
            Err(Refusal::new(RefusalCode::NotReplaceable, "a device that is not this user's", "a device of their own in use"))
        }
        Actor::System => Err(actor.not_permitted("help-desk, or the user")),
    }
}

/// The target is any device in use, also an original whose stand-in is in use or has lapsed.
fn replaceable<'h>(holdings: &'h Holdings, act: &Submit) -> Result<&'h Device, Refusal> {
    let refused = |found: &str| Refusal::new(RefusalCode::NotReplaceable, found, "a device in use");
    let target = holdings.devices.get(&act.target).ok_or_else(|| Refusal::unknown("device"))?;
    if target.is_in_use() { Ok(target) } else { Err(refused(holdings.device_status(target).as_str())) }
}

fn fits(policy: &Policy, act: &Submit, kind: DeviceKind) -> Result<(), Refusal> {
    let by_user = matches!(act.actor, Actor::User(_));
    if by_user && act.mode == Mode::Remote && !policy.users_may_issue_remotely {
        return Err(Refusal::new(RefusalCode::WrongMode, "remote, by a user", "remote by an operator only"));
    }
    mode_fits(policy, act.mode, kind)
}

/// Refuses a mode that is not for this kind, and a kind that the policy does not issue.
pub(super) fn mode_fits(policy: &Policy, mode: Mode, kind: DeviceKind) -> Result<(), Refusal> {
    if policy.slots(kind).is_empty() {
        return Err(Refusal::new(RefusalCode::WrongMode, format!("{kind}, which the policy does not issue"), "a kind of the policy"));
    }
    let fitting = Mode::fitting(kind);
    if fitting.contains(&mode) {
        return Ok(());
    }
    let fitting: Vec<_> = fitting.iter().map(|mode| mode.as_str()).collect();
    Err(Refusal::new(RefusalCode::WrongMode, format!("{mode} for {kind}"), fitting.join(" or ")))
}

/// A temporary replacement does not go over another temporary arrangement.
fn stands_alone(holdings: &Holdings, act: &Submit) -> Result<(), Refusal> {
    let refused = |found: &str| Err(Refusal::new(RefusalCode::StandIn, found, "a permanent device without a stand-in"));
    if !act.reason.is_temporary() {
        return Ok(());
    }
    if holdings.devices.get(&act.target).is_some_and(|target| target.stand_in().is_some()) {
        return refused("a stand-in in use");
    }
    if holdings.stand_in_of(act.target).is_some() {
        return refused("an original whose stand-in is in use");
    }
    if holdings.arrangements_over(act.target).next().is_some() {
        return refused("an original whose stand-in has lapsed");
    }
    Ok(())
}

/// The line as it is now, of devices in use.
fn line_of(holdings: &Holdings, target: &Device) -> Line {
    let is_in_use = |device: &DeviceId| holdings.devices.get(device).is_some_and(Device::is_in_use);
    Line {
        original: target.stand_in().map(|stand_in| stand_in.original).filter(is_in_use),
        target: target.id,
        stand_in: holdings.stand_in_of(target.id).map(|device| device.id),
    }
}

/// No other replacement may be open on the line. A device is on the line of every open request that fixed it there.
fn is_free(holdings: &Holdings, line: &Line) -> Result<(), Refusal> {
    let is_on_line = |other: &Line| other.devices().any(|device| line.devices().any(|ours| ours == device));
    let open = holdings.open_requests().find(|request| request.replacement().is_some_and(|(_, other)| is_on_line(other)));
    match open {
        Some(request) => Err(Refusal::new(RefusalCode::OpenRequest, format!("open replacement: {}", request.id), "none open on the line")),
        None => Ok(()),
    }
}
