//! The portal's passwords, as the help desk gives them.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::Operator;
use super::bodies::ProblemBody;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id};
use crate::workflows::set_password::give_initial_password;
use crate::workflows::world::World;

#[derive(Serialize, ToSchema)]
pub struct InitialPasswordBody {
    /// Shown this once. It signs in once, within 72 hours, and then the user sets one of their own.
    pub password: String,
}

/// Give a user an initial password of the portal (help desk). The one before, and every session of the user, end.
#[utoipa::path(post, path = "/api/users/{user}/portal-password", params(("user" = String, Path)),
    responses((status = 201, body = InitialPasswordBody), (status = "4XX", body = ProblemBody)))]
pub async fn give(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
) -> Result<(StatusCode, Json<InitialPasswordBody>), Problem> {
    let password = give_initial_password(&world, &caller, id("user", &user)?).await?;
    Ok((StatusCode::CREATED, Json(InitialPasswordBody { password: password.to_string() })))
}
