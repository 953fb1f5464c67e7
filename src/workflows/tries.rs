//! Tries at a password or a code. Each is counted before it is looked at, and only one can be the next: so that many at the same moment are
//! as many as they are, and not one.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::failure::Failure;
use super::world::{Caller, World, retrying};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::user::User;
use crate::store::audit::{Outcome, Who};
use crate::store::commit::{Commit, Write};
use crate::store::portal::Password;

/// How many wrong ones in a row are forgiven before each costs a wait.
const FORGIVEN: u32 = 5;
/// The first wait, which doubles each time, and the longest.
const FIRST_WAIT_S: i64 = 60;
const LONGEST_WAIT_S: i64 = 15 * 60;

/// A try that is counted.
pub(super) struct Try {
    pub user: User,
    pub kept: Password,
    /// Until when none is looked at, if this one is wrong.
    locked_until: Option<Timestamp>,
}

/// Counts a try for whoever signs in by this address; nothing where nobody has a password by it. After too many wrong ones none is looked at
/// for a while.
pub(super) async fn begin(world: &World, login: &str) -> Result<Option<Try>, Failure> {
    retrying(|| async {
        let now = world.now();
        let Some((user, Some(kept))) = world.store.portal_user(login).await? else { return Ok(None) };
        if kept.lapses_at.is_some_and(|lapses| now >= lapses) {
            return Ok(None);
        }
        if let Some(until) = kept.locked_until.filter(|until| now < *until) {
            return Err(Failure::Wait { seconds: seconds_until(now, until) });
        }
        let over = kept.wrong.saturating_add(1).saturating_sub(FORGIVEN);
        let wait = FIRST_WAIT_S.saturating_mul(1 << over.saturating_sub(1).min(10)).min(LONGEST_WAIT_S);
        let locked_until = (over > 0).then(|| now + SignedDuration::from_secs(wait));
        let writes = vec![Write::PortalTried { user: user.id, set_at: kept.set_at, before: kept.wrong, locked_until }];
        world.store.commit(Commit { name: "try", guard: None, writes, audit: None }).await?;
        Ok(Some(Try { user, kept, locked_until }))
    })
    .await
}

impl Try {
    /// It stays counted, and is on the audit log; gives what is answered.
    pub async fn was_wrong(self, world: &World, wrong: Failure, source: &str) -> Result<Failure, Failure> {
        let now = world.now();
        let stranger = Caller { actor: Actor::System, who: Who::Stranger { fingerprint: None }, source: source.to_owned(), session: None };
        let mut entry = stranger.entry("sign-in", now);
        entry.on_behalf_of = Some(self.user.id);
        entry.outcome = Outcome::Refused(wrong.code().to_owned());
        entry.details = json!({ "wrong_in_a_row": self.kept.wrong + 1 });
        if world.strangers.has_room(now) {
            world.store.commit(Commit { name: "wrong-try", guard: None, writes: Vec::new(), audit: Some(entry) }).await?;
        }
        Ok(match self.locked_until {
            Some(until) => Failure::Wait { seconds: seconds_until(now, until) },
            None => wrong,
        })
    }

    /// Both steps are done: what was wrong before is forgotten.
    pub fn forget_all(&self) -> Write {
        Write::PortalTriesForgotten { user: self.user.id, set_at: self.kept.set_at }
    }

    /// It was right, and another step follows: this one does not count, those before it do.
    pub fn forget_this(&self) -> Write {
        Write::PortalTryForgotten { user: self.user.id, set_at: self.kept.set_at }
    }
}

pub(super) fn seconds_until(now: Timestamp, until: Timestamp) -> u32 {
    u32::try_from((until.duration_since(now).as_millis() + 999) / 1000).unwrap_or(u32::MAX)
}
