//! A script: the statements of one commit. SQLite carries it out in one go; its text is put together from constants, and every value is
//! bound, so that SQLite compiles each shape of commit once. PostgreSQL carries out one statement after the other.
//!
//! Our choice: one text instead of one call a statement, because a call to SQLite's thread costs more than the statement (measured: 7 µs
//! against 22 to 34 µs a statement). That the driver takes several statements at once is used in this file and in `holdings`, and nowhere else.

use futures_util::TryStreamExt;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::SqliteConnection;
use sqlx::{AssertSqlSafe, Either, Executor};

use super::error::StoreError;
use super::sql::{Bindable, Text, Value, bound, bound_to_postgres};

/// Leaves the savepoint of the commit before, and begins this one's.
const NEXT_SAVEPOINT: &str = "RELEASE one; SAVEPOINT one";

/// A script of more statements is not kept compiled: a list of devices has its length, and hardly comes again.
const COMMON: usize = 200;

/// The statements of one commit.
pub(super) struct Script {
    statements: Vec<Statement>,
    /// How it ends after them, if a test has ordered it.
    #[cfg(debug_assertions)]
    end: Option<End>,
}

/// How a script ends before its end.
#[cfg(debug_assertions)]
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    Fails,
    Dies,
}

#[cfg(debug_assertions)]
impl End {
    fn come(self) -> StoreError {
        match self {
            Self::Fails => super::Outage::Ordered.into(),
            Self::Dies => std::process::abort(),
        }
    }
}

/// One statement with its values.
struct Statement {
    text: &'static str,
    values: Vec<Value>,
    /// How the commit fails if it does not hit exactly one row.
    missed: Option<StoreError>,
}

impl Script {
    pub fn new() -> Self {
        Self {
            statements: Vec::with_capacity(16),
            #[cfg(debug_assertions)]
            end: None,
        }
    }

    #[cfg(debug_assertions)]
    pub fn len(&self) -> usize {
        self.statements.len()
    }

    /// Only so many of its statements are carried out.
    #[cfg(debug_assertions)]
    pub fn cut(&mut self, after: usize, end: End) {
        self.statements.truncate(after);
        self.end = Some(end);
    }

    /// A statement that may hit any number of rows.
    pub fn run(&mut self, statement: &'static str) -> &mut Self {
        self.add(statement, None)
    }

    /// A statement that hits one row, or the commit comes too late.
    pub fn hit(&mut self, statement: &'static str) -> &mut Self {
        self.add(statement, Some(StoreError::Conflict))
    }

    /// A statement that hits one row, or the commit fails so.
    pub fn hit_or(&mut self, missed: StoreError, statement: &'static str) -> &mut Self {
        self.add(statement, Some(missed))
    }

    fn add(&mut self, text: &'static str, missed: Option<StoreError>) -> &mut Self {
        self.statements.push(Statement { text, values: Vec::with_capacity(text.matches('?').count()), missed });
        self
    }

    /// Binds the next `?` of the statement. Numbered ones would be counted through the whole script: they are not for here.
    pub fn bind<T: Bindable>(&mut self, value: T) -> &mut Self {
        debug_assert!(!self.statements.is_empty(), "a value without a statement");
        if let Some(statement) = self.statements.last_mut() {
            statement.values.push(value.value());
        }
        self
    }

    /// Carries it out inside the transaction at hand. After an error its savepoint is to be rolled back to.
    pub async fn carry_out(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let is_common = self.statements.len() <= COMMON;
        let mut text = String::with_capacity(2048);
        text.push_str(NEXT_SAVEPOINT);
        let (mut values, mut misses) = (Vec::with_capacity(64), vec![None, None]);
        for statement in self.statements {
            debug_assert_eq!(statement.text.matches('?').count(), statement.values.len(), "unbound: {}", statement.text);
            text.push_str(";\n");
            text.push_str(statement.text);
            values.extend(statement.values);
            misses.push(statement.missed);
        }
        let mut steps = connection.fetch_many(sqlx::query_with(AssertSqlSafe(text), bound(values)?).persistent(is_common));
        let mut misses = misses.into_iter();
        while let Some(step) = steps.try_next().await? {
            if let Either::Left(done) = step
                && let Some(missed) = misses.next().flatten()
                && done.rows_affected() != 1
            {
                return Err(missed);
            }
        }
        #[cfg(debug_assertions)]
        if let Some(end) = self.end {
            return Err(end.come());
        }
        Ok(())
    }

    /// Carries it out inside the transaction at hand, which is to be given up after an error.
    pub async fn carry_out_on_postgres(self, connection: &mut PgConnection) -> Result<(), StoreError> {
        for Statement { text, values, missed } in self.statements {
            let text = AssertSqlSafe(Text::from(text).for_postgres());
            let done = connection.execute(sqlx::query_with(text, bound_to_postgres(values)?)).await?;
            if let Some(missed) = missed
                && done.rows_affected() != 1
            {
                return Err(missed);
            }
        }
        #[cfg(debug_assertions)]
        if let Some(end) = self.end {
            return Err(end.come());
        }
        Ok(())
    }
}
