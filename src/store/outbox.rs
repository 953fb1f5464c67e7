//! The outbox: letters that wait to be delivered, and what became of the others.

use jiff::Timestamp;
use uuid::Uuid;

use super::Store;
use super::column::{Millis, time, time_if_any};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use crate::lifecycle::ids::{RequestId, UserId};

/// A letter that an act writes.
#[derive(Clone, PartialEq, Eq)]
pub struct NewLetter {
    pub id: Uuid,
    pub kind: &'static str,
    pub user: UserId,
    pub request: Option<RequestId>,
    pub recipient: String,
    pub at: Timestamp,
    /// What it says, sealed.
    pub sealed: Vec<u8>,
}

impl std::fmt::Debug for NewLetter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "NewLetter({}, {})", self.kind, self.id)
    }
}

/// A letter whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueLetter {
    pub id: Uuid,
    pub kind: String,
    pub recipient: String,
    pub written_at: Timestamp,
    pub attempts: u32,
    pub sealed: Vec<u8>,
}

/// A letter as the desk sees it: never what it says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LetterLine {
    pub id: Uuid,
    pub kind: String,
    pub user: UserId,
    pub request: Option<RequestId>,
    pub recipient: String,
    pub written_at: Timestamp,
    pub state: String,
    pub due_at: Option<Timestamp>,
    pub attempts: u32,
    pub last_error: Option<String>,
    pub closed_at: Option<Timestamp>,
}

/// How the outbox stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxSummary {
    pub waiting: u64,
    pub failed: u64,
    pub oldest_waiting: Option<Timestamp>,
}

/// What became of an attempt to deliver.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    Delivered {
        at: Timestamp,
    },
    /// To be tried again at a later time.
    Failed {
        error: String,
        again_at: Timestamp,
    },
    /// For the last time.
    GivenUp {
        error: String,
        at: Timestamp,
    },
}

pub(super) const DUE_CODES: &str = "SELECT id, kind, recipient, written_at, attempts, sealed FROM letters \
     WHERE state = 'waiting' AND kind = 'sign-in-code' AND due_at <= ?1 ORDER BY written_at, id LIMIT ?2";

pub(super) const DUE_OTHERS: &str = "SELECT id, kind, recipient, written_at, attempts, sealed FROM letters \
     WHERE state = 'waiting' AND kind <> 'sign-in-code' AND due_at <= ?1 \
     AND NOT EXISTS (SELECT 1 FROM letters AS earlier WHERE earlier.state = 'waiting' AND earlier.recipient = letters.recipient \
     AND (earlier.written_at, earlier.id) < (letters.written_at, letters.id) AND earlier.due_at > ?1) ORDER BY written_at, id LIMIT ?2";

impl Store {
    /// Letters whose turn it is, the oldest first. A letter waits for the earlier ones to the same address; but a code, which is soon of no
    /// use, waits for nothing.
    pub async fn due_letters(&self, now: Timestamp, limit: u32) -> Result<Vec<DueLetter>, StoreError> {
        let mut found = query(DUE_CODES).bind(Millis(now)).bind(limit).fetch_all(&self.readers).await?;
        let rest = limit.saturating_sub(u32::try_from(found.len()).unwrap_or(limit));
        found.extend(query(DUE_OTHERS).bind(Millis(now)).bind(rest).fetch_all(&self.readers).await?);
        let read = |row: &Row| {
            Ok::<_, sqlx::Error>(DueLetter {
                id: row.try_get("id")?,
                kind: row.try_get("kind")?,
                recipient: row.try_get("recipient")?,
                written_at: time(row, "written_at")?,
                attempts: row.try_get("attempts")?,
                sealed: row.try_get("sealed")?,
            })
        };
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// When the next letter is due.
    pub async fn next_letter_due(&self) -> Result<Option<Timestamp>, StoreError> {
        let due = query("SELECT min(due_at) FROM letters WHERE state = 'waiting'").cell::<Option<Millis>>(&self.readers).await?;
        Ok(due.flatten().map(|due| due.0))
    }

    pub async fn outbox_summary(&self) -> Result<OutboxSummary, StoreError> {
        let waiting = query("SELECT count(*) AS count, min(written_at) AS oldest FROM letters WHERE state = 'waiting'");
        let waiting = waiting.fetch_one(&self.readers).await?;
        let failed: Option<u32> = query("SELECT count(*) FROM letters WHERE state = 'failed'").cell(&self.readers).await?;
        let count: u32 = waiting.try_get("count")?;
        Ok(OutboxSummary { waiting: count.into(), failed: failed.unwrap_or(0).into(), oldest_waiting: time_if_any(&waiting, "oldest")? })
    }

    /// The letters about a request that have not arrived, oldest first.
    pub async fn undelivered(&self, request: RequestId) -> Result<Vec<LetterLine>, StoreError> {
        let found = query(
            "SELECT id, kind, user_id, request_id, recipient, written_at, state, due_at, attempts, last_error, closed_at FROM letters \
             WHERE request_id = ? AND last_error IS NOT NULL AND state <> 'delivered' ORDER BY written_at, id",
        );
        Ok(found.bind(request).fetch_all(&self.readers).await?.iter().map(read_line).collect::<Result<_, _>>()?)
    }

    /// Letters, newest first, before one that a page ended with; of one state, or of all.
    pub async fn letters(&self, state: Option<&str>, before: Option<(Timestamp, Uuid)>, limit: u32) -> Result<Vec<LetterLine>, StoreError> {
        let (at, id) = before.unwrap_or((Timestamp::MAX, Uuid::max()));
        let found = query(
            "SELECT id, kind, user_id, request_id, recipient, written_at, state, due_at, attempts, last_error, closed_at FROM letters \
             WHERE (written_at, id) < (?1, ?2) AND (?3 IS NULL OR state = ?3) ORDER BY written_at DESC, id DESC LIMIT ?4",
        );
        let found = found.bind(Millis(at)).bind(id).bind(state).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_line).collect::<Result<_, _>>()?)
    }
}

fn read_line(row: &Row) -> Result<LetterLine, sqlx::Error> {
    Ok(LetterLine {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        user: row.try_get("user_id")?,
        request: row.try_get("request_id")?,
        recipient: row.try_get("recipient")?,
        written_at: time(row, "written_at")?,
        state: row.try_get("state")?,
        due_at: time_if_any(row, "due_at")?,
        attempts: row.try_get("attempts")?,
        last_error: row.try_get("last_error")?,
        closed_at: time_if_any(row, "closed_at")?,
    })
}

pub(super) fn write(script: &mut Script, letter: &NewLetter) {
    script
        .run(
            "INSERT INTO letters (id, kind, user_id, request_id, recipient, written_at, state, due_at, attempts, sealed) \
             VALUES (?, ?, ?, ?, ?, ?, 'waiting', ?, 0, ?)",
        )
        .bind(letter.id)
        .bind(letter.kind)
        .bind(letter.user)
        .bind(letter.request)
        .bind(&letter.recipient)
        .bind(Millis(letter.at))
        .bind(Millis(letter.at))
        .bind(&letter.sealed);
}

pub(super) fn attempted(script: &mut Script, id: Uuid, attempt: &Attempt) {
    match attempt {
        Attempt::Delivered { at } => script
            .hit("UPDATE letters SET state = 'delivered', due_at = NULL, sealed = NULL, closed_at = ? WHERE id = ? AND state = 'waiting'")
            .bind(Millis(*at))
            .bind(id),
        Attempt::Failed { error, again_at } => script
            .hit("UPDATE letters SET attempts = attempts + 1, last_error = ?, due_at = ? WHERE id = ? AND state = 'waiting'")
            .bind(error)
            .bind(Millis(*again_at))
            .bind(id),
        Attempt::GivenUp { error, at } => script
            .hit(
                "UPDATE letters SET state = 'failed', attempts = attempts + 1, last_error = ?, due_at = NULL, sealed = NULL, closed_at = ? \
                 WHERE id = ? AND state = 'waiting'",
            )
            .bind(error)
            .bind(Millis(*at))
            .bind(id),
    };
}
