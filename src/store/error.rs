//! Why the store did not do it, by who must act.

use std::sync::Arc;

use sqlx::migrate::MigrateError;

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
    #[error("the schema of the database: found: {found}, expected: {expected}; bring it up to date with: remint migrate")]
    OlderSchema { found: i64, expected: i64 },
    #[error("the encoding of the database: found: {found}, expected: UTF8")]
    Encoding { found: String },
    #[error("found: a database server, expected: a file")]
    NotAFile,
    #[error("the store has been closed")]
    Closed,
    /// As a test has ordered.
    #[cfg(debug_assertions)]
    #[error("trouble that was ordered")]
    Ordered,
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

impl From<MigrateError> for Outage {
    fn from(error: MigrateError) -> Self {
        match error {
            MigrateError::VersionMissing(found) => Self::NewerSchema { found },
            other => Self::Database(other.into()),
        }
    }
}

impl From<sqlx::Error> for StoreError {
    fn from(error: sqlx::Error) -> Self {
        if is_too_late(&error) {
            return Self::Conflict;
        }
        match duplicated(&error) {
            Some(what) => Self::Duplicate { what },
            None => Outage::Database(error).into(),
        }
    }
}

/// Whether PostgreSQL says that somebody else came first: of two that wait for each other, or cannot both be, one is to begin again.
/// (SQLSTATE serialization_failure and deadlock_detected.)
fn is_too_late(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(code.as_deref(), Some("40001" | "40P01"))
}

/// What is taken, where that is what the database says. Of a broken UNIQUE constraint, SQLite names the column and PostgreSQL the constraint.
fn duplicated(error: &sqlx::Error) -> Option<&'static str> {
    let error = error.as_database_error().filter(|error| error.is_unique_violation())?;
    let column = error.message().rsplit_once(": ").map_or("", |(_, column)| column);
    Some(match error.constraint().unwrap_or(column) {
        "users.email" | "user_emails" => "email",
        "users.upn" | "user_upns" => "upn",
        "addresses.address" | "index 'addresses_by_small_letters'" | "addresses_by_small_letters" => "email or upn",
        "users.sid" | "users_sid" => "sid",
        "users.fasc_n" | "users_fasc_n" => "fasc_n",
        "operators.name" | "operator_names" => "operator name",
        "devices.kind, devices.serial" | "devices_of_stock_kinds" => "serial number",
        "seen_keys.key_id" | "seen_keys_pkey" => "key",
        "credentials.serial" | "service_certificates.serial" | "sessions.bootstrap_serial" => "serial",
        "credential_serials" | "service_certificates_pkey" | "session_bootstraps" => "serial",
        "sessions.ticket_id" | "session_tickets" => "ticket",
        "crls.number" | "crls_pkey" => "crl number",
        _ => "id",
    })
}
