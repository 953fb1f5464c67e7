//! The database as one SQLite file: one connection writes (see `writer`), a few read.

use std::path::Path;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use super::error::{Outage, StoreError};
use super::sql::Readers;
use super::{migrations, words};

/// How many connections read.
const READERS: u32 = 4;
/// How much of the file the writer keeps in memory, in SQLite's notation: 16 MiB. Serials and key ids are random, so that a new one goes
/// anywhere in its index.
const WRITER_CACHE: &str = "-16384";
/// How much of the file each reader maps into memory, in bytes: 256 MiB.
const READER_MAP: &str = "268435456";
/// How many pages the write-ahead log holds before they go into the file: 16 MiB.
const CHECKPOINT: &str = "4000";
/// How long a statement waits for another process that writes, such as the command line.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Opens the file, which is made if there is none, and brings its schema up to date. A newer schema is refused. Returns the connections that
/// read, the one that writes, and how to make that anew.
pub(super) async fn open(path: &Path) -> Result<(Readers, SqliteConnection, SqliteConnectOptions), StoreError> {
    let options = options(path);
    let writing = options.clone().pragma("cache_size", WRITER_CACHE);
    let mut connection = writing.clone().create_if_missing(true).connect().await?;
    migrations::of_sqlite().run(&mut connection).await.map_err(Outage::from)?;
    words::fill(&mut connection).await?;
    let readers = SqlitePoolOptions::new()
        .min_connections(READERS)
        .max_connections(READERS)
        .idle_timeout(None)
        .max_lifetime(None)
        .test_before_acquire(false)
        .connect_with(options.pragma("query_only", "on").pragma("mmap_size", READER_MAP))
        .await?;
    Ok((Readers::Sqlite(readers), connection, writing))
}

pub(super) fn options(path: &Path) -> SqliteConnectOptions {
    SqliteConnectOptions::new()
        .filename(path)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(BUSY_TIMEOUT)
        .pragma("temp_store", "memory")
        .pragma("wal_autocheckpoint", CHECKPOINT)
        .disable_statement_logging()
}
