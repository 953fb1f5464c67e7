//! M7, and the timer: a session ends without being confirmed. What was signed is revoked; the request waits for a new invitation.

use super::failure::Failure;
use super::identify::Bearer;
use super::session::{AtWork, load};
use super::world::{Caller, World, changes, retrying};
use crate::lifecycle::acts::abandon::{Abandon, abandon};
use crate::lifecycle::ids::SessionId;
use crate::lifecycle::refusal::RefusalCode;
use crate::store::session::Session;

/// A device gives its session up. One that has ended already is as it wanted.
pub async fn abandon_session(world: &World, device: &AtWork, session: SessionId) -> Result<(), Failure> {
    let session = device.session(world, session).await?;
    let settled = retrying(|| attempt(world, device, &session)).await;
    match settled {
        Err(Failure::Refused(refusal)) if refusal.code == RefusalCode::Canceled => Ok(()),
        settled => settled,
    }
}

/// Gives up every session whose time is up; gives how many.
pub async fn abandon_expired(world: &World) -> Result<usize, Failure> {
    const AT_ONCE: u32 = 100;
    let expired = world.store.expired_sessions(world.now(), AT_ONCE).await?;
    for (_, _, id) in &expired {
        let Some(session) = world.store.session(*id).await? else { continue };
        let timer = AtWork { bearer: Bearer::Session(*id), source: Caller::system().source };
        match retrying(|| attempt(world, &timer, &session)).await {
            Ok(()) | Err(Failure::Refused(_)) => {} // it was confirmed or canceled in the same moment
            Err(failure) => return Err(failure),
        }
    }
    Ok(expired.len())
}

async fn attempt(world: &World, device: &AtWork, session: &Session) -> Result<(), Failure> {
    let (loaded, request) = load(world, session).await?;
    let act = Abandon { request: request.id, session: session.id };
    let decided = abandon(&loaded.holdings, &world.policy, &act, world.now())?;
    let entry = device.entry(world, "abandon", session);
    world.keep("abandon", &loaded, changes(decided), entry).await
}
