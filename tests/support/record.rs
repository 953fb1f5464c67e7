//! Everything that is kept, as text: so that a test can say that something changed nothing at all, or exactly one thing.

use std::collections::BTreeSet;
use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqlitePool};

/// How far a letter has come: it is delivered in the background.
const OF_DELIVERY: [&str; 6] = ["state", "due_at", "attempts", "last_error", "closed_at", "sealed"];

/// Every row of every table, but the audit log, which refusals are written on, and what CRLs are published from, which follows by itself; of letters, that
/// they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(BTreeSet<String>);

impl Record {
    pub async fn of(database: &Path) -> Self {
        let options = SqliteConnectOptions::new().filename(database).read_only(true);
        let pool = SqlitePool::connect_with(options).await.unwrap();
        let tables: Vec<String> = sqlx::query_scalar(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE 'audit%' AND name NOT LIKE 'crl%' ORDER BY name",
        )
        .fetch_all(&pool)
        .await
        .unwrap();
        let mut rows = BTreeSet::new();
        for table in tables {
            let columns: Vec<String> =
                sqlx::query_scalar("SELECT name FROM pragma_table_info(?)").bind(&table).fetch_all(&pool).await.unwrap();
            let is_kept = |column: &&String| table != "letters" || !OF_DELIVERY.contains(&column.as_str());
            let cells: Vec<String> = columns.iter().filter(is_kept).map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
            let select = sqlx::AssertSqlSafe(format!("SELECT {} FROM \"{table}\"", cells.join(" || ' ' || ")));
            let found: Vec<String> = sqlx::query_scalar(select).fetch_all(&pool).await.unwrap();
            rows.extend(found.into_iter().map(|row| format!("{table}: {row}")));
        }
        pool.close().await;
        Self(rows)
    }

    /// The rows that are in one and not in the other, gone before come.
    pub fn changes_to(&self, after: &Self) -> Vec<String> {
        let gone = self.0.difference(&after.0).map(|row| format!("- {row}"));
        let come = after.0.difference(&self.0).map(|row| format!("+ {row}"));
        gone.chain(come).collect()
    }
}
