//! A script: the statements of one commit, carried out in one go. Its text is put together from constants, and every value is bound,
//! so that SQLite compiles each shape of commit once.
//!
//! Our choice: one script instead of one call a statement, because a call to the driver's thread costs more than the statement
//! (measured: 7 µs against 22 to 34 µs a statement). That the driver takes several statements at once is used in this file and in
//! `holdings`, and nowhere else.

use futures_util::TryStreamExt;
use sqlx::error::BoxDynError;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use sqlx::{Arguments, AssertSqlSafe, Either, Encode, Executor, Sqlite, Type};

use super::error::StoreError;

/// Leaves the savepoint of the commit before, and begins this one's.
const NEXT_SAVEPOINT: &str = "RELEASE one; SAVEPOINT one";

/// A script of more statements is not kept compiled: a list of devices has its length, and hardly comes again.
const COMMON: usize = 200;

/// The statements of one commit.
pub(super) struct Script {
    text: String,
    arguments: Result<SqliteArguments, BoxDynError>,
    /// For each statement, how the commit fails if it does not hit exactly one row.
    misses: Vec<Option<StoreError>>,
}

impl Script {
    pub fn new() -> Self {
        let mut script =
            Self { text: String::with_capacity(2048), arguments: Ok(SqliteArguments::default()), misses: Vec::with_capacity(16) };
        script.text.push_str(NEXT_SAVEPOINT);
        script.misses.extend([None, None]);
        script
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

    fn add(&mut self, statement: &'static str, missed: Option<StoreError>) -> &mut Self {
        self.text.push_str(";\n");
        self.text.push_str(statement);
        self.misses.push(missed);
        self
    }

    /// Binds the next `?` of the statement. Numbered ones would be counted through the whole script: they are not for here.
    pub fn bind<'q, T: Encode<'q, Sqlite> + Type<Sqlite>>(&mut self, value: T) -> &mut Self {
        if let Ok(arguments) = &mut self.arguments
            && let Err(error) = arguments.add(value)
        {
            self.arguments = Err(error);
        }
        self
    }

    /// Carries it out inside the transaction at hand. After an error its savepoint is to be rolled back to.
    pub async fn carry_out(self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let arguments = self.arguments.map_err(sqlx::Error::Encode)?;
        debug_assert_eq!(self.text.matches('?').count(), arguments.len(), "unbound: {}", self.text);
        let is_common = self.misses.len() <= COMMON;
        let mut steps = connection.fetch_many(sqlx::query_with(AssertSqlSafe(self.text), arguments).persistent(is_common));
        let mut misses = self.misses.into_iter();
        while let Some(step) = steps.try_next().await? {
            if let Either::Left(done) = step
                && let Some(missed) = misses.next().flatten()
                && done.rows_affected() != 1
            {
                return Err(missed);
            }
        }
        Ok(())
    }
}
