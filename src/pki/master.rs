//! The master key: the one secret that is kept in the clear, by whoever runs the server. It seals every other private key.
//!
//! It comes from the environment, or from a file that only its owner may read. It deliberately has no passphrase: a server starts
//! unattended. Lost, it takes every sealed key with it; back it up apart from the data.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use zeroize::Zeroizing;

use super::durable;
use super::key::{Entropy, random};
use super::keystore::KeyStoreError;
use super::seal::SealingKey;

/// Where the master key is kept; in use it is a [`SealingKey`].
pub enum MasterKey {}

const FILE: &str = "master.key";

impl MasterKey {
    /// Reads the master key: base64 of 32 bytes, from the environment's value if there is one, else from `dir/master.key`.
    /// The file is refused unless its mode is 0600.
    pub fn load(dir: &Path, from_environment: Option<&str>) -> Result<SealingKey, KeyStoreError> {
        if let Some(text) = from_environment {
            return decode(text, "the environment");
        }
        let path = dir.join(FILE);
        if !path.exists() {
            return Err(KeyStoreError::NoMasterKey { path });
        }
        let failed = |source| KeyStoreError::file("read", &path, source);
        let found = fs::metadata(&path).map_err(failed)?.permissions().mode() & 0o7777;
        if found != durable::PRIVATE {
            return Err(KeyStoreError::Mode { path, found });
        }
        let text = Zeroizing::new(fs::read_to_string(&path).map_err(failed)?);
        decode(&text, &path.display().to_string())
    }

    /// Draws a master key and writes it to `dir/master.key`, mode 0600. An existing one is never replaced.
    pub fn create(dir: &Path, entropy: &dyn Entropy) -> Result<SealingKey, KeyStoreError> {
        let path = dir.join(FILE);
        let bytes = Zeroizing::new(random::<32>(entropy));
        let mut text = Zeroizing::new(STANDARD.encode(&bytes[..]));
        text.push('\n');
        durable::create(&path, durable::PRIVATE, text.as_bytes()).map_err(|source| KeyStoreError::file("create", &path, source))?;
        Ok(SealingKey::from_bytes(*bytes))
    }
}

fn decode(text: &str, origin: &str) -> Result<SealingKey, KeyStoreError> {
    let refused = || KeyStoreError::NotAMasterKey { origin: origin.to_owned() };
    let bytes = Zeroizing::new(STANDARD.decode(text.trim()).map_err(|_| refused())?);
    let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| refused())?;
    Ok(SealingKey::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::Seed;

    #[test]
    fn a_created_master_key_is_loaded_again_and_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let created = MasterKey::create(dir.path(), &Seed::new(1)).unwrap();
        let sealed = created.seal(&Seed::new(2), "label", b"text").unwrap();
        let loaded = MasterKey::load(dir.path(), None).unwrap();
        assert_eq!(loaded.open("label", &sealed).unwrap().as_slice(), b"text");
        assert!(MasterKey::create(dir.path(), &Seed::new(3)).is_err());
    }

    #[test]
    fn a_file_that_others_may_read_is_refused_with_both_modes() {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::create(dir.path(), &Seed::new(1)).unwrap();
        fs::set_permissions(dir.path().join(FILE), fs::Permissions::from_mode(0o640)).unwrap();
        let refusal = MasterKey::load(dir.path(), None).unwrap_err().to_string();
        assert!(refusal.contains("found mode: 0640, expected: 0600"), "{refusal}");
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let dir = tempfile::tempdir().unwrap();
        MasterKey::create(dir.path(), &Seed::new(1)).unwrap();
        let value = STANDARD.encode([9; 32]);
        let sealed = SealingKey::from_bytes([9; 32]).seal(&Seed::new(2), "label", b"text").unwrap();
        assert!(MasterKey::load(dir.path(), Some(&value)).unwrap().open("label", &sealed).is_ok());
    }

    #[test]
    fn a_wrong_value_is_refused_without_being_repeated() {
        let short = STANDARD.encode([9; 31]);
        for value in ["", "not base64!", &short] {
            let refusal = MasterKey::load(Path::new("/nowhere"), Some(value)).unwrap_err().to_string();
            assert_eq!(refusal, "not a master key: the environment: expected base64 of 32 bytes");
        }
    }

    #[test]
    fn a_missing_master_key_names_its_place() {
        let dir = tempfile::tempdir().unwrap();
        let refusal = MasterKey::load(dir.path(), None).unwrap_err().to_string();
        assert!(refusal.contains("master.key"), "{refusal}");
    }
}
