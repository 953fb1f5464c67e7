//! A new invitation for a request: the former one dies, and the session that came of it is given up.

use super::cancel_request::owner;
use super::failure::Failure;
use super::request_initial_issuance::{Opened, invitation_of, opened};
use super::world::{Caller, World, after, changes, retrying};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::invite::{self, Invite};
use crate::lifecycle::ids::RequestId;

/// Gives out a new ticket; the answer holds its invitation, shown once.
pub async fn invite_again(world: &World, caller: &Caller, request: RequestId) -> Result<Opened, Failure> {
    retrying(|| attempt(world, caller, request)).await
}

async fn attempt(world: &World, caller: &Caller, request: RequestId) -> Result<Opened, Failure> {
    let now = world.now();
    let mut entry = caller.entry("invite", now);

    // 1 who may, before the request is looked up; then load
    if let Actor::Operator(_) = &caller.actor {
        world.unless_refused(caller.actor.must_be(Role::HelpDesk).or_else(|_| caller.actor.must_be(Role::IssuanceOfficer)), &entry).await?;
    }
    let user = owner(world, caller, request).await?;
    let loaded = world.load(user).await?;

    // 2 decide
    entry.request = Some(request);
    entry.on_behalf_of = Some(user);
    let act = Invite { actor: caller.actor.clone(), request, ticket: world.fresh_ticket() };
    let decided = invite::invite(&loaded.holdings, &world.policy, &act, now);
    let decided = world.unless_refused(decided, &entry).await?;
    let mut writes = changes(decided);
    let invitation = invitation_of(world, &mut writes)?;

    // 3 keep
    let holdings = after(&loaded.holdings, &writes);
    world.keep("invite", &loaded, writes, entry).await?;
    opened(holdings, request, invitation)
}
