//! What operators and officers do with a request that is open.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Operator;
use super::bodies::{OpenedBody, ProblemBody, RequestBody, opened, request_of};
use super::effects::{Asked, EffectsBody};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id, label};
use crate::workflows::approve_request::{ApproveRequest, RejectRequest};
use crate::workflows::bind_device::{BindDevice, UnbindDevice};
use crate::workflows::cancel_request::CancelRequest;
use crate::workflows::invite_again::InviteAgain;
use crate::workflows::world::World;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RejectionBody {
    /// Why, for the audit log; 1 to 64 characters.
    pub because: Option<String>,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BindingBody {
    /// The id of the device.
    pub device: String,
}

/// Cancel a request that is not issued (help desk): everything that it suspended is restored.
#[utoipa::path(post, path = "/api/requests/{request}/cancel", params(("request" = String, Path), Asked),
    responses((status = 200, body = RequestBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn cancel(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let errand = CancelRequest { request: id("request", &wanted)? };
    asked.answer(&world, &caller, &errand, StatusCode::OK, request_of).await
}

/// Approve a request that awaits it (validation officer; never the requester, never the user concerned).
#[utoipa::path(post, path = "/api/requests/{request}/approve", params(("request" = String, Path), Asked),
    responses((status = 200, body = RequestBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn approve(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let errand = ApproveRequest { request: id("request", &wanted)? };
    asked.answer(&world, &caller, &errand, StatusCode::OK, request_of).await
}

/// Reject a request that awaits approval (validation officer): everything that it suspended is restored.
#[utoipa::path(post, path = "/api/requests/{request}/reject", params(("request" = String, Path), Asked), request_body = RejectionBody,
    responses((status = 200, body = RequestBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn reject(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
    Parsed(body): Parsed<RejectionBody>,
) -> Result<Response, Problem> {
    let because = body.because.as_deref().map(|text| label("because", text)).transpose()?;
    let errand = RejectRequest { request: id("request", &wanted)?, because };
    asked.answer(&world, &caller, &errand, StatusCode::OK, request_of).await
}

/// Bind a device from stock to an approved request (issuance officer).
#[utoipa::path(post, path = "/api/requests/{request}/bind", params(("request" = String, Path), Asked), request_body = BindingBody,
    responses((status = 200, body = RequestBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn bind(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
    Parsed(body): Parsed<BindingBody>,
) -> Result<Response, Problem> {
    let errand = BindDevice { request: id("request", &wanted)?, device: id("device", &body.device)? };
    asked.answer(&world, &caller, &errand, StatusCode::OK, request_of).await
}

/// Give the device that is bound back to stock (issuance officer).
#[utoipa::path(post, path = "/api/requests/{request}/unbind", params(("request" = String, Path), Asked), request_body = BindingBody,
    responses((status = 200, body = RequestBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn unbind(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
    Parsed(body): Parsed<BindingBody>,
) -> Result<Response, Problem> {
    let errand = UnbindDevice { request: id("request", &wanted)?, device: id("device", &body.device)? };
    asked.answer(&world, &caller, &errand, StatusCode::OK, request_of).await
}

/// A new ticket. Remote: an invitation for the user (help desk). Local: for the issuance officer who asks, to personalize with. The former
/// one dies, and a session that came of it is given up.
#[utoipa::path(post, path = "/api/requests/{request}/invitations", params(("request" = String, Path), Asked),
    responses((status = 201, body = OpenedBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn invite(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let errand = InviteAgain { request: id("request", &wanted)? };
    asked.answer(&world, &caller, &errand, StatusCode::CREATED, opened).await
}
