//! Loads all that one user holds, as of one instant, with the version that a commit is to be guarded by.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use futures_util::TryStreamExt;
use sqlx::sqlite::SqliteConnection;
use sqlx::{Either, Executor};

use super::column::unreadable;
use super::error::{Outage, StoreError};
use super::session::Session;
use super::sql::{Bindable, Readers, Row, Snapshot, bound, query};
use super::{Store, credential, device, hold, request, session, ticket, user};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{SessionId, UserId};

/// Holdings as they were when they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub holdings: Holdings,
    /// The version of the user's row then.
    pub version: i64,
    /// The user's provisioning sessions, as of the same instant.
    pub sessions: BTreeMap<SessionId, Session>,
}

/// Adds a row to what has been read so far.
type Add = fn(&mut Loaded, &Row) -> Result<(), sqlx::Error>;

/// What is read after the user, in this order, and what becomes of each row.
const PARTS: [(&str, Add); 8] = [
    (device::OF_USER, |loaded, row| {
        let device = device::read(row)?;
        loaded.holdings.devices.insert(device.id, device);
        Ok(())
    }),
    (credential::OF_USER, |loaded, row| {
        let credential = credential::read(row)?;
        loaded.holdings.credentials.insert(credential.id, credential);
        Ok(())
    }),
    (credential::CARRIED_BY_USER, |loaded, row| {
        let (key, carried) = credential::read_carried(row)?;
        loaded.holdings.carries.insert(key, carried);
        Ok(())
    }),
    (hold::OF_USER, |loaded, row| {
        let (hold, since) = hold::read(row)?;
        loaded.holdings.holds.place(hold, since);
        Ok(())
    }),
    (request::OF_USER, |loaded, row| {
        let request = request::read(row)?;
        loaded.holdings.requests.insert(request.id, request);
        Ok(())
    }),
    (request::COLLECTED_BY_USER, |loaded, row| {
        if let Some(request) = loaded.holdings.requests.get_mut(&row.try_get("request_id")?) {
            request::read_collected(request, row.try_get("credential_id")?);
        }
        Ok(())
    }),
    (ticket::OF_USER, |loaded, row| {
        let ticket = ticket::read(row)?;
        loaded.holdings.tickets.insert(ticket.id, ticket);
        Ok(())
    }),
    (session::OF_USER, |loaded, row| {
        let session = session::read(row)?;
        loaded.sessions.insert(session.id, session);
        Ok(())
    }),
];

/// The user and every part, as of one instant and in one go, for SQLite: see `script` for why.
static WHOLE: LazyLock<String> = LazyLock::new(|| {
    let parts = PARTS.iter().map(|(select, _)| *select);
    ["BEGIN", user::OF_USER].into_iter().chain(parts).chain(["COMMIT"]).collect::<Vec<_>>().join(";\n")
});

impl Store {
    /// All that a user holds; nothing where there is no such user.
    pub async fn holdings(&self, user: UserId) -> Result<Option<Loaded>, StoreError> {
        if let Some(known) = self.recent.get(user) {
            let version = query("SELECT version FROM users WHERE id = ?").bind(user);
            let version: Option<i64> = version.cell(&self.readers).await?;
            if version == Some(known.version) {
                return Ok(Some(Loaded::clone(&known)));
            }
        }
        let loaded = self.load(user).await?;
        if let Some(loaded) = &loaded {
            self.recent.remember(Arc::new(loaded.clone()));
        }
        Ok(loaded)
    }

    /// Loads it from the database.
    ///
    /// It goes to its end in a task of its own: a caller that goes away half way would leave the connection inside the transaction.
    pub(super) async fn load(&self, user: UserId) -> Result<Option<Loaded>, StoreError> {
        let readers = self.readers.clone();
        let loading = tokio::spawn(async move {
            match &readers {
                Readers::Sqlite(pool) => {
                    let mut reading = pool.acquire().await?;
                    let loaded = load_in_one_go(&mut reading, user).await;
                    if loaded.is_err() {
                        reading.close_on_drop();
                    }
                    loaded
                }
                Readers::Postgres(_) => load_part_by_part(&mut readers.snapshot().await?, user).await,
            }
        });
        loading.await.unwrap_or_else(|_| Err(Outage::Closed.into()))
    }
}

async fn load_in_one_go(reading: &mut SqliteConnection, user: UserId) -> Result<Option<Loaded>, StoreError> {
    let mut steps = reading.fetch_many(sqlx::query_with(WHOLE.as_str(), bound([user.value()])?));
    let mut loaded: Option<Loaded> = None;
    let mut finished = 0; // statements: BEGIN, the user, then the parts
    while let Some(step) = steps.try_next().await? {
        match (step, &mut loaded) {
            (Either::Left(_), _) => finished += 1,
            (Either::Right(row), Some(loaded)) => {
                let part = usize::checked_sub(finished, 2).and_then(|part| PARTS.get(part));
                let (_, add) = part.ok_or_else(|| unreadable("holdings", "a row of no part"))?;
                add(loaded, &Row::Sqlite(row))?;
            }
            (Either::Right(row), first) => *first = Some(read_user(&Row::Sqlite(row))?),
        }
    }
    Ok(loaded)
}

async fn load_part_by_part(reading: &mut Snapshot, user: UserId) -> Result<Option<Loaded>, StoreError> {
    let Some(row) = query(user::OF_USER).bind(user).fetch_optional(&mut *reading).await? else { return Ok(None) };
    let mut loaded = read_user(&row)?;
    for (select, add) in PARTS {
        for row in query(select).bind(user).fetch_all(&mut *reading).await? {
            add(&mut loaded, &row)?;
        }
    }
    Ok(Some(loaded))
}

fn read_user(row: &Row) -> Result<Loaded, sqlx::Error> {
    Ok(Loaded { holdings: Holdings::of(user::read(row)?), version: row.try_get("version")?, sessions: BTreeMap::new() })
}
