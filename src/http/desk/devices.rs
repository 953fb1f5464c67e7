//! What the help desk does with a device in use, or with a single credential.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use serde::Deserialize;
use utoipa::ToSchema;

use super::Operator;
use super::bodies::{CredentialBody, DeviceBody, ProblemBody, credential_of, device_of};
use super::effects::{Asked, EffectsBody};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id, parse};
use crate::lifecycle::hold::Held;
use crate::workflows::suspend::{Resume, Suspend};
use crate::workflows::take_back_original::TakeBackOriginal;
use crate::workflows::terminate_device::TerminateDevice;
use crate::workflows::world::World;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TerminationBody {
    /// `retired`, `damaged`, `lost` or `stolen`.
    #[schema(example = "stolen")]
    pub reason: String,
}

/// Suspend a device and what it carries (help desk).
#[utoipa::path(post, path = "/api/devices/{device}/suspend", params(("device" = String, Path), Asked),
    responses((status = 200, body = DeviceBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn suspend(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(device): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let device = id("device", &device)?;
    let errand = Suspend { what: Held::Device(device) };
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| device_of(&done, device)).await
}

/// Lift the help desk's hold from a device and what it carries (help desk).
#[utoipa::path(post, path = "/api/devices/{device}/resume", params(("device" = String, Path), Asked),
    responses((status = 200, body = DeviceBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn resume(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(device): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let device = id("device", &device)?;
    let errand = Resume { what: Held::Device(device) };
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| device_of(&done, device)).await
}

/// End a device for ever (help desk). For the target of an open permanent replacement this is "revoke now": the request stays open.
#[utoipa::path(post, path = "/api/devices/{device}/terminate", params(("device" = String, Path), Asked), request_body = TerminationBody,
    responses((status = 200, body = DeviceBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn terminate(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(device): Segment,
    asked: Asked,
    Parsed(body): Parsed<TerminationBody>,
) -> Result<Response, Problem> {
    let device = id("device", &device)?;
    let errand = TerminateDevice { device, reason: parse("reason", &body.reason)? };
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| device_of(&done, device)).await
}

/// An original is back after its stand-in lapsed (help desk): it is restored.
#[utoipa::path(post, path = "/api/devices/{device}/returned", params(("device" = String, Path), Asked),
    responses((status = 200, body = DeviceBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn returned(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(device): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let device = id("device", &device)?;
    let errand = TakeBackOriginal { original: device };
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| device_of(&done, device)).await
}

/// Suspend a single credential, wherever it is carried (help desk).
#[utoipa::path(post, path = "/api/credentials/{credential}/suspend", params(("credential" = String, Path), Asked),
    responses((status = 200, body = CredentialBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn suspend_credential(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(credential): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let credential = id("credential", &credential)?;
    let errand = Suspend { what: Held::Credential(credential) };
    let now = world.now();
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| credential_of(&done, credential, now)).await
}

/// Lift the help desk's hold from a single credential (help desk). Other holds stay.
#[utoipa::path(post, path = "/api/credentials/{credential}/resume", params(("credential" = String, Path), Asked),
    responses((status = 200, body = CredentialBody), (status = 200, body = EffectsBody, description = "with preview=true"), (status = "4XX", body = ProblemBody)))]
pub async fn resume_credential(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(credential): Segment,
    asked: Asked,
) -> Result<Response, Problem> {
    let credential = id("credential", &credential)?;
    let errand = Resume { what: Held::Credential(credential) };
    let now = world.now();
    asked.answer(&world, &caller, &errand, StatusCode::OK, |done| credential_of(&done, credential, now)).await
}
