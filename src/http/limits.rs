//! What is turned away before anything is looked at: a source that asks too often, and phones beyond what this server can do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tokio::sync::Semaphore;

use super::peer::Peer;
use super::problem::Problem;
use super::turns::{SHORTEST_WAIT_S, Turns};
use crate::workflows::limits::{Source, turned_away};
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
    /// Of those who only begin.
    turns: Mutex<Turns>,
}

impl Default for Room {
    fn default() -> Self {
        Self { places: Semaphore::new(AT_WORK), waiting: AtomicUsize::new(0), turns: Mutex::default() }
    }
}

impl Room {
    /// Serves a request when its turn comes, or says at once that it will not.
    pub async fn admit(State((room, world)): State<(Arc<Self>, Arc<World>)>, request: Request, next: Next) -> Response {
        let begins = begins(&request);
        let let_in = || begins.then(|| room.turns().let_in(world.now()));
        if let Ok(_place) = room.places.try_acquire() {
            let_in();
            return next.run(request).await;
        }
        let most = if begins { BEGINNING } else { WAITING };
        let waits = room.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |waiting| (waiting < most).then_some(waiting + 1));
        if waits.is_err() {
            turned_away("overload");
            let wait_s = if begins { room.turns().next_s(world.now()) } else { SHORTEST_WAIT_S };
            return no(&request, Problem::overloaded(wait_s));
        }
        let_in();
        let turn = Waits(&room.waiting);
        let place = room.places.acquire().await;
        drop(turn);
        match place {
            Ok(_place) => next.run(request).await,
            Err(_closed) => no(&request, Problem::overloaded(SHORTEST_WAIT_S)),
        }
    }

    fn turns(&self) -> MutexGuard<'_, Turns> {
        self.turns.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One that waits, until it is dropped: its turn has come, or whoever asked has gone away.
struct Waits<'r>(&'r AtomicUsize);

impl Drop for Waits<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether a phone only begins: nothing is lost if it comes again later. Who enrolls without a certificate has a one-time password.
fn begins(request: &Request) -> bool {
    let has_certificate = request.extensions().get::<Peer>().is_some_and(|peer| peer.certificate.is_some());
    let path = request.uri().path();
    path == "/provisioning/v1/sessions" || path.ends_with("/simpleenroll") && !has_certificate
}

fn no(request: &Request, problem: Problem) -> Response {
    if request.uri().path().contains("/.well-known/est") { problem.into_est() } else { problem.into_response() }
}
