//! Who may ask, in which words: TLS, who is at the other end, problems, EST, provisioning, the desk API, and status.
//! Words are parsed here and nowhere below; nothing is decided here.

mod body;
pub mod desk;
mod est;
pub mod limits;
pub mod metrics;
pub mod peer;
pub mod portal;
pub mod problem;
mod provisioning;
pub mod request_id;
mod status;
pub mod tls;
mod turns;
pub mod untrusted;
pub mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;

use crate::workflows::world::World;

/// The `devices` listener: EST and provisioning.
pub fn devices() -> Router<Arc<World>> {
    finished("devices", est::router().merge(provisioning::router()))
}

/// The `desk` listener: the API of operators, and the pages for people.
pub fn desk(pages: Router<Arc<World>>) -> Router<Arc<World>> {
    finished("desk", desk::router().merge(pages))
}

/// The `portal` listener: the API of users, and the pages for people.
pub fn portal(pages: Router<Arc<World>>) -> Router<Arc<World>> {
    finished("portal", portal::router().merge(pages))
}

/// The `status` listener: public data.
pub fn status() -> Router<Arc<World>> {
    finished("status", status::router())
}

/// What every listener has: an answer where there is nothing, and a count of its answers.
fn finished(listener: &'static str, router: Router<Arc<World>>) -> Router<Arc<World>> {
    let router = router.fallback(nothing_here).method_not_allowed_fallback(wrong_method);
    router.layer(from_fn(move |request, next| metrics::count(listener, request, next)))
}

/// No browser takes an answer for something else than it says it is. (No Strict-Transport-Security: it would bind the status listener's plain port
/// of the same host.)
pub async fn not_guessed_at(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

async fn nothing_here() -> problem::Problem {
    problem::Problem::new("unknown", "no such path")
}

async fn wrong_method() -> problem::Problem {
    problem::Problem::new("method-not-allowed", "this path does not take this method")
}
