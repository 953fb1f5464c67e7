//! Attestation keys that are not to be believed: the status list that Google publishes, as a file
//! (developer.android.com/privacy-and-security/security-key-attestation, "certificate revocation status list").

use crate::pki::key::hex;
use std::collections::BTreeSet;

use serde::Deserialize;

/// The serial numbers of certificates that were revoked or suspended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RevokedKeys(BTreeSet<String>);

#[derive(Deserialize)]
struct File {
    entries: std::collections::BTreeMap<String, Entry>,
}

#[derive(Deserialize)]
struct Entry {
    status: Status,
}

/// Either way, no new key is to be believed.
#[derive(Deserialize)]
#[serde(rename_all = "UPPERCASE")]
enum Status {
    Revoked,
    Suspended,
}

/// A file that is not such a list.
#[derive(Debug, thiserror::Error)]
pub enum RevokedKeysError {
    #[error("not a status list: {0}")]
    Json(#[from] serde_json::Error),
    #[error("not a serial number in hexadecimal, found: {0:?}")]
    Serial(String),
}

impl RevokedKeys {
    /// Reads `{"entries": {"<serial, hexadecimal>": {"status": "REVOKED", …}}}`.
    pub fn read(json: &str) -> Result<Self, RevokedKeysError> {
        let file: File = serde_json::from_str(json)?;
        let listed = file.entries.into_iter().map(|(serial, entry)| {
            let (Status::Revoked | Status::Suspended) = entry.status;
            let is_hex = !serial.is_empty() && serial.bytes().all(|byte| byte.is_ascii_hexdigit());
            if is_hex { Ok(normal(&serial)) } else { Err(RevokedKeysError::Serial(serial)) }
        });
        Ok(Self(listed.collect::<Result<_, _>>()?))
    }

    /// Whether a certificate of this serial number (the bytes of the INTEGER) is listed.
    pub fn has(&self, serial: &[u8]) -> bool {
        self.0.contains(&normal(&hex(serial)))
    }
}

/// Lower case, without leading zeros.
fn normal(digits: &str) -> String {
    digits.trim_start_matches('0').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_serial_is_found_however_it_is_written() {
        let list = RevokedKeys::read(r#"{"entries":{"00Ab12":{"status":"REVOKED","reason":"KEY_COMPROMISE"},"7":{"status":"SUSPENDED"}}}"#)
            .unwrap();
        assert!(list.has(&[0xab, 0x12]) && list.has(&[0x00, 0xab, 0x12]) && list.has(&[7]));
        assert!(!list.has(&[0xab, 0x13]) && !list.has(&[]));
        assert!(RevokedKeys::read("{}").is_err() && RevokedKeys::read(r#"{"entries":{"x":{"status":"REVOKED"}}}"#).is_err());
    }
}
