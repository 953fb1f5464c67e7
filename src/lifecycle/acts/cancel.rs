//! Cancel a request: the exact inverse of what opened it, whatever else happened in between [seed: rule 2].

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Purpose, Request, RequestState, Requester};

/// Somebody takes a request back.
#[derive(Clone, Debug)]
pub struct Cancel {
    pub actor: Actor,
    pub request: RequestId,
}

/// Lifts the request's holds, unbinds its device, kills its tickets, and revokes what was signed and not confirmed.
pub fn cancel(holdings: &Holdings, policy: &Policy, act: &Cancel, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let request = holdings.requests.get(&act.request);
    may_cancel(holdings, &act.actor, request)?;
    let request = request.ok_or_else(|| Refusal::unknown("request"))?;
    if !request.is_open() {
        return Err(Refusal::new(RefusalCode::WrongState, request.state.as_str(), "an open request"));
    }
    if matches!(request.purpose, Purpose::Update { .. }) {
        return Err(Refusal::new(
            RefusalCode::WrongState,
            "an update, which brings a device up to date",
            "a replacement or an initial issuance",
        ));
    }
    let mut draft = Draft::on(holdings, policy, now);
    draft.close_unissued(request.id, RequestState::Canceled { at: now });
    draft.end_orphans();
    Ok(draft.finish())
}

/// A help desk operator; the user, for a request that they submitted and that awaits approval.
fn may_cancel(holdings: &Holdings, actor: &Actor, request: Option<&Request>) -> Result<(), Refusal> {
    match actor {
        Actor::Operator(_) => actor.must_be(Role::HelpDesk),
        Actor::User(user) if *user == holdings.user.id => match request {
            Some(request) if request.requester != Requester::User(*user) => {
                Err(actor.not_permitted("help-desk, or the user who submitted it"))
            }
            Some(request) if request.state != RequestState::AwaitingApproval => Err(actor.not_permitted("help-desk, once it was approved")),
            Some(_) | None => Ok(()),
        },
        Actor::User(_) | Actor::System => Err(actor.not_permitted("help-desk, or the user who submitted it")),
    }
}
