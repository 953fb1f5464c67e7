//! What is turned away before anything is looked at: a source that asks too often, and phones beyond what this server can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::peer::Peer;
use super::problem::Problem;
use crate::workflows::limits::Source;
use crate::workflows::world::World;

/// How many requests of phones are worked on at once: enough to keep the processors and the database busy.
const AT_WORK: usize = 64;
/// How many more wait for their turn, and how many of those may be phones that only begin: what was begun is finished first.
const WAITING: usize = 1024;
const BEGINNING: usize = 128;

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
}

impl Default for Room {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_WORK), waiting: AtomicUsize::new(0) }
    }
}

impl Room {
    /// Serves a request when its turn comes, or says at once that it will not.
    pub async fn admit(State(room): State<Arc<Self>>, request: Request, next: Next) -> Response {
        if let Ok(_place) = room.places.try_acquire() {
            return next.run(request).await;
        }
        let most = if begins(&request) { BEGINNING } else { WAITING };
        let waits = room.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < most).then_some(waiting + 1));
        if waits.is_err() {
            metrics::counter!("remint_turned_away_total", "why" => "overload").increment(1);
            return no(
                &request,
                Problem::new("unavailable", "found: more requests than this server can work on, expected: the same one again, later"),
            );
        }
        let turn = Waits(&room.waiting);
        let place = room.places.acquire().await;
        drop(turn);
        match place {
            Ok(_place) => next.run(request).await,
            Err(closed) => no(&request, Problem::new("unavailable", closed.to_string())),
        }
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
