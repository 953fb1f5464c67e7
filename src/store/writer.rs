//! The writer: the one task that changes an SQLite database. It takes the commits that are waiting and keeps them in one transaction, each
//! under a savepoint of its own, so that a disk that syncs a few hundred times a second still keeps thousands of commits.
//!
//! Nobody is answered before the transaction is on disk. A commit that fails takes nothing with it; a transaction that breaks takes the
//! whole group, and the connection is opened anew.

use std::sync::Arc;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::audit::Entry;
use super::audit_chain;
use super::error::StoreError;
use super::script::Script;
use super::sql::query;

/// How many commits share a transaction at most.
const GROUP: usize = 64;

/// A commit in the queue.
pub(super) struct Queued {
    pub work: Work,
    pub answer: oneshot::Sender<Result<(), StoreError>>,
}

/// What one commit asks for.
pub(super) struct Work {
    /// The name of the commit, for the log.
    pub name: &'static str,
    pub script: Script,
    /// Kept with it, at the end of its chain.
    pub audit: Option<Entry>,
    /// Whether it changes what relying parties are told of a certificate.
    pub changes_status: bool,
    /// Whether somebody is to be written to.
    pub has_letters: bool,
}

#[cfg(debug_assertions)]
impl Work {
    /// It ends before its end: so many of its statements are carried out, and its entry is not written.
    pub fn cut(&mut self, after: usize, end: super::script::End) {
        self.script.cut(after, end);
        self.audit = None;
    }
}

/// How many commits of a group others wait for.
#[derive(Default)]
struct News {
    status_changes: u64,
    letters: u64,
}

/// The task and what it owns.
pub(super) struct Writer {
    pub options: SqliteConnectOptions,
    /// Absent after a transaction has broken, until the next group.
    pub connection: Option<SqliteConnection>,
    pub queue: mpsc::Receiver<Queued>,
    pub closing: Arc<Notify>,
    pub status_changes: watch::Sender<u64>,
    pub letters: watch::Sender<u64>,
}

impl Writer {
    /// Works until the store is closed, or nobody is left to use it; what is queued then is still kept.
    pub async fn run(mut self) {
        let mut group = Vec::with_capacity(GROUP);
        loop {
            tokio::select! {
                biased;
                () = self.closing.notified() => self.queue.close(),
                taken = self.queue.recv_many(&mut group, GROUP) => {
                    if taken == 0 {
                        break;
                    }
                    self.keep(&mut group).await;
                }
            }
        }
        if let Some(connection) = self.connection.take()
            && let Err(error) = connection.close().await
        {
            tracing::warn!(%error, "the database did not close cleanly");
        }
    }

    /// Keeps a group, and then answers. A caller that has gone away misses its answer and nothing else.
    async fn keep(&mut self, group: &mut Vec<Queued>) {
        let (works, answers): (Vec<_>, Vec<_>) = group.drain(..).map(|queued| (queued.work, queued.answer)).unzip();
        let names: Vec<&'static str> = works.iter().map(|work| work.name).collect();
        let mut refusals = vec![None; works.len()];
        let outcome = self.keep_in_one_transaction(works, &mut refusals).await;
        match &outcome {
            Ok(News { status_changes, letters }) => {
                if *status_changes > 0 {
                    self.status_changes.send_modify(|count| *count += status_changes);
                }
                if *letters > 0 {
                    self.letters.send_modify(|count| *count += letters);
                }
            }
            Err(broken) => {
                tracing::error!(error = describe(broken), commits = answers.len(), "a transaction broke: nothing of it was kept");
                self.connection = None;
            }
        }
        for ((answer, refusal), name) in answers.into_iter().zip(refusals).zip(names) {
            let verdict = refusal.map_or_else(|| outcome.as_ref().map(|_| ()).map_err(Clone::clone), Err);
            count(name, &verdict);
            let _ = answer.send(verdict);
        }
    }

    /// Carries out every script, and notes those that were refused. Returns what others wait for; an error means that nothing of the
    /// group was kept.
    async fn keep_in_one_transaction(&mut self, works: Vec<Work>, refusals: &mut [Option<StoreError>]) -> Result<News, StoreError> {
        let connection = self.begin().await?;
        let mut news = News::default();
        for (mut work, refusal) in works.into_iter().zip(refusals) {
            if let Some(entry) = &work.audit {
                // the savepoint is still that of the commit before: if this fails, so does the whole group
                let chain = audit_chain::chain_of(entry);
                let found = query(audit_chain::HEAD).bind(chain).of_sqlite(&mut *connection).await?;
                audit_chain::enter(&mut work.script, entry, audit_chain::head_or_first(found.first(), chain)?);
            }
            match work.script.carry_out(connection).await {
                Ok(()) => {
                    news.status_changes += u64::from(work.changes_status);
                    news.letters += u64::from(work.has_letters);
                }
                Err(error) => {
                    report(work.name, &error);
                    *refusal = Some(error);
                    undo(connection).await?;
                }
            }
        }
        sqlx::raw_sql("COMMIT").execute(connection).await?;
        Ok(news)
    }

    /// Begins a transaction, on a new connection if the former broke.
    async fn begin(&mut self) -> Result<&mut SqliteConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.options.connect().await?,
        };
        let connection = self.connection.insert(connection);
        sqlx::raw_sql("BEGIN IMMEDIATE; SAVEPOINT one").execute(&mut *connection).await?;
        Ok(connection)
    }
}

/// Undoes what a failed commit did. SQLite may have ended the whole transaction by itself (a full disk, say): then there is no savepoint.
async fn undo(connection: &mut SqliteConnection) -> Result<(), StoreError> {
    sqlx::raw_sql("ROLLBACK TO one").execute(connection).await?;
    Ok(())
}

/// Counts what became of a commit.
pub(super) fn count(commit: &'static str, verdict: &Result<(), StoreError>) {
    metrics::counter!("remint_commits_total", "name" => commit, "outcome" => word(verdict)).increment(1);
}

fn word(verdict: &Result<(), StoreError>) -> &'static str {
    match verdict {
        Ok(()) => "kept",
        Err(StoreError::Conflict) => "conflict",
        Err(StoreError::Duplicate { .. }) => "duplicate",
        Err(StoreError::Busy | StoreError::Unavailable(_)) => "failed",
    }
}

pub(super) fn report(commit: &'static str, error: &StoreError) {
    match error {
        StoreError::Unavailable(_) => tracing::error!(commit, error = describe(error), "a commit failed"),
        _ => tracing::debug!(commit, error = describe(error), "a commit was refused"),
    }
}

/// The error with its source, for the log.
fn describe(error: &StoreError) -> String {
    match error {
        StoreError::Unavailable(outage) => format!("{error}: {outage}"),
        StoreError::Conflict | StoreError::Duplicate { .. } | StoreError::Busy => error.to_string(),
    }
}
