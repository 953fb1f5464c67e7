//! What the steps of a provisioning session share: the session, its user's holdings, and whether this device may go on with it.

use super::failure::{Failure, broken};
use super::identify::{Bearer, wrong};
use super::world::{Caller, World};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::credential::{Credential, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, SessionId, UserId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::request::{Purpose, Request};
use crate::pki::key::random;
use crate::store::Loaded;
use crate::store::audit::{Entry, Who};
use crate::store::session::{Opened, Session};

/// A device at work: who it is, and from where.
#[derive(Clone, Debug)]
pub struct AtWork {
    pub bearer: Bearer,
    pub source: String,
}

/// A session with all that its user holds, as of one instant.
pub struct At {
    pub loaded: Loaded,
    pub session: Session,
    pub request: Request,
}

impl AtWork {
    /// The session that a request names; `wrong-certificate` unless it is this device's.
    pub async fn at(&self, world: &World, id: SessionId) -> Result<At, Failure> {
        let loaded = world.load(self.bearer.user()).await?;
        match loaded.sessions.get(&id) {
            Some(session) if self.is_of(session) => At::of(loaded, id),
            Some(_) => Err(another_session()),
            None if world.store.session(id).await?.is_some() => Err(another_session()),
            None => Err(Failure::missing("session")),
        }
    }

    /// The session of a request that names none: the one that the bootstrap certificate was made for, the device's update, or the
    /// one of a plain client that has its `auth` already.
    pub async fn at_own(&self, world: &World) -> Result<At, Failure> {
        let loaded = world.load(self.bearer.user()).await?;
        let id = match self.bearer {
            Bearer::Session { session, .. } => session,
            Bearer::Auth { device, .. } => {
                let update = loaded.holdings.open_update_of(device).and_then(Request::issuing).map(|issuing| issuing.session);
                update
                    .or_else(|| plain_session_of(&loaded, device))
                    .ok_or_else(|| wrong("an auth certificate, and no update session is open", "bootstrap, or auth after sync"))?
            }
        };
        At::of(loaded, id)
    }

    fn is_of(&self, session: &Session) -> bool {
        match self.bearer {
            Bearer::Session { session: id, .. } => id == session.id,
            Bearer::Auth { device, .. } => device == session.device,
        }
    }

    /// The start of an audit entry for a step of a session.
    pub fn entry(&self, world: &World, act: &'static str, session: &Session) -> Entry {
        let caller = Caller { actor: Actor::User(session.user), who: Who::Session(session.id), source: self.source.clone(), session: None };
        let mut entry = caller.entry(act, world.now());
        entry.request = Some(session.request);
        entry
    }
}

/// The session in which a plain EST client provisioned a device: it goes on with the `auth` that it got.
fn plain_session_of(loaded: &Loaded, device: DeviceId) -> Option<SessionId> {
    loaded.sessions.values().find(|session| session.device == device && session.opened.is_plain()).map(|session| session.id)
}

fn another_session() -> Failure {
    wrong("a certificate of another session", "one of this session")
}

impl At {
    fn of(loaded: Loaded, id: SessionId) -> Result<Self, Failure> {
        let session = loaded.sessions.get(&id).cloned().ok_or_else(|| broken("the session of a request"))?;
        let request = loaded.holdings.requests.get(&session.request).cloned().ok_or_else(|| broken("the request of a session"))?;
        Ok(Self { loaded, session, request })
    }
}

/// A session that begins now.
pub fn begin(world: &World, id: SessionId, request: &Request, user: UserId, device: DeviceId, opened: Opened) -> Session {
    let opened_at = world.now();
    Session {
        id,
        user,
        request: request.id,
        device,
        opened,
        challenge: random::<32>(world.entropy.as_ref()),
        opened_at,
        expires_at: opened_at + world.policy.session_lifetime,
        transport_key: None,
        receipt: None,
        releases: 0,
    }
}

/// The slots that a session provisions, in order: all of its kind's, or `enc` alone for an update.
pub fn plan(policy: &Policy, request: &Request) -> Vec<Slot> {
    match request.purpose {
        Purpose::Update { .. } => vec![Slot::Enc],
        Purpose::Initial { .. } | Purpose::Replacement { .. } => policy.slots(request.kind).to_vec(),
    }
}

/// The unconfirmed credential that a session made for a slot, or the `enc` that it collected.
pub fn credential_in<'h>(holdings: &'h Holdings, request: &Request, session: &Session, slot: Slot) -> Option<&'h Credential> {
    match slot {
        Slot::Enc => {
            let collected = request.issuing().filter(|issuing| issuing.session == session.id)?.collected.as_ref()?;
            holdings.credentials.get(&collected.current)
        }
        Slot::Auth | Slot::Sign | Slot::CardAuth => holdings.unconfirmed_for(session.device).find(|credential| credential.slot == slot),
    }
}
