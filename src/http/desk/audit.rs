//! The audit log, for auditors.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operator;
use super::bodies::ProblemBody;
use crate::http::problem::Problem;
use crate::http::words::{Queried, id, parse};
use crate::lifecycle::actor::Role;
use crate::store::views::{AuditFilter, AuditLine, Outcome, Who};
use crate::workflows::failure::Failure;
use crate::workflows::world::World;

/// A page of a list is at most so long.
const PAGE: u32 = 100;

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AuditQuery {
    /// Only what concerns this user.
    user: Option<String>,
    /// Only what was done under this request.
    request: Option<String>,
    /// Only this act, such as `submit`.
    act: Option<String>,
    /// From this time on, RFC 3339.
    from: Option<String>,
    /// Before this time, RFC 3339.
    to: Option<String>,
    /// From the `next` of the page before.
    after: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct AuditBody {
    pub entries: Vec<EntryBody>,
    /// Give it as `after` for the next page; absent on the last.
    pub next: Option<i64>,
}

#[derive(Serialize, ToSchema)]
pub struct EntryBody {
    pub seq: i64,
    pub at: String,
    /// `operator`, `user`, `session`, `stranger`, `administrator` or `system`.
    pub who: &'static str,
    pub who_id: Option<String>,
    /// SHA-256 of the certificate that was shown.
    pub fingerprint: Option<String>,
    pub act: String,
    /// Whom it concerns.
    pub user: Option<String>,
    pub request: Option<String>,
    /// `done` or `refused`.
    pub outcome: &'static str,
    /// The code of the refusal.
    pub refusal: Option<String>,
    #[schema(value_type = Object)]
    pub details: serde_json::Value,
    /// The network address that asked, or `local`.
    pub source: String,
}

/// The audit log, newest first (auditor).
#[utoipa::path(get, path = "/api/audit", params(AuditQuery), responses((status = 200, body = AuditBody), (status = "4XX", body = ProblemBody)))]
pub async fn audit(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<AuditQuery>,
) -> Result<Json<AuditBody>, Problem> {
    world.unless_refused(caller.actor.must_be(Role::Auditor), &caller.entry("read-audit", world.now())).await?;
    let time = |field: &str, text: &Option<String>| text.as_deref().map(|text| parse(field, text)).transpose();
    let filter = AuditFilter {
        user: query.user.as_deref().map(|text| id("user", text)).transpose()?,
        request: query.request.as_deref().map(|text| id("request", text)).transpose()?,
        act: query.act.clone(),
        from: time("from", &query.from)?,
        to: time("to", &query.to)?,
    };
    Ok(Json(page_of(&world, &filter, query.after).await?))
}

/// A page of the log, newest first.
pub async fn page_of(world: &World, filter: &AuditFilter, after: Option<i64>) -> Result<AuditBody, Failure> {
    let lines = world.store.audit_page(filter, after.unwrap_or(i64::MAX), PAGE).await?;
    let is_full = lines.len() == PAGE as usize;
    let next = lines.last().filter(|_| is_full).map(|line| line.seq);
    Ok(AuditBody { entries: lines.into_iter().map(Into::into).collect(), next })
}

impl From<AuditLine> for EntryBody {
    fn from(line: AuditLine) -> Self {
        let (who, who_id, fingerprint) = match line.who {
            Who::Operator { id, fingerprint } => ("operator", Some(id.to_string()), Some(fingerprint)),
            Who::User(id) => ("user", Some(id.to_string()), None),
            Who::Session(id) => ("session", Some(id.to_string()), None),
            Who::Stranger { fingerprint } => ("stranger", None, fingerprint),
            Who::Administrator => ("administrator", None, None),
            Who::System => ("system", None, None),
        };
        let (outcome, refusal) = match line.outcome {
            Outcome::Done => ("done", None),
            Outcome::Refused(code) => ("refused", Some(code)),
        };
        Self {
            seq: line.seq,
            at: line.at.to_string(),
            who,
            who_id,
            fingerprint,
            act: line.act,
            user: line.on_behalf_of.map(|user| user.to_string()),
            request: line.request.map(|request| request.to_string()),
            outcome,
            refusal,
            details: line.details,
            source: line.source,
        }
    }
}
