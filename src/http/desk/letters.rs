//! The outbox, as the desk sees it: who was written to, and whether it arrived. Never what a letter says.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operator;
use super::bodies::ProblemBody;
use crate::http::problem::Problem;
use crate::http::words::Queried;
use crate::lifecycle::words::UnknownWord;
use crate::store::views::LetterLine;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::works_at_the_desk;
use crate::workflows::world::World;

/// A page of a list is at most so long.
const PAGE: u32 = 50;
const STATES: &[&str] = &["waiting", "delivered", "failed"];

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LettersQuery {
    /// `waiting`, `delivered` or `failed`; all if not given.
    state: Option<String>,
    /// From the `next` of the page before.
    after: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LettersBody {
    pub letters: Vec<LetterBody>,
    /// Give it as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct LetterBody {
    pub id: String,
    /// One of docs/letters.md.
    pub kind: String,
    pub user: String,
    pub request: Option<String>,
    pub recipient: String,
    pub written_at: String,
    /// `waiting`, `delivered` or `failed`.
    pub state: String,
    /// When delivery is tried, while it waits.
    pub due_at: Option<String>,
    /// How often delivery has failed.
    pub attempts: u32,
    pub last_error: Option<String>,
    /// When it was delivered or given up.
    pub closed_at: Option<String>,
}

/// The letters that acts have written, newest first.
#[utoipa::path(get, path = "/api/letters", params(LettersQuery), responses((status = 200, body = LettersBody), (status = "4XX", body = ProblemBody)))]
pub async fn letters(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<LettersQuery>,
) -> Result<Json<LettersBody>, Problem> {
    works_at_the_desk(&world, &caller, "list-letters").await?;
    if let Some(state) = query.state.as_deref().filter(|state| !STATES.contains(state)) {
        let unknown = UnknownWord { found: state.chars().take(60).collect(), expected: STATES };
        return Err(Problem::malformed(format!("state: {unknown}")));
    }
    let malformed = || Problem::malformed("after: expected: the next of the page before");
    let after = query.after.as_deref().map(|text| {
        let (at, id) = text.split_once('/')?;
        Some((at.parse().ok()?, id.parse().ok()?))
    });
    let after = after.map(|after| after.ok_or_else(malformed)).transpose()?;
    let lines = world.store.letters(query.state.as_deref(), after, PAGE).await.map_err(Failure::from)?;
    let is_full = lines.len() == PAGE as usize;
    let next = lines.last().filter(|_| is_full).map(|line| format!("{}/{}", line.written_at, line.id));
    Ok(Json(LettersBody { letters: lines.into_iter().map(Into::into).collect(), next }))
}

impl From<LetterLine> for LetterBody {
    fn from(line: LetterLine) -> Self {
        Self {
            id: line.id.to_string(),
            kind: line.kind,
            user: line.user.to_string(),
            request: line.request.map(|request| request.to_string()),
            recipient: line.recipient,
            written_at: line.written_at.to_string(),
            state: line.state,
            due_at: line.due_at.map(|at| at.to_string()),
            attempts: line.attempts,
            last_error: line.last_error,
            closed_at: line.closed_at.map(|at| at.to_string()),
        }
    }
}
