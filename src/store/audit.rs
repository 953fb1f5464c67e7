//! The audit log: one entry an act, written in the same transaction; refusals too. How entries are chained is in `audit_chain`.

use jiff::Timestamp;
use uuid::Uuid;

use super::column::{Millis, unreadable};
use super::script::Script;
use super::sql::Row;
use crate::lifecycle::ids::{OperatorId, RequestId, SessionId, UserId};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub who: Who,
    /// The act, in the words of lifecycle.md.
    pub act: &'static str,
    /// Whom it concerns.
    pub on_behalf_of: Option<UserId>,
    pub request: Option<RequestId>,
    pub outcome: Outcome,
    /// What else a reader needs, as JSON without secrets.
    pub details: serde_json::Value,
    /// The network address that asked, or `local` for the command line and timed work.
    pub source: String,
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// An operator, by the SHA-256 fingerprint of the certificate.
    Operator {
        id: OperatorId,
        fingerprint: String,
    },
    User(UserId),
    /// A device in a provisioning session: the bearer of a ticket.
    Session(SessionId),
    /// Somebody who showed a certificate that is nobody's, by its fingerprint; or nothing.
    Stranger {
        fingerprint: Option<String>,
    },
    /// The administrator at the command line.
    Administrator,
    System,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Refused, with the stable code.
    Refused(String),
}

/// The columns of an actor.
pub(super) fn who_columns(who: &Who) -> (&'static str, Option<Uuid>, Option<&str>) {
    match who {
        Who::Operator { id, fingerprint } => ("operator", Some(id.0), Some(fingerprint)),
        Who::User(id) => ("user", Some(id.0), None),
        Who::Session(id) => ("session", Some(id.0), None),
        Who::Stranger { fingerprint } => ("stranger", None, fingerprint.as_deref()),
        Who::Administrator => ("administrator", None, None),
        Who::System => ("system", None, None),
    }
}

/// The columns of an outcome.
pub(super) fn outcome_columns(outcome: &Outcome) -> (&'static str, Option<&str>) {
    match outcome {
        Outcome::Done => ("done", None),
        Outcome::Refused(code) => ("refused", Some(code)),
    }
}

/// Writes an entry; its place in its chain is to be bound by the caller.
pub(super) fn enter<'s>(script: &'s mut Script, entry: &Entry, details: &str) -> &'s mut Script {
    let (who, id, fingerprint) = who_columns(&entry.who);
    let (outcome, refusal) = outcome_columns(&entry.outcome);
    script
        .run(
            "INSERT INTO audit (at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source, \
             chain, position, previous, hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(Millis(entry.at))
        .bind(who)
        .bind(id)
        .bind(fingerprint)
        .bind(entry.act)
        .bind(entry.on_behalf_of)
        .bind(entry.request)
        .bind(outcome)
        .bind(refusal)
        .bind(details)
        .bind(&entry.source)
}

pub(super) fn read_who(row: &Row) -> Result<Who, sqlx::Error> {
    Ok(match row.word("who")? {
        "operator" => Who::Operator { id: row.try_get("who_id")?, fingerprint: row.try_get("who_fingerprint")? },
        "user" => Who::User(row.try_get("who_id")?),
        "session" => Who::Session(row.try_get("who_id")?),
        "stranger" => Who::Stranger { fingerprint: row.try_get("who_fingerprint")? },
        "administrator" => Who::Administrator,
        "system" => Who::System,
        other => return Err(unreadable("audit actor", other)),
    })
}

pub(super) fn read_outcome(row: &Row) -> Result<Outcome, sqlx::Error> {
    Ok(match row.word("outcome")? {
        "done" => Outcome::Done,
        "refused" => Outcome::Refused(row.try_get("refusal")?),
        other => return Err(unreadable("audit outcome", other)),
    })
}
