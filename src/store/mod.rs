//! Remembers. One user's holdings are loaded whole, and what a workflow decided is kept in one named transaction with its audit entry.
//! SQL lives here and nowhere else. Nothing is decided here.
//!
//! ```text
//! holdings(user) ─► Loaded { holdings, version } ─► (the rules) ─► commit(Commit { guard: version, writes, audit })
//! ```
//!
//! The database is an SQLite file or a PostgreSQL server (see `sql`). In the file one task writes (see `writer`); on the server a few
//! connections do (see `postgres`). One task answers what relying parties ask (see `standing`); everything else reads, from a few
//! connections that nobody who writes blocks.

pub mod audit;
pub mod audit_chain;
pub mod certificate;
mod change;
mod column;
pub mod commit;
mod copy;
pub mod credential;
pub mod crl;
pub mod device;
mod dispute;
mod due;
pub mod error;
pub mod escrow;
#[cfg(debug_assertions)]
pub mod fault;
mod find_users;
mod hold;
pub mod holdings;
mod inspection;
pub mod membership;
mod migrations;
pub mod operator;
pub mod outbox;
pub mod place;
pub mod portal;
mod postgres;
mod recent;
mod recovery;
mod request;
mod script;
mod seen_key;
pub mod session;
mod sql;
mod sqlite;
mod standing;
mod stock;
#[cfg(test)]
mod tests;
mod ticket;
mod user;
pub mod views;
mod words;
mod writer;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, Notify, mpsc, oneshot, watch};
use tokio::task::JoinHandle;

pub use error::{Outage, StoreError};
pub use holdings::Loaded;
pub use place::{NotAPlace, Place};

use commit::Commit;
use postgres::Connections;
use recent::Recent;
use sql::Readers;
use standing::Question;
use writer::{Queued, Work, Writer};

/// How many commits may wait; beyond that the store is busy.
const QUEUE: usize = 4096;
/// How many questions about certificates may wait; beyond that the store is busy.
const QUESTIONS: usize = 4096;

/// How long questions that are asked when the store closes may take.
const LAST_ANSWERS: Duration = Duration::from_secs(2);

/// Where everything is remembered. Clones share it.
#[derive(Clone)]
pub struct Store {
    readers: Readers,
    keeper: Keeper,
    recent: Recent,
    questions: mpsc::Sender<Question>,
    status_changes: watch::Sender<u64>,
    letters_written: watch::Sender<u64>,
    #[cfg(debug_assertions)]
    troubles: fault::Troubles,
}

/// How many connections there are, and how many of them nobody uses.
#[derive(Clone, Copy, Debug)]
pub struct InUse {
    pub all: usize,
    pub idle: usize,
}

/// What keeps commits.
#[derive(Clone)]
enum Keeper {
    /// The one task that writes to the file.
    Sqlite { queue: mpsc::Sender<Queued>, closing: Arc<Notify>, writer: Arc<Mutex<Option<JoinHandle<()>>>> },
    /// A few connections to the server.
    Postgres(Connections),
}

impl Store {
    /// Opens a database. A file is made if there is none, and its schema is brought up to date; the schema of a server must be what this
    /// release knows. A newer schema is refused.
    pub async fn open(place: &Place) -> Result<Self, StoreError> {
        let (status_changes, letters_written) = (watch::Sender::new(0), watch::Sender::new(0));
        let (readers, keeper) = match place {
            Place::File(path) => {
                let (readers, connection, options) = sqlite::open(path).await?;
                let (queue, waiting) = mpsc::channel(QUEUE);
                let closing = Arc::new(Notify::new());
                let writer = Writer {
                    options,
                    connection: Some(connection),
                    queue: waiting,
                    closing: Arc::clone(&closing),
                    status_changes: status_changes.clone(),
                    letters: letters_written.clone(),
                };
                (readers, Keeper::Sqlite { queue, closing, writer: Arc::new(Mutex::new(Some(tokio::spawn(writer.run())))) })
            }
            Place::Server(server) => {
                let (readers, connections) = postgres::open(server, &status_changes, &letters_written).await?;
                (Readers::Postgres(readers), Keeper::Postgres(connections))
            }
        };
        let (questions, asked) = mpsc::channel(QUESTIONS);
        tokio::spawn(standing::answer_questions(asked, readers.clone()));
        Ok(Self {
            readers,
            keeper,
            recent: Recent::default(),
            questions,
            status_changes,
            letters_written,
            #[cfg(debug_assertions)]
            troubles: fault::Troubles::from_environment(),
        })
    }

    /// Brings the schema of a database up to date.
    pub async fn migrate(place: &Place) -> Result<(), StoreError> {
        match place {
            Place::File(path) => sqlite::open(path).await.map(|_| ()),
            Place::Server(server) => postgres::migrate(server).await,
        }
    }

    /// Keeps what is queued, refuses what comes later, and returns when the database is no longer used.
    pub async fn close(&self) {
        match &self.keeper {
            Keeper::Sqlite { closing, writer, .. } => {
                closing.notify_one();
                if let Some(writer) = writer.lock().await.take()
                    && let Err(error) = writer.await
                {
                    tracing::error!(%error, "the writer did not end well");
                }
            }
            Keeper::Postgres(connections) => connections.close().await,
        }
        // who still asks does not keep what is kept from being over: a question to a whole large database takes minutes
        let _ = tokio::time::timeout(LAST_ANSWERS, self.readers.close()).await;
    }

    /// Keeps all of a commit, or nothing. It is on disk when this returns.
    pub async fn commit(&self, commit: Commit) -> Result<(), StoreError> {
        let after = self.recent.after(&commit);
        self.keep(commit.work()?).await?;
        if let Some(after) = after {
            self.recent.remember(after);
        }
        Ok(())
    }

    #[cfg(debug_assertions)]
    async fn keep(&self, mut work: Work) -> Result<(), StoreError> {
        use fault::Trouble;
        let trouble = self.troubles.of(work.name, work.script.len()).await;
        match trouble {
            Some(Trouble::Fails { after }) => work.cut(after, script::End::Fails),
            Some(Trouble::Dies { after }) => work.cut(after, script::End::Dies),
            Some(Trouble::AnswerLost | Trouble::DiesKept | Trouble::Held) | None => {}
        }
        self.hand_on(work).await?;
        match trouble {
            Some(Trouble::AnswerLost) => Err(Outage::Ordered.into()),
            Some(Trouble::DiesKept) => std::process::abort(),
            Some(Trouble::Fails { .. } | Trouble::Dies { .. } | Trouble::Held) | None => Ok(()),
        }
    }

    #[cfg(not(debug_assertions))]
    async fn keep(&self, work: Work) -> Result<(), StoreError> {
        self.hand_on(work).await
    }

    /// From now on this happens to commits; `None` for nothing more.
    #[cfg(debug_assertions)]
    pub fn order_trouble(&self, order: Option<Arc<fault::Order>>) {
        self.troubles.order(order);
    }

    async fn hand_on(&self, work: Work) -> Result<(), StoreError> {
        match &self.keeper {
            Keeper::Sqlite { queue, .. } => keep_in_turn(queue, work).await,
            Keeper::Postgres(connections) => connections.keep(work).await,
        }
    }

    /// How many wait for what, by the name of the queue.
    pub fn queues(&self) -> [(&'static str, usize); 2] {
        let commits = match &self.keeper {
            Keeper::Sqlite { queue, .. } => queue.max_capacity() - queue.capacity(),
            Keeper::Postgres(connections) => connections.under_way(),
        };
        [("commits", commits), ("questions", self.questions.max_capacity() - self.questions.capacity())]
    }

    /// The connections that there are, by the name of their pool.
    pub fn connections(&self) -> Vec<(&'static str, InUse)> {
        let mut pools = vec![("readers", self.readers.in_use())];
        if let Keeper::Postgres(connections) = &self.keeper {
            pools.push(("writers", connections.in_use()));
        }
        pools
    }

    /// Counts the commits of this server that changed what relying parties are told of a certificate.
    pub fn status_changes(&self) -> watch::Receiver<u64> {
        self.status_changes.subscribe()
    }

    /// Counts the commits of this server that wrote letters.
    pub fn letters_written(&self) -> watch::Receiver<u64> {
        self.letters_written.subscribe()
    }
}

async fn keep_in_turn(queue: &mpsc::Sender<Queued>, work: Work) -> Result<(), StoreError> {
    let (answer, verdict) = oneshot::channel();
    queue.try_send(Queued { work, answer }).map_err(|refused| match refused {
        mpsc::error::TrySendError::Full(_) => StoreError::Busy,
        mpsc::error::TrySendError::Closed(_) => Outage::Closed.into(),
    })?;
    verdict.await.unwrap_or_else(|_| Err(Outage::Closed.into()))
}
