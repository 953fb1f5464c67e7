//! Credentials: the columns of their states, their certificates, and the devices that carry them.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, time_if_any, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::seen_key;
use super::sql::{Row, query};
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{Certified, Credential, CredentialState, KeyId, RevocationReason, Slot};
use crate::lifecycle::ids::{CredentialId, DeviceId, Serial, UserId};

pub(super) const OF_USER: &str = "SELECT id, slot, serial, made_for, state, reserved_at, key_id, not_before, not_after, issued_at, \
     revoked_at, revocation_reason FROM credentials WHERE user_id = ?1";

pub(super) const CARRIED_BY_USER: &str = "SELECT device_id, credential_id, carried FROM carries WHERE user_id = ?1";

/// A credential, as found by its serial.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FoundCredential {
    pub user: UserId,
    pub credential: CredentialId,
    pub made_for: DeviceId,
    pub slot: Slot,
}

impl Store {
    pub async fn user_of_credential(&self, credential: CredentialId) -> Result<Option<UserId>, StoreError> {
        Ok(query("SELECT user_id FROM credentials WHERE id = ?").bind(credential).cell(&self.readers).await?)
    }

    pub async fn credential_by_serial(&self, serial: Serial) -> Result<Option<FoundCredential>, StoreError> {
        let found = query("SELECT user_id, id, made_for, slot FROM credentials WHERE serial = ?")
            .bind(serial)
            .fetch_optional(&self.readers)
            .await?;
        let read = |row: Row| {
            Ok::<_, sqlx::Error>(FoundCredential {
                user: row.try_get("user_id")?,
                credential: row.try_get("id")?,
                made_for: row.try_get("made_for")?,
                slot: row.try_get("slot")?,
            })
        };
        Ok(found.map(read).transpose()?)
    }

    /// The DER certificates of those of `credentials` that have been signed.
    pub async fn certificates(&self, credentials: &[CredentialId]) -> Result<BTreeMap<CredentialId, Vec<u8>>, StoreError> {
        let mut found = BTreeMap::new();
        for credential in credentials {
            let der = query("SELECT der FROM certificates WHERE credential_id = ?").bind(credential);
            let der: Option<Vec<u8>> = der.cell(&self.readers).await?;
            found.extend(der.map(|der| (*credential, der)));
        }
        Ok(found)
    }
}

/// Puts the serial on record.
pub(super) fn reserve(script: &mut Script, user: UserId, credential: &Credential) {
    let facts = Facts::of(&credential.state);
    script
        .run(
            "INSERT INTO credentials (id, user_id, slot, serial, made_for, state, reserved_at, key_id, not_before, not_after, issued_at, \
             revoked_at, revocation_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(credential.id)
        .bind(user)
        .bind(credential.slot)
        .bind(credential.serial)
        .bind(credential.made_for)
        .bind(facts.state)
        .bind(facts.reserved_at.map(Millis))
        .bind(facts.certified.map(|certified| certified.key))
        .bind(facts.certified.map(|certified| Millis(certified.not_before)))
        .bind(facts.certified.map(|certified| Millis(certified.not_after)))
        .bind(facts.issued_at.map(Millis))
        .bind(facts.revoked.map(|(at, _)| Millis(at)))
        .bind(facts.revoked.map(|(_, reason)| reason));
    if let Some(certified) = facts.certified {
        seen_key::first_seen(script, certified.key, credential.id);
    }
}

pub(super) fn sign(script: &mut Script, user: UserId, credential: CredentialId, certified: &Certified) {
    script
        .hit(
            "UPDATE credentials SET state = 'signed', key_id = ?, not_before = ?, not_after = ? \
             WHERE id = ? AND user_id = ? AND state = 'reserved'",
        )
        .bind(certified.key)
        .bind(Millis(certified.not_before))
        .bind(Millis(certified.not_after))
        .bind(credential)
        .bind(user);
    seen_key::first_seen(script, certified.key, credential);
}

pub(super) fn issue(script: &mut Script, user: UserId, credential: CredentialId, at: Timestamp) {
    script
        .hit("UPDATE credentials SET state = 'issued', issued_at = ? WHERE id = ? AND user_id = ? AND state = 'signed'")
        .bind(Millis(at))
        .bind(credential)
        .bind(user);
}

pub(super) fn revoke(script: &mut Script, user: UserId, credential: CredentialId, at: Timestamp, reason: RevocationReason) {
    script
        .hit(
            "UPDATE credentials SET state = 'revoked', revoked_at = ?, revocation_reason = ? \
             WHERE id = ? AND user_id = ? AND state <> 'revoked'",
        )
        .bind(Millis(at))
        .bind(reason)
        .bind(credential)
        .bind(user);
}

pub(super) fn carry(script: &mut Script, user: UserId, device: DeviceId, credential: CredentialId, carried: Carried) {
    script
        .run(
            "INSERT INTO carries (user_id, device_id, credential_id, carried) VALUES (?, ?, ?, ?) \
             ON CONFLICT (user_id, device_id, credential_id) DO UPDATE SET carried = excluded.carried",
        )
        .bind(user)
        .bind(device)
        .bind(credential)
        .bind(carried);
}

pub(super) fn keep_certificate(script: &mut Script, credential: CredentialId, der: &[u8]) {
    script.run("INSERT INTO certificates (credential_id, der) VALUES (?, ?)").bind(credential).bind(der);
}

/// A state, spread over its columns.
#[derive(Default)]
struct Facts<'a> {
    state: &'static str,
    reserved_at: Option<Timestamp>,
    certified: Option<&'a Certified>,
    issued_at: Option<Timestamp>,
    revoked: Option<(Timestamp, RevocationReason)>,
}

impl<'a> Facts<'a> {
    fn of(state: &'a CredentialState) -> Self {
        match state {
            CredentialState::Reserved { at } => Self { state: "reserved", reserved_at: Some(*at), ..Self::default() },
            CredentialState::Signed { certified } => Self { state: "signed", certified: Some(certified), ..Self::default() },
            CredentialState::Issued { certified, at } => {
                Self { state: "issued", certified: Some(certified), issued_at: Some(*at), ..Self::default() }
            }
            CredentialState::Revoked { certified, issued_at, at, reason } => Self {
                state: "revoked",
                certified: certified.as_ref(),
                issued_at: *issued_at,
                revoked: Some((*at, *reason)),
                ..Self::default()
            },
        }
    }
}

pub(super) fn read(row: &Row) -> Result<Credential, sqlx::Error> {
    Ok(Credential {
        id: row.try_get("id")?,
        slot: row.try_get("slot")?,
        serial: row.try_get("serial")?,
        made_for: row.try_get("made_for")?,
        state: read_state(row)?,
    })
}

pub(super) fn read_state(row: &Row) -> Result<CredentialState, sqlx::Error> {
    let certified = read_certified(row)?;
    let signed = || certified.ok_or_else(|| unreadable("credential", "signed, without a key"));
    Ok(match row.word("state")? {
        "reserved" => CredentialState::Reserved { at: time(row, "reserved_at")? },
        "signed" => CredentialState::Signed { certified: signed()? },
        "issued" => CredentialState::Issued { certified: signed()?, at: time(row, "issued_at")? },
        "revoked" => CredentialState::Revoked {
            certified,
            issued_at: time_if_any(row, "issued_at")?,
            at: time(row, "revoked_at")?,
            reason: row.try_get("revocation_reason")?,
        },
        other => return Err(unreadable("credential state", other)),
    })
}

fn read_certified(row: &Row) -> Result<Option<Certified>, sqlx::Error> {
    let key: Option<KeyId> = row.try_get("key_id")?;
    key.map(|key| Ok(Certified { key, not_before: time(row, "not_before")?, not_after: time(row, "not_after")? })).transpose()
}

pub(super) fn read_carried(row: &Row) -> Result<((DeviceId, CredentialId), Carried), sqlx::Error> {
    Ok(((row.try_get("device_id")?, row.try_get("credential_id")?), row.try_get("carried")?))
}
