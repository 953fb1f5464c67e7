//! The portal API: what users do for themselves, signed in with their password and a code, or with a device of their own. `GET /api/openapi.json` describes it. What is no user's
//! business (lifecycle.md §5) has no path here.

pub mod account;
mod requests;

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::from_fn;
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::desk::{bodies, not_stored, own_origin_only};
use super::peer::Peer;
use super::problem::Problem;
use super::words::cookie;
use crate::workflows::sign_in::{PortalUser, identify_user};
use crate::workflows::world::World;

/// The cookie of a session. The prefix makes a browser refuse it from anywhere but this host, over TLS (RFC 6265bis §4.1.3.2).
const COOKIE: &str = "__Host-remint-portal";

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Remint portal API",
        description = "For users: what they hold, and what they may do for themselves. Sign in for a session cookie. Errors are RFC 9457 problems with a stable `code`."
    ),
    components(schemas(bodies::ProblemBody))
)]
struct Description;

/// The paths of the portal.
pub(super) fn router() -> Router<Arc<World>> {
    let (router, description) = OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(account::sign_in))
        .routes(routes!(account::enter_code))
        .routes(routes!(account::sign_in_by_device))
        .routes(routes!(account::sign_out))
        .routes(routes!(account::change_password))
        .routes(routes!(account::me))
        .routes(routes!(account::audit))
        .routes(routes!(requests::submit))
        .routes(routes!(requests::cancel))
        .routes(routes!(requests::ticket))
        .split_for_parts();
    let description = Arc::new(description);
    router
        .route("/api/openapi.json", get(move || async move { Json((*description).clone()) }))
        .layer(from_fn(own_origin_only))
        .layer(from_fn(not_stored))
}

/// The user who asks, whoever set the password.
pub struct Anybody(pub PortalUser);

/// The user who asks, with a password of their own.
pub struct User(pub PortalUser);

impl FromRequestParts<Arc<World>> for Anybody {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let token = session_token(&parts.headers)?;
        let user = identify_user(world, token, &source(parts)).await?;
        world.count_user(user.user)?;
        Ok(Self(user))
    }
}

impl FromRequestParts<Arc<World>> for User {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let Anybody(user) = Anybody::from_request_parts(parts, world).await?;
        if user.must_change {
            let detail = "found: signed in with an initial password, expected: first set one of your own (POST /api/password)";
            return Err(Problem::new("password-change-required", detail));
        }
        Ok(Self(user))
    }
}

pub fn session_token(headers: &HeaderMap) -> Result<&str, Problem> {
    cookie(headers, COOKIE).ok_or_else(|| Problem::new("sign-in-required", "found: no session, expected: sign in"))
}

/// The certificate that the connection showed, if it showed one.
pub struct Shown(pub Option<Arc<[u8]>>);

impl<S: Send + Sync> FromRequestParts<S> for Shown {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(parts.extensions.get::<Peer>().and_then(|peer| peer.certificate.clone())))
    }
}

/// Where a request comes from, for the audit log.
pub struct Source(pub String);

impl<S: Send + Sync> FromRequestParts<S> for Source {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        Ok(Self(source(parts)))
    }
}

fn source(parts: &Parts) -> String {
    parts.extensions.get::<Peer>().map_or_else(|| "unknown".to_owned(), Peer::source)
}

/// The answer with a session's cookie; an empty token takes it away.
pub fn with_cookie(mut response: Response, token: &str) -> Result<Response, Problem> {
    let age = if token.is_empty() { "; Max-Age=0" } else { "" };
    let cookie = format!("{COOKIE}={token}; Path=/; Secure; HttpOnly; SameSite=Strict{age}");
    let cookie = cookie.parse().map_err(|_| Problem::new("unavailable", "the session could not be opened"))?;
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    Ok(response)
}
