//! Deeds: what the buttons of pages led to. A second click on the same button does nothing new and shows what the first one did, also the
//! invitation, which is kept nowhere else and here for ten minutes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::OnceCell;
use tracing::Instrument;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::invitation::Invitation;
use crate::lifecycle::ids::RequestId;

/// For how long a click is remembered.
const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How many clicks are remembered at most; then the oldest are forgotten.
const MOST: usize = 10_000;

/// What was done, as its page tells it.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Where it is seen.
    pub leads_to: String,
    pub request: Option<RequestId>,
    /// Shown this once, where a ticket was given out.
    pub invitation: Option<Invitation>,
    /// Shown this once, where a first password was given.
    pub password: Option<Secret>,
}

/// What is shown, and told to no log.
pub struct Secret(pub Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret")
    }
}

/// What a click led to.
#[derive(Debug)]
pub struct Deed {
    pub outcome: Outcome,
    /// Who clicked, and is shown it.
    by: String,
}

type Cell = Arc<OnceCell<Arc<Deed>>>;

/// The clicks of the last minutes.
#[derive(Default)]
pub struct Deeds(Mutex<HashMap<Uuid, (Timestamp, Cell)>>);

impl Deeds {
    /// Does it, unless this click has done it already. Of two at once the second waits for the first. What was refused may be tried again.
    ///
    /// It is a task of its own, and so done to its end whoever hangs up: a browser does when a button is clicked again. What was kept for a
    /// click that nobody remembers would be refused to the second one, and the invitation lost.
    pub async fn once(
        &self,
        now: Timestamp,
        click: Uuid,
        by: &str,
        act: impl Future<Output = Result<Outcome, Failure>> + Send + 'static,
    ) -> Result<Arc<Deed>, Failure> {
        let (cell, by) = (self.cell(now, click), by.to_owned());
        let doing = async move {
            let done = async { Ok(Arc::new(Deed { outcome: act.await?, by })) };
            cell.get_or_try_init(|| done).await.cloned()
        };
        tokio::spawn(doing.in_current_span()).await.unwrap_or_else(|died| Err(Failure::Unavailable(died.into())))
    }

    /// What somebody's own click led to, while it is remembered.
    pub fn of(&self, click: Uuid, by: &str) -> Option<Arc<Deed>> {
        let clicks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clicks.get(&click).and_then(|(_, cell)| cell.get().cloned()).filter(|deed| deed.by == by)
    }

    fn cell(&self, now: Timestamp, click: Uuid) -> Cell {
        let mut clicks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        clicks.retain(|_, (at, _)| now.duration_since(*at) < LIFETIME);
        if clicks.len() >= MOST
            && let Some(oldest) = clicks.iter().min_by_key(|(_, (at, _))| *at).map(|(click, _)| *click)
        {
            clicks.remove(&oldest);
        }
        Arc::clone(&clicks.entry(click).or_insert_with(|| (now, Cell::default())).1)
    }
}
