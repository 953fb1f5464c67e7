//! Problems: how we say no over HTTP. Every status code is in this file. RFC 9457 for JSON, one line of text on EST paths.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

use crate::workflows::failure::Failure;
use crate::workflows::limits::TooOften;

/// A no, with a stable code that programs decide by.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    code: &'static str,
    detail: String,
    /// When to come again.
    retry_after_s: Option<u32>,
    /// Further members of the JSON object.
    members: Map<String, Value>,
}

/// What a problem says, beside its JSON: for whoever tells it in other words.
#[derive(Clone, Debug)]
pub struct Told {
    pub code: &'static str,
    pub detail: String,
    pub found: Option<String>,
    pub required: Option<String>,
}

/// Who is not signed in at the portal yet: a browser must not ask for a password of its own making.
const OF_THE_PORTAL: [&str; 4] = ["second-step-required", "sign-in-required", "wrong-code", "wrong-password"];

impl Problem {
    pub fn new(code: &'static str, detail: impl Into<String>) -> Self {
        Self { status: status_of(code), code, detail: detail.into(), retry_after_s: None, members: Map::new() }
    }

    pub fn code(&self) -> &'static str {
        self.code
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", detail)
    }

    /// More than this server can do is asked of it.
    pub fn overloaded(wait_s: u32) -> Self {
        let detail = format!("found: more requests than this server can work on, expected: the same one again, in {wait_s} seconds");
        Self { retry_after_s: Some(wait_s), ..Self::new("unavailable", detail) }
    }

    pub fn certificate_required() -> Self {
        Self::new("certificate-required", "found: no client certificate, expected: one")
    }

    /// The same on an EST path: the status and one line of text (RFC 7030 §4.2.3).
    pub fn into_est(self) -> Response {
        // EST clients take 409 for a refusal: a conflict passes by itself (RFC 7030 §4.2.3 knows no code for it)
        let status = if self.code == "conflict" { StatusCode::SERVICE_UNAVAILABLE } else { self.status };
        let mut response = (status, format!("{}: {}\n", self.code, self.detail)).into_response();
        self.add_headers(&mut response);
        response
    }

    fn add_headers(&self, response: &mut Response) {
        let headers = response.headers_mut();
        let passes_soon = self.status == StatusCode::SERVICE_UNAVAILABLE || self.code == "conflict";
        if let Some(seconds) = self.retry_after_s.or(passes_soon.then_some(2)) {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED && !OF_THE_PORTAL.contains(&self.code) {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"remint\""));
        }
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
}

impl IntoResponse for Problem {
    fn into_response(mut self) -> Response {
        let member = |name: &str| self.members.get(name).and_then(Value::as_str).map(str::to_owned);
        let told = Told { code: self.code, detail: self.detail.clone(), found: member("found"), required: member("required") };
        let mut body = json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("problem"),
            "status": self.status.as_u16(),
            "code": self.code,
            "detail": self.detail,
        });
        if let Value::Object(object) = &mut body {
            object.append(&mut self.members);
        }
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        response.extensions_mut().insert(told);
        self.add_headers(&mut response);
        response
    }
}

impl From<TooOften> for Problem {
    fn from(too_often: TooOften) -> Self {
        let TooOften { by, wait_s } = too_often;
        let detail = format!("found: more requests than one {by} may send in a minute, expected: again in {wait_s} seconds");
        Self { retry_after_s: Some(wait_s), ..Self::new("too-many-requests", detail) }
    }
}

impl From<Failure> for Problem {
    fn from(failure: Failure) -> Self {
        let mut problem = Self::new(failure.code(), failure.to_string());
        match failure {
            Failure::Refused(refusal) => {
                problem.detail = format!("found: {}, required: {}", refusal.found, refusal.required);
                problem.members.insert("found".to_owned(), refusal.found.into());
                problem.members.insert("required".to_owned(), refusal.required.into());
            }
            Failure::WrongProof { attempts_left } => {
                problem.members.insert("attempts_left".to_owned(), attempts_left.into());
            }
            Failure::Unavailable(source) => {
                tracing::error!(error = ?source, "a request could not be served");
                problem.detail = "the server cannot do this now, try again".to_owned();
            }
            Failure::Wait { seconds } => problem.retry_after_s = Some(seconds),
            Failure::Missing { .. } | Failure::Invalid { .. } | Failure::Conflict => {}
        }
        problem
    }
}

/// The status of each stable code.
fn status_of(code: &str) -> StatusCode {
    match code {
        "malformed" | "bad-line" | "bad-csr" | "proof-required" => StatusCode::BAD_REQUEST,
        "certificate-required" | "wrong-proof" => StatusCode::UNAUTHORIZED,
        code if OF_THE_PORTAL.contains(&code) => StatusCode::UNAUTHORIZED,
        "not-permitted"
        | "own-request"
        | "wrong-certificate"
        | "wrong-signature"
        | "foreign-origin"
        | "stale-form"
        | "password-change-required"
        | "evidence-refused"
        | "directory-incomplete" => StatusCode::FORBIDDEN,
        "unknown" | "unknown-invitation" | "unknown-slot" => StatusCode::NOT_FOUND,
        "method-not-allowed" => StatusCode::METHOD_NOT_ALLOWED,
        "invitation-expired" | "invitation-canceled" | "invitation-used" | "canceled" => StatusCode::GONE,
        "too-large" => StatusCode::PAYLOAD_TOO_LARGE,
        "wrong-media-type" => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "wrong-mode" | "weak-password" => StatusCode::UNPROCESSABLE_ENTITY,
        "invitation-locked" => StatusCode::LOCKED,
        "too-many-requests" => StatusCode::TOO_MANY_REQUESTS,
        "unavailable" => StatusCode::SERVICE_UNAVAILABLE,
        "too-slow" => StatusCode::REQUEST_TIMEOUT,
        // somebody else changed the same holdings at the same moment: the same message again
        "conflict" => StatusCode::CONFLICT,
        // what stands in the way: not-replaceable, open-request, wrong-state, slot-taken, keys-changed, duplicate, …
        _ => StatusCode::CONFLICT,
    }
}

#[cfg(test)]
mod tests {
    use crate::lifecycle::refusal::RefusalCode;

    /// What people at the desk and the portal are told; no device ever is.
    const NOT_FOR_DEVICES: [&str; 16] = [
        "bad-line",
        "duplicate",
        "foreign-origin",
        "not-approved",
        "not-replaceable",
        "open-request",
        "own-request",
        "password-change-required",
        "second-step-required",
        "sign-in-required",
        "stale-form",
        "stand-in",
        "weak-password",
        "wrong-code",
        "wrong-mode",
        "wrong-password",
    ];

    #[test]
    fn the_protocol_page_says_what_an_app_does_about_every_code_that_a_device_can_meet() {
        let page = include_str!("../../docs/protocol.md");
        let (_, table) = page.split_once("## Every error, and what the app does about it").unwrap();
        let (_, statuses) = include_str!("problem.rs").split_once("fn status_of").unwrap();
        let (statuses, _) = statuses.split_once("#[cfg(test)]").unwrap();
        let named = statuses.split('"').skip(1).step_by(2);
        for code in named.chain(RefusalCode::ALL.iter().map(|code| code.as_str())).filter(|code| !NOT_FOR_DEVICES.contains(code)) {
            assert!(table.contains(&format!("`{code}`")), "{code}");
        }
    }
}
