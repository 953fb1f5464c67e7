//! Why the store did not do it, by who must act.

use std::sync::Arc;

/// What went wrong. Nothing of the commit was kept.
#[derive(Clone, Debug, thiserror::Error)]
pub enum StoreError {
    /// What it was decided on has changed: load, decide and commit again.
    #[error("what it was decided on has changed in the meantime")]
    Conflict,
    /// Somebody else has it.
    #[error("already taken: {what}")]
    Duplicate { what: &'static str },
    /// Too many commits are waiting: come back later.
    #[error("too many commits are waiting")]
    Busy,
    /// The store's own fault.
    #[error("the store is unavailable")]
    Unavailable(#[source] Arc<Outage>),
}

/// The store's own fault. Its text is for the administrator's log, never for a client.
#[derive(Debug, thiserror::Error)]
pub enum Outage {
    #[error(transparent)]
    Database(#[from] sqlx::Error),
    #[error("the database was written by a newer release: schema: {found}")]
    NewerSchema { found: i64 },
    #[error("the store has been closed")]
    Closed,
    /// A mistake of ours: holdings change under a guard only.
    #[error("a change of holdings without a guard: {commit}")]
    Unguarded { commit: &'static str },
}

impl StoreError {
    /// Whether a row is not what this release writes: the others can still be read.
    pub fn is_of_a_row(&self) -> bool {
        let Self::Unavailable(outage) = self else { return false };
        matches!(**outage, Outage::Database(sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)))
    }
}

impl From<Outage> for StoreError {
    fn from(outage: Outage) -> Self {
        Self::Unavailable(Arc::new(outage))
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        match duplicated(&error) {
            Some(what) => Self::Duplicate { what },
            None => Outage::Database(error).into(),
        }
    }
}

/// What is taken, where that is what the database says. SQLite names the column of a broken UNIQUE constraint, not the constraint.
fn duplicated(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let column = error.message().rsplit_once(": ").map_or("", |(_, column)| column);
    Some(match column {
        "users.email" => "email",
        "users.upn" => "upn",
        "addresses.address" => "email or upn",
        "users.sid" => "sid",
        "users.fasc_n" => "fasc_n",
        "operators.name" => "operator name",
        "devices.kind, devices.serial" => "serial number",
        "seen_keys.key_id" => "key",
        "credentials.serial" | "service_certificates.serial" | "sessions.bootstrap_serial" => "serial",
        "sessions.ticket_id" => "ticket",
        "crls.number" => "crl number",
        _ => "id",
    })
}
