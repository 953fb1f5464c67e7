//! What the help desk begins: a user, a device for a user, a replacement.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;

use super::Operator;
use super::bodies::{InitialIssuanceBody, NewUserBody, OpenedBody, ProblemBody, ReplacementBody, UserBody, opened};
use super::effects::{Asked, EffectsBody};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id};
use crate::workflows::create_user::create_user as create;
use crate::workflows::world::World;

/// Create a user (help desk).
#[utoipa::path(post, path = "/api/users", request_body = NewUserBody, responses(
    (status = 201, body = UserBody), (status = "4XX", body = ProblemBody)))]
pub async fn create_user(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    asked: Asked,
    Parsed(body): Parsed<NewUserBody>,
) -> Result<(StatusCode, Json<UserBody>), Problem> {
    if asked.is_preview() {
        return Err(Problem::malformed("preview: found: true, expected: none, as a user is created without effect on any device"));
    }
    let user = create(&world, &caller, body.parsed()?).await?;
    Ok((StatusCode::CREATED, Json((&user).into())))
}

/// Request the initial issuance of a device (help desk). A remote one answers with the invitation, shown once.
#[utoipa::path(post, path = "/api/users/{user}/initial-issuances", params(("user" = String, Path), Asked),
    request_body = InitialIssuanceBody,
    responses((status = 201, body = OpenedBody), (status = 200, body = EffectsBody), (status = "4XX", body = ProblemBody)))]
pub async fn request_initial_issuance(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
    asked: Asked,
    Parsed(body): Parsed<InitialIssuanceBody>,
) -> Result<Response, Problem> {
    asked.answer(&world, &caller, &body.errand(id("user", &user)?)?, StatusCode::CREATED, opened).await
}

/// Submit a replacement (help desk): the device is invalid and what it carries suspended before this answers.
/// A remote one answers with the invitation, shown once.
#[utoipa::path(post, path = "/api/replacements", params(Asked), request_body = ReplacementBody,
    responses((status = 201, body = OpenedBody), (status = 200, body = EffectsBody), (status = "4XX", body = ProblemBody)))]
pub async fn submit_replacement(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    asked: Asked,
    Parsed(body): Parsed<ReplacementBody>,
) -> Result<Response, Problem> {
    asked.answer(&world, &caller, &body.errand()?, StatusCode::CREATED, opened).await
}
