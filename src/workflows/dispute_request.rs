//! "This was not me": a user disputes a request. It changes nothing that they hold, as that is the help desk's to judge; the desk sees it on
//! the request and at its start page, and the officers get a letter.

use super::failure::Failure;
use super::letters::disputed_letter;
use super::sign_in::PortalUser;
use super::world::World;
use crate::lifecycle::ids::RequestId;
use crate::store::commit::{Commit, Write};

pub async fn dispute_request(world: &World, user: &PortalUser, request: RequestId) -> Result<(), Failure> {
    let held = world.load(user.user).await?.holdings;
    let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    let now = world.now();
    let mut entry = user.caller.entry("dispute", now);
    entry.on_behalf_of = Some(user.user);
    entry.request = Some(request);
    let mut writes = vec![Write::Dispute { request, since: now }];
    writes.extend(disputed_letter(world, &held, found)?);
    world.store.commit(Commit { name: "dispute", guard: None, writes, audit: Some(entry) }).await?;
    Ok(())
}
