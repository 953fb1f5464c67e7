//! What the check looks at beside the holdings: every user in turn, as they are in the file and not as they are remembered; and what only the
//! whole database can show.

use sqlx::Row as _;
use sqlx::sqlite::SqlitePool;
use uuid::Uuid;

use super::Store;
use super::certificate::{self, ServiceCertificate};
use super::error::StoreError;
use super::holdings::Loaded;
use super::sql::{Readers, query};
use crate::lifecycle::ids::{Serial, UserId};

/// A question to the whole database whose every answer is a fault, and what it means.
const QUESTIONS: [(&str, &str); 7] = [
    (
        "SELECT id FROM devices WHERE (state = 'available') <> (user_id IS NULL)",
        "a device that is in stock and somebody's, or nobody's and not in stock",
    ),
    (
        "SELECT devices.id FROM devices LEFT JOIN requests ON requests.id = devices.request_id WHERE devices.state = 'assigned' \
         AND (requests.id IS NULL OR requests.user_id <> devices.user_id OR requests.state NOT IN ('bound', 'issuing'))",
        "a device that is assigned to no open request of its user",
    ),
    (
        "SELECT carries.device_id FROM carries JOIN devices ON devices.id = device_id JOIN credentials ON credentials.id = credential_id \
         WHERE carries.user_id <> credentials.user_id OR (devices.user_id IS NOT NULL AND carries.user_id <> devices.user_id)",
        "a device that carries a credential of another user",
    ),
    (
        "SELECT coalesce(holds.device_id, holds.credential_id) FROM holds LEFT JOIN devices ON devices.id = holds.device_id \
         LEFT JOIN credentials ON credentials.id = holds.credential_id WHERE holds.user_id <> coalesce(devices.user_id, credentials.user_id)",
        "a hold on what is another user's",
    ),
    (
        "SELECT tickets.id FROM tickets JOIN requests ON requests.id = request_id WHERE tickets.user_id <> requests.user_id",
        "a ticket for a request of another user",
    ),
    (
        "SELECT sessions.id FROM sessions JOIN requests ON requests.id = request_id WHERE sessions.user_id <> requests.user_id",
        "a session for a request of another user",
    ),
    (
        "SELECT recovery_id FROM recovered_encs JOIN recoveries ON recoveries.id = recovery_id \
         JOIN credentials ON credentials.id = credential_id WHERE recoveries.user_id <> credentials.user_id",
        "a recovery of another user's key",
    ),
];

const SERIALS_OF_TWO: &str = "SELECT serial FROM (SELECT serial FROM credentials UNION ALL SELECT serial FROM service_certificates) AS all_of_them \
     GROUP BY serial HAVING count(*) > 1";

impl Store {
    /// Users after one that the page before ended with, by their ids.
    pub async fn user_ids(&self, after: Option<UserId>, limit: u32) -> Result<Vec<UserId>, StoreError> {
        let after = after.unwrap_or(UserId(Uuid::nil()));
        let found = query("SELECT id FROM users WHERE id > ? ORDER BY id LIMIT ?");
        Ok(found.bind(after).bind(limit).column(&self.readers).await?)
    }

    /// All that a user holds, from the file.
    pub async fn holdings_on_file(&self, user: UserId) -> Result<Option<Loaded>, StoreError> {
        self.load(user).await
    }

    pub async fn service_certificates(&self) -> Result<Vec<ServiceCertificate>, StoreError> {
        let found = query(
            "SELECT serial, name AS subject, operator_id, reserved_at, not_after, revoked_at, revocation_reason FROM service_certificates",
        );
        let found = found.fetch_all(&self.readers).await?;
        Ok(found.iter().map(certificate::read).collect::<Result<_, _>>()?)
    }

    /// What is wrong with the database or between its rows, each with what was found.
    pub async fn inspect(&self) -> Result<Vec<String>, StoreError> {
        let mut faults = match &self.readers {
            Readers::Sqlite(pool) => faults_of_the_file(pool).await?,
            // a server keeps its files and its references itself
            Readers::Postgres(_) => Vec::new(),
        };
        for (question, meaning) in QUESTIONS {
            let found: Vec<Uuid> = query(question).column(&self.readers).await?;
            faults.extend(found.into_iter().map(|id| format!("{meaning}: {id}")));
        }
        let serials: Vec<Serial> = query(SERIALS_OF_TWO).column(&self.readers).await?;
        faults.extend(serials.into_iter().map(|serial| format!("a serial that two certificates have: {serial}")));
        Ok(faults)
    }
}

async fn faults_of_the_file(pool: &SqlitePool) -> Result<Vec<String>, StoreError> {
    let mut faults = Vec::new();
    let integrity: Vec<String> = sqlx::query_scalar("PRAGMA integrity_check(10)").fetch_all(pool).await?;
    faults.extend(integrity.into_iter().filter(|line| line != "ok").map(|line| format!("the database file: {line}")));
    for row in sqlx::query("PRAGMA foreign_key_check").fetch_all(pool).await? {
        let (table, parent): (String, String) = (row.try_get("table")?, row.try_get("parent")?);
        faults.push(format!("a row of {table} refers to a row of {parent} that is not there"));
    }
    Ok(faults)
}
