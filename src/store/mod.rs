//! Remembers. One user's holdings are loaded whole, and what a workflow decided is kept in one named transaction with its audit entry.
//! SQL lives here and nowhere else. Nothing is decided here.
//!
//! ```text
//! holdings(user) ─► Loaded { holdings, version } ─► (the rules) ─► commit(Commit { guard: version, writes, audit })
//! ```
//!
//! One task writes (see `writer`), and one answers what relying parties ask (see `standing`); everything else reads, from a few
//! connections that the writer never blocks.

pub mod audit;
pub mod audit_chain;
pub mod certificate;
mod change;
mod column;
pub mod commit;
pub mod credential;
pub mod crl;
pub mod device;
mod dispute;
mod due;
pub mod error;
pub mod escrow;
mod hold;
pub mod holdings;
mod inspection;
pub mod operator;
pub mod outbox;
pub mod portal;
mod recent;
mod recovery;
mod request;
mod script;
mod seen_key;
pub mod session;
mod standing;
mod stock;
#[cfg(test)]
mod tests;
mod ticket;
mod user;
pub mod views;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use sqlx::ConnectOptions;
use sqlx::migrate::{MigrateError, Migrator};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use error::{Outage, StoreError};
pub use holdings::Loaded;

use commit::Commit;
use recent::Recent;
use standing::Question;
use writer::{Queued, Writer};

static MIGRATIONS: Migrator = sqlx::migrate!("migrations/sqlite");

/// How many commits may wait; beyond that the store is busy.
const QUEUE: usize = 4096;
/// How many questions about certificates may wait; beyond that the store is busy.
const QUESTIONS: usize = 4096;
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

/// Where everything is remembered. Clones share it.
#[derive(Clone)]
pub struct Store {
    readers: SqlitePool,
    recent: Recent,
    queue: mpsc::Sender<Queued>,
    questions: mpsc::Sender<Question>,
    status_changes: watch::Receiver<u64>,
    letters_written: watch::Receiver<u64>,
    closing: Arc<Notify>,
    writer: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Store {
    /// Opens the database file, which is made if there is none, and brings its schema up to date. A newer schema is refused.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        let options = options(path);
        let writing = options.clone().pragma("cache_size", WRITER_CACHE);
        let mut connection = writing.clone().create_if_missing(true).connect().await?;
        migrate(&mut connection).await?;
        let readers = SqlitePoolOptions::new()
            .min_connections(READERS)
            .max_connections(READERS)
            .idle_timeout(None)
            .max_lifetime(None)
            .test_before_acquire(false)
            .connect_with(options.pragma("query_only", "on").pragma("mmap_size", READER_MAP))
            .await?;
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (counting, status_changes) = watch::channel(0);
        let (letters, letters_written) = watch::channel(0);
        let (questions, asked) = mpsc::channel(QUESTIONS);
        tokio::spawn(standing::answer_questions(asked, readers.clone()));
        let closing = Arc::new(Notify::new());
        let writer = Writer {
            options: writing,
            connection: Some(connection),
            queue: waiting,
            closing: Arc::clone(&closing),
            status_changes: counting,
            letters,
        };
        Ok(Self {
            readers,
            recent: Recent::default(),
            queue,
            questions,
            status_changes,
            letters_written,
            closing,
            writer: Arc::new(Mutex::new(Some(tokio::spawn(writer.run())))),
        })
    }

    /// Keeps what is queued, refuses what comes later, and returns when the file is no longer used.
    pub async fn close(&self) {
        self.closing.notify_one();
        if let Some(writer) = self.writer.lock().await.take()
            && let Err(error) = writer.await
        {
            tracing::error!(%error, "the writer did not end well");
        }
        self.readers.close().await;
    }

    /// Keeps all of a commit, or nothing. It is on disk when this returns.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let (answer, verdict) = oneshot::channel();
        let after = self.recent.after(&commit);
        let queued = Queued { work: commit.work()?, answer };
        self.queue.try_send(queued).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Busy,
            mpsc::error::TrySendError::Closed(_) => Outage::Closed.into(),
        })?;
        verdict.await.unwrap_or_else(|_| Err(Outage::Closed.into()))?;
        if let Some(after) = after {
            self.recent.remember(after);
        }
        Ok(())
    }

    /// Counts the commits that changed what relying parties are told of a certificate.
    pub fn status_changes(&self) -> watch::Receiver<u64> {
        self.status_changes.clone()
    }

    /// Counts the commits that wrote letters.
    pub fn letters_written(&self) -> watch::Receiver<u64> {
        self.letters_written.clone()
    }
}

fn options(path: &Path) -> SqliteConnectOptions {
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

async fn migrate(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    MIGRATIONS.run(connection).await.map_err(|error| match error {
        MigrateError::VersionMissing(found) => Outage::NewerSchema { found }.into(),
        other => Outage::Database(other.into()).into(),
    })
}
