//! Requests: the columns of their purposes and states, and what was collected under them.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use crate::lifecycle::ids::{CredentialId, DeviceId, RequestId, SessionId, UserId};
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::{EncPlan, Issuing, Line, Mode, Purpose, Request, RequestState, Requester};

pub(super) const OF_USER: &str = "SELECT id, kind, purpose, mode, reason, line_original, line_target, line_stand_in, updated_device, \
     requester, requester_operator, requester_user, opened_at, state, device_id, session_id, session_since, closed_at \
     FROM requests WHERE user_id = ?1";

/// What the sessions at work have collected, the current one first.
pub(super) const COLLECTED_BY_USER: &str = "SELECT requests.id AS request_id, credential_id \
     FROM requests JOIN collected_encs USING (session_id) \
     WHERE user_id = ?1 AND state = 'issuing' ORDER BY requests.id, position";

impl Store {
    pub async fn user_of_request(&self, request: RequestId) -> Result<Option<UserId>, StoreError> {
        Ok(query("SELECT user_id FROM requests WHERE id = ?").bind(request).cell(&self.readers).await?)
    }
}

pub(super) fn open(script: &mut Script, user: UserId, request: &Request) {
    let purpose = PurposeFacts::of(&request.purpose);
    let state = StateFacts::of(&request.state);
    let (operator, requesting_user) = match request.requester {
        Requester::Operator(operator) => (Some(operator), None),
        Requester::User(user) => (None, Some(user)),
        Requester::System => (None, None),
    };
    script
        .run(
            "INSERT INTO requests (id, user_id, kind, purpose, mode, reason, line_original, line_target, line_stand_in, updated_device, \
             requester, requester_operator, requester_user, opened_at, state, device_id, session_id, session_since, closed_at) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(request.id)
        .bind(user)
        .bind(request.kind)
        .bind(request.purpose_word())
        .bind(purpose.mode)
        .bind(purpose.reason)
        .bind(purpose.line.and_then(|line| line.original))
        .bind(purpose.line.map(|line| line.target))
        .bind(purpose.line.and_then(|line| line.stand_in))
        .bind(purpose.updated)
        .bind(requester_word(&request.requester))
        .bind(operator)
        .bind(requesting_user)
        .bind(Millis(request.opened_at))
        .bind(request.state.as_str())
        .bind(state.device)
        .bind(state.session.map(|(session, _)| session))
        .bind(state.session.map(|(_, since)| Millis(since)))
        .bind(state.closed_at.map(Millis));
    if let RequestState::Issuing(issuing) = &request.state {
        collect(script, issuing);
    }
}

/// Moves a request that is open; a closed one stays as it is.
pub(super) fn advance(script: &mut Script, user: UserId, request: RequestId, to: &RequestState) {
    let state = StateFacts::of(to);
    script
        .hit(
            "UPDATE requests SET state = ?, device_id = ?, session_id = ?, session_since = ?, closed_at = ? \
             WHERE id = ? AND user_id = ? AND state IN ('awaiting-approval', 'approved', 'bound', 'issuing')",
        )
        .bind(to.as_str())
        .bind(state.device)
        .bind(state.session.map(|(session, _)| session))
        .bind(state.session.map(|(_, since)| Millis(since)))
        .bind(state.closed_at.map(Millis))
        .bind(request)
        .bind(user);
    if let RequestState::Issuing(issuing) = to {
        collect(script, issuing);
    }
}

/// The reason of an open replacement is a worse one from now on.
pub(super) fn worsen(script: &mut Script, user: UserId, request: RequestId, reason: Reason) {
    script
        .hit(
            "UPDATE requests SET reason = ? WHERE id = ? AND user_id = ? AND purpose = 'replacement' \
             AND state IN ('awaiting-approval', 'approved', 'bound', 'issuing')",
        )
        .bind(reason)
        .bind(request)
        .bind(user);
}

fn collect(script: &mut Script, issuing: &Issuing) {
    script.run("DELETE FROM collected_encs WHERE session_id = ?").bind(issuing.session);
    let Some(plan) = &issuing.collected else { return };
    let encs = std::iter::once(&plan.current).chain(&plan.history);
    for (position, credential) in (0_i64..).zip(encs) {
        script
            .run("INSERT INTO collected_encs (session_id, position, credential_id) VALUES (?, ?, ?)")
            .bind(issuing.session)
            .bind(position)
            .bind(credential);
    }
}

fn requester_word(requester: &Requester) -> &'static str {
    match requester {
        Requester::Operator(_) => "operator",
        Requester::User(_) => "user",
        Requester::System => "system",
    }
}

/// A purpose, spread over its columns.
#[derive(Default)]
struct PurposeFacts<'a> {
    mode: Option<Mode>,
    reason: Option<Reason>,
    line: Option<&'a Line>,
    updated: Option<DeviceId>,
}

impl<'a> PurposeFacts<'a> {
    fn of(purpose: &'a Purpose) -> Self {
        match purpose {
            Purpose::Initial { mode } => Self { mode: Some(*mode), ..Self::default() },
            Purpose::Replacement { mode, reason, line } => {
                Self { mode: Some(*mode), reason: Some(*reason), line: Some(line), updated: None }
            }
            Purpose::Update { device } => Self { updated: Some(*device), ..Self::default() },
        }
    }
}

/// A state, spread over its columns.
#[derive(Default)]
struct StateFacts {
    device: Option<DeviceId>,
    session: Option<(SessionId, Timestamp)>,
    closed_at: Option<Timestamp>,
}

impl StateFacts {
    fn of(state: &RequestState) -> Self {
        match state {
            RequestState::AwaitingApproval | RequestState::Approved => Self::default(),
            RequestState::Bound { device } => Self { device: Some(*device), ..Self::default() },
            RequestState::Issuing(issuing) => {
                Self { device: Some(issuing.device), session: Some((issuing.session, issuing.since)), closed_at: None }
            }
            RequestState::Issued { device, at } => Self { device: Some(*device), session: None, closed_at: Some(*at) },
            RequestState::Rejected { at } | RequestState::Canceled { at } => Self { closed_at: Some(*at), ..Self::default() },
        }
    }
}

/// A request, as yet without what its session has collected.
pub(super) fn read(row: &Row) -> Result<Request, sqlx::Error> {
    Ok(Request {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        purpose: read_purpose(row)?,
        requester: read_requester(row)?,
        opened_at: time(row, "opened_at")?,
        state: read_state(row)?,
    })
}

fn read_purpose(row: &Row) -> Result<Purpose, sqlx::Error> {
    Ok(match row.word("purpose")? {
        "initial" => Purpose::Initial { mode: row.try_get("mode")? },
        "replacement" => Purpose::Replacement {
            mode: row.try_get("mode")?,
            reason: row.try_get("reason")?,
            line: Line {
                original: row.try_get("line_original")?,
                target: row.try_get("line_target")?,
                stand_in: row.try_get("line_stand_in")?,
            },
        },
        "update" => Purpose::Update { device: row.try_get("updated_device")? },
        other => return Err(unreadable("purpose", other)),
    })
}

fn read_requester(row: &Row) -> Result<Requester, sqlx::Error> {
    Ok(match row.word("requester")? {
        "operator" => Requester::Operator(row.try_get("requester_operator")?),
        "user" => Requester::User(row.try_get("requester_user")?),
        "system" => Requester::System,
        other => return Err(unreadable("requester", other)),
    })
}

fn read_state(row: &Row) -> Result<RequestState, sqlx::Error> {
    Ok(match row.word("state")? {
        "awaiting-approval" => RequestState::AwaitingApproval,
        "approved" => RequestState::Approved,
        "bound" => RequestState::Bound { device: row.try_get("device_id")? },
        "issuing" => RequestState::Issuing(Issuing {
            session: row.try_get("session_id")?,
            device: row.try_get("device_id")?,
            since: time(row, "session_since")?,
            collected: None,
        }),
        "issued" => RequestState::Issued { device: row.try_get("device_id")?, at: time(row, "closed_at")? },
        "rejected" => RequestState::Rejected { at: time(row, "closed_at")? },
        "canceled" => RequestState::Canceled { at: time(row, "closed_at")? },
        other => return Err(unreadable("request state", other)),
    })
}

/// Adds the next collected `enc` to its request: the first is the current one.
pub(super) fn read_collected(request: &mut Request, credential: CredentialId) {
    let RequestState::Issuing(issuing) = &mut request.state else {
        return;
    };
    match &mut issuing.collected {
        Some(plan) => plan.history.push(credential),
        None => {
            issuing.collected = Some(EncPlan { current: credential, history: Vec::new() });
        }
    }
}
