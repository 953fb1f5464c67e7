//! Timed work on what users hold: sessions whose time is up are given up, stand-ins lapse, and lost devices that nobody replaced in time are
//! terminated. Whoever loads a user's holdings settles first what is due for that user, so that no act sees what should be over already;
//! the timer is for those whom nobody looks at.

use std::pin::Pin;

use jiff::Timestamp;

use super::abandon_session::abandon_expired;
use super::errand::{Done, Errand, Scene, Subject, carry_out};
use super::failure::Failure;
use super::sign_in::ABSOLUTE;
use super::world::{Caller, World};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::escalate::{Escalate, escalate};
use crate::lifecycle::acts::lapse::{Lapse, lapse};
use crate::lifecycle::change::Change;
use crate::lifecycle::due::{Due, dues};
use crate::lifecycle::effects::Undo;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::refusal::Refusal;
use crate::store::commit::{Commit, Write};

/// How many users are looked at in one go.
const AT_ONCE: u32 = 100;

/// Settles everything that is due; gives how much that was.
pub async fn settle_all(world: &World) -> Result<usize, Failure> {
    let mut settled = abandon_expired(world).await?;
    forget_sessions(world).await?;
    loop {
        let users = world.store.users_with_dues(world.now(), world.policy.escalation, AT_ONCE).await?;
        let mut in_this_go = 0;
        for user in users {
            match settle_user(world, user).await {
                Ok(count) => in_this_go += count,
                // one user's trouble is not everybody's
                Err(failure) => tracing::error!(%user, failure = ?failure, "what is due could not be settled"),
            }
        }
        settled += in_this_go;
        if in_this_go == 0 {
            return Ok(settled);
        }
    }
}

/// Sessions of the portal that are over need not be kept.
async fn forget_sessions(world: &World) -> Result<(), Failure> {
    let unused_since = world.now() - ABSOLUTE;
    if !world.store.has_stale_sessions(unused_since).await? {
        return Ok(());
    }
    let writes = vec![Write::PortalSessionsForgotten { unused_since }];
    Ok(world.store.commit(Commit { name: "forget-sessions", guard: None, writes, audit: None }).await?)
}

async fn settle_user(world: &World, user: UserId) -> Result<usize, Failure> {
    let loaded = world.load_unsettled(user).await?;
    settle(world, &loaded.holdings).await
}

/// When something falls due next.
pub async fn next_due(world: &World) -> Result<Option<Timestamp>, Failure> {
    Ok(world.store.next_due(world.policy.escalation).await?)
}

/// Whether nothing is due for a user.
pub fn is_settled(world: &World, holdings: &Holdings) -> bool {
    dues(holdings, &world.policy).first().is_none_or(|(at, _)| world.now() < *at)
}

/// Settles what is due for one user, the earliest first; gives how much that was.
pub async fn settle(world: &World, holdings: &Holdings) -> Result<usize, Failure> {
    let now = world.now();
    let due: Vec<Due> = dues(holdings, &world.policy).into_iter().filter(|(at, _)| *at <= now).map(|(_, due)| due).collect();
    let mut settled = 0;
    for due in due {
        match carry_out_alone(world, due).await {
            Ok(_) => settled += 1,
            Err(Failure::Refused(_)) => {} // somebody else was quicker
            Err(failure) => return Err(failure),
        }
    }
    Ok(settled)
}

/// Boxed: whoever loads settles, and what is settled loads in its turn.
fn carry_out_alone(world: &World, due: Due) -> Pin<Box<dyn Future<Output = Result<Done, Failure>> + Send + '_>> {
    Box::pin(async move { carry_out(world, &Caller::system(), &Settlement { due }).await })
}

/// One thing that falls due, carried out.
struct Settlement {
    due: Due,
}

impl Errand for Settlement {
    fn name(&self) -> &'static str {
        match self.due {
            Due::Lapse(_) => "lapse",
            Due::Escalation(_) => "escalate",
        }
    }

    fn subject(&self) -> Subject {
        match self.due {
            Due::Lapse(stand_in) => Subject::Device(stand_in),
            Due::Escalation(request) => Subject::Request(request),
        }
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be_system()
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let Scene { world, actor, holdings, now, .. } = scene;
        match self.due {
            Due::Lapse(stand_in) => lapse(holdings, &world.policy, &Lapse { actor: (*actor).clone(), stand_in }, *now),
            Due::Escalation(request) => escalate(holdings, &world.policy, &Escalate { actor: (*actor).clone(), request }, *now),
        }
    }

    fn undo(&self) -> Undo {
        Undo::Never { because: "terminated is final" }
    }
}
