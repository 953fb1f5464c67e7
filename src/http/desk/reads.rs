//! What operators look at.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::Operator;
use super::bodies::{HoldingsBody, MeBody, ProblemBody, RequestBody, RequestsBody, UsersBody, holdings, request as request_body};
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id};
use crate::lifecycle::actor::Actor;
use crate::store::views::{RequestCursor, RequestFilter};
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::{look_up_request, look_up_user, works_at_the_desk};
use crate::workflows::world::World;

/// A page of a list is at most so long.
const PAGE: u32 = 50;

/// Who I am, and in which roles.
#[utoipa::path(get, path = "/api/me", responses((status = 200, body = MeBody), (status = "4XX", body = ProblemBody)))]
pub async fn me(Operator(caller): Operator) -> Result<Json<MeBody>, Problem> {
    let Actor::Operator(operator) = caller.actor else {
        return Err(Problem::new("not-permitted", "expected: an operator"));
    };
    let roles = operator.roles.iter().map(|role| role.as_str()).collect();
    Ok(Json(MeBody { id: operator.id.to_string(), name: operator.name, roles }))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct FindQuery {
    /// Beginnings of words in a name, e-mail address, UPN or device serial; every one given must be there.
    q: String,
}

/// Find users.
#[utoipa::path(get, path = "/api/users", params(FindQuery), responses((status = 200, body = UsersBody), (status = "4XX", body = ProblemBody)))]
pub async fn find_users(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<FindQuery>,
) -> Result<Json<UsersBody>, Problem> {
    works_at_the_desk(&world, &caller, "look-up").await?;
    let found = world.store.find_users(&query.q, None, PAGE).await.map_err(Failure::from)?;
    Ok(Json(UsersBody { users: found.iter().map(Into::into).collect() }))
}

/// A user with all that they hold.
#[utoipa::path(get, path = "/api/users/{user}", params(("user" = String, Path)),
    responses((status = 200, body = HoldingsBody), (status = "4XX", body = ProblemBody)))]
pub async fn user(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
) -> Result<Json<HoldingsBody>, Problem> {
    let held = look_up_user(&world, &caller, id("user", &user)?).await?;
    Ok(Json(holdings(&held, world.now())))
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RequestsQuery {
    /// Only those that are neither issued, rejected nor canceled.
    #[serde(default)]
    #[param(required = false)]
    open: bool,
    /// Only this user's.
    user: Option<String>,
    /// From the `next` of the page before.
    after: Option<String>,
}

/// List requests, newest first.
#[utoipa::path(get, path = "/api/requests", params(RequestsQuery),
    responses((status = 200, body = RequestsBody), (status = "4XX", body = ProblemBody)))]
pub async fn requests(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<RequestsQuery>,
) -> Result<Json<RequestsBody>, Problem> {
    works_at_the_desk(&world, &caller, "list-requests").await?;
    let user = query.user.as_deref().map(|text| id("user", text)).transpose()?;
    let after = query.after.as_deref().map(cursor).transpose()?;
    let filter = RequestFilter { open_only: query.open, user };
    let lines = world.store.requests(filter, after, PAGE).await.map_err(Failure::from)?;
    let is_full = lines.len() == PAGE as usize;
    let next = lines.last().filter(|_| is_full).map(|line| format!("{}/{}", line.opened_at, line.id));
    Ok(Json(RequestsBody { requests: lines.into_iter().map(Into::into).collect(), next }))
}

/// The `next` of a page: the time and the id of its last line.
fn cursor(text: &str) -> Result<RequestCursor, Problem> {
    let malformed = || Problem::malformed("after: expected: the next of the page before");
    let (opened_at, id) = text.split_once('/').ok_or_else(malformed)?;
    Ok(RequestCursor { opened_at: opened_at.parse().map_err(|_| malformed())?, id: id.parse().map_err(|_| malformed())? })
}

/// One request.
#[utoipa::path(get, path = "/api/requests/{request}", params(("request" = String, Path)),
    responses((status = 200, body = RequestBody), (status = "4XX", body = ProblemBody)))]
pub async fn request(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(request): Segment,
) -> Result<Json<RequestBody>, Problem> {
    let request = id("request", &request)?;
    let held = look_up_request(&world, &caller, request).await?;
    let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    Ok(Json(request_body(&held, found)))
}
