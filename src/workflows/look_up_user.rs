//! An operator looks a user up, with all that they hold.

use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::Role;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use crate::store::device::Owner;

/// The roles that work with users and requests.
pub const DESK_ROLES: [Role; 3] = [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer];

/// All that a user holds, for somebody of the desk.
pub async fn look_up_user(world: &World, caller: &Caller, user: UserId) -> Result<Holdings, Failure> {
    works_at_the_desk(world, caller, "look-up").await?;
    Ok(world.load(user).await?.holdings)
}

/// The holdings that a request belongs to, for somebody of the desk.
pub async fn look_up_request(world: &World, caller: &Caller, request: RequestId) -> Result<Holdings, Failure> {
    works_at_the_desk(world, caller, "look-up").await?;
    let owner = world.store.user_of_request(request).await?.ok_or(Failure::missing("request"))?;
    Ok(world.load(owner).await?.holdings)
}

/// The holdings that a device belongs to.
pub async fn look_up_device(world: &World, caller: &Caller, device: DeviceId) -> Result<Holdings, Failure> {
    works_at_the_desk(world, caller, "look-up").await?;
    match world.store.owner_of_device(device).await? {
        Some(Owner::User(owner)) => Ok(world.load(owner).await?.holdings),
        Some(Owner::Stock) | None => Err(Failure::missing("device")),
    }
}

/// The holdings that a credential belongs to.
pub async fn look_up_credential(world: &World, caller: &Caller, credential: CredentialId) -> Result<Holdings, Failure> {
    works_at_the_desk(world, caller, "look-up").await?;
    let owner = world.store.user_of_credential(credential).await?.ok_or(Failure::missing("credential"))?;
    Ok(world.load(owner).await?.holdings)
}

/// Refuses, on the record, whoever has no role that works with users and requests.
pub async fn works_at_the_desk(world: &World, caller: &Caller, act: &'static str) -> Result<(), Failure> {
    if DESK_ROLES.into_iter().any(|role| caller.actor.must_be(role).is_ok()) {
        return Ok(());
    }
    let refusal = caller.actor.not_permitted("help-desk, validation-officer or issuance-officer");
    world.unless_refused(Err(refusal), &caller.entry(act, world.now())).await
}
