//! The database as a PostgreSQL server, which any number of Remint servers share.
//!
//! Every commit is a transaction of its own on one of a few connections; PostgreSQL lets those that end at the same moment share a disk sync.
//! Its statements see what was committed before each of them (READ COMMITTED): the guard of a commit locks the user's row, so what comes
//! after it is decided on what is there now. Nobody waits in a circle: the chain of the audit is locked first, then the user's row.

use std::sync::Arc;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{ConnectOptions, Connection};
use tokio::sync::{Semaphore, TryAcquireError, watch};
use uuid::Uuid;

use super::audit_chain::{self, Head};
use super::error::{Outage, StoreError};
use super::membership;
use super::migrations;
use super::sql::{Snapshot, query};
use super::writer::{self, Work};
use super::{InUse, QUEUE};

/// How many connections write, and as many read.
const CONNECTIONS: u32 = 8;
/// How long somebody waits for a connection before the store is busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a statement may take, whoever holds what it waits for. An administrator's own setting in the URL goes before it.
const STATEMENT: (&str, &str) = ("statement_timeout", "10s");
/// Taken in shared mode by whoever writes to the audit log, until the transaction ends; alone by whoever reads its end, for a moment. So no
/// entry appears before one that was read already. ("audit")
const AUDIT_LOG: i64 = 0x0061_7564_6974;

/// What keeps commits.
#[derive(Clone)]
pub(super) struct Connections {
    writers: PgPool,
    /// How many more commits may be under way or wait for a connection.
    places: Arc<Semaphore>,
    status_changes: watch::Sender<u64>,
    letters_written: watch::Sender<u64>,
}

/// Connects. The schema must be the one that this release knows.
pub(super) async fn open(
    server: &PgConnectOptions,
    status_changes: &watch::Sender<u64>,
    letters_written: &watch::Sender<u64>,
) -> Result<(PgPool, Connections), StoreError> {
    // a question before each use, whether the connection still lives, would cost as much as the use: see `asked_again`
    let pool = || PgPoolOptions::new().max_connections(CONNECTIONS).acquire_timeout(PATIENCE).test_before_acquire(false);
    reach(server).await?;
    let is_set = server.get_options().is_some_and(|options| options.contains(STATEMENT.0));
    let server = if is_set { server.clone() } else { server.clone().options([STATEMENT]) };
    let writers = pool().connect_with(server.clone()).await?;
    has_our_schema(&writers).await?;
    let readers = pool().connect_with(server).await?;
    let (status_changes, letters_written) = (status_changes.clone(), letters_written.clone());
    Ok((readers, Connections { writers, places: Arc::new(Semaphore::new(QUEUE)), status_changes, letters_written }))
}

/// A pool that cannot connect says only that it took too long: what is wrong, a connection by itself says.
async fn reach(server: &PgConnectOptions) -> Result<(), StoreError> {
    let connecting = tokio::time::timeout(PATIENCE, server.connect()).await;
    let connection = connecting.map_err(|_| sqlx::Error::PoolTimedOut)??;
    Ok(connection.close().await?)
}

/// Brings the schema up to date. A newer one is refused.
pub(super) async fn migrate(server: &PgConnectOptions) -> Result<(), StoreError> {
    reach(server).await?;
    let pool = PgPoolOptions::new().max_connections(1).acquire_timeout(PATIENCE).connect_with(server.clone()).await?;
    let encoding: Option<String> = sqlx::query_scalar("SHOW server_encoding").fetch_optional(&pool).await?;
    if encoding.as_deref() != Some("UTF8") {
        return Err(Outage::Encoding { found: encoding.unwrap_or_default() }.into());
    }
    migrations::of_postgres().run(&pool).await.map_err(Outage::from)?;
    pool.close().await;
    Ok(())
}

async fn has_our_schema(pool: &PgPool) -> Result<(), StoreError> {
    let is_there: Option<bool> = sqlx::query_scalar("SELECT to_regclass('_sqlx_migrations') IS NOT NULL").fetch_one(pool).await?;
    let applied: Vec<i64> = match is_there {
        Some(true) => sqlx::query_scalar("SELECT version FROM _sqlx_migrations WHERE success ORDER BY version").fetch_all(pool).await?,
        _ => Vec::new(),
    };
    let known: Vec<i64> = migrations::of_postgres().iter().map(|migration| migration.version).collect();
    if let Some(found) = applied.iter().find(|version| !known.contains(version)) {
        return Err(Outage::NewerSchema { found: *found }.into());
    }
    match known.iter().find(|version| !applied.contains(version)) {
        Some(expected) => Err(Outage::OlderSchema { found: applied.last().copied().unwrap_or(0), expected: *expected }.into()),
        None => Ok(()),
    }
}

impl Connections {
    /// Keeps all of a commit, or nothing. It goes to its end whatever becomes of whoever asked.
    pub async fn keep(&self, work: Work) -> Result<(), StoreError> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|refused| match refused {
            TryAcquireError::NoPermits => StoreError::Busy,
            TryAcquireError::Closed => Outage::Closed.into(),
        })?;
        let connections = self.clone();
        let keeping = tokio::spawn(async move {
            let (name, changes_status, has_letters) = (work.name, work.changes_status, work.has_letters);
            let kept = keep(&connections.writers, work).await;
            writer::count(name, &kept);
            match &kept {
                Ok(()) => {
                    connections.status_changes.send_if_modified(|count| counted(count, changes_status));
                    connections.letters_written.send_if_modified(|count| counted(count, has_letters));
                }
                Err(error) => writer::report(name, error),
            }
            drop(place);
            kept
        });
        keeping.await.unwrap_or_else(|_| Err(Outage::Closed.into()))
    }

    /// How many commits are under way or wait for a connection.
    pub fn under_way(&self) -> usize {
        QUEUE - self.places.available_permits()
    }

    pub fn in_use(&self) -> InUse {
        InUse { all: self.writers.size() as usize, idle: self.writers.num_idle() }
    }

    /// Refuses what comes from now on, and returns when everything else is kept.
    pub async fn close(&self) {
        let under_way = u32::try_from(QUEUE).unwrap_or(u32::MAX);
        let _all = self.places.acquire_many(under_way).await;
        self.places.close();
        self.writers.close().await;
    }
}

fn counted(count: &mut u64, is_one: bool) -> bool {
    *count += u64::from(is_one);
    is_one
}

async fn keep(writers: &PgPool, work: Work) -> Result<(), StoreError> {
    let Work { mut script, audit, changes_status, .. } = work;
    if changes_status {
        membership::tell(&mut script);
    }
    let mut transaction = asked_again(|| writers.begin()).await?;
    if let Some(entry) = &audit {
        let head = lock_chain(&mut transaction, audit_chain::chain_of(entry)).await?;
        audit_chain::enter(&mut script, entry, head);
    }
    script.carry_out_on_postgres(&mut transaction).await?;
    Ok(transaction.commit().await?)
}

/// Asks, or begins, and again where the connection was gone: all of a pool are, after the server was started anew. Nothing is lost with it.
pub(super) async fn asked_again<T, F: Future<Output = Result<T, sqlx::Error>>>(ask: impl Fn() -> F) -> Result<T, sqlx::Error> {
    for _ in 0..CONNECTIONS {
        match ask().await {
            Err(error) if is_gone(&error) => {}
            settled => return settled,
        }
    }
    ask().await
}

/// Whether the connection has ended, by itself or by the word of the server (SQLSTATE class 57: admin_shutdown, crash_shutdown).
fn is_gone(error: &sqlx::Error) -> bool {
    let code = error.as_database_error().and_then(|error| error.code());
    matches!(error, sqlx::Error::Io(_)) || matches!(code.as_deref(), Some("57P01" | "57P02"))
}

/// The end of a chain, which nobody else adds to until this transaction ends.
async fn lock_chain(connection: &mut PgConnection, chain: Uuid) -> Result<Head, StoreError> {
    let (high, _) = chain.as_u64_pair();
    query("SELECT pg_advisory_xact_lock_shared(?1), pg_advisory_xact_lock(?2)")
        .bind(AUDIT_LOG)
        .bind(high.cast_signed())
        .of_postgres(&mut *connection)
        .await?;
    let head = query(audit_chain::HEAD).bind(chain).of_postgres(&mut *connection).await?;
    audit_chain::head_or_first(head.first(), chain)
}

/// Waits until no entry of the audit log is between its number and its commit; as long as this lasts, none will be.
pub(super) async fn quiet(readers: &PgPool) -> Result<Snapshot, StoreError> {
    let mut transaction = asked_again(|| readers.begin()).await?;
    query("SELECT pg_advisory_xact_lock(?1)").bind(AUDIT_LOG).of_postgres(&mut *transaction).await?;
    Ok(Snapshot::Postgres(transaction))
}
