//! What people look at: the desk for operators, officers and auditors, and the portal for users. Rendered here on the server; nothing is
//! decided here, and no page needs a script to work.

mod asked;
mod assets;
pub mod desk;
mod form;
mod frame;
mod going;
mod history;
mod invited;
mod live;
mod parts;
mod portal;
mod replacement;
mod steps;
mod told;
mod visit;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;

use crate::http;
use crate::http::desk::own_origin_only;
use crate::workflows::world::World;

/// The `desk` listener: the pages beside the API.
pub fn desk() -> Router<Arc<World>> {
    told::in_words(http::desk(with_what_each_has(desk::router())), "code")
}

/// The `portal` listener: the pages beside the API.
pub fn portal() -> Router<Arc<World>> {
    told::in_words(http::portal(with_what_each_has(portal::router())), "my-code")
}

fn with_what_each_has(pages: Router<Arc<World>>) -> Router<Arc<World>> {
    pages.merge(going::router()).layer(from_fn(own_origin_only)).merge(assets::router())
}
