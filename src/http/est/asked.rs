//! What an EST client writes: a label in the path, a request in base64, and the name and password of HTTP Basic.

use std::collections::HashMap;
use std::fmt;

use axum::extract::{FromRequest, FromRequestParts, Path, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use uuid::Uuid;
use zeroize::Zeroizing;

use super::EstProblem;
use crate::http::body::Whole;
use crate::http::problem::Problem;
use crate::http::words::b64u;
use crate::lifecycle::credential::Slot;
use crate::lifecycle::ids::TicketId;
use crate::lifecycle::words::UnknownWord;
use crate::pki::request::est_base64;

/// What a path is about (RFC 7030 §3.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Label {
    /// The default: what a certificate is first needed for.
    None,
    /// The session key of a plain client.
    Boot,
    Slot(Slot),
}

impl Label {
    /// The slot; `auth` where none is named.
    pub fn slot(self) -> Result<Slot, Problem> {
        match self {
            Self::None => Ok(Slot::Auth),
            Self::Slot(slot) => Ok(slot),
            Self::Boot => Err(Problem::new("unknown-slot", "label: found: boot, expected: a slot")),
        }
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Boot => "boot",
            Self::Slot(slot) => slot.as_str(),
        })
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Label {
    type Rejection = EstProblem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, EstProblem> {
        let unreadable = |_| unknown(&Slot::unknown("bytes that are no text"));
        let named = Path::<HashMap<String, String>>::from_request_parts(parts, state).await.map_err(unreadable)?;
        match named.get("label").map(String::as_str) {
            None => Ok(Self::None),
            Some("boot") => Ok(Self::Boot),
            Some(slot) => Ok(Self::Slot(slot.parse().map_err(|error| unknown(&error))?)),
        }
    }
}

fn unknown(error: &UnknownWord) -> Problem {
    Problem::new("unknown-slot", format!("label: {error}, or boot"))
}

/// The DER of a certification request.
pub(super) struct Csr(pub Vec<u8>);

impl<S: Send + Sync> FromRequest<S> for Csr {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        is_pkcs10(request.headers())?;
        let Whole(body) = Whole::from_request(request, state).await?;
        est_base64(&body).map(Self).map_err(|bad| Problem::new("bad-csr", bad.to_string()))
    }
}

/// A client that says nothing is believed: only its body counts.
fn is_pkcs10(headers: &HeaderMap) -> Result<(), Problem> {
    let Some(found) = headers.get(header::CONTENT_TYPE) else { return Ok(()) };
    let found = found.to_str().unwrap_or("not text");
    let essence = found.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case("application/pkcs10") {
        return Ok(());
    }
    Err(Problem::new("wrong-media-type", format!("content type: found: {found}, expected: application/pkcs10")))
}

/// The header `Authorization`, looked at only where it is wanted.
pub(super) struct Basic {
    pub credentials: Result<BasicCredentials, Problem>,
}

/// The name is the invitation, the password its secret, and after a dot the code where there is one.
pub struct BasicCredentials {
    pub invitation: TicketId,
    pub secret: Zeroizing<[u8; 16]>,
    pub code: Option<Zeroizing<String>>,
}

impl<S: Send + Sync> FromRequestParts<S> for Basic {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        let value = parts.headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
        Ok(Self { credentials: value.and_then(BasicCredentials::read).ok_or_else(required) })
    }
}

/// What is no name and password of ours is no attempt either.
fn required() -> Problem {
    Problem::new(
        "certificate-required",
        "found: no invitation, expected: HTTP Basic with the invitation as name and its secret, a dot and the code as password",
    )
}

impl BasicCredentials {
    /// Reads the value of the header `Authorization` (RFC 7617 §2).
    pub(in crate::http) fn read(value: &str) -> Option<Self> {
        let (scheme, encoded) = value.split_once(' ')?;
        if !scheme.eq_ignore_ascii_case("basic") {
            return None;
        }
        let decoded = Zeroizing::new(BASE64_STANDARD.decode(encoded.trim()).ok()?);
        let (name, password) = std::str::from_utf8(&decoded).ok()?.split_once(':')?;
        let (secret, code) = match password.split_once('.') {
            Some((secret, code)) => (secret, Some(Zeroizing::new(code.to_owned()))),
            None => (password, None),
        };
        Some(Self {
            invitation: TicketId(Uuid::from_bytes(b64u("name", name).ok()?)),
            secret: Zeroizing::new(b64u("password", secret).ok()?),
            code,
        })
    }
}
