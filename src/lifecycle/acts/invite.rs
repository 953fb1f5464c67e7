//! Invite: give out a new ticket for a request. The former ticket dies, and the session that came of it is given up.

use jiff::Timestamp;

use super::approve::not_their_own;
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{RequestId, TicketId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Mode, Request, RequestState, Requester};
use crate::lifecycle::ticket::{Ticket, TicketState};

/// The id of a ticket that is given out if the act does so.
#[derive(Clone, Copy, Debug)]
pub struct NewTicket {
    pub id: TicketId,
}

/// Somebody needs a new ticket.
#[derive(Clone, Debug)]
pub struct Invite {
    pub actor: Actor,
    pub request: RequestId,
    pub ticket: NewTicket,
}

/// Gives out a ticket for a request that waits to be issued.
pub fn invite(holdings: &Holdings, policy: &Policy, act: &Invite, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let request = holdings.requests.get(&act.request);
    may_invite(holdings, policy, &act.actor, request)?;
    let request = request.ok_or_else(|| Refusal::unknown("request"))?;
    let waits = |found: &str| Refusal::new(RefusalCode::WrongState, found, "a request that waits to be issued");
    if request.mode().is_none() {
        return Err(waits("an update, which needs no invitation"));
    }
    let mut draft = Draft::on(holdings, policy, now);
    match &request.state {
        RequestState::AwaitingApproval => return Err(Refusal::new(RefusalCode::NotApproved, "awaiting-approval", "an approved request")),
        RequestState::Approved | RequestState::Bound { .. } => request.is_bound_if_it_must()?,
        RequestState::Issuing(_) => super::abandon::give_up(&mut draft, request.id),
        closed @ (RequestState::Issued { .. } | RequestState::Rejected { .. } | RequestState::Canceled { .. }) => {
            return Err(waits(closed.as_str()));
        }
    }
    issue_ticket(&mut draft, request.id, &act.ticket);
    Ok(draft.finish())
}

/// Remote: the operator who sends it, and the user who asked for it. Local: the officer who personalizes. Self-enrollment: the user.
fn may_invite(holdings: &Holdings, policy: &Policy, actor: &Actor, request: Option<&Request>) -> Result<(), Refusal> {
    let Some(request) = request else {
        return match actor {
            Actor::Operator(_) => actor.must_be(Role::HelpDesk).or_else(|_| actor.must_be(Role::IssuanceOfficer)),
            Actor::User(_) | Actor::System => Ok(()),
        };
    };
    match (request.mode(), actor) {
        (Some(Mode::Local), _) => {
            let officer = actor.operator(Role::IssuanceOfficer)?;
            if policy.separate_issuer { not_their_own(holdings, request, officer) } else { Ok(()) }
        }
        (Some(Mode::Remote), Actor::User(user)) if request.requester == Requester::User(*user) => Ok(()),
        (Some(Mode::SelfEnrollment), Actor::User(user)) if *user == holdings.user.id => Ok(()),
        (Some(Mode::SelfEnrollment), _) => Err(actor.not_permitted("the user")),
        (Some(Mode::Remote) | None, _) => actor.must_be(Role::HelpDesk),
    }
}

/// Gives out a ticket; every other ticket of the request dies.
pub(super) fn issue_ticket(draft: &mut Draft, request: RequestId, ticket: &NewTicket) {
    draft.kill_tickets(request);
    draft.make(Change::TicketIssued(Ticket {
        id: ticket.id,
        request,
        expires_at: draft.now + draft.policy.invitation.lifetime,
        attempts_left: draft.policy.invitation.attempts,
        state: TicketState::Open,
    }));
}
