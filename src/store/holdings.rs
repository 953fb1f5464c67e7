//! Loads all that one user holds, as of one instant, with the version that a commit is to be guarded by.

use std::sync::LazyLock;

use futures_util::TryStreamExt;
use sqlx::sqlite::{SqliteConnection, SqliteRow};
use sqlx::{Either, Executor, Row};

use super::error::StoreError;
use super::{Store, credential, device, hold, request, ticket, user};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::UserId;

/// Holdings as they were when they were loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loaded {
    pub holdings: Holdings,
    /// The version of the user's row then.
    pub version: i64,
}

/// Adds a row to what has been read so far.
type Add = fn(&mut Holdings, &SqliteRow) -> Result<(), sqlx::Error>;

/// What is read after the user, in this order, and what becomes of each row.
const PARTS: [(&str, Add); 7] = [
    (device::OF_USER, |holdings, row| {
        let device = device::read(row)?;
        holdings.devices.insert(device.id, device);
        Ok(())
    }),
    (credential::OF_USER, |holdings, row| {
        let credential = credential::read(row)?;
        holdings.credentials.insert(credential.id, credential);
        Ok(())
    }),
    (credential::CARRIED_BY_USER, |holdings, row| {
        let (key, carried) = credential::read_carried(row)?;
        holdings.carries.insert(key, carried);
        Ok(())
    }),
    (hold::OF_USER, |holdings, row| {
        let (hold, since) = hold::read(row)?;
        holdings.holds.place(hold, since);
        Ok(())
    }),
    (request::OF_USER, |holdings, row| {
        let request = request::read(row)?;
        holdings.requests.insert(request.id, request);
        Ok(())
    }),
    (request::COLLECTED_BY_USER, |holdings, row| {
        if let Some(request) = holdings.requests.get_mut(&row.try_get("request_id")?) {
            request::read_collected(request, row.try_get("credential_id")?);
        }
        Ok(())
    }),
    (ticket::OF_USER, |holdings, row| {
        let ticket = ticket::read(row)?;
        holdings.tickets.insert(ticket.id, ticket);
        Ok(())
    }),
];

/// The user and every part, in one go: see `script` for why.
static WHOLE: LazyLock<String> = LazyLock::new(|| {
    let parts = PARTS.iter().map(|(select, _)| *select);
    std::iter::once(user::OF_USER).chain(parts).collect::<Vec<_>>().join(";\n")
});

impl Store {
    /// All that a user holds; nothing where there is no such user.
    pub async fn holdings(&self, user: UserId) -> Result<Option<Loaded>, StoreError> {
        let mut snapshot = self.readers.begin().await?;
        let loaded = load(&mut snapshot, user).await?;
        snapshot.commit().await?;
        Ok(loaded)
    }
}

async fn load(reading: &mut SqliteConnection, user: UserId) -> Result<Option<Loaded>, StoreError> {
    let mut steps = reading.fetch_many(sqlx::query(WHOLE.as_str()).bind(user));
    let mut loaded: Option<Loaded> = None;
    let mut parts = PARTS.iter().copied();
    let mut part = None;
    while let Some(step) = steps.try_next().await? {
        match (step, &mut loaded, part) {
            (Either::Left(_), _, _) => part = parts.next(),
            (Either::Right(row), Some(loaded), Some((_, add))) => add(&mut loaded.holdings, &row)?,
            (Either::Right(row), first, _) => {
                *first = Some(Loaded { holdings: Holdings::of(user::read(&row)?), version: row.try_get("version")? });
            }
        }
    }
    Ok(loaded)
}
