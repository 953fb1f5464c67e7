//! Timed work: the CRL follows every change of status, and what falls due by itself is settled at its time.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::backup::keep_checkpoints;
use super::check::check_at_intervals;
use super::database::told;
use super::membership::{self, DUTIES, Duties, Duty, on_duty};
use super::post::Delivery;
use crate::store::Store;
use crate::store::membership::Step;
use crate::workflows::checkpoint_audit::checkpoint_audit;
use crate::workflows::deliver_letters::{self, Post};
use crate::workflows::failure::Failure;
use crate::workflows::publish_crl::{self, publish_crl};
use crate::workflows::settle_dues::{next_due, settle_all};
use crate::workflows::world::World;

/// Changes that come together go into one CRL.
const GATHER: Duration = Duration::from_millis(300);
/// How often whoever publishes asks whether another server changed something.
const LISTEN: Duration = Duration::from_millis(200);
/// How long letters of other servers wait at most.
const LETTERS_OF_OTHERS: Duration = Duration::from_secs(1);
/// How long the timer for dues sleeps at most.
const LOOK: Duration = Duration::from_secs(60);
/// How often an audit checkpoint is made.
const CHECKPOINT: Duration = Duration::from_secs(300);
/// How often the data folder gets those that were made.
const COPY: Duration = Duration::from_secs(20);
/// The file of the data folder that checkpoints are appended to, one a line.
pub const CHECKPOINTS: &str = "audit-checkpoints.txt";
/// How soon something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Begins all timed work; each is done while it is this server's.
pub fn spawn(tasks: &mut JoinSet<()>, world: &Arc<World>, post: Delivery, duties: &Duties, stop: &watch::Receiver<bool>) {
    let post = Arc::new(post);
    let begin = |duty: Duty| {
        let (world, post, stop) = (Arc::clone(world), Arc::clone(&post), stop.clone());
        on_duty(duties.clone(), duty, stop.clone(), move || {
            let (world, post, stop) = (Arc::clone(&world), Arc::clone(&post), stop.clone());
            async move {
                match duty {
                    Duty::PublishCrls => publish_crls(world, stop).await,
                    Duty::SettleDues => settle_dues(world, stop).await,
                    Duty::DeliverLetters => deliver_letters(world, post, stop).await,
                    Duty::CheckpointAudits => checkpoint_audits(world, stop).await,
                    Duty::CheckHouse => check_at_intervals(world, stop).await,
                }
            }
        })
    };
    for duty in DUTIES {
        tasks.spawn(begin(duty));
    }
}

/// Publishes a CRL at the start, after every change of status, and long before the last one expires.
async fn publish_crls(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let mut changes = world.store.status_changes();
    let lifetime = publish_crl::LIFETIME.unsigned_abs();
    loop {
        changes.mark_unchanged();
        let rest = match publish_news(&world).await {
            Ok(()) => lifetime / 4,
            Err(failure) => {
                tracing::error!(failure = ?failure, "the CRL could not be published");
                failed("publish-crls");
                AGAIN
            }
        };
        tokio::select! {
            () = news(&world.store, &mut changes) => sleep(GATHER).await,
            () = sleep(rest) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Publishes what has changed. What changes from here on is news again, whether it is in this list or comes too late for it.
async fn publish_news(world: &World) -> Result<(), Failure> {
    if world.store.is_shared() {
        membership::keep(&world.store, "take-news", Step::NewsTaken).await?;
    }
    publish_crl(world).await?;
    Ok(())
}

/// Waits until something has changed that relying parties are told: here, or at another server.
async fn news(store: &Store, changes: &mut watch::Receiver<u64>) {
    if !store.is_shared() {
        // the store outlives its work
        return changes.changed().await.unwrap_or_default();
    }
    loop {
        tokio::select! {
            _ = changes.changed() => return,
            () = sleep(LISTEN) => match store.has_status_news().await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = %told(&error), "whether something has changed is not known");
                    sleep(AGAIN).await;
                }
            },
        }
    }
}

/// Settles what falls due by itself, at its time: sessions, stand-ins, escalations.
async fn settle_dues(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    loop {
        let rest = match settle_and_look_ahead(&world).await {
            Ok(rest) => rest,
            Err(failure) => {
                tracing::error!(failure = ?failure, "what is due could not be settled");
                failed("settle-dues");
                AGAIN
            }
        };
        tokio::select! {
            () = sleep(rest) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Settles everything that is due; gives how long nothing will be. What is opened meanwhile is seen at the next look.
async fn settle_and_look_ahead(world: &World) -> Result<Duration, Failure> {
    settle_all(world).await?;
    let next = next_due(world).await?;
    Ok(until(next, world, LOOK))
}

/// How long until a time, and `look` at most. What is overdue even now could not be done.
fn until(next: Option<Timestamp>, world: &World, look: Duration) -> Duration {
    let rest = next.map_or(look, |at| at.duration_since(world.now()).try_into().unwrap_or(AGAIN));
    rest.clamp(Duration::from_millis(1), look)
}

/// Delivers letters as they are written, and again what could not be delivered.
async fn deliver_letters(world: Arc<World>, post: Arc<Delivery>, mut stop: watch::Receiver<bool>) {
    let mut written = world.store.letters_written();
    loop {
        written.mark_unchanged();
        // a letter that is on its way when the server stops is delivered again at the next start
        let delivered = tokio::select! {
            delivered = deliver_and_look_ahead(&world, post.as_ref()) => delivered,
            () = stopped(&mut stop) => return,
        };
        let rest = match delivered {
            Ok(rest) => rest,
            Err(failure) => {
                tracing::error!(failure = ?failure, "letters could not be delivered");
                failed("deliver-letters");
                AGAIN
            }
        };
        tokio::select! {
            changed = written.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            () = sleep(rest) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

async fn deliver_and_look_ahead(world: &World, post: &dyn Post) -> Result<Duration, Failure> {
    deliver_letters::deliver_letters(world, post).await?;
    let next = world.store.next_letter_due().await?;
    let look = if world.store.is_shared() { LETTERS_OF_OTHERS } else { LOOK };
    Ok(until(next, world, look))
}

/// Makes an audit checkpoint at intervals. The last one is made when the server stops.
async fn checkpoint_audits(world: Arc<World>, stop: watch::Receiver<bool>) {
    at_intervals(CHECKPOINT, stop, || checkpoint(&world)).await;
}

/// Does something now, and again after each interval, until it is time to stop.
async fn at_intervals<F: Future<Output = ()>>(interval: Duration, mut stop: watch::Receiver<bool>, work: impl Fn() -> F) {
    loop {
        work().await;
        tokio::select! {
            () = sleep(interval) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Makes an audit checkpoint, if anything was added.
pub async fn checkpoint(world: &World) {
    if let Err(failure) = checkpoint_audit(world).await {
        tracing::error!(failure = ?failure, "an audit checkpoint could not be made");
        failed("checkpoint-audits");
    }
}

/// Keeps a copy of every checkpoint in the data folder, whichever server made it: from the file they are copied elsewhere, and by it the folder
/// knows an older database.
pub async fn keep_copies(world: Arc<World>, stop: watch::Receiver<bool>) {
    at_intervals(COPY, stop, || keep_copy(&world)).await;
}

/// Once.
pub async fn keep_copy(world: &World) {
    if let Err(error) = keep_checkpoints(world).await {
        tracing::error!(%error, "the checkpoints of the audit log could not be copied to the data folder");
    }
}

/// Counts timed work that failed, and is tried again.
pub fn failed(work: &'static str) {
    metrics::counter!("remint_timed_work_failures_total", "work" => work).increment(1);
}

/// Waits until the server is told to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}
