//! EST (RFC 7030, clarified by RFC 8951) on the `devices` listener: the CA chain, what a slot wants, enrollment, and server-made keys.

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::body::Whole;
use super::peer::Peer;
use super::problem::Problem;
use super::words::{self, Segment};
use crate::lifecycle::credential::Slot;
use crate::pki::request::est_base64;
use crate::pki::{cms, csrattrs};
use crate::workflows::deliver_encryption_key::{Delivery, deliver_encryption_key};
use crate::workflows::enroll_credential::enroll_credential;
use crate::workflows::failure::Failure;
use crate::workflows::world::World;

/// The EST paths.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/.well-known/est/cacerts", get(cacerts))
        .route("/.well-known/est/{slot}/csrattrs", get(wanted))
        .route("/.well-known/est/{slot}/simpleenroll", post(simpleenroll))
        .route("/.well-known/est/{slot}/serverkeygen", post(serverkeygen))
}

/// A problem, said as EST says it.
struct EstProblem(Problem);

impl IntoResponse for EstProblem {
    fn into_response(self) -> Response {
        self.0.into_est()
    }
}

impl From<Problem> for EstProblem {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl From<Failure> for EstProblem {
    fn from(failure: Failure) -> Self {
        Self(failure.into())
    }
}

/// A body of EST: base64 on one line with a final newline, which every client tried can read.
fn est_body(content_type: &'static str, der: &[u8]) -> Response {
    let mut response = (StatusCode::OK, words::to_b64(der) + "\n").into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert("content-transfer-encoding", HeaderValue::from_static("base64"));
    response
}

/// M1 (RFC 7030 §4.1).
async fn cacerts(State(world): State<Arc<World>>) -> Result<Response, EstProblem> {
    let chain: Vec<&[u8]> = world.authority.chain().iter().map(Vec::as_slice).collect();
    let bag = cms::certs_only(&chain).map_err(Failure::from)?;
    Ok(est_body("application/pkcs7-mime", &bag))
}

/// M3 (RFC 7030 §4.5, RFC 9908).
async fn wanted(Segment(slot): Segment) -> Result<Response, EstProblem> {
    slot_of(&slot)?;
    Ok(est_body("application/csrattrs", csrattrs::CSR_ATTRIBUTES))
}

/// M4 (RFC 7030 §4.2).
async fn simpleenroll(
    State(world): State<Arc<World>>,
    peer: Peer,
    Segment(slot): Segment,
    body: Result<Whole, Problem>,
) -> Result<Response, EstProblem> {
    let slot = slot_of(&slot)?;
    let device = peer.at_work(&world).await?;
    let certificate = enroll_credential(&world, &device, slot, &csr(body?)?).await?;
    let bag = cms::certs_only(&[&certificate]).map_err(Failure::from)?;
    Ok(est_body("application/pkcs7-mime; smime-type=certs-only", &bag))
}

/// M5 (RFC 7030 §4.4).
async fn serverkeygen(
    State(world): State<Arc<World>>,
    peer: Peer,
    Segment(slot): Segment,
    body: Result<Whole, Problem>,
) -> Result<Response, EstProblem> {
    if slot_of(&slot)? != Slot::Enc {
        return Err(Problem::new("unknown-slot", format!("slot: found: {slot}, expected: enc, whose key the server makes")).into());
    }
    let device = peer.at_work(&world).await?;
    let delivery = deliver_encryption_key(&world, &device, &csr(body?)?).await?;
    multipart(&delivery)
}

fn slot_of(slot: &str) -> Result<Slot, Problem> {
    slot.parse().map_err(|error| Problem::new("unknown-slot", format!("slot: {error}")))
}

fn csr(body: Whole) -> Result<Vec<u8>, Problem> {
    est_base64(&body.0).map_err(|bad| Problem::new("bad-csr", bad.to_string()))
}

/// The key and its certificate, as RFC 7030 §4.4.2 packs them.
fn multipart(delivery: &Delivery) -> Result<Response, EstProblem> {
    const BOUNDARY: &str = "remint-enc";
    let bag = cms::certs_only(&[&delivery.certificate]).map_err(Failure::from)?;
    let part = |kind: &str, der: &[u8]| {
        let body = words::to_b64(der);
        format!(
            "--{BOUNDARY}\r\nContent-Type: application/pkcs7-mime; smime-type={kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{body}\r\n"
        )
    };
    let body = part("server-generated-key", &delivery.enveloped) + &part("certs-only", &bag) + &format!("--{BOUNDARY}--\r\n");
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("multipart/mixed; boundary=remint-enc"));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
