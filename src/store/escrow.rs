//! Escrow: the sealed private keys of `enc` credentials, each with the number of the escrow key that sealed it, and which escrow keys
//! there are. The keys themselves are not here.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, time_if_any};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use crate::lifecycle::ids::{CredentialId, Serial, UserId};

/// A sealed private key, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Escrowed {
    pub credential: CredentialId,
    pub user: UserId,
    pub serial: Serial,
    /// The number of the escrow key that sealed it.
    pub key: u32,
    pub sealed: Vec<u8>,
}

/// An escrow key on record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EscrowKeyRecord {
    pub number: u32,
    pub made_at: Timestamp,
    /// When nothing was left under an earlier key.
    pub rotated_at: Option<Timestamp>,
}

/// The columns of a sealed key, for the rest of the statement to follow.
macro_rules! escrowed {
    ($rest:literal) => {
        concat!(
            "SELECT escrow.credential_id, credentials.user_id, credentials.serial, escrow_key, sealed ",
            "FROM escrow JOIN credentials ON credentials.id = escrow.credential_id ",
            $rest
        )
    };
}

impl Store {
    /// The sealed private key of an `enc` credential.
    pub async fn escrowed(&self, credential: CredentialId) -> Result<Option<Escrowed>, StoreError> {
        let found = query(escrowed!("WHERE escrow.credential_id = ?")).bind(credential).fetch_optional(&self.readers).await?;
        Ok(found.as_ref().map(read).transpose()?)
    }

    /// The sealed private keys of a user.
    pub async fn escrowed_of(&self, user: UserId) -> Result<Vec<Escrowed>, StoreError> {
        let found = query(escrowed!("WHERE credentials.user_id = ?")).bind(user).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// What is sealed under another escrow key than `key`, by credential, after one that the page before ended with.
    pub async fn escrowed_under_another(&self, key: u32, after: CredentialId, limit: u32) -> Result<Vec<Escrowed>, StoreError> {
        let found = query(escrowed!("WHERE escrow_key <> ? AND escrow.credential_id > ? ORDER BY escrow.credential_id LIMIT ?"));
        let found = found.bind(key).bind(after).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }

    /// The escrow key that seals; none where the master key still does.
    pub async fn escrow_key(&self) -> Result<Option<EscrowKeyRecord>, StoreError> {
        let found = query("SELECT number, made_at, rotated_at FROM escrow_keys ORDER BY number DESC LIMIT 1");
        let Some(row) = found.fetch_optional(&self.readers).await? else { return Ok(None) };
        let (made_at, rotated_at) = (time(&row, "made_at")?, time_if_any(&row, "rotated_at")?);
        Ok(Some(EscrowKeyRecord { number: row.try_get("number")?, made_at, rotated_at }))
    }

    /// How many private keys each escrow key has sealed, by its number.
    pub async fn escrow_keys_in_use(&self) -> Result<Vec<(u32, u64)>, StoreError> {
        let found = query("SELECT escrow_key, count(*) AS sealed FROM escrow GROUP BY escrow_key ORDER BY escrow_key")
            .fetch_all(&self.readers)
            .await?;
        let read = |row: &Row| Ok::<_, sqlx::Error>((row.try_get("escrow_key")?, u64::from(row.try_get::<u32>("sealed")?)));
        Ok(found.iter().map(read).collect::<Result<_, _>>()?)
    }
}

fn read(row: &Row) -> Result<Escrowed, sqlx::Error> {
    Ok(Escrowed {
        credential: row.try_get("credential_id")?,
        user: row.try_get("user_id")?,
        serial: row.try_get("serial")?,
        key: row.try_get("escrow_key")?,
        sealed: row.try_get("sealed")?,
    })
}

/// Keeps a sealed key. One that was sealed under an escrow key that no longer seals comes too late: a rotation has begun.
pub(super) fn keep(script: &mut Script, credential: CredentialId, key: u32, sealed: &[u8]) {
    script
        .hit(
            "INSERT INTO escrow (credential_id, escrow_key, sealed) SELECT ?, ?, ? \
             WHERE ? = (SELECT coalesce(max(number), 0) FROM escrow_keys)",
        )
        .bind(credential)
        .bind(key)
        .bind(sealed)
        .bind(key);
}

/// Puts a sealed key in the place of the same that was sealed under another escrow key.
pub(super) fn reseal(script: &mut Script, credential: CredentialId, from: u32, key: u32, sealed: &[u8]) {
    script
        .hit("UPDATE escrow SET escrow_key = ?, sealed = ? WHERE credential_id = ? AND escrow_key = ?")
        .bind(key)
        .bind(sealed)
        .bind(credential)
        .bind(from);
}

/// From here on `number` seals.
pub(super) fn begin_key(script: &mut Script, number: u32, at: Timestamp) {
    script.run("INSERT INTO escrow_keys (number, made_at) VALUES (?, ?)").bind(number).bind(Millis(at));
}

/// Nothing is left under another key than `number`; if something is, the commit comes too early.
pub(super) fn end_rotation(script: &mut Script, number: u32, at: Timestamp) {
    script
        .hit(
            "UPDATE escrow_keys SET rotated_at = ? WHERE number = ? AND rotated_at IS NULL \
             AND NOT EXISTS (SELECT 1 FROM escrow WHERE escrow_key <> escrow_keys.number)",
        )
        .bind(Millis(at))
        .bind(number);
}
