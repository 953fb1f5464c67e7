//! Somebody takes a request back: everything that it placed is lifted.

use super::failure::Failure;
use super::world::{Caller, World, after, changes, retrying};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::cancel::{self, Cancel};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{RequestId, UserId};

/// Cancels a request; gives what its user holds now.
pub async fn cancel_request(world: &World, caller: &Caller, request: RequestId) -> Result<Holdings, Failure> {
    retrying(|| attempt(world, caller, request)).await
}

async fn attempt(world: &World, caller: &Caller, request: RequestId) -> Result<Holdings, Failure> {
    let now = world.now();
    let mut entry = caller.entry("cancel", now);

    // 1 who may, before the request is looked up; then load
    if let Actor::Operator(_) = &caller.actor {
        world.unless_refused(caller.actor.must_be(Role::HelpDesk), &entry).await?;
    }
    let user = owner(world, caller, request).await?;
    let loaded = world.load(user).await?;

    // 2 decide
    entry.request = Some(request);
    entry.on_behalf_of = Some(user);
    let act = Cancel { actor: caller.actor.clone(), request };
    let decided = cancel::cancel(&loaded.holdings, &world.policy, &act, now);
    let decided = world.unless_refused(decided, &entry).await?;

    // 3 keep
    let writes = changes(decided);
    let holdings = after(&loaded.holdings, &writes);
    world.keep("cancel", &loaded, writes, entry).await?;
    Ok(holdings)
}

/// Whose request it is; a user sees only their own.
pub(super) async fn owner(world: &World, caller: &Caller, request: RequestId) -> Result<UserId, Failure> {
    let owner = world.store.user_of_request(request).await?.ok_or(Failure::missing("request"))?;
    match &caller.actor {
        Actor::User(user) if *user != owner => Err(Failure::missing("request")),
        Actor::User(_) | Actor::Operator(_) | Actor::System => Ok(owner),
    }
}
