//! The servers that run over one database, and which of them does which timed work. Only a database that is shared has these tables: a file
//! has one server.

use std::collections::BTreeMap;

use jiff::Timestamp;
use uuid::Uuid;

use super::Store;
use super::column::Millis;
use super::error::StoreError;
use super::script::Script;
use super::sql::{Readers, Row, query};

/// A server, as the others see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Member {
    pub id: Uuid,
    /// Counts up while it lives.
    pub beat: i64,
    /// SHA-256 of the rules by which it decides.
    pub rules: [u8; 32],
}

/// What a server does about its membership.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    Enter {
        id: Uuid,
        rules: [u8; 32],
        at: Timestamp,
    },
    /// It lives; a conflict if the others have taken it for dead.
    Beat {
        id: Uuid,
    },
    /// Another one is dead, if its beat still stands where it stood; what it did is anybody's.
    Bury {
        id: Uuid,
        beat: i64,
    },
    Leave {
        id: Uuid,
    },
    /// Some work is this server's, unless it is another's.
    Take {
        work: &'static str,
        holder: Uuid,
    },
    /// What was news to relying parties is about to be published.
    NewsTaken,
}

impl Store {
    /// Whether other servers may run over the same database.
    pub fn is_shared(&self) -> bool {
        matches!(self.readers, Readers::Postgres(_))
    }

    /// The servers that are entered.
    pub async fn members(&self) -> Result<Vec<Member>, StoreError> {
        let found = query("SELECT id, beat, rules FROM servers ORDER BY id").fetch_all(&self.readers).await?;
        let member =
            |row: &Row| Ok::<_, sqlx::Error>(Member { id: row.try_get("id")?, beat: row.try_get("beat")?, rules: row.try_get("rules")? });
        Ok(found.iter().map(member).collect::<Result<_, _>>()?)
    }

    /// Which server does which timed work.
    pub async fn leases(&self) -> Result<BTreeMap<String, Uuid>, StoreError> {
        let found = query("SELECT work, holder FROM leases").fetch_all(&self.readers).await?;
        let lease = |row: &Row| Ok::<_, sqlx::Error>((row.try_get("work")?, row.try_get("holder")?));
        Ok(found.iter().map(lease).collect::<Result<_, _>>()?)
    }

    /// Whether anything has changed, since the last list was begun, that relying parties are told.
    pub async fn has_status_news(&self) -> Result<bool, StoreError> {
        Ok(query("SELECT id FROM status_news LIMIT 1").any(&self.readers).await?)
    }
}

pub(super) fn take(script: &mut Script, step: &Step) {
    match step {
        Step::Enter { id, rules, at } => {
            script.run("INSERT INTO servers (id, beat, rules, started_at) VALUES (?, 0, ?, ?)").bind(id).bind(rules).bind(Millis(*at))
        }
        Step::Beat { id } => script.hit("UPDATE servers SET beat = beat + 1 WHERE id = ?").bind(id),
        Step::Bury { id, beat } => script.run("DELETE FROM servers WHERE id = ? AND beat = ?").bind(id).bind(beat),
        Step::Leave { id } => script.run("DELETE FROM servers WHERE id = ?").bind(id),
        Step::Take { work, holder } => {
            script.run("INSERT INTO leases (work, holder) VALUES (?, ?) ON CONFLICT (work) DO NOTHING").bind(*work).bind(holder)
        }
        Step::NewsTaken => script.run("DELETE FROM status_news"),
    };
}

/// Whoever publishes hears of a change of status.
pub(super) fn tell(script: &mut Script) {
    script.run("INSERT INTO status_news DEFAULT VALUES");
}
