//! What goes into a column: one of five kinds, or nothing of that kind. PostgreSQL wants to know of what kind nothing is.

use sqlx::error::BoxDynError;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, Database, Encode, Type};
use uuid::Uuid;

#[derive(Clone, Debug, PartialEq)]
pub(in crate::store) enum Value {
    Integer(Option<i64>),
    Text(Option<String>),
    Bytes(Option<Vec<u8>>),
    Id(Option<Uuid>),
    Truth(Option<bool>),
}

/// The values of a statement for SQLite.
pub(in crate::store) fn bound(values: impl IntoIterator<Item = Value>) -> Result<SqliteArguments, sqlx::Error> {
    all(SqliteArguments::default(), values)
}

/// The values of a statement for PostgreSQL.
pub(in crate::store) fn bound_to_postgres(values: impl IntoIterator<Item = Value>) -> Result<PgArguments, sqlx::Error> {
    all(PgArguments::default(), values)
}

fn all<D, A>(mut arguments: A, values: impl IntoIterator<Item = Value>) -> Result<A, sqlx::Error>
where
    D: Database,
    A: Arguments<Database = D>,
    Option<i64>: for<'q> Encode<'q, D> + Type<D>,
    Option<String>: for<'q> Encode<'q, D> + Type<D>,
    Option<Vec<u8>>: for<'q> Encode<'q, D> + Type<D>,
    Option<Uuid>: for<'q> Encode<'q, D> + Type<D>,
    Option<bool>: for<'q> Encode<'q, D> + Type<D>,
{
    for value in values {
        let added: Result<(), BoxDynError> = match value {
            Value::Integer(value) => arguments.add(value),
            Value::Text(value) => arguments.add(value),
            Value::Bytes(value) => arguments.add(value),
            Value::Id(value) => arguments.add(value),
            Value::Truth(value) => arguments.add(value),
        };
        added.map_err(sqlx::Error::Encode)?;
    }
    Ok(arguments)
}
