//! What operators change.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::Operator;
use super::bodies::{InitialIssuanceBody, NewUserBody, OpenedBody, ProblemBody, ReplacementBody, RequestBody, UserBody, request};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id, parse};
use crate::workflows::cancel_request::cancel_request as cancel;
use crate::workflows::create_user::{NewUser, create_user as create};
use crate::workflows::failure::Failure;
use crate::workflows::invite_again::invite_again as invite;
use crate::workflows::request_initial_issuance::request_initial_issuance as request_initial;
use crate::workflows::submit_replacement::{Incident, submit_replacement as submit};
use crate::workflows::world::World;

/// Create a user (help desk).
#[utoipa::path(post, path = "/api/users", request_body = NewUserBody, responses(
    (status = 201, body = UserBody), (status = "4XX", body = ProblemBody)))]
pub async fn create_user(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Parsed(body): Parsed<NewUserBody>,
) -> Result<(StatusCode, Json<UserBody>), Problem> {
    let user = create(&world, &caller, NewUser { name: body.name, email: body.email, upn: body.upn }).await?;
    Ok((StatusCode::CREATED, Json((&user).into())))
}

/// Request the initial issuance of a device (help desk). A remote one answers with the invitation, shown once.
#[utoipa::path(post, path = "/api/users/{user}/initial-issuances", params(("user" = String, Path)), request_body = InitialIssuanceBody,
    responses((status = 201, body = OpenedBody), (status = "4XX", body = ProblemBody)))]
pub async fn request_initial_issuance(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
    Parsed(body): Parsed<InitialIssuanceBody>,
) -> Result<(StatusCode, Json<OpenedBody>), Problem> {
    let (kind, mode) = (parse("kind", &body.kind)?, parse("mode", &body.mode)?);
    let opened = request_initial(&world, &caller, id("user", &user)?, kind, mode).await?;
    Ok((StatusCode::CREATED, Json(opened.into())))
}

/// Submit a replacement (help desk): the device is invalid and what it carries suspended before this answers.
/// A remote one answers with the invitation, shown once.
#[utoipa::path(post, path = "/api/replacements", request_body = ReplacementBody,
    responses((status = 201, body = OpenedBody), (status = "4XX", body = ProblemBody)))]
pub async fn submit_replacement(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Parsed(body): Parsed<ReplacementBody>,
) -> Result<(StatusCode, Json<OpenedBody>), Problem> {
    let incident =
        Incident { target: id("device", &body.target)?, reason: parse("reason", &body.reason)?, mode: parse("mode", &body.mode)? };
    Ok((StatusCode::CREATED, Json(submit(&world, &caller, incident).await?.into())))
}

/// Cancel a request that is not issued (help desk): everything that it suspended is restored.
#[utoipa::path(post, path = "/api/requests/{request}/cancel", params(("request" = String, Path)),
    responses((status = 200, body = RequestBody), (status = "4XX", body = ProblemBody)))]
pub async fn cancel_request(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
) -> Result<Json<RequestBody>, Problem> {
    let wanted = id("request", &wanted)?;
    let holdings = cancel(&world, &caller, wanted).await?;
    let canceled = holdings.requests.get(&wanted).ok_or(Failure::missing("request"))?;
    Ok(Json(request(&holdings, canceled)))
}

/// A new invitation (help desk; for local issuance, an issuance officer). The former one dies, and a session that came of it is given up.
#[utoipa::path(post, path = "/api/requests/{request}/invitations", params(("request" = String, Path)),
    responses((status = 201, body = OpenedBody), (status = "4XX", body = ProblemBody)))]
pub async fn invite_again(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
) -> Result<(StatusCode, Json<OpenedBody>), Problem> {
    let opened = invite(&world, &caller, id("request", &wanted)?).await?;
    Ok((StatusCode::CREATED, Json(opened.into())))
}
