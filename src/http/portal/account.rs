//! The user's own account: signing in and out, the password, and what they hold.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use zeroize::Zeroizing;

use super::bodies::{HoldingsBody, ProblemBody, holdings};
use super::{Anybody, Shown, Source, User, session_token, with_cookie};
use crate::http::body::Parsed;
use crate::http::desk::audit::{AuditBody, page_of};
use crate::http::problem::Problem;
use crate::http::words::Queried;
use crate::store::views::AuditFilter;
use crate::workflows::second_step;
use crate::workflows::set_password::change_password as change;
use crate::workflows::sign_in::{SignedIn, sign_in as begin, sign_out as end};
use crate::workflows::sign_in_by_device::sign_in_by_device as by_device;
use crate::workflows::world::World;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SignInBody {
    /// E-mail address or UPN.
    #[schema(example = "ana@example.org")]
    pub login: String,
    pub password: String,
}

#[derive(Serialize, ToSchema)]
pub struct SignedInBody {
    pub id: String,
    pub name: String,
    /// Signed in with an initial password: nothing works but setting one of one's own.
    pub must_change_password: bool,
    /// Not signed in yet: the code that was sent must be posted to `/api/sign-in/code`.
    pub second_step_required: bool,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CodeBody {
    /// The six digits of the letter; spaces do not count.
    #[schema(example = "271828")]
    pub code: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordBody {
    pub current: String,
    /// 12 to 128 characters, without one's own name.
    pub new: String,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OwnAuditQuery {
    /// From the `next` of the page before.
    after: Option<i64>,
}

/// No password is longer, in bytes, and nobody makes us stretch more.
pub const LONGEST: usize = 1024;

fn secret(field: &str, text: String) -> Result<Zeroizing<String>, Problem> {
    let text = Zeroizing::new(text);
    if text.is_empty() || text.len() > LONGEST {
        return Err(Problem::malformed(format!("{field}: found: {} bytes, expected: 1 to {LONGEST}", text.len())));
    }
    Ok(text)
}

/// Sign in. The answer sets the session's cookie; where it says that a second step is required, the session signs nobody in before it.
#[utoipa::path(post, path = "/api/sign-in", request_body = SignInBody,
    responses((status = 200, body = SignedInBody), (status = "4XX", body = ProblemBody)))]
pub async fn sign_in(
    State(world): State<Arc<World>>,
    Source(source): Source,
    Parsed(body): Parsed<SignInBody>,
) -> Result<Response, Problem> {
    let password = secret("password", body.password)?;
    answer(begin(&world, &body.login, password, &source).await?)
}

/// The second step: the code that was sent to the address of record. The answer sets the session's cookie anew.
#[utoipa::path(post, path = "/api/sign-in/code", request_body = CodeBody,
    responses((status = 200, body = SignedInBody), (status = "4XX", body = ProblemBody)))]
pub async fn enter_code(
    State(world): State<Arc<World>>,
    Source(source): Source,
    headers: HeaderMap,
    Parsed(body): Parsed<CodeBody>,
) -> Result<Response, Problem> {
    let token = session_token(&headers)?;
    answer(second_step::enter_code(&world, token, &body.code, &source).await?)
}

/// Sign in with a device of one's own that is active: the certificate that the connection showed. The answer sets the session's cookie.
#[utoipa::path(post, path = "/api/sign-in/device", responses((status = 200, body = SignedInBody), (status = "4XX", body = ProblemBody)))]
pub async fn sign_in_by_device(State(world): State<Arc<World>>, Source(source): Source, peer: Shown) -> Result<Response, Problem> {
    let certificate = peer.0.ok_or_else(Problem::certificate_required)?;
    answer(by_device(&world, &certificate, &source).await?)
}

fn answer(signed_in: SignedIn) -> Result<Response, Problem> {
    let SignedIn { token, user, must_change, awaits_code } = signed_in;
    let body =
        SignedInBody { id: user.id.to_string(), name: user.name, must_change_password: must_change, second_step_required: awaits_code };
    with_cookie(Json(body).into_response(), &token)
}

/// Sign out: the session ends.
#[utoipa::path(post, path = "/api/sign-out", responses((status = 204), (status = "4XX", body = ProblemBody)))]
pub async fn sign_out(State(world): State<Arc<World>>, Anybody(user): Anybody) -> Result<Response, Problem> {
    end(&world, &user).await?;
    with_cookie(StatusCode::NO_CONTENT.into_response(), "")
}

/// Set one's own password. Every other session ends; this one goes on under a new cookie.
#[utoipa::path(post, path = "/api/password", request_body = PasswordBody, responses((status = 204), (status = "4XX", body = ProblemBody)))]
pub async fn change_password(
    State(world): State<Arc<World>>,
    Anybody(user): Anybody,
    Parsed(body): Parsed<PasswordBody>,
) -> Result<Response, Problem> {
    let token = change(&world, &user, secret("current", body.current)?, secret("new", body.new)?).await?;
    with_cookie(StatusCode::NO_CONTENT.into_response(), &token)
}

/// Who I am, and all that I hold.
#[utoipa::path(get, path = "/api/me", responses((status = 200, body = HoldingsBody), (status = "4XX", body = ProblemBody)))]
pub async fn me(State(world): State<Arc<World>>, User(user): User) -> Result<Json<HoldingsBody>, Problem> {
    let held = world.load(user.user).await?.holdings;
    Ok(Json(holdings(&held, world.now())))
}

/// What was done to me, newest first.
#[utoipa::path(get, path = "/api/audit", params(OwnAuditQuery), responses((status = 200, body = AuditBody), (status = "4XX", body = ProblemBody)))]
pub async fn audit(
    State(world): State<Arc<World>>,
    User(user): User,
    Queried(query): Queried<OwnAuditQuery>,
) -> Result<Json<AuditBody>, Problem> {
    let filter = AuditFilter { user: Some(user.user), ..AuditFilter::default() };
    Ok(Json(page_of(&world, &filter, query.after).await?))
}
