//! M8: a device asks how it stands, and begins its open update, if there is one.

use super::failure::{Failure, broken};
use super::identify::{Bearer, wrong};
use super::session::begin;
use super::world::{Caller, World, changes, retrying};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::update::{Update, update};
use crate::lifecycle::credential::CredentialState;
use crate::lifecycle::device::DeviceStatus;
use crate::lifecycle::ids::{DeviceId, SessionId};
use crate::store::audit::Who;
use crate::store::commit::Write;
use crate::store::session::{Opened, Session};

/// How a device stands.
#[derive(Debug)]
pub struct Synced {
    pub device: DeviceId,
    pub state: DeviceStatus,
    pub temporary_until: Option<jiff::Timestamp>,
    /// The session of its open update.
    pub update: Option<Session>,
}

const EXPECTED: &str = "the issued auth of a device";

/// Tells a device how it stands. An open update of an active device is at work from here on; asked again, the same session.
pub async fn sync_device(world: &World, bearer: Bearer, source: &str) -> Result<Synced, Failure> {
    retrying(|| attempt(world, bearer, source)).await
}

async fn attempt(world: &World, bearer: Bearer, source: &str) -> Result<Synced, Failure> {
    let Bearer::Auth { user, device, credential } = bearer else {
        return Err(wrong("a bootstrap certificate", EXPECTED));
    };
    let now = world.now();
    let loaded = world.load(user).await?;
    let is_issued = loaded.holdings.credentials.get(&credential).is_some_and(|c| matches!(c.state, CredentialState::Issued { .. }));
    if !is_issued {
        return Err(wrong("an auth certificate that is revoked or not confirmed", EXPECTED));
    }
    let found = loaded.holdings.devices.get(&device).ok_or_else(|| broken("the device of a credential"))?;
    let state = loaded.holdings.device_status(found);
    let temporary_until = found.stand_in().map(|stand_in| stand_in.until);
    let open = loaded.holdings.open_update_of(device).filter(|_| state == DeviceStatus::Active);
    let Some(request) = open else {
        return Ok(Synced { device, state, temporary_until, update: None });
    };

    let session = match request.issuing() {
        Some(issuing) => loaded.sessions.get(&issuing.session).cloned().ok_or_else(|| broken("the session of an update"))?,
        None => {
            let act = Update { device, session: SessionId(world.fresh_id()) };
            let session = begin(world, act.session, request, user, device, Opened::ByDevice);
            let mut writes = changes(update(&loaded.holdings, &world.policy, &act, now)?);
            writes.push(Write::Session(session.clone()));
            let bearer = Caller { actor: Actor::User(user), who: Who::Session(session.id), source: source.to_owned(), session: None };
            let mut entry = bearer.entry("update", now);
            entry.request = Some(request.id);
            world.keep("update", &loaded, writes, entry).await?;
            session
        }
    };
    Ok(Synced { device, state, temporary_until, update: Some(session) })
}
