//! Timed work: the CRL follows every change of status, and sessions whose time is up are given up.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::workflows::abandon_session::abandon_expired;
use crate::workflows::publish_crl::{self, publish_crl};
use crate::workflows::world::World;

/// Changes that come together go into one CRL.
const GATHER: Duration = Duration::from_millis(300);
/// How often expired sessions are looked for.
const SWEEP: Duration = Duration::from_secs(60);
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

/// Gives up the sessions whose time is up.
pub async fn sweep_sessions(world: Arc<World>, mut stop: watch::Receiver<bool>) {
    let mut ticks = interval(SWEEP);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = ticks.tick() => {}
            () = stopped(&mut stop) => return,
        }
        if let Err(failure) = abandon_expired(&world).await {
            tracing::error!(failure = ?failure, "expired sessions could not be given up");
        }
    }
}

/// Waits until the server is told to stop.
pub async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stopped| *stopped).await;
}
