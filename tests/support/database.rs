//! Where a house of a test keeps what it remembers: in a file of its folder; or, where `REMINT_TEST_POSTGRES` is the URL of a PostgreSQL
//! server, in a schema of its own there. `tests/run` runs the same tests on both.

use std::sync::atomic::{AtomicU32, Ordering};

use remint::server::database::DatabaseSection;
use remint::store::Place;
use sqlx::postgres::PgPool;
use sqlx::sqlite::SqlitePool;
use sqlx::{AssertSqlSafe, Connection, PgConnection};

/// What `remint.toml` is to say of the database.
pub async fn section() -> Option<DatabaseSection> {
    let server = std::env::var("REMINT_TEST_POSTGRES").ok()?;
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let schema = format!("house_{}_{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
    connection.close().await.unwrap();
    Some(DatabaseSection { url: format!("{server}&options[search_path]={schema}"), password_file: None, password_variable: None })
}

/// A way into the database beside the server.
pub enum Beside {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

impl Beside {
    pub async fn open(place: &Place) -> Self {
        match place {
            Place::File(path) => {
                let file = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
                Self::Sqlite(SqlitePool::connect_with(file).await.unwrap())
            }
            Place::Server(server) => {
                let few = sqlx::postgres::PgPoolOptions::new().max_connections(1);
                Self::Postgres(few.connect_with(*server.clone()).await.unwrap())
            }
        }
    }

    /// Carries out a statement, and says how many rows it hit.
    pub async fn execute(&self, statement: &str) -> u64 {
        let statement = AssertSqlSafe(statement.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query(statement).execute(pool).await.unwrap().rows_affected(),
            Self::Postgres(pool) => sqlx::query(statement).execute(pool).await.unwrap().rows_affected(),
        }
    }

    /// The first column of what a question finds, as text.
    pub async fn texts(&self, question: &str) -> Vec<String> {
        let question = AssertSqlSafe(question.to_owned());
        match self {
            Self::Sqlite(pool) => sqlx::query_scalar(question).fetch_all(pool).await.unwrap(),
            Self::Postgres(pool) => sqlx::query_scalar(question).fetch_all(pool).await.unwrap(),
        }
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite(pool) => pool.close().await,
            Self::Postgres(pool) => pool.close().await,
        }
    }
}
