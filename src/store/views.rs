//! Lists for people's eyes: read-only, and never more than a page at a time. No workflow decides anything by them.

use std::collections::HashMap;

use jiff::Timestamp;

use super::Store;
pub use super::audit::{Outcome, Who};
use super::audit::{read_outcome, read_who};
use super::column::{Millis, time, time_if_any};
use super::error::StoreError;
pub use super::outbox::LetterLine;
use super::sql::{Row, Text, query};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::ids::{DeviceId, RequestId, UserId};
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Mode;

/// Which requests a list is of.
#[derive(Clone, Copy, Debug, Default)]
pub struct RequestFilter {
    /// Only those that are neither issued, rejected nor canceled.
    pub open_only: bool,
    /// Only those of one user.
    pub user: Option<UserId>,
}

/// One request in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestLine {
    pub id: RequestId,
    pub user: UserId,
    pub user_name: String,
    pub kind: DeviceKind,
    /// `initial`, `replacement` or `update`.
    pub purpose: String,
    pub mode: Option<Mode>,
    pub reason: Option<Reason>,
    /// The word of its state.
    pub state: String,
    pub opened_at: Timestamp,
    /// When it was issued, rejected or canceled.
    pub closed_at: Option<Timestamp>,
    /// The device that it replaces or updates.
    pub target: Option<DeviceId>,
    pub target_name: Option<String>,
}

impl RequestLine {
    /// Where the list goes on after this line.
    pub fn cursor(&self) -> RequestCursor {
        RequestCursor { opened_at: self.opened_at, id: self.id }
    }
}

/// The last line of a page of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestCursor {
    pub opened_at: Timestamp,
    pub id: RequestId,
}

/// One entry of the audit log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditLine {
    pub seq: i64,
    pub at: Timestamp,
    pub who: Who,
    pub act: String,
    pub on_behalf_of: Option<UserId>,
    pub request: Option<RequestId>,
    pub outcome: Outcome,
    pub details: serde_json::Value,
    pub source: String,
}

/// The lines of a list of requests, for a WHERE to follow.
macro_rules! request_lines {
    () => {
        concat!(
            "SELECT requests.id, requests.user_id, users.name AS user_name, requests.kind, purpose, mode, reason, requests.state, ",
            "opened_at, closed_at, devices.id AS target, devices.name AS target_name ",
            "FROM requests JOIN users ON users.id = requests.user_id ",
            "LEFT JOIN devices ON devices.id = coalesce(line_target, updated_device) "
        )
    };
}

/// Neither issued, rejected nor canceled.
macro_rules! is_open {
    () => {
        "requests.state IN ('awaiting-approval', 'approved', 'bound', 'issuing')"
    };
}

/// A page of requests, newest first: `?1` the page size, `?2` and `?3` the line before it, `?4` the user.
macro_rules! requests_where {
    ($($condition:expr),+) => {
        concat!(
            request_lines!(),
            "WHERE (opened_at, requests.id) < (?2, ?3)",
            $($condition,)+
            " ORDER BY opened_at DESC, requests.id DESC LIMIT ?1"
        )
    };
}

/// A replacement that is open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Incident {
    pub request: RequestId,
    pub user_name: String,
    pub device_name: String,
    pub reason: Reason,
    pub opened_at: Timestamp,
    /// Of the ticket that is out, if one is.
    pub ticket_expires_at: Option<Timestamp>,
}

/// What the help desk suspended long ago, and nobody has resumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LongSuspended {
    pub user: UserId,
    pub user_name: String,
    /// The device; nothing where a single credential is suspended.
    pub device_name: Option<String>,
    pub since: Timestamp,
}

/// A device whose own certificate ends soon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpiringDevice {
    pub user: UserId,
    pub user_name: String,
    pub device_name: String,
    pub not_after: Timestamp,
}

/// The names of the users and operators whose ids `$asked` selects.
macro_rules! names_of {
    ($asked:literal) => {
        concat!(
            "WITH asked AS (",
            $asked,
            ") SELECT id, name FROM users WHERE id IN (SELECT id FROM asked) ",
            "UNION ALL SELECT id, name FROM operators WHERE id IN (SELECT id FROM asked)"
        )
    };
}

impl Store {
    /// Open requests but updates, oldest first, after one that the page before ended with.
    pub async fn queue(&self, after: Option<RequestId>, limit: u32) -> Result<Vec<RequestLine>, StoreError> {
        let found = query(concat!(
            request_lines!(),
            "WHERE ",
            is_open!(),
            " AND purpose <> 'update' ",
            "AND (?2 IS NULL OR (opened_at, requests.id) > (SELECT opened_at, id FROM requests WHERE id = ?2)) ",
            "ORDER BY opened_at, requests.id LIMIT ?1",
        ));
        let found = found.bind(limit).bind(after).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_request).collect::<Result<_, _>>()?)
    }

    /// Open replacements, oldest first.
    pub async fn incidents(&self, limit: u32) -> Result<Vec<Incident>, StoreError> {
        let found = query(concat!(
            "SELECT requests.id, users.name AS user_name, devices.name AS device_name, reason, opened_at, ",
            "(SELECT max(expires_at) FROM tickets WHERE tickets.user_id = requests.user_id AND request_id = requests.id ",
            "AND tickets.state = 'open') AS ticket ",
            "FROM requests JOIN users ON users.id = requests.user_id JOIN devices ON devices.id = line_target WHERE ",
            is_open!(),
            " AND purpose = 'replacement' ORDER BY opened_at LIMIT ?",
        ));
        let incident = |row: &Row| {
            Ok::<_, sqlx::Error>(Incident {
                request: row.try_get("id")?,
                user_name: row.try_get("user_name")?,
                device_name: row.try_get("device_name")?,
                reason: row.try_get("reason")?,
                opened_at: time(row, "opened_at")?,
                ticket_expires_at: time_if_any(row, "ticket")?,
            })
        };
        let found = found.bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(incident).collect::<Result<_, _>>()?)
    }

    /// What the help desk has suspended since before a time, the oldest first.
    pub async fn long_suspended(&self, before: Timestamp, limit: u32) -> Result<Vec<LongSuspended>, StoreError> {
        let found = query(
            "SELECT users.id AS owner, users.name AS user_name, devices.name AS device_name, min(since) AS since FROM holds \
             JOIN users ON users.id = holds.user_id LEFT JOIN devices ON devices.id = cause_device \
             WHERE cause_request IS NULL AND since < ? GROUP BY cause_device, cause_credential, users.id, users.name, devices.name \
             ORDER BY min(since) LIMIT ?",
        );
        let suspended = |row: &Row| {
            Ok::<_, sqlx::Error>(LongSuspended {
                user: row.try_get("owner")?,
                user_name: row.try_get("user_name")?,
                device_name: row.try_get("device_name")?,
                since: time(row, "since")?,
            })
        };
        let found = found.bind(Millis(before)).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(suspended).collect::<Result<_, _>>()?)
    }

    /// Devices in use whose own `auth` ends in a span of time, the first to end first.
    pub async fn expiring_devices(&self, from: Timestamp, until: Timestamp, limit: u32) -> Result<Vec<ExpiringDevice>, StoreError> {
        let found = query(
            "SELECT users.id AS owner, users.name AS user_name, devices.name AS device_name, not_after FROM credentials \
             JOIN devices ON devices.id = made_for JOIN users ON users.id = credentials.user_id \
             WHERE slot = 'auth' AND credentials.state = 'issued' AND devices.state = 'issued' AND not_after BETWEEN ? AND ? ORDER BY not_after LIMIT ?",
        );
        let device = |row: &Row| {
            Ok::<_, sqlx::Error>(ExpiringDevice {
                user: row.try_get("owner")?,
                user_name: row.try_get("user_name")?,
                device_name: row.try_get("device_name")?,
                not_after: time(row, "not_after")?,
            })
        };
        let found = found.bind(Millis(from)).bind(Millis(until)).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(device).collect::<Result<_, _>>()?)
    }

    /// Requests, newest first.
    pub async fn requests(&self, filter: RequestFilter, after: Option<RequestCursor>, limit: u32) -> Result<Vec<RequestLine>, StoreError> {
        let page = match (filter.user, filter.open_only) {
            (None, false) => requests_where!(""),
            (None, true) => requests_where!(" AND ", is_open!()),
            (Some(_), false) => requests_where!(" AND requests.user_id = ?4"),
            (Some(_), true) => {
                requests_where!(" AND requests.user_id = ?4 AND ", is_open!())
            }
        };
        let after = after.unwrap_or(RequestCursor { opened_at: Timestamp::MAX, id: RequestId(uuid::Uuid::max()) });
        let page = query(page).bind(limit).bind(Millis(after.opened_at)).bind(after.id).bind(filter.user);
        let found = page.fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_request).collect::<Result<_, _>>()?)
    }

    /// The audit log, oldest first, after the entry `after_seq` (0 for all).
    pub async fn audit(&self, after_seq: i64, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        let found = query(
            "SELECT seq, at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source \
             FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        );
        let found = found.bind(after_seq).bind(self.audit_end().await?).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_audit).collect::<Result<_, _>>()?)
    }
}

macro_rules! audit_where {
    ($about:literal) => {
        concat!(
            "SELECT seq, at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source FROM audit ",
            "WHERE seq < ?1 AND ",
            $about,
            " AND (?5 IS NULL OR act = ?5) AND (?6 IS NULL OR at >= ?6) AND (?7 IS NULL OR at < ?7) ORDER BY seq DESC LIMIT ?2"
        )
    };
}

impl Store {
    /// What these operators and users are called now.
    pub async fn names(&self, ids: &[uuid::Uuid]) -> Result<HashMap<uuid::Uuid, String>, StoreError> {
        let asked = serde_json::Value::from(ids.iter().map(|id| id.simple().to_string()).collect::<Vec<_>>()).to_string();
        let found = query(Text {
            sqlite: names_of!("SELECT unhex(value) AS id FROM json_each(?1)"),
            postgres: names_of!("SELECT value::uuid AS id FROM json_array_elements_text(?1::json) AS value"),
        });
        let name = |row: &Row| Ok::<_, sqlx::Error>((row.try_get("id")?, row.try_get("name")?));
        Ok(found.bind(asked).fetch_all(&self.readers).await?.iter().map(name).collect::<Result<_, _>>()?)
    }

    /// Why an officer rejected a request, if they said so.
    pub async fn rejected_because(&self, request: RequestId) -> Result<Option<String>, StoreError> {
        let found =
            query("SELECT details FROM audit WHERE request_id = ? AND act = 'reject' AND outcome = 'done' ORDER BY seq DESC LIMIT 1");
        let Some(row) = found.bind(request).fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(read_details(&row)?.get("because").and_then(|because| because.as_str()).map(str::to_owned))
    }
}

/// What a page of the audit log is about.
#[derive(Clone, Debug, Default)]
pub struct AuditFilter {
    pub user: Option<UserId>,
    pub request: Option<RequestId>,
    pub act: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

impl Store {
    /// The audit log, newest first, before the entry `before_seq`.
    pub async fn audit_page(&self, filter: &AuditFilter, before_seq: i64, limit: u32) -> Result<Vec<AuditLine>, StoreError> {
        // each finds its entries by an index, and reads no more of the log than it shows
        let found = query(match (filter.user, filter.request) {
            (Some(_), _) => audit_where!("user_id = ?3 AND (?4 IS NULL OR request_id = ?4)"),
            (None, Some(_)) => audit_where!("request_id = ?4"),
            (None, None) => audit_where!("TRUE"),
        });
        let found = found.bind(before_seq).bind(limit).bind(filter.user).bind(filter.request).bind(&filter.act);
        let found = found.bind(filter.from.map(Millis)).bind(filter.to.map(Millis)).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_audit).collect::<Result<_, _>>()?)
    }
}

fn read_request(row: &Row) -> Result<RequestLine, sqlx::Error> {
    Ok(RequestLine {
        id: row.try_get("id")?,
        user: row.try_get("user_id")?,
        user_name: row.try_get("user_name")?,
        kind: row.try_get("kind")?,
        purpose: row.try_get("purpose")?,
        mode: row.try_get("mode")?,
        reason: row.try_get("reason")?,
        state: row.try_get("state")?,
        opened_at: time(row, "opened_at")?,
        closed_at: time_if_any(row, "closed_at")?,
        target: row.try_get("target")?,
        target_name: row.try_get("target_name")?,
    })
}

fn read_audit(row: &Row) -> Result<AuditLine, sqlx::Error> {
    Ok(AuditLine {
        seq: row.try_get("seq")?,
        at: time(row, "at")?,
        who: read_who(row)?,
        act: row.try_get("act")?,
        on_behalf_of: row.try_get("user_id")?,
        request: row.try_get("request_id")?,
        outcome: read_outcome(row)?,
        details: read_details(row)?,
        source: row.try_get("source")?,
    })
}

fn read_details(row: &Row) -> Result<serde_json::Value, sqlx::Error> {
    serde_json::from_str(row.word("details")?).map_err(|error| sqlx::Error::Decode(error.into()))
}
