//! The gate before TLS, where phones come: a handshake is the dearest part of what a phone asks, and one that ends too late for whoever began it, or
//! leads to somebody who has no time, is lost. So handshakes begin in the order in which phones have come, as there is room for what they will
//! ask; and a phone that has waited for longer than that makes sense is let go before it has cost anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};

use crate::http::limits::Room;

/// How many phones are between the gate and their first question at once: enough to keep the processors busy.
const AT_ONCE: usize = 64;
/// For how long a phone counts as one of them: whoever takes longer keeps its own time, and not the others'.
const COUNTS: Duration = Duration::from_secs(1);
/// For how long a phone may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often somebody at the gate looks whether there is room.
const LOOK: Duration = Duration::from_millis(10);

pub struct Gate {
    turns: Arc<Semaphore>,
    room: Arc<Room>,
    patience: Duration,
}

impl Gate {
    pub fn new(room: Arc<Room>) -> Self {
        Self { turns: Arc::new(Semaphore::new(AT_ONCE)), room, patience: PATIENCE }
    }

    /// When its turn comes, whether a handshake may begin; no, if it has waited too long. The turn lasts until the phone has `asked` something.
    pub async fn pass(&self, asked: impl Future<Output = ()> + Send + 'static) -> bool {
        let Some(turn) = self.turn().await else { return false };
        tokio::spawn(async move {
            let _turn = turn;
            let _too_long = timeout(COUNTS, asked).await;
        });
        true
    }

    async fn turn(&self) -> Option<OwnedSemaphorePermit> {
        let came = Instant::now();
        let turn = Arc::clone(&self.turns).acquire_owned().await.ok()?;
        loop {
            if came.elapsed() >= self.patience {
                return None;
            }
            if self.room.has_room() {
                return Some(turn);
            }
            sleep(LOOK).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test]
    async fn whoever_is_slow_does_not_keep_the_others_at_the_gate() {
        let gate = Gate::new(Arc::default());
        for _ in 0..AT_ONCE {
            assert!(gate.pass(pending()).await);
        }
        assert_eq!(gate.turns.available_permits(), 0);
        assert!(gate.pass(pending()).await);
    }

    #[tokio::test]
    async fn a_turn_ends_with_the_first_question() {
        let gate = Gate::new(Arc::default());
        for _ in 0..10 * AT_ONCE {
            assert!(gate.pass(async {}).await);
        }
    }

    #[tokio::test]
    async fn whoever_has_waited_too_long_is_let_go() {
        let gate = Gate { patience: Duration::ZERO, ..Gate::new(Arc::default()) };
        assert!(!gate.pass(pending()).await);
        assert_eq!(gate.turns.available_permits(), AT_ONCE);
    }
}
