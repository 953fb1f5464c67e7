//! What is turned away before anything is looked at: a source that asks too often, and phones beyond what this server can do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use super::peer::Peer;
use super::problem::Problem;
use crate::workflows::limits::{Source, turned_away};
use crate::workflows::world::World;

/// How many requests of phones are worked on at once: enough to keep the processors and the database busy.
const AT_WORK: usize = 64;
/// How many more wait for their turn, and how many of those may be phones that only begin: what was begun is finished first.
const WAITING: usize = 1024;
const BEGINNING: usize = 128;
/// An overload is over when nobody has been turned away for so long.
const GAP: SignedDuration = SignedDuration::from_secs(10);
/// When who is turned away may come again.
const SHORTEST_WAIT_S: u32 = 2;
const LONGEST_WAIT_S: u32 = 60;

/// Counts a request of its source.
pub async fn by_source(State(world): State<Arc<World>>, request: Request, next: Next) -> Response {
    let source = request.extensions().get::<Peer>().map(|peer| Source::from(peer.address.ip()));
    match source.map_or(Ok(()), |source| world.count_source(source)) {
        Ok(()) => next.run(request).await,
        Err(too_often) => no(&request, too_often.into()),
    }
}

/// Room for what phones ask.
pub struct Room {
    places: Semaphore,
    waiting: AtomicUsize,
    overload: Mutex<Overload>,
}

/// Since when phones are turned away, without a gap.
#[derive(Default)]
struct Overload {
    since: Timestamp,
    last: Timestamp,
}

impl Default for Room {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_WORK), waiting: AtomicUsize::new(0), overload: Mutex::default() }
    }
}

impl Room {
    /// Serves a request when its turn comes, or says at once that it will not.
    pub async fn admit(State((room, world)): State<(Arc<Self>, Arc<World>)>, request: Request, next: Next) -> Response {
        if let Ok(_place) = room.places.try_acquire() {
            return next.run(request).await;
        }
        let most = if begins(&request) { BEGINNING } else { WAITING };
        let waits = room.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < most).then_some(waiting + 1));
        if waits.is_err() {
            turned_away("overload");
            return no(&request, Problem::overloaded(room.wait_s(world.now())));
        }
        let turn = Waits(&room.waiting);
        let place = room.places.acquire().await;
        drop(turn);
        match place {
            Ok(_place) => next.run(request).await,
            Err(_closed) => no(&request, Problem::overloaded(SHORTEST_WAIT_S)),
        }
    }

    /// As long as it has lasted: so those who come again are not more each time, however many have been turned away.
    fn wait_s(&self, now: Timestamp) -> u32 {
        let mut overload = self.overload.lock().unwrap_or_else(PoisonError::into_inner);
        if !(overload.last..=overload.last + GAP).contains(&now) {
            overload.since = now;
        }
        overload.last = now;
        let lasted = u32::try_from(now.duration_since(overload.since).as_secs()).unwrap_or(u32::MAX);
        lasted.clamp(SHORTEST_WAIT_S, LONGEST_WAIT_S)
    }
}

/// One that waits, until it is dropped: its turn has come, or whoever asked has gone away.
struct Waits<'r>(&'r AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a phone only begins: nothing is lost if it comes again later.
fn begins(request: &Request) -> bool {
    let path = request.uri().path();
    path == "/provisioning/v1/sessions" || path == "/.well-known/est/boot/simpleenroll"
}

fn no(request: &Request, problem: Problem) -> Response {
    if request.uri().path().contains("/.well-known/est") { problem.into_est() } else { problem.into_response() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_turned_away_waits_as_long_as_it_has_lasted() {
        let room = Room::default();
        let noon: Timestamp = "2026-11-27T12:00:00Z".parse().unwrap();
        let waits = |seconds: i64| room.wait_s(noon + SignedDuration::from_secs(seconds));
        assert_eq!([0, 1, 5, 14, 20].map(waits), [2, 2, 5, 14, 20]);
        assert_eq!(waits(31), 2, "it was over for a while");
        assert_eq!((32..200).map(waits).last(), Some(60));
        assert_eq!(waits(-3600), 2, "the clock was set back");
    }
}
