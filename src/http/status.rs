//! The `status` listener: plain HTTP, public data only. CRL, OCSP, CA certificates, health.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};

use serde_json::json;

use super::body::Whole;
use super::problem::Problem;
use crate::pki::ocsp::decode_get;
use crate::workflows::answer_status::answer_status;
use crate::workflows::failure::Failure;
use crate::workflows::publish_crl::latest_crl;
use crate::workflows::world::World;

/// The public paths. They are named in certificates: changing one orphans what has been issued.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/ocsp", post(ocsp_post))
        .route("/ocsp/{*request}", get(ocsp_get))
        .route("/crl/issuing.crl", get(crl))
        .route("/ca/issuing.cer", get(issuing))
        .route("/ca/root.cer", get(root))
        .route("/health", get(health))
}

fn typed(content_type: &'static str, body: Vec<u8>, caching: &'static str) -> Response {
    let mut response = (StatusCode::OK, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// RFC 6960 appendix A.1, POST.
async fn ocsp_post(State(world): State<Arc<World>>, Whole(body): Whole) -> Response {
    typed("application/ocsp-response", answer_status(&world, &body).await, "no-store")
}

/// RFC 6960 appendix A.1, GET: the base64 of the request in the path.
async fn ocsp_get(State(world): State<Arc<World>>, Path(request): Path<String>) -> Response {
    let request = decode_get(&request).unwrap_or_default();
    typed("application/ocsp-response", answer_status(&world, &request).await, "no-store")
}

/// The newest CRL (RFC 5280 §5), as it was published.
async fn crl(State(world): State<Arc<World>>) -> Result<Response, Problem> {
    let latest = latest_crl(&world).await?.ok_or_else(|| Problem::new("unavailable", "no CRL has been published yet"))?;
    Ok(typed("application/pkix-crl", latest.der, "no-cache"))
}

async fn issuing(State(world): State<Arc<World>>) -> Response {
    typed("application/pkix-cert", world.authority.issuing_certificate().to_vec(), "max-age=86400")
}

async fn root(State(world): State<Arc<World>>) -> Response {
    typed("application/pkix-cert", world.authority.root_certificate().to_vec(), "max-age=86400")
}

/// Whether the server is well: the database answers, the CRL is good, and the last check found nothing. No number here is about a person.
async fn health(State(world): State<Arc<World>>) -> Result<Response, Problem> {
    let (crl, letters) = (latest_crl(&world).await?, world.store.outbox_summary().await.map_err(Failure::from)?);
    let (now, check) = (world.now(), world.last_check());
    let has_expired = crl.as_ref().is_some_and(|crl| crl.next_update <= now);
    let status = match check {
        Some(check) if check.divergences > 0 => "divergence",
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
    let mut response = (code, Json(body)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    Ok(response)
}
