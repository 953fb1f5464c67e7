//! What users do about their devices.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;

use super::User;
use super::bodies::{OpenedBody, ProblemBody, ReplacementBody, RequestBody, opened, request_of};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id};
use crate::workflows::cancel_request::CancelRequest;
use crate::workflows::errand::carry_out;
use crate::workflows::invite_again::InviteAgain;
use crate::workflows::world::World;

/// Report a device of one's own lost, stolen, damaged, expired or forgotten. It is invalid and what it carries suspended before this answers;
/// the replacement waits for a validation officer.
#[utoipa::path(post, path = "/api/replacements", request_body = ReplacementBody,
    responses((status = 201, body = OpenedBody), (status = "4XX", body = ProblemBody)))]
pub async fn submit(
    State(world): State<Arc<World>>,
    User(user): User,
    Parsed(body): Parsed<ReplacementBody>,
) -> Result<(StatusCode, Json<OpenedBody>), Problem> {
    Ok((StatusCode::CREATED, Json(opened(carry_out(&world, &user.caller, &body.errand()?).await?)?)))
}

/// Take back a request of one's own that awaits approval.
#[utoipa::path(post, path = "/api/requests/{request}/cancel", params(("request" = String, Path)),
    responses((status = 200, body = RequestBody), (status = "4XX", body = ProblemBody)))]
pub async fn cancel(State(world): State<Arc<World>>, User(user): User, Segment(wanted): Segment) -> Result<Json<RequestBody>, Problem> {
    let errand = CancelRequest { request: id("request", &wanted)? };
    Ok(Json(request_of(carry_out(&world, &user.caller, &errand).await?)?))
}

/// A ticket to enroll a device of one's own: the former one dies, and a session that came of it is given up.
#[utoipa::path(post, path = "/api/requests/{request}/ticket", params(("request" = String, Path)),
    responses((status = 201, body = OpenedBody), (status = "4XX", body = ProblemBody)))]
pub async fn ticket(
    State(world): State<Arc<World>>,
    User(user): User,
    Segment(wanted): Segment,
) -> Result<(StatusCode, Json<OpenedBody>), Problem> {
    let errand = InviteAgain { request: id("request", &wanted)? };
    Ok((StatusCode::CREATED, Json(opened(carry_out(&world, &user.caller, &errand).await?)?)))
}
