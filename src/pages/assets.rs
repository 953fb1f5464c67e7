//! What pages load beside themselves: one style sheet, one script, one icon, all ours. Each is named by its content, so that a browser
//! fetches it once and never an old one.

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::http::problem::Problem;
use crate::http::words::Segment;
use crate::pki::key::{hex, sha256};
use crate::workflows::world::World;

pub static STYLE: LazyLock<Asset> = LazyLock::new(|| Asset::of("css", "text/css; charset=utf-8", include_str!("assets/remint.css")));
pub static SCRIPT: LazyLock<Asset> = LazyLock::new(|| Asset::of("js", "text/javascript; charset=utf-8", include_str!("assets/remint.js")));
pub static ICON: LazyLock<Asset> = LazyLock::new(|| Asset::of("svg", "image/svg+xml", include_str!("assets/remint.svg")));

/// A file that is part of the program.
pub struct Asset {
    name: String,
    media_type: &'static str,
    text: &'static str,
}

impl Asset {
    fn of(extension: &str, media_type: &'static str, text: &'static str) -> Self {
        let hash = hex(&sha256(text.as_bytes())[..8]);
        Self { name: format!("remint-{hash}.{extension}"), media_type, text }
    }

    pub fn path(&self) -> String {
        format!("/assets/{}", self.name)
    }
}

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/assets/{name}", get(asset))
}

async fn asset(Segment(name): Segment) -> Response {
    let found = [&STYLE, &SCRIPT, &ICON].into_iter().find(|asset| asset.name == name);
    let Some(asset) = found else { return Problem::new("unknown", "no such file").into_response() };
    let headers = [(header::CONTENT_TYPE, asset.media_type), (header::CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, asset.text).into_response()
}
