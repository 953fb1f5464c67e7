//! Words of the wire, parsed at the edge: past this layer there are no raw strings.

use std::convert::Infallible;
use std::fmt::Display;
use std::str::FromStr;

use axum::extract::{FromRequestParts, Path, Query};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// The segment of a path that names something. Bytes that are not UTF-8 are read as U+FFFD, which names nothing: so that they get the
/// same no as every other word that is wrong there.
pub struct Segment(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let named = Path::<String>::from_request_parts(parts, state).await;
        Ok(Self(named.map_or_else(|_| char::REPLACEMENT_CHARACTER.to_string(), |Path(text)| text)))
    }
}

/// Two segments that name something, read in the same way.
pub struct Segments(pub String, pub String);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let nothing = || char::REPLACEMENT_CHARACTER.to_string();
        let named = Path::<(String, String)>::from_request_parts(parts, state).await;
        Ok(named.map_or_else(|_| Self(nothing(), nothing()), |Path((first, second))| Self(first, second)))
    }
}

/// What stands behind the question mark of an address.
pub struct Queried<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Queried<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let queried = Query::<T>::from_request_parts(parts, state).await;
        queried.map(|Query(queried)| Self(queried)).map_err(|error| Problem::malformed(error.body_text()))
    }
}

/// The value of a cookie.
pub fn cookie<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let lines = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut named = lines.flat_map(|line| line.split(';')).filter_map(|cookie| cookie.trim().split_once('='));
    named.find(|(found, _)| *found == name).map(|(_, value)| value)
}

/// Parses one field of a request.
pub fn parse<T: FromStr>(field: &str, text: &str) -> Result<T, Problem>
where
    T::Err: Display,
{
    text.parse().map_err(|error| Problem::malformed(format!("{field}: {error}")))
}

/// An id in a path. What is not an id names nothing: the error says so.
pub fn id<T: FromStr>(what: &str, text: &str) -> Result<T, Problem> {
    text.parse().map_err(|_| {
        let found: String = text.chars().take(60).collect();
        Problem::malformed(format!("{what} id: found: {found:?}, expected: a UUID"))
    })
}

/// `N` bytes in base64url without padding.
pub fn b64u<const N: usize>(field: &str, text: &str) -> Result<[u8; N], Problem> {
    let bytes = b64u_bytes(field, text)?;
    let found = bytes.len();
    bytes.try_into().map_err(|_| Problem::malformed(format!("{field}: found: {found} bytes, expected: {N}")))
}

/// Bytes in base64url without padding.
pub fn b64u_bytes(field: &str, text: &str) -> Result<Vec<u8>, Problem> {
    BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|_| Problem::malformed(format!("{field}: expected: base64url without padding")))
}

/// Bytes in base64 with padding.
pub fn b64(field: &str, text: &str) -> Result<Vec<u8>, Problem> {
    BASE64_STANDARD.decode(text).map_err(|_| Problem::malformed(format!("{field}: expected: base64")))
}

/// To base64url without padding.
pub fn to_b64u(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// To base64 with padding, on one line.
pub fn to_b64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// 1 to 64 printable characters.
pub fn label(field: &str, text: &str) -> Result<String, Problem> {
    let length = text.chars().count();
    if (1..=64).contains(&length) && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(Problem::malformed(format!("{field}: found: {length} characters, expected: 1 to 64 printable ones")))
}
