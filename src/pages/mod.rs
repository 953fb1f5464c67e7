//! What people look at: the desk for operators, officers and auditors. Rendered here on the server; nothing is decided here, and no page
//! needs a script to work.

mod assets;
pub mod desk;
mod form;
mod frame;
mod parts;
mod told;
mod words;

use std::sync::Arc;

use axum::Router;

use crate::http;
use crate::workflows::world::World;

/// The `desk` listener: the pages beside the API.
pub fn desk() -> Router<Arc<World>> {
    told::in_words(http::desk(desk::router().merge(assets::router())))
}
