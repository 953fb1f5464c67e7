//! EST (RFC 7030, clarified by RFC 8951) on the `devices` listener: the CA chain, what a slot wants, enrollment, and server-made keys.

mod asked;

use std::sync::Arc;

pub use asked::BasicCredentials;
use asked::{Basic, Csr, Label};
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};

use super::peer::Peer;
use super::problem::Problem;
use super::words;
use crate::lifecycle::credential::Slot;
use crate::pki::{cms, csrattrs};
use crate::workflows::deliver_encryption_key::{Delivery, deliver_encryption_key};
use crate::workflows::enroll_credential::enroll_credential;
use crate::workflows::failure::Failure;
use crate::workflows::limits::TooOften;
use crate::workflows::open_session::{OpenSession, Shown, open_session};
use crate::workflows::renew_credential::renew_credential;
use crate::workflows::world::World;

/// The EST paths: without a label, with one where RFC 7030 §3.2.2 puts it, and with one in front, as strongSwan writes it.
pub fn router() -> Router<Arc<World>> {
    ["/.well-known/est", "/.well-known/est/{label}", "/{label}/.well-known/est"].into_iter().fold(Router::new(), |router, base| {
        let path = |operation: &str| format!("{base}/{operation}");
        router
            .route(&path("cacerts"), get(cacerts))
            .route(&path("csrattrs"), get(wanted))
            .route(&path("simpleenroll"), post(simpleenroll))
            .route(&path("simplereenroll"), post(simplereenroll))
            .route(&path("serverkeygen"), post(serverkeygen))
    })
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

impl From<TooOften> for EstProblem {
    fn from(too_often: TooOften) -> Self {
        Self(too_often.into())
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
async fn cacerts(State(world): State<Arc<World>>, _: Label) -> Result<Response, EstProblem> {
    let chain: Vec<&[u8]> = world.authority.chain().iter().map(Vec::as_slice).collect();
    let bag = cms::certs_only(&chain).map_err(Failure::from)?;
    Ok(est_body("application/pkcs7-mime", &bag))
}

/// M3 (RFC 7030 §4.5, RFC 9908).
async fn wanted(_: Label) -> Result<Response, EstProblem> {
    Ok(est_body("application/csrattrs", csrattrs::CSR_ATTRIBUTES))
}

/// M4, and M2′ for a plain client (RFC 7030 §4.2).
async fn simpleenroll(
    State(world): State<Arc<World>>,
    peer: Peer,
    label: Label,
    basic: Basic,
    csr: Result<Csr, Problem>,
) -> Result<Response, EstProblem> {
    let is_plain = label == Label::Boot || (label == Label::None && peer.certificate.is_none());
    let certificate = if is_plain {
        bootstrap(&world, &peer, basic.credentials?, csr?).await?
    } else {
        enroll_credential(&world, &peer.at_work(&world).await?, label.slot()?, &csr?.0).await?
    };
    enrolled(&certificate)
}

/// M2′: the bare secret of an invitation, by HTTP Basic.
async fn bootstrap(world: &World, peer: &Peer, credentials: BasicCredentials, csr: Csr) -> Result<Vec<u8>, EstProblem> {
    let BasicCredentials { invitation, secret, code } = credentials;
    world.count_invitation(*invitation.0.as_bytes())?;
    let message = OpenSession { invitation, csr: csr.0, shown: Shown::Secret { secret, code }, source: peer.source() };
    let opened = open_session(world, &message).await.map_err(|failure| match failure {
        // RFC 7030 §3.2.3: what does not authenticate is asked again
        Failure::Missing { code: "unknown-invitation", .. } => {
            Problem::new("wrong-proof", "found: no such invitation, expected: an open one")
        }
        other => other.into(),
    })?;
    Ok(opened.bootstrap_certificate)
}

/// Renewal of a device's own certificate (RFC 7030 §4.2.2).
async fn simplereenroll(
    State(world): State<Arc<World>>,
    peer: Peer,
    label: Label,
    csr: Result<Csr, Problem>,
) -> Result<Response, EstProblem> {
    let device = peer.at_work(&world).await?;
    enrolled(&renew_credential(&world, &device, label.slot()?, &csr?.0).await?)
}

/// The new certificate alone.
fn enrolled(certificate: &[u8]) -> Result<Response, EstProblem> {
    let bag = cms::certs_only(&[certificate]).map_err(Failure::from)?;
    Ok(est_body("application/pkcs7-mime; smime-type=certs-only", &bag))
}

/// M5 (RFC 7030 §4.4).
async fn serverkeygen(
    State(world): State<Arc<World>>,
    peer: Peer,
    label: Label,
    csr: Result<Csr, Problem>,
) -> Result<Response, EstProblem> {
    if label != Label::Slot(Slot::Enc) {
        return Err(Problem::new("unknown-slot", format!("label: found: {label}, expected: enc, whose key the server makes")).into());
    }
    let device = peer.at_work(&world).await?;
    let delivery = deliver_encryption_key(&world, &device, &csr?.0).await?;
    multipart(&delivery)
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
