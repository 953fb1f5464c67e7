//! The desk API: what operators do, over their own certificates. `GET /api/openapi.json` describes it.

pub(super) mod audit;
pub(super) mod bodies;
mod devices;
mod directory;
mod effects;
mod letters;
mod passwords;
mod reads;
mod recoveries;
mod requests;
pub(super) mod stock;
mod writes;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::peer::Peer;
use super::problem::Problem;
use crate::workflows::identify::identify_operator;
use crate::workflows::world::{Caller, World};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Remint desk API",
        description = "For help desk operators and officers. Every call needs an operator's client certificate (TLS 1.3); the roles are those of the operator's record. Errors are RFC 9457 problems with a stable `code`."
    ),
    components(schemas(bodies::ProblemBody))
)]
struct Description;

/// The paths of the desk.
pub fn router() -> Router<Arc<World>> {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(reads::me))
        .routes(routes!(reads::find_users, writes::create_user))
        .routes(routes!(reads::user))
        .routes(routes!(directory::describe))
        .routes(routes!(writes::request_initial_issuance))
        .routes(routes!(writes::submit_replacement))
        .routes(routes!(reads::requests))
        .routes(routes!(reads::request))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::approve))
        .routes(routes!(requests::reject))
        .routes(routes!(requests::bind))
        .routes(routes!(requests::unbind))
        .routes(routes!(requests::invite))
        .routes(routes!(devices::suspend))
        .routes(routes!(devices::resume))
        .routes(routes!(devices::terminate))
        .routes(routes!(devices::returned))
        .routes(routes!(devices::suspend_credential))
        .routes(routes!(devices::resume_credential))
        .routes(routes!(stock::list, stock::add))
        .routes(routes!(stock::import))
        .routes(routes!(audit::audit))
        .routes(routes!(letters::letters))
        .routes(routes!(passwords::give))
        .routes(routes!(recoveries::ask))
        .routes(routes!(recoveries::list))
        .routes(routes!(recoveries::recovery))
        .routes(routes!(recoveries::approve))
        .routes(routes!(recoveries::refuse))
        .routes(routes!(recoveries::collect))
        .split_for_parts();
    let description = Arc::new(description);
    router
        .route("/api/openapi.json", get(move |_: Operator| async move { Json((*description).clone()) }))
        .layer(from_fn(own_origin_only))
        .layer(from_fn(not_stored))
}

/// The operator who asks: their certificate is judged on every request.
pub struct Operator(pub Caller);

impl FromRequestParts<Arc<World>> for Operator {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let peer = Peer::from_request_parts(parts, world).await?;
        Ok(Self(identify_operator(world, peer.certificate()?, &peer.source()).await?))
    }
}

/// A browser shows the operator's certificate to us whoever's page asks it to: a page of another origin may change nothing.
pub async fn own_origin_only(request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD);
    match foreign_origin(request.headers()) {
        Some(origin) if !is_read => {
            Problem::new("foreign-origin", format!("origin: found: {origin}, expected: this listener's own, or none")).into_response()
        }
        Some(_) | None => next.run(request).await,
    }
}

fn foreign_origin(headers: &HeaderMap) -> Option<String> {
    let origin = headers.get(header::ORIGIN)?.to_str().unwrap_or("unreadable");
    let own = headers.get(header::HOST).and_then(|host| host.to_str().ok()).map(|host| format!("https://{host}"));
    (own.as_deref() != Some(origin)).then(|| origin.chars().take(100).collect())
}

/// What the desk sees is personal: no cache keeps it.
pub async fn not_stored(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
