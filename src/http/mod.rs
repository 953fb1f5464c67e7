//! Who may ask, in which words: TLS, who is at the other end, problems, EST, provisioning, the desk API, and status.
//! Words are parsed here and nowhere below; nothing is decided here.

mod body;
mod desk;
mod est;
pub mod peer;
pub mod problem;
mod provisioning;
mod status;
pub mod tls;
mod words;

use std::sync::Arc;

use axum::Router;

use crate::workflows::world::World;

/// The `devices` listener: EST and provisioning.
pub fn devices() -> Router<Arc<World>> {
    est::router().merge(provisioning::router()).fallback(nothing_here).method_not_allowed_fallback(wrong_method)
}

/// The `desk` listener: the API of operators.
pub fn desk() -> Router<Arc<World>> {
    desk::router().fallback(nothing_here).method_not_allowed_fallback(wrong_method)
}

/// The `status` listener: public data.
pub fn status() -> Router<Arc<World>> {
    status::router().fallback(nothing_here).method_not_allowed_fallback(wrong_method)
}

async fn nothing_here() -> problem::Problem {
    problem::Problem::new("unknown", "no such path")
}

async fn wrong_method() -> problem::Problem {
    problem::Problem::new("method-not-allowed", "this path does not take this method")
}
