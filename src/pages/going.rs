//! From one page to another: after a form, back in the language that was chosen, and where things are found.

use std::sync::Arc;

use axum::Router;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use serde::Deserialize;

use super::form::Filled;
use super::words::{COOKIE, Language};
use crate::http::problem::Problem;
use crate::lifecycle::ids::RequestId;
use crate::workflows::world::World;

pub fn router() -> Router<Arc<World>> {
    Router::new().route("/language", post(language))
}

pub fn request_path(request: RequestId) -> String {
    format!("/requests/{request}")
}

/// The next page is asked for anew: a reload does not send the form again.
pub fn see(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

#[derive(Deserialize)]
struct LanguageFields {
    language: String,
}

/// The language that a visitor chose, and back to where they were.
async fn language(headers: HeaderMap, Filled(fields): Filled<LanguageFields>) -> Result<Response, Problem> {
    let language: Language = fields.language.parse().map_err(|error| Problem::malformed(format!("language: {error}")))?;
    let mut response = see(&came_from(&headers).unwrap_or_else(|| "/".to_owned()));
    let cookie = format!("{COOKIE}={language}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000");
    response.headers_mut().insert(header::SET_COOKIE, cookie.parse().map_err(|_| Problem::malformed("language"))?);
    Ok(response)
}

/// The path of the page before, where it was one of ours.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let before: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let is_ours = headers.get(header::HOST)?.to_str().ok() == before.authority().map(|authority| authority.as_str());
    // what begins with two of these leads to another host
    let is_path = |path: &str| !path[1..].starts_with(['/', '\\']);
    before.path_and_query().map(|path| path.as_str()).filter(|path| is_ours && path.starts_with('/') && is_path(path)).map(str::to_owned)
}
