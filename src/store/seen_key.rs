//! Keys that were seen before: a key is certified once, and was nothing else before.

use super::error::StoreError;
use super::script::Script;
use crate::lifecycle::credential::KeyId;
use crate::lifecycle::ids::{CredentialId, SessionId};

#[cfg(test)]
impl super::Store {
    /// Whether a key has been certified, or has been shown as a session key or a transport key.
    pub async fn is_key_seen(&self, key: KeyId) -> Result<bool, StoreError> {
        Ok(super::sql::query("SELECT key_id FROM seen_keys WHERE key_id = ?").bind(key).any(&self.readers).await?)
    }
}

const KEY_TAKEN: StoreError = StoreError::Duplicate { what: "key" };

/// A key is certified; refused if it was ever seen.
pub(super) fn first_seen(script: &mut Script, key: KeyId, credential: CredentialId) {
    script.run("INSERT INTO seen_keys (key_id, used_for, owner_id) VALUES (?, 'credential', ?)").bind(key).bind(credential);
}

/// A device has shown a session key.
pub(super) fn shown_as_session_key(script: &mut Script, spki: &[u8], session: SessionId) {
    shown(script, spki, "session", session);
}

/// A device has shown a transport key.
pub(super) fn shown_as_transport_key(script: &mut Script, spki: &[u8], session: SessionId) {
    shown(script, spki, "transport", session);
}

/// A device may show the same key in several sessions, but not one that has been certified.
fn shown(script: &mut Script, spki: &[u8], used_for: &'static str, session: SessionId) {
    script
        .hit_or(
            KEY_TAKEN,
            "INSERT INTO seen_keys (key_id, used_for, owner_id) VALUES (?, ?, ?) \
             ON CONFLICT (key_id) DO UPDATE SET owner_id = seen_keys.owner_id WHERE seen_keys.used_for <> 'credential'",
        )
        .bind(key_id(spki))
        .bind(used_for)
        .bind(session);
}

/// The key id of a DER SubjectPublicKeyInfo.
fn key_id(spki: &[u8]) -> KeyId {
    let mut id = [0; 32];
    id.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, spki).as_ref());
    KeyId(id)
}
