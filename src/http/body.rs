//! Request bodies: read whole, within a limit, and parsed at the edge with an error that says what was found.

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use http_body_util::BodyExt;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// No request of ours needs more.
pub const LIMIT: usize = 64 * 1024;

/// How long a body may be that is taken in only to say that it is too long.
const FORGOTTEN: usize = 4 * 1024 * 1024;

/// A whole body.
pub struct Whole(pub Bytes);

impl<S: Send + Sync> FromRequest<S> for Whole {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, LIMIT).await.map(Self)
    }
}

/// A list that may be longer than other bodies: the lines of a CSV.
pub struct Listed(pub Bytes);

/// Lists of [`crate::workflows::stock::LIST`] devices fit.
const LIST_LIMIT: usize = 1024 * 1024;

impl<S: Send + Sync> FromRequest<S> for Listed {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        read(request, LIST_LIMIT).await.map(Self)
    }
}

/// A body that is JSON of one shape.
pub struct Parsed<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Parsed<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        is_of_type(request.headers(), "application/json")?;
        json(&read(request, LIMIT).await?).map(Self)
    }
}

/// Reads a JSON object of one shape.
pub fn json<T: DeserializeOwned>(body: &[u8]) -> Result<T, Problem> {
    if body.iter().find(|byte| !byte.is_ascii_whitespace()).is_some_and(|first| *first != b'{') {
        return Err(Problem::malformed("body: expected: a JSON object"));
    }
    serde_json::from_slice(body).map_err(|error| Problem::malformed(format!("body: {error}")))
}

/// Whether a body says that it is of this media type. A form of another site cannot say `application/json` unasked, so demanding it also
/// keeps forged requests out.
pub fn is_of_type(headers: &HeaderMap, expected: &str) -> Result<(), Problem> {
    let found = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or("none");
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(expected) {
        return Ok(());
    }
    Err(Problem::new("wrong-media-type", format!("content type: found: {found}, expected: {expected}")))
}

async fn read(request: Request, limit: usize) -> Result<Bytes, Problem> {
    let declared = request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if let Some(length) = declared.filter(|length| *length > limit) {
        if length <= FORGOTTEN {
            forget(request.into_body()).await;
        }
        return Err(too_large(limit));
    }
    to_bytes(request.into_body(), limit).await.map_err(|error| {
        let is_over = std::error::Error::source(&error).is_some_and(|source| source.is::<http_body_util::LengthLimitError>());
        if is_over { too_large(limit) } else { Problem::malformed("the body ended early") }
    })
}

/// Takes a body in and keeps nothing of it: who is still sending does not look for an answer, and finds the connection closed instead.
async fn forget(mut body: Body) {
    while let Some(Ok(_)) = body.frame().await {}
}

fn too_large(limit: usize) -> Problem {
    Problem::new("too-large", format!("body: expected: at most {limit} bytes"))
}
