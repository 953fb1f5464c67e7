//! What comes out of a column.

use sqlx::error::BoxDynError;
use sqlx::postgres::{PgRow, PgValueRef};
use sqlx::sqlite::{SqliteRow, SqliteValueRef};
use sqlx::{Database, Decode, Postgres, Row as _, Sqlite, Type, ValueRef};
use uuid::Uuid;

use super::Bindable;

/// A row that was found.
pub(in crate::store) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// One cell of it.
pub(in crate::store) enum Cell<'r> {
    Sqlite(SqliteValueRef<'r>),
    Postgres(PgValueRef<'r>),
}

/// What can stand in a column.
pub(in crate::store) trait Column: Bindable + Sized {
    fn read(cell: Cell<'_>) -> Result<Self, BoxDynError>;
}

/// What a cell is read as: what stands in the column, or that where the column may be empty.
pub(in crate::store) trait FromCell: Sized {
    fn from_cell(cell: Cell<'_>) -> Result<Self, BoxDynError>;
}

impl<T: Column> FromCell for T {
    fn from_cell(cell: Cell<'_>) -> Result<Self, BoxDynError> {
        if cell.is_empty() { Err("empty, where something is expected".into()) } else { T::read(cell) }
    }
}

impl<T: Column> FromCell for Option<T> {
    fn from_cell(cell: Cell<'_>) -> Result<Self, BoxDynError> {
        if cell.is_empty() { Ok(None) } else { T::read(cell).map(Some) }
    }
}

impl Row {
    /// What stands in a column.
    pub fn try_get<T: FromCell>(&self, column: &str) -> Result<T, sqlx::Error> {
        T::from_cell(self.cell(column)?).map_err(|source| sqlx::Error::ColumnDecode { index: format!("{column:?}"), source })
    }

    /// The word that stands in a column.
    pub fn word(&self, column: &str) -> Result<&str, sqlx::Error> {
        self.cell(column)?.text().map_err(|source| sqlx::Error::ColumnDecode { index: format!("{column:?}"), source })
    }

    /// What stands in the column at a place, from 0.
    pub fn at<T: FromCell>(&self, place: usize) -> Result<T, sqlx::Error> {
        let cell = match self {
            Self::Sqlite(row) => Cell::Sqlite(row.try_get_raw(place)?),
            Self::Postgres(row) => Cell::Postgres(row.try_get_raw(place)?),
        };
        T::from_cell(cell).map_err(|source| sqlx::Error::ColumnDecode { index: place.to_string(), source })
    }

    fn cell(&self, column: &str) -> Result<Cell<'_>, sqlx::Error> {
        Ok(match self {
            Self::Sqlite(row) => Cell::Sqlite(row.try_get_raw(column)?),
            Self::Postgres(row) => Cell::Postgres(row.try_get_raw(column)?),
        })
    }
}

impl<'r> Cell<'r> {
    fn is_empty(&self) -> bool {
        match self {
            Self::Sqlite(cell) => cell.is_null(),
            Self::Postgres(cell) => cell.is_null(),
        }
    }

    pub fn integer(self) -> Result<i64, BoxDynError> {
        self.decode()
    }

    pub fn text(self) -> Result<&'r str, BoxDynError> {
        self.decode()
    }

    pub fn bytes(self) -> Result<&'r [u8], BoxDynError> {
        self.decode()
    }

    pub fn id(self) -> Result<Uuid, BoxDynError> {
        self.decode()
    }

    pub fn truth(self) -> Result<bool, BoxDynError> {
        self.decode()
    }

    fn decode<T>(self) -> Result<T, BoxDynError>
    where
        T: Decode<'r, Sqlite> + Type<Sqlite> + Decode<'r, Postgres> + Type<Postgres>,
    {
        match self {
            Self::Sqlite(cell) => {
                of_kind::<T, Sqlite>(&cell.type_info())?;
                Decode::<Sqlite>::decode(cell)
            }
            Self::Postgres(cell) => {
                of_kind::<T, Postgres>(&cell.type_info())?;
                Decode::<Postgres>::decode(cell)
            }
        }
    }
}

fn of_kind<T: Type<D>, D: Database>(found: &D::TypeInfo) -> Result<(), BoxDynError> {
    if T::compatible(found) { Ok(()) } else { Err(format!("found: {found}, expected: {}", T::type_info()).into()) }
}
