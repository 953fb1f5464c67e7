//! Which database: `[database]` of `remint.toml`.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::config::Config;
use super::{ServerError, secret};
use crate::store::{Place, Store, StoreError};

/// `[database]`: a PostgreSQL server, or another file than that of the data folder.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSection {
    /// `postgres://user@host:port/database?sslmode=verify-full&sslrootcert=ca.pem`, or `sqlite:file`.
    pub url: String,
    /// A file that holds the password and nothing else; nobody but its owner may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_variable: Option<String>,
}

/// The database file of a data folder, unless `remint.toml` says otherwise.
pub(super) const FILE: &str = "remint.db";
const THE_PASSWORD: &str = "the password of the database";

impl Config {
    /// Where the database of the data folder `dir` is.
    pub fn place(&self, dir: &Path) -> Result<Place, ServerError> {
        let Some(DatabaseSection { url, password_file, password_variable }) = &self.database else {
            return Ok(Place::File(dir.join(FILE)));
        };
        let place = Place::parse(url, dir).map_err(|wrong| ServerError::new(format!("remint.toml: database.url: {wrong}")))?;
        let password = secret::password_of("database", dir, password_file.as_deref(), password_variable.as_deref(), THE_PASSWORD)?;
        Ok(match password {
            Some(password) => place.with_password(&password),
            None => place,
        })
    }
}

/// Opens the database of a data folder, which must be there.
pub async fn open(dir: &Path, config: &Config) -> Result<Store, ServerError> {
    let place = config.place(dir)?;
    if let Place::File(path) = &place
        && !path.exists()
    {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        return Err(ServerError::new(format!("{}: found: no {name}, expected: a data folder made by remint init", dir.display())));
    }
    reached(&place, Store::open(&place).await)
}

/// Makes the database of a new data folder, or what is missing of it.
pub async fn make(dir: &Path, config: &Config) -> Result<Store, ServerError> {
    let place = migrate(dir, config).await?;
    reached(&place, Store::open(&place).await)
}

/// Brings the schema up to date, and says whose.
pub async fn migrate(dir: &Path, config: &Config) -> Result<Place, ServerError> {
    let place = config.place(dir)?;
    reached(&place, Store::migrate(&place).await)?;
    Ok(place)
}

/// Makes the database of an installation that begins. A server's must be empty: it may be another installation's.
pub async fn make_new(dir: &Path, config: &Config) -> Result<Store, ServerError> {
    let store = make(dir, config).await?;
    let place = config.place(dir)?;
    match place {
        Place::Server(_) if !store.service_certificates().await?.is_empty() => {
            Err(ServerError::new(format!("{place}: found: the database of an installation, expected: an empty one")))
        }
        Place::Server(_) | Place::File(_) => Ok(store),
    }
}

/// What went wrong with a database names it, and says why: this is for the administrator.
pub(super) fn reached<T>(place: &Place, outcome: Result<T, StoreError>) -> Result<T, ServerError> {
    outcome.map_err(|error| ServerError::new(format!("{place}: {}", told(&error))))
}

/// The error with what is behind it, for the administrator.
pub fn told(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(outage) => outage.to_string(),
        StoreError::Conflict | StoreError::Duplicate { .. } | StoreError::Busy => error.to_string(),
    }
}
