//! M7, and the timer: a session ends without being confirmed. What was signed is revoked; the request waits for a new invitation.

use super::failure::Failure;
use super::session::AtWork;
use super::world::{Caller, World, changes, retrying};
use crate::lifecycle::acts::abandon::{Abandon, abandon};
use crate::lifecycle::ids::{RequestId, SessionId, UserId};
use crate::lifecycle::refusal::RefusalCode;
use crate::store::Loaded;
use crate::store::audit::Entry;

/// A device gives its session up. One that has ended already is as it wanted.
pub async fn abandon_session(world: &World, device: &AtWork, session: SessionId) -> Result<(), Failure> {
    let settled = retrying(|| attempt(world, device, session)).await;
    match settled {
        Err(Failure::Refused(refusal)) if refusal.code == RefusalCode::Canceled => Ok(()),
        settled => settled,
    }
}

async fn attempt(world: &World, device: &AtWork, session: SessionId) -> Result<(), Failure> {
    let at = device.at(world, session).await?;
    let entry = device.entry(world, "abandon", &at.session);
    end(world, &at.loaded, at.request.id, session, entry).await
}

/// Gives up every session whose time is up; gives how many.
pub async fn abandon_expired(world: &World) -> Result<usize, Failure> {
    const AT_ONCE: u32 = 100;
    let expired = world.store.expired_sessions(world.now(), AT_ONCE).await?;
    for (user, request, session) in &expired {
        match retrying(|| expire(world, *user, *request, *session)).await {
            Ok(()) | Err(Failure::Refused(_)) => {} // it was confirmed or canceled in the same moment
            Err(failure) => return Err(failure),
        }
    }
    Ok(expired.len())
}

async fn expire(world: &World, user: UserId, request: RequestId, session: SessionId) -> Result<(), Failure> {
    let loaded = world.load(user).await?;
    let mut entry = Caller::system().entry("abandon", world.now());
    entry.request = Some(request);
    end(world, &loaded, request, session, entry).await
}

async fn end(world: &World, loaded: &Loaded, request: RequestId, session: SessionId, entry: Entry) -> Result<(), Failure> {
    let decided = abandon(&loaded.holdings, &world.policy, &Abandon { request, session }, world.now())?;
    world.keep("abandon", loaded, changes(decided), entry).await
}
