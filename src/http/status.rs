//! The `status` listener: plain HTTP, public data only. CRL, OCSP, CA certificates, health.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use jiff::Timestamp;
use serde_json::json;

use super::body::{Whole, is_of_type};
use super::problem::Problem;
use super::words::Segment;
use crate::pki::crl::Shard;
use crate::pki::key::{hex, sha256};
use crate::pki::ocsp::decode_get;
use crate::workflows::answer_status::{Answer, Validity, answer_status};
use crate::workflows::failure::Failure;
use crate::workflows::publish_crl::latest_crl;
use crate::workflows::publish_shard::shard_crl;
use crate::workflows::world::World;

/// How long the database may take to answer whoever asks whether this server is ready.
const PATIENCE: Duration = Duration::from_secs(2);

/// The public paths. They are named in certificates: changing one orphans what has been issued.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/ocsp", post(ocsp_post))
        .route("/ocsp/{*request}", get(ocsp_get))
        .route("/crl/issuing.crl", get(crl))
        .route("/crl/issuing-delta.crl", get(delta))
        .route("/crl/{shard}", get(shard))
        .route("/ca/issuing.cer", get(issuing))
        .route("/ca/root.cer", get(root))
        .route("/health", get(health))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
}

fn typed(content_type: &'static str, body: Vec<u8>, caching: &'static str) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// RFC 6960 appendix A.1, POST. Caches keep no answers to it.
async fn ocsp_post(State(world): State<Arc<World>>, headers: HeaderMap, Whole(body): Whole) -> Result<Response, Problem> {
    is_of_type(&headers, "application/ocsp-request")?;
    Ok(ocsp_answer(answer_status(&world, &body).await.der))
}

/// RFC 6960 appendix A.1, GET: the base64 of the request in the path.
async fn ocsp_get(State(world): State<Arc<World>>, uri: Uri) -> Response {
    let path = uri.path().strip_prefix("/ocsp/").unwrap_or_default();
    let request = decode_get(path).unwrap_or_default();
    let Answer { der, validity } = answer_status(&world, &request).await;
    match validity {
        None => ocsp_answer(der),
        Some(validity) => cacheable(der, validity, world.ocsp_cache_s),
    }
}

/// For this asker alone.
fn ocsp_answer(der: Vec<u8>) -> Response {
    typed("application/ocsp-response", der, "no-store")
}

/// With what RFC 5019 §6.2 tells caches. How long they may answer in our place is the administrator's decision; with 0 they ask us each time.
/// `expires` is for those who do not know `max-age`, which goes before it (RFC 9111 §5.3).
fn cacheable(der: Vec<u8>, validity: Validity, cache_s: u32) -> Response {
    let tag = hex(&sha256(&der));
    let mut response = ocsp_answer(der);
    for (name, value) in [
        (header::CACHE_CONTROL, format!("max-age={cache_s}, public, no-transform, must-revalidate")),
        (header::LAST_MODIFIED, http_date(validity.this_update)),
        (header::EXPIRES, http_date(validity.next_update)),
        (header::ETAG, format!("\"{tag}\"")),
    ] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// RFC 9110 §5.6.7.
fn http_date(at: Timestamp) -> String {
    at.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

/// The newest CRL (RFC 5280 §5), as it was published.
async fn crl(State(world): State<Arc<World>>) -> Result<Response, Problem> {
    let latest = latest_crl(&world).await?.ok_or_else(|| Problem::new("unavailable", "no CRL has been published yet"))?;
    Ok(typed("application/pkix-crl", latest.der, "no-cache"))
}

/// What changed since a base (RFC 5280 §5.2.4), of the same number as the newest CRL.
async fn delta(State(world): State<Arc<World>>) -> Result<Response, Problem> {
    let delta = latest_crl(&world).await?.and_then(|latest| latest.delta);
    let delta = delta.ok_or_else(|| Problem::new("unavailable", "no delta CRL has been published yet"))?;
    Ok(typed("application/pkix-crl", delta, "no-cache"))
}

/// One list of several (RFC 5280 §5.2.5), of the same number as the newest CRL.
async fn shard(State(world): State<Arc<World>>, Segment(name): Segment) -> Result<Response, Problem> {
    let shard = Shard::parse(&name)
        .ok_or_else(|| Problem::new("unknown", "found: another list, expected: issuing.crl, issuing-delta.crl, or issuing-N-of-M.crl"))?;
    let list = shard_crl(&world, shard).await?.ok_or_else(|| Problem::new("unavailable", "no CRL has been published yet"))?;
    Ok(typed("application/pkix-crl", list.to_vec(), "no-cache"))
}

async fn issuing(State(world): State<Arc<World>>) -> Response {
    typed("application/pkix-cert", world.authority.issuing_certificate().to_vec(), "max-age=86400")
}

async fn root(State(world): State<Arc<World>>) -> Response {
    typed("application/pkix-cert", world.authority.root_certificate().to_vec(), "max-age=86400")
}

/// That the process answers. Whoever hears nothing starts it anew.
async fn live() -> Response {
    unkept((StatusCode::OK, Json(json!({ "status": "alive" }))).into_response())
}

/// Whether this server can serve: its database answers, and its keys sign. Whoever spreads connections leaves it out otherwise. What is wrong
/// with all servers alike is not asked here, or none would be left: see [`health`].
async fn ready(State(world): State<Arc<World>>) -> Response {
    let answers = tokio::time::timeout(PATIENCE, world.store.latest_crl_edition()).await;
    let status = match answers {
        Ok(Ok(_)) if world.authority.is_ready() => "ready",
        Ok(Ok(_)) => "token-away",
        Ok(Err(_)) | Err(_) => "database-away",
    };
    let code = if status == "ready" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    unkept((code, Json(json!({ "status": status }))).into_response())
}

fn unkept(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// Whether the server is well: the database answers, the CRL is good, and the last check found nothing. No number here is about a person.
async fn health(State(world): State<Arc<World>>) -> Result<Response, Problem> {
    let crl = world.store.latest_crl_edition().await.map_err(Failure::from)?;
    let letters = world.store.outbox_summary().await.map_err(Failure::from)?;
    let (now, check) = (world.now(), world.last_check());
    let has_expired = crl.as_ref().is_some_and(|crl| crl.next_update <= now);
    let status = match check {
        Some(check) if check.divergences > 0 => "divergence",
        _ if !world.authority.is_ready() => "token-away",
        _ if has_expired => "crl-expired",
        _ => "ok",
    };
    let body = json!({
        "status": status,
        "crl": crl.map(|crl| json!({ "number": crl.number, "this_update": crl.this_update.to_string(), "next_update": crl.next_update.to_string() })),
        "last_check": check.map(|check| json!({ "at": check.at.to_string(), "divergences": check.divergences })),
        "letters": { "waiting": letters.waiting, "failed": letters.failed },
    });
    let code = if status == "ok" { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    Ok(unkept((code, Json(body)).into_response()))
}
