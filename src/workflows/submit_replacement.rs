//! Somebody reports a device lost, stolen, damaged, expired or forgotten: at once it is invalid, and what it carries is suspended.

use serde_json::json;

use super::failure::Failure;
use super::request_initial_issuance::{Opened, invitation_of, opened};
use super::world::{Caller, World, after, changes, retrying};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::submit::{self, Submit};
use crate::lifecycle::ids::{DeviceId, UserId};
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Mode;
use crate::store::audit::Entry;

/// What is reported.
#[derive(Clone, Copy, Debug)]
pub struct Incident {
    pub target: DeviceId,
    pub reason: Reason,
    pub mode: Mode,
}

/// Submits the replacement; the answer holds the invitation of a remote one, shown once.
pub async fn submit_replacement(world: &World, caller: &Caller, incident: Incident) -> Result<Opened, Failure> {
    retrying(|| attempt(world, caller, incident)).await
}

async fn attempt(world: &World, caller: &Caller, incident: Incident) -> Result<Opened, Failure> {
    let now = world.now();
    let Incident { target, reason, mode } = incident;
    let act = Submit { actor: caller.actor.clone(), request: world.fresh_request(), target, reason, mode, ticket: world.fresh_ticket() };
    let mut entry = caller.entry("submit", now);
    entry.details = json!({ "target": target.to_string(), "reason": reason.as_str(), "mode": mode.as_str() });

    // 1 load the holdings of whose device it is
    let user = whose(world, caller, target, &entry).await?;
    let loaded = world.load(user).await?;

    // 2 decide: the request, its holds, its ticket
    entry.on_behalf_of = Some(user);
    let decided = submit::submit(&loaded.holdings, &world.policy, &act, now);
    let mut writes = changes(world.unless_refused(decided, &entry).await?);

    // 3 the invitation, if it is remote and approved by being submitted
    let invitation = invitation_of(world, &mut writes)?;

    // 4 keep: from here on OCSP says suspended
    entry.request = Some(act.request);
    let holdings = after(&loaded.holdings, &writes);
    world.keep("submit", &loaded, writes, entry).await?;
    opened(holdings, act.request, invitation)
}

/// Whose device a caller may report: a user their own, an operator anybody's. The role is judged before the device is looked up.
async fn whose(world: &World, caller: &Caller, target: DeviceId, entry: &Entry) -> Result<UserId, Failure> {
    match &caller.actor {
        Actor::User(user) => Ok(*user),
        Actor::Operator(_) | Actor::System => {
            world.unless_refused(caller.actor.must_be(Role::HelpDesk), entry).await?;
            world.store.user_of_device(target).await?.ok_or(Failure::missing("device"))
        }
    }
}
