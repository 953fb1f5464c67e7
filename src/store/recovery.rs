//! Recoveries: who asked for which keys of whom, who decided, and whether they were handed over.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use crate::lifecycle::ids::{OperatorId, RecoveryId, UserId};
use crate::lifecycle::recovery::{Decided, Recovery, RecoveryState};

/// The columns of a recovery, for the rest of the statement to follow.
macro_rules! recoveries {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, because, recipient, asked_by, asked_as, asked_at, expires_at, state, decided_by, decided_at, collected_at ",
            "FROM recoveries ",
            $rest
        )
    };
}

impl Store {
    pub async fn recovery(&self, recovery: RecoveryId) -> Result<Option<Recovery>, StoreError> {
        let found = query(recoveries!("WHERE id = ?")).bind(recovery).fetch_optional(&self.readers).await?;
        match found {
            Some(row) => Ok(Some(self.with_encs(&row).await?)),
            None => Ok(None),
        }
    }

    /// Recoveries, newest first, of one user or of all, before one that a page ended with.
    pub async fn recoveries(&self, of: Option<UserId>, before: Option<RecoveryId>, limit: u32) -> Result<Vec<Recovery>, StoreError> {
        let found = query(recoveries!(
            "WHERE (?1 IS NULL OR user_id = ?1) AND (?2 IS NULL OR (asked_at, id) < (SELECT asked_at, id FROM recoveries WHERE id = ?2)) \
             ORDER BY asked_at DESC, id DESC LIMIT ?3"
        ));
        let mut recoveries = Vec::new();
        for row in found.bind(of).bind(before).bind(limit).fetch_all(&self.readers).await? {
            recoveries.push(self.with_encs(&row).await?);
        }
        Ok(recoveries)
    }

    async fn with_encs(&self, row: &Row) -> Result<Recovery, StoreError> {
        let id: RecoveryId = row.try_get("id")?;
        let encs = query("SELECT credential_id FROM recovered_encs WHERE recovery_id = ? ORDER BY position");
        Ok(Recovery {
            id,
            user: row.try_get("user_id")?,
            encs: encs.bind(id).column(&self.readers).await?,
            because: row.try_get("because")?,
            recipient: row.try_get("recipient")?,
            asked_by: row.try_get("asked_by")?,
            asked_as: row.try_get("asked_as")?,
            asked_at: time(row, "asked_at")?,
            expires_at: time(row, "expires_at")?,
            state: read_state(row)?,
        })
    }
}

fn read_state(row: &Row) -> Result<RecoveryState, sqlx::Error> {
    let decided = || Ok::<_, sqlx::Error>(Decided { by: row.try_get("decided_by")?, at: time(row, "decided_at")? });
    Ok(match row.word("state")? {
        "awaiting-approval" => RecoveryState::AwaitingApproval,
        "approved" => RecoveryState::Approved { decided: decided()? },
        "refused" => RecoveryState::Refused { decided: decided()? },
        "collected" => RecoveryState::Collected { decided: decided()?, at: time(row, "collected_at")? },
        other => return Err(unreadable("recovery state", other)),
    })
}

/// A recovery is asked.
pub(super) fn ask(script: &mut Script, recovery: &Recovery) {
    script
        .run(
            "INSERT INTO recoveries (id, user_id, because, recipient, asked_by, asked_as, asked_at, expires_at, state) \
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'awaiting-approval')",
        )
        .bind(recovery.id)
        .bind(recovery.user)
        .bind(&recovery.because)
        .bind(&recovery.recipient)
        .bind(recovery.asked_by)
        .bind(recovery.asked_as)
        .bind(Millis(recovery.asked_at))
        .bind(Millis(recovery.expires_at));
    for (position, enc) in (0_i64..).zip(&recovery.encs) {
        script
            .run("INSERT INTO recovered_encs (recovery_id, position, credential_id) VALUES (?, ?, ?)")
            .bind(recovery.id)
            .bind(position)
            .bind(enc);
    }
}

/// Moves a recovery on; one that has been moved meanwhile is a conflict.
pub(super) fn advance(script: &mut Script, recovery: RecoveryId, to: &RecoveryState) {
    let (decided, collected_at): (Option<(OperatorId, Timestamp)>, Option<Timestamp>) = match to {
        RecoveryState::AwaitingApproval => (None, None),
        RecoveryState::Approved { decided } | RecoveryState::Refused { decided } => (Some((decided.by, decided.at)), None),
        RecoveryState::Collected { decided, at } => (Some((decided.by, decided.at)), Some(*at)),
    };
    let (from, to) = match to {
        RecoveryState::AwaitingApproval => ("awaiting-approval", "awaiting-approval"),
        RecoveryState::Approved { .. } => ("awaiting-approval", "approved"),
        RecoveryState::Refused { .. } => ("awaiting-approval", "refused"),
        RecoveryState::Collected { .. } => ("approved", "collected"),
    };
    script
        .hit("UPDATE recoveries SET state = ?, decided_by = ?, decided_at = ?, collected_at = ? WHERE id = ? AND state = ?")
        .bind(to)
        .bind(decided.map(|(by, _)| by))
        .bind(decided.map(|(_, at)| Millis(at)))
        .bind(collected_at.map(Millis))
        .bind(recovery)
        .bind(from);
}
