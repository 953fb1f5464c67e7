//! Taking a whole database elsewhere: a file into another file while it is written to, and a file's rows to a PostgreSQL server.

use std::path::Path;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Row as _};
use uuid::Uuid;

use super::Store;
use super::error::{Outage, StoreError};
use super::sql::{Readers, Row, Value, bound_to_postgres};

/// Every table, so that what a row refers to comes before it; but requests and devices refer to each other, and devices to devices.
const TABLES: [&str; 29] = [
    "users",
    "addresses",
    "words",
    "operators",
    "operator_roles",
    "service_certificates",
    "requests",
    "devices",
    "credentials",
    "certificates",
    "escrow_keys",
    "escrow",
    "carries",
    "holds",
    "tickets",
    "sessions",
    "collected_encs",
    "seen_keys",
    "disputes",
    "audit",
    "audit_chains",
    "audit_checkpoints",
    "crls",
    "crl_bases",
    "crl_changes",
    "portal_passwords",
    "portal_sessions",
    "letters",
    "recoveries",
];
const LAST_TABLE: &str = "recovered_encs";

/// How many rows of a table were copied.
pub type Copied = Vec<(&'static str, u64)>;

impl Store {
    /// Copies the database file as it is at one instant into another, new one, while others write to it.
    pub async fn copy_to_file(&self, path: &Path) -> Result<(), StoreError> {
        let Readers::Sqlite(pool) = &self.readers else { return Err(Outage::NotAFile.into()) };
        // a reader cannot, as it is not to write: another connection to the same file
        let mut connection = pool.acquire().await?.detach();
        sqlx::raw_sql("PRAGMA query_only = off").execute(&mut connection).await?;
        sqlx::query("VACUUM INTO ?").bind(path.display().to_string()).execute(&mut connection).await?;
        Ok(sqlx::Connection::close(connection).await?)
    }

    /// Copies every row of a file to a server whose tables are empty: all, or none.
    pub async fn copy_to_server(&self, to: &Self) -> Result<Copied, StoreError> {
        let (Readers::Sqlite(from), Readers::Postgres(server)) = (&self.readers, &to.readers) else {
            return Err(Outage::NotAFile.into());
        };
        let mut transaction = server.begin().await?;
        sqlx::raw_sql("SET CONSTRAINTS ALL DEFERRED").execute(&mut *transaction).await?;
        let mut copied = Vec::new();
        for table in TABLES.into_iter().chain([LAST_TABLE]) {
            copied.push((table, copy_table(from, &mut transaction, table).await?));
        }
        let renumber = "SELECT setval(pg_get_serial_sequence('audit', 'seq'), (SELECT coalesce(max(seq), 1) FROM audit))";
        sqlx::query(renumber).execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(copied)
    }
}

/// Reads row after row, each column as the kind that it has there.
async fn copy_table(from: &SqlitePool, to: &mut PgConnection, table: &'static str) -> Result<u64, StoreError> {
    use futures_util::TryStreamExt;
    let columns: Vec<(String, String)> = sqlx::query_as(
        "SELECT column_name::text, data_type::text FROM information_schema.columns \
         WHERE table_schema = current_schema() AND table_name = $1 ORDER BY ordinal_position",
    )
    .bind(table)
    .fetch_all(&mut *to)
    .await?;
    let names: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=names.len()).map(|place| format!("${place}")).collect();
    let insert = format!("INSERT INTO {table} ({}) OVERRIDING SYSTEM VALUE VALUES ({})", names.join(", "), places.join(", "));
    let select = AssertSqlSafe(format!("SELECT {} FROM {table}", names.join(", ")));
    let mut rows = sqlx::query(select).fetch(from);
    let mut count = 0;
    while let Some(row) = rows.try_next().await? {
        debug_assert_eq!(row.len(), columns.len());
        let row = Row::Sqlite(row);
        let values = columns.iter().map(|(name, kind)| value(&row, name, kind)).collect::<Result<Vec<_>, _>>()?;
        sqlx::query_with(AssertSqlSafe(insert.clone()), bound_to_postgres(values)?).execute(&mut *to).await?;
        count += 1;
    }
    Ok(count)
}

fn value(row: &Row, column: &str, kind: &str) -> Result<Value, StoreError> {
    Ok(match kind {
        "uuid" => Value::Id(row.try_get::<Option<Uuid>>(column)?),
        "bytea" => Value::Bytes(row.try_get(column)?),
        "bigint" => Value::Integer(row.try_get(column)?),
        "boolean" => Value::Truth(row.try_get(column)?),
        _ => Value::Text(row.try_get(column)?),
    })
}
