//! One server among several over one database. None leads: each beats, sees whose beat stands still, and takes what timed work nobody has.
//!
//! No clock is compared, not with another server's and not with the database's: a server is dead when its beat has stood still for
//! [`PATIENCE`] beats of whoever looks. What somebody who was taken for dead still does is harmless: everything is kept by guarded commits,
//! so that two who do the same work are a conflict, not a fault.

use std::collections::{BTreeSet, HashMap};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;
use uuid::Uuid;

use super::jobs::stopped;
use super::{ServerError, house};
use crate::pki::key::random;
use crate::store::commit::{Commit, Write};
use crate::store::membership::{Member, Step};
use crate::store::{Store, StoreError};
use crate::workflows::world::World;

/// How often a server beats.
const BEAT: Duration = Duration::from_secs(1);
/// After how many beats of one's own another's that stands still is that of a dead one.
const PATIENCE: u32 = 5;

/// Timed work: one server at a time does each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Duty {
    PublishCrls,
    SettleDues,
    DeliverLetters,
    CheckpointAudits,
    CheckHouse,
}

pub const DUTIES: [Duty; 5] = [Duty::PublishCrls, Duty::SettleDues, Duty::DeliverLetters, Duty::CheckpointAudits, Duty::CheckHouse];

impl Duty {
    fn word(self) -> &'static str {
        match self {
            Self::PublishCrls => "publish-crls",
            Self::SettleDues => "settle-dues",
            Self::DeliverLetters => "deliver-letters",
            Self::CheckpointAudits => "checkpoint-audits",
            Self::CheckHouse => "check-house",
        }
    }
}

/// What this server does now.
pub type Duties = watch::Receiver<BTreeSet<Duty>>;

/// Beats until the server stops, and tells what it has to do. Alone over its database, it does everything.
pub fn enter(world: &Arc<World>, rules: [u8; 32], stop: watch::Receiver<bool>) -> (Duties, impl Future<Output = ()> + use<>) {
    let is_alone = !world.store.is_shared();
    let (duties, told) = watch::channel(if is_alone { DUTIES.into() } else { BTreeSet::new() });
    let world = Arc::clone(world);
    let beating = async move {
        if !is_alone {
            Beating { id: Uuid::from_bytes(random(world.entropy.as_ref())), rules, world, still: HashMap::new() }.run(duties, stop).await;
        }
    };
    (told, beating)
}

struct Beating {
    id: Uuid,
    rules: [u8; 32],
    world: Arc<World>,
    /// For how many of our beats the beat of another has stood where it stands.
    still: HashMap<Uuid, (i64, u32)>,
}

impl Beating {
    async fn run(mut self, duties: watch::Sender<BTreeSet<Duty>>, mut stop: watch::Receiver<bool>) {
        loop {
            match self.beat().await {
                Ok(mine) => {
                    duties.send_if_modified(|known| std::mem::replace(known, mine.clone()) != mine);
                }
                // whoever cannot reach the database does nothing there either
                Err(error) => tracing::error!(error = %super::database::told(&error), "no beat: the database cannot be reached"),
            }
            tokio::select! {
                () = sleep(BEAT) => {}
                () = stopped(&mut stop) => break,
            }
        }
        if let Err(error) = keep(&self.world.store, "leave", Step::Leave { id: self.id }).await {
            tracing::warn!(%error, "the others will take some seconds to see that this server has stopped");
        }
    }

    async fn beat(&mut self) -> Result<BTreeSet<Duty>, StoreError> {
        let world = Arc::clone(&self.world);
        let store = &world.store;
        match keep(store, "beat", Step::Beat { id: self.id }).await {
            Err(StoreError::Conflict) => {
                keep(store, "enter", Step::Enter { id: self.id, rules: self.rules, at: self.world.now() }).await?;
            }
            other => other?,
        }
        let members = store.members().await?;
        for dead in self.standing_still(&members) {
            keep(store, "bury", Step::Bury { id: dead.id, beat: dead.beat }).await?;
            tracing::warn!(server = %dead.id, "a server is dead: what it did is taken over");
        }
        let mut leases = store.leases().await?;
        if leases.len() < DUTIES.len() {
            for duty in DUTIES {
                keep(store, "take-lease", Step::Take { work: duty.word(), holder: self.id }).await?;
            }
            leases = store.leases().await?;
        }
        Ok(DUTIES.into_iter().filter(|duty| leases.get(duty.word()) == Some(&self.id)).collect())
    }

    /// Those whose beat has stood still for too long.
    fn standing_still(&mut self, members: &[Member]) -> Vec<Member> {
        let before = std::mem::take(&mut self.still);
        let mut dead = Vec::new();
        for member in members.iter().filter(|member| member.id != self.id) {
            let beats = match before.get(&member.id) {
                Some((beat, beats)) if *beat == member.beat => beats + 1,
                _ => 0,
            };
            self.still.insert(member.id, (member.beat, beats));
            if beats >= PATIENCE {
                dead.push(*member);
            }
        }
        dead
    }
}

pub(super) async fn keep(store: &Store, name: &'static str, step: Step) -> Result<(), StoreError> {
    store.commit(Commit { name, guard: None, writes: vec![Write::Membership(step)], audit: None }).await
}

/// Does some timed work while it is this server's.
pub async fn on_duty<F: Future<Output = ()>>(mut duties: Duties, duty: Duty, mut stop: watch::Receiver<bool>, work: impl Fn() -> F) {
    loop {
        tokio::select! {
            told = duties.wait_for(|mine| mine.contains(&duty)) => if told.is_err() { return },
            () = stopped(&mut stop) => return,
        }
        let mut lost = duties.clone();
        tokio::select! {
            () = work() => return,
            Ok(_) = lost.wait_for(|mine| !mine.contains(&duty)) => tracing::warn!(duty = duty.word(), "another server does this now"),
        }
    }
}

/// Refuses to run beside a living server that decides by other rules: two answers to one question would depend on who is asked.
pub async fn must_agree(world: &World) -> Result<(), ServerError> {
    let store = &world.store;
    if !store.is_shared() {
        return Ok(());
    }
    let rules = house::rules(&world.folder)?;
    let differ = |members: Vec<Member>| members.into_iter().filter(move |member| member.rules != rules).collect::<Vec<_>>();
    let mut others = differ(store.members().await?);
    for _ in 0..PATIENCE {
        if others.is_empty() {
            return Ok(());
        }
        sleep(BEAT).await;
        let now = differ(store.members().await?);
        let is_alive = |member: &Member| others.iter().any(|before| before.id == member.id && before.beat != member.beat);
        if let Some(alive) = now.iter().find(|member| is_alive(member)) {
            return Err(ServerError::new(format!(
                "another server ({}) runs over this database and decides by another policy, other profiles or another CA, \
                 expected: the same ca/ and certs/ in every data folder. Make them the same, or stop the other servers first",
                alive.id
            )));
        }
        others = now;
    }
    Ok(()) // what is left of them is dead
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    /// Counts how often work is begun; it never ends by itself.
    async fn begun(duties: Duties, stop: watch::Receiver<bool>, count: &AtomicU32) {
        on_duty(duties, Duty::SettleDues, stop.clone(), || {
            count.fetch_add(1, Ordering::Relaxed);
            let mut stop = stop.clone();
            async move { stopped(&mut stop).await }
        })
        .await;
    }

    #[tokio::test]
    async fn work_is_begun_once_each_time_that_it_becomes_ours() {
        let (stop, stopping) = watch::channel(false);
        let (duties, told) = watch::channel(BTreeSet::new());
        let count = AtomicU32::new(0);
        let acts = async {
            let settle = |expected: u32| {
                let count = &count;
                async move {
                    for _ in 0..16 {
                        tokio::task::yield_now().await; // the other half has its turns
                    }
                    assert_eq!(count.load(Ordering::Relaxed), expected);
                }
            };
            settle(0).await;
            duties.send_replace(DUTIES.into());
            settle(1).await;
            duties.send_replace(BTreeSet::from([Duty::PublishCrls]));
            duties.send_replace(DUTIES.into());
            settle(1).await;
            duties.send_replace(BTreeSet::new());
            settle(1).await;
            duties.send_replace(DUTIES.into());
            settle(2).await;
            drop(duties);
            settle(2).await;
            stop.send_replace(true);
        };
        tokio::join!(begun(told, stopping, &count), acts);
    }
}
