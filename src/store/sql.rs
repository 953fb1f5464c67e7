//! One statement, two databases. What the store asks is written once, with `?` for each value (or `?1`, `?2`, … where one comes twice), and
//! runs on SQLite and on PostgreSQL; where the two spell something differently, both spellings stand side by side in a [`Text`].
//!
//! Our choice: values and rows of our own, instead of a store for each database behind a trait or a macro. A column has one of five kinds on
//! both sides, so this file is all that there is between them, and everything else in the store is written once and compiled once.

mod query;
mod row;
mod text;
mod value;

use sqlx::sqlite::SqlitePool;
use sqlx::{PgPool, Postgres, Sqlite, Transaction};

use super::error::StoreError;
use super::{InUse, postgres};

pub(super) use query::{Bindable, Query, query};
pub(super) use row::{Cell, Column, FromCell, Row};
pub(super) use text::Text;
pub(super) use value::{Value, bound, bound_to_postgres};

/// Connections that read.
#[derive(Clone)]
pub(super) enum Readers {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

/// Reads as of one instant. Dropped, it ends.
pub(super) enum Snapshot {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

/// On PostgreSQL every statement sees what was committed before it, unless one asks for this.
const AS_OF_ONE_INSTANT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

impl Readers {
    pub async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        Ok(match self {
            Self::Sqlite(pool) => Snapshot::Sqlite(pool.begin().await?),
            Self::Postgres(pool) => Snapshot::Postgres(postgres::asked_again(|| pool.begin_with(AS_OF_ONE_INSTANT)).await?),
        })
    }

    pub fn in_use(&self) -> InUse {
        match self {
            Self::Sqlite(pool) => InUse { all: pool.size() as usize, idle: pool.num_idle() },
            Self::Postgres(pool) => InUse { all: pool.size() as usize, idle: pool.num_idle() },
        }
    }

    pub async fn close(&self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
