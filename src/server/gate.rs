//! The gate before TLS, where phones come: a handshake is the dearest part of what a phone asks, and one that ends too late for whoever began it, or
//! leads to somebody who has no time, is lost. So handshakes begin in the order in which phones have come, as there is room for what they will
//! ask; and a phone that has waited for longer than that makes sense is let go before it has cost anything.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep, timeout};

use crate::http::limits::Room;

/// How many handshakes are under way at once: enough to keep the processors busy.
const AT_ONCE: usize = 64;
/// For how long a handshake counts as one of them: whoever takes longer keeps its own time, and not the others'.
const COUNTS: Duration = Duration::from_millis(250);
/// For how long a phone may wait for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often somebody at the gate looks whether there is room.
const LOOK: Duration = Duration::from_millis(10);

pub struct Gate {
    turns: Semaphore,
    room: Arc<Room>,
    patience: Duration,
}

impl Gate {
    pub fn new(room: Arc<Room>) -> Self {
        Self { turns: Semaphore::new(AT_ONCE), room, patience: PATIENCE }
    }

    /// Carries a handshake out when its turn comes. Nothing: it waited too long, and nothing was done.
    pub async fn pass<T>(&self, handshake: impl Future<Output = T>) -> Option<T> {
        let turn = self.turn().await?;
        let mut handshake = std::pin::pin!(handshake);
        if let Ok(done) = timeout(COUNTS, &mut handshake).await {
            return Some(done);
        }
        drop(turn);
        Some(handshake.await)
    }

    async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        let came = Instant::now();
        let turn = self.turns.acquire().await.ok()?;
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
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn whoever_is_slow_does_not_keep_the_others_at_the_gate() {
        let gate = Arc::new(Gate::new(Arc::default()));
        for _ in 0..AT_ONCE {
            let gate = Arc::clone(&gate);
            tokio::spawn(async move { gate.pass(pending::<()>()).await });
        }
        while gate.turns.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert_eq!(gate.pass(ready(7)).await, Some(7));
    }

    #[tokio::test]
    async fn whoever_has_waited_too_long_is_let_go_and_costs_nothing() {
        let gate = Gate { patience: Duration::ZERO, ..Gate::new(Arc::default()) };
        assert_eq!(gate.pass(async { unreachable!("a handshake was begun") }).await, None::<()>);
    }
}
