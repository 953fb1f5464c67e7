//! Everything that is kept, as text: so that a test can say that something changed nothing at all, or exactly one thing.

use std::collections::BTreeSet;

use remint::store::Place;

use super::database::Beside;

/// How far a letter has come: it is delivered in the background.
const OF_DELIVERY: [&str; 6] = ["state", "due_at", "attempts", "last_error", "closed_at", "sealed"];
/// Tables that are not records of anybody: the audit log, which refusals are written on; what CRLs are published from, which follows by itself;
/// and what the servers and migrations note for themselves.
const OTHERS: [&str; 6] = ["audit", "crl", "servers", "leases", "status_news", "_sqlx"];

/// Every row of every table that is a record of somebody; of letters, that they were written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record(BTreeSet<String>);

impl Record {
    pub async fn of(place: &Place) -> Self {
        let database = Beside::open(place).await;
        let tables = match &database {
            Beside::Sqlite(_) => "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY name",
            Beside::Postgres(_) => {
                "SELECT table_name::text FROM information_schema.tables WHERE table_schema = current_schema() ORDER BY table_name"
            }
        };
        let mut rows = BTreeSet::new();
        for table in database.texts(tables).await {
            if OTHERS.iter().any(|other| table.starts_with(other)) {
                continue;
            }
            let select = match &database {
                Beside::Sqlite(_) => {
                    let columns = database.texts(&format!("SELECT name FROM pragma_table_info('{table}')")).await;
                    let is_kept = |column: &&String| table != "letters" || !OF_DELIVERY.contains(&column.as_str());
                    let cells: Vec<String> =
                        columns.iter().filter(is_kept).map(|column| format!("'{column}=' || quote(\"{column}\")")).collect();
                    format!("SELECT {} FROM \"{table}\"", cells.join(" || ' ' || "))
                }
                Beside::Postgres(_) => {
                    let left_out = if table == "letters" { OF_DELIVERY.as_slice() } else { &[] };
                    format!("SELECT (to_jsonb({table}) - '{{{}}}'::text[])::text FROM {table}", left_out.join(","))
                }
            };
            rows.extend(database.texts(&select).await.into_iter().map(|row| format!("{table}: {row}")));
        }
        database.close().await;
        Self(rows)
    }

    /// The rows that are in one and not in the other, gone before come.
    pub fn changes_to(&self, after: &Self) -> Vec<String> {
        let gone = self.0.difference(&after.0).map(|row| format!("- {row}"));
        let come = after.0.difference(&self.0).map(|row| format!("+ {row}"));
        gone.chain(come).collect()
    }
}
