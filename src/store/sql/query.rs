//! A question to the database.

use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{AssertSqlSafe, Executor, Postgres, Sqlite};

use crate::store::postgres;

use super::{FromCell, Readers, Row, Snapshot, Text, Value, bound, bound_to_postgres};

/// A statement with its values.
#[derive(Clone)]
pub(in crate::store) struct Query {
    text: Text,
    values: Vec<Value>,
}

pub(in crate::store) fn query(text: impl Into<Text>) -> Query {
    Query { text: text.into(), values: Vec::new() }
}

/// What answers.
pub(in crate::store) trait Source {
    async fn all(self, query: Query) -> Result<Vec<Row>, sqlx::Error>;
}

impl Source for &Readers {
    async fn all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Readers::Sqlite(pool) => query.of_sqlite(pool).await,
            Readers::Postgres(pool) => postgres::asked_again(|| query.clone().of_postgres(pool)).await,
        }
    }
}

impl Source for &mut Snapshot {
    async fn all(self, query: Query) -> Result<Vec<Row>, sqlx::Error> {
        match self {
            Snapshot::Sqlite(transaction) => query.of_sqlite(&mut **transaction).await,
            Snapshot::Postgres(transaction) => query.of_postgres(&mut **transaction).await,
        }
    }
}

impl Query {
    /// The next value.
    pub fn bind<T: Bindable>(mut self, value: T) -> Self {
        self.values.push(value.value());
        self
    }

    pub async fn fetch_all(self, source: impl Source) -> Result<Vec<Row>, sqlx::Error> {
        source.all(self).await
    }

    /// The first row, if there is any.
    pub async fn fetch_optional(self, source: impl Source) -> Result<Option<Row>, sqlx::Error> {
        Ok(source.all(self).await?.into_iter().next())
    }

    pub async fn fetch_one(self, source: impl Source) -> Result<Row, sqlx::Error> {
        self.fetch_optional(source).await?.ok_or(sqlx::Error::RowNotFound)
    }

    /// The first column of every row.
    pub async fn column<T: FromCell>(self, source: impl Source) -> Result<Vec<T>, sqlx::Error> {
        source.all(self).await?.iter().map(|row| row.at(0)).collect()
    }

    /// The first column of the first row, if there is any.
    pub async fn cell<T: FromCell>(self, source: impl Source) -> Result<Option<T>, sqlx::Error> {
        self.fetch_optional(source).await?.map(|row| row.at(0)).transpose()
    }

    /// Whether there is any row.
    pub async fn any(self, source: impl Source) -> Result<bool, sqlx::Error> {
        Ok(self.fetch_optional(source).await?.is_some())
    }

    pub async fn of_sqlite<'e>(self, executor: impl Executor<'e, Database = Sqlite>) -> Result<Vec<Row>, sqlx::Error> {
        let arguments: SqliteArguments = bound(self.values)?;
        let rows = sqlx::query_with(self.text.sqlite, arguments).fetch_all(executor).await?;
        Ok(rows.into_iter().map(Row::Sqlite).collect())
    }

    pub async fn of_postgres<'e>(self, executor: impl Executor<'e, Database = Postgres>) -> Result<Vec<Row>, sqlx::Error> {
        let arguments: PgArguments = bound_to_postgres(self.values)?;
        let text = AssertSqlSafe(self.text.for_postgres());
        let rows = sqlx::query_with(text, arguments).fetch_all(executor).await?;
        Ok(rows.into_iter().map(Row::Postgres).collect())
    }
}

/// What a value is bound from: what can stand in a column, that or nothing, or a reference to it.
pub(in crate::store) trait Bindable {
    /// Nothing of its kind.
    const NOTHING: Value;

    fn value(&self) -> Value;
}

impl<T: Bindable> Bindable for Option<T> {
    const NOTHING: Value = T::NOTHING;

    fn value(&self) -> Value {
        self.as_ref().map_or(T::NOTHING, Bindable::value)
    }
}

impl<T: Bindable> Bindable for &T {
    const NOTHING: Value = T::NOTHING;

    fn value(&self) -> Value {
        (**self).value()
    }
}

impl Bindable for &str {
    const NOTHING: Value = Value::Text(None);

    fn value(&self) -> Value {
        Value::Text(Some((*self).to_owned()))
    }
}

impl Bindable for &[u8] {
    const NOTHING: Value = Value::Bytes(None);

    fn value(&self) -> Value {
        Value::Bytes(Some(self.to_vec()))
    }
}
