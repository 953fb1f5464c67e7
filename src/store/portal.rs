//! The portal: passwords, as PHC strings, and sessions, by the digest of what the browser holds.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, time_if_any};
use super::error::StoreError;
use super::script::Script;
use super::sql::query;
use super::user;
use crate::lifecycle::ids::{DeviceId, UserId};
use crate::lifecycle::user::User;

/// What is kept of a password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password {
    pub phc: String,
    pub set_at: Timestamp,
    /// For an initial one: until when it signs in, once.
    pub lapses_at: Option<Timestamp>,
    pub wrong: u32,
    pub locked_until: Option<Timestamp>,
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Password(set at {})", self.set_at)
    }
}

/// A browser that is signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortalSession {
    pub token_hash: [u8; 32],
    pub user: UserId,
    pub opened_at: Timestamp,
    pub seen_at: Timestamp,
    pub must_change: bool,
    /// While it waits for the second step: the digest of what the browser holds and the code.
    pub code_hash: Option<[u8; 32]>,
    /// The device whose certificate opened it: it is good while that is active.
    pub device: Option<DeviceId>,
}

impl Store {
    /// Who signs in by this e-mail address or UPN, and the password, where there is one.
    pub async fn portal_user(&self, login: &str) -> Result<Option<(User, Option<Password>)>, StoreError> {
        let found = query(concat!(
            "SELECT ",
            user::columns!(),
            ", phc, set_at, lapses_at, wrong, locked_until FROM users ",
            "LEFT JOIN portal_passwords ON user_id = id WHERE id = (SELECT user_id FROM addresses WHERE lower(address) = ?1)",
        ));
        let Some(row) = found.bind(login.to_ascii_lowercase()).fetch_optional(&self.readers).await? else { return Ok(None) };
        let phc: Option<String> = row.try_get("phc")?;
        let password = match phc {
            None => None,
            Some(phc) => Some(Password {
                phc,
                set_at: time(&row, "set_at")?,
                lapses_at: time_if_any(&row, "lapses_at")?,
                wrong: row.try_get("wrong")?,
                locked_until: time_if_any(&row, "locked_until")?,
            }),
        };
        Ok(Some((user::read(&row)?, password)))
    }

    pub async fn has_stale_sessions(&self, unused_since: Timestamp) -> Result<bool, StoreError> {
        let found = query("SELECT token_hash FROM portal_sessions WHERE seen_at < ? LIMIT 1").bind(Millis(unused_since));
        Ok(found.any(&self.readers).await?)
    }

    /// How many sessions of a user, opened since, wait for their second step; and when the oldest of them was opened.
    pub async fn waiting_sessions(&self, user: UserId, since: Timestamp) -> Result<(u32, Option<Timestamp>), StoreError> {
        let found = query(
            "SELECT count(*) AS count, min(opened_at) AS oldest FROM portal_sessions \
             WHERE user_id = ? AND code_hash IS NOT NULL AND opened_at > ?",
        );
        let row = found.bind(user).bind(Millis(since)).fetch_one(&self.readers).await?;
        Ok((row.try_get("count")?, time_if_any(&row, "oldest")?))
    }

    pub async fn portal_session(&self, token_hash: [u8; 32]) -> Result<Option<PortalSession>, StoreError> {
        let found =
            query("SELECT user_id, opened_at, seen_at, must_change, code_hash, device_id FROM portal_sessions WHERE token_hash = ?");
        let Some(row) = found.bind(token_hash).fetch_optional(&self.readers).await? else { return Ok(None) };
        Ok(Some(PortalSession {
            token_hash,
            user: row.try_get("user_id")?,
            opened_at: time(&row, "opened_at")?,
            seen_at: time(&row, "seen_at")?,
            must_change: row.try_get("must_change")?,
            code_hash: row.try_get("code_hash")?,
            device: row.try_get("device_id")?,
        }))
    }
}

/// Sets a password; every session of the user ends.
pub(super) fn set_password(script: &mut Script, user: UserId, password: &Password) {
    script
        .run(
            "INSERT INTO portal_passwords (user_id, phc, set_at, lapses_at, wrong, locked_until) VALUES (?, ?, ?, ?, ?, ?) \
             ON CONFLICT (user_id) DO UPDATE SET phc = excluded.phc, set_at = excluded.set_at, lapses_at = excluded.lapses_at, \
             wrong = excluded.wrong, locked_until = excluded.locked_until",
        )
        .bind(user)
        .bind(&password.phc)
        .bind(Millis(password.set_at))
        .bind(password.lapses_at.map(Millis))
        .bind(password.wrong)
        .bind(password.locked_until.map(Millis));
    script.run("DELETE FROM portal_sessions WHERE user_id = ?").bind(user);
}

/// Counts a try; a conflict if another was counted meanwhile, or the password was changed.
pub(super) fn count_try(script: &mut Script, user: UserId, set_at: Timestamp, before: u32, locked_until: Option<Timestamp>) {
    script
        .hit("UPDATE portal_passwords SET wrong = wrong + 1, locked_until = ? WHERE user_id = ? AND set_at = ? AND wrong = ?")
        .bind(locked_until.map(Millis))
        .bind(user)
        .bind(Millis(set_at))
        .bind(before);
}

/// The last try does not count; a conflict if the password was changed meanwhile: what it opened would outlive it.
pub(super) fn forget_try(script: &mut Script, user: UserId, set_at: Timestamp) {
    script
        .hit("UPDATE portal_passwords SET wrong = CASE WHEN wrong > 0 THEN wrong - 1 ELSE 0 END, locked_until = NULL WHERE user_id = ? AND set_at = ?")
        .bind(user)
        .bind(Millis(set_at));
}

/// None counts any more; a conflict if the password was changed meanwhile.
pub(super) fn forget_tries(script: &mut Script, user: UserId, set_at: Timestamp) {
    script
        .hit("UPDATE portal_passwords SET wrong = 0, locked_until = NULL WHERE user_id = ? AND set_at = ?")
        .bind(user)
        .bind(Millis(set_at));
}

/// A code signs in once: a conflict for the second.
pub(super) fn spend_code(script: &mut Script, token_hash: [u8; 32]) {
    script.hit("DELETE FROM portal_sessions WHERE token_hash = ? AND code_hash IS NOT NULL").bind(token_hash);
}

/// An initial password signs in once.
pub(super) fn spend_initial(script: &mut Script, user: UserId, at: Timestamp) {
    script
        .hit("UPDATE portal_passwords SET lapses_at = ? WHERE user_id = ? AND lapses_at > ?")
        .bind(Millis(at))
        .bind(user)
        .bind(Millis(at));
}

pub(super) fn open(script: &mut Script, session: &PortalSession) {
    script
        .run("INSERT INTO portal_sessions (token_hash, user_id, opened_at, seen_at, must_change, code_hash, device_id) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(session.token_hash)
        .bind(session.user)
        .bind(Millis(session.opened_at))
        .bind(Millis(session.seen_at))
        .bind(session.must_change)
        .bind(session.code_hash)
        .bind(session.device);
}

pub(super) fn touch(script: &mut Script, token_hash: [u8; 32], at: Timestamp) {
    script.run("UPDATE portal_sessions SET seen_at = ? WHERE token_hash = ?").bind(Millis(at)).bind(token_hash);
}

pub(super) fn end(script: &mut Script, token_hash: [u8; 32]) {
    script.run("DELETE FROM portal_sessions WHERE token_hash = ?").bind(token_hash);
}

/// Every session of a user, but one.
pub(super) fn end_all(script: &mut Script, user: UserId, except: Option<[u8; 32]>) {
    script.run("DELETE FROM portal_sessions WHERE user_id = ? AND token_hash IS DISTINCT FROM ?").bind(user).bind(except);
}

/// Forgets sessions that nobody has used for so long that they are over.
pub(super) fn forget(script: &mut Script, unused_since: Timestamp) {
    script.run("DELETE FROM portal_sessions WHERE seen_at < ?").bind(Millis(unused_since));
}
