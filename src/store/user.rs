//! Users, and the version of what they hold.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::column::Millis;
use super::commit::Guard;
use super::error::StoreError;
use super::script::Script;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;

pub(super) const OF_USER: &str = "SELECT id, name, email, upn, version FROM users WHERE id = ?1";

impl Store {
    pub async fn is_user(&self, user: UserId) -> Result<bool, StoreError> {
        let found: Option<i64> = sqlx::query_scalar("SELECT 1 FROM users WHERE id = ?").bind(user).fetch_optional(&self.readers).await?;
        Ok(found.is_some())
    }
}

/// Makes the commit a conflict unless the holdings are as they were when they were loaded.
pub(super) fn guard(script: &mut Script, guard: &Guard) {
    script.hit("UPDATE users SET version = version + 1 WHERE id = ? AND version = ?").bind(guard.user).bind(guard.version);
}

pub(super) fn create(script: &mut Script, user: &User, at: Timestamp) {
    script
        .run("INSERT INTO users (id, name, email, upn, created_at) VALUES (?, ?, ?, ?, ?)")
        .bind(user.id)
        .bind(&user.name)
        .bind(&user.email)
        .bind(&user.upn)
        .bind(Millis(at));
}

pub(super) fn read(row: &SqliteRow) -> Result<User, sqlx::Error> {
    Ok(User { id: row.try_get("id")?, name: row.try_get("name")?, email: row.try_get("email")?, upn: row.try_get("upn")? })
}
