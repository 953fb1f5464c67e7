//! Timed work: the CRL follows every change of status, and what falls due by itself is settled at its time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::sleep;

use crate::workflows::checkpoint_audit::checkpoint_audit;
use crate::workflows::deliver_letters::{self, Post};
use crate::workflows::failure::Failure;
use crate::workflows::publish_crl::{self, publish_crl};
use crate::workflows::settle_dues::{next_due, settle_all};
use crate::workflows::world::World;

/// Changes that come together go into one CRL.
const GATHER: Duration = Duration::from_millis(300);
/// How long the timer for dues sleeps at most.
const LOOK: Duration = Duration::from_secs(60);
/// How often an audit checkpoint is made.
const CHECKPOINT: Duration = Duration::from_secs(300);
/// The file of the data folder that checkpoints are appended to, one a line.
pub const CHECKPOINTS: &str = "audit-checkpoints.txt";
/// How soon something that failed is tried again.
const AGAIN: Duration = Duration::from_secs(5);

/// Publishes a CRL at the start, after every change of status, and long before the last one expires.
pub async fn publish_crls(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let mut changes = world.store.status_changes();
    let lifetime = publish_crl::LIFETIME.unsigned_abs();
    loop {
        changes.mark_unchanged();
        let rest = match publish_crl(&world).await {
            Ok(_) => lifetime / 4,
            Err(failure) => {
                tracing::error!(failure = ?failure, "the CRL could not be published");
                AGAIN
            }
        };
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
                sleep(GATHER).await;
            }
            () = sleep(rest) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Settles what falls due by itself, at its time: sessions, stand-ins, escalations.
pub async fn settle_dues(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    loop {
        let rest = match settle_and_look_ahead(&world).await {
            Ok(rest) => rest,
            Err(failure) => {
                tracing::error!(failure = ?failure, "what is due could not be settled");
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
    // what is overdue even now could not be settled
    let rest = next.map_or(LOOK, |at| at.duration_since(world.now()).try_into().unwrap_or(AGAIN));
    Ok(rest.clamp(Duration::from_millis(1), LOOK))
}

/// Delivers letters as they are written, and again what could not be delivered.
pub async fn deliver_letters(world: Arc<World>, post: impl Post, mut stop: watch::Receiver<bool>) {
    let mut written = world.store.letters_written();
    loop {
        written.mark_unchanged();
        // a letter that is on its way when the server stops is delivered again at the next start
        let delivered = tokio::select! {
            delivered = deliver_and_look_ahead(&world, &post) => delivered,
            () = stopped(&mut stop) => return,
        };
        let rest = match delivered {
            Ok(rest) => rest,
            Err(failure) => {
                tracing::error!(failure = ?failure, "letters could not be delivered");
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
    let rest = next.map_or(LOOK, |at| at.duration_since(world.now()).try_into().unwrap_or(AGAIN));
    Ok(rest.clamp(Duration::from_millis(1), LOOK))
}

/// Makes an audit checkpoint at intervals. The last one is made when the server stops.
pub async fn checkpoint_audits(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    loop {
        checkpoint(&world).await;
        tokio::select! {
            () = sleep(CHECKPOINT) => {}
            () = stopped(&mut stop) => return,
        }
    }
}

/// Makes an audit checkpoint, if anything was added, and writes it to the file that is to be copied elsewhere.
pub async fn checkpoint(world: &World) {
    let written = match checkpoint_audit(world).await {
        Ok(None) => Ok(()),
        Ok(Some(made)) => write_checkpoint(world, &made.jws),
        Err(failure) => Err(format!("{failure:?}")),
    };
    if let Err(error) = written {
        tracing::error!(error, "an audit checkpoint could not be made");
    }
}

fn write_checkpoint(world: &World, jws: &str) -> Result<(), String> {
    use std::io::Write;
    let path = world.folder.join(CHECKPOINTS);
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(format!("{jws}\n").as_bytes())).map_err(|error| format!("{}: {error}", path.display()))
}

/// Waits until the server is told to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}
