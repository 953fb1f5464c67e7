//! The key store: the private keys of the hierarchy, one sealed file each, or in a token. The TLS server's key is always a file: every
//! handshake needs it.
//!
//! It keeps only the keys that the product itself signs with. Keys of users in escrow are rows of the database, sealed by the same
//! master key. It never overwrites and never deletes a key.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::durable;
use super::key::{Entropy, KeyError, SigningKey};
use super::seal::SealingKey;
use super::token::{Token, TokenFault};
use crate::lifecycle::words::words;

words! {
    /// The keys of the hierarchy.
    pub enum KeyName {
        /// Signs the issuing CA, at `init` only.
        Root = "root",
        /// Signs the certificates of users, operators and servers, and the CRL.
        Issuing = "issuing",
        /// Signs bootstrap certificates, under a root of its own that no relying party trusts.
        Enrollment = "enrollment",
        /// Signs OCSP answers.
        Ocsp = "ocsp",
        /// Signs delivered encryption keys, and receipts.
        Delivery = "delivery",
        /// Answers TLS.
        Server = "server",
    }
}

/// A folder of sealed private keys, and the token that holds the others, if there is one.
pub struct KeyStore<'a> {
    folder: PathBuf,
    master: &'a SealingKey,
    token: Option<Arc<Token>>,
}

impl<'a> KeyStore<'a> {
    /// Opens `dir/keys`, and makes it (mode 0700) where there is none.
    pub fn open(dir: &Path, master: &'a SealingKey) -> Result<Self, KeyStoreError> {
        let folder = dir.join("keys");
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&folder)
            .map_err(|source| KeyStoreError::file("create", &folder, source))?;
        Ok(Self { folder, master, token: None })
    }

    /// The same with a token: whatever it can hold is generated and used in it.
    pub fn with_token(self, token: Option<Arc<Token>>) -> Self {
        Self { token, ..self }
    }

    /// Generates a key and keeps it. It is on disk when this returns; an existing key of that name is an error.
    pub fn create(&self, name: KeyName, entropy: &dyn Entropy) -> Result<SigningKey, KeyStoreError> {
        if let Some((token, label)) = self.in_token(name) {
            token.generate(&label)?;
            return Ok(SigningKey::in_token(token, &label)?);
        }
        let path = self.path(name);
        let failed = |source| KeyStoreError::Key { path: path.clone(), source };
        let key = SigningKey::generate().map_err(failed)?;
        let plain = key.to_pkcs8().map_err(failed)?;
        let sealed = self.master.seal(entropy, name.as_str(), &plain).map_err(failed)?;
        durable::create(&path, durable::PRIVATE, &sealed).map_err(|source| KeyStoreError::file("create", &path, source))?;
        Ok(key)
    }

    /// The key of that name, generated if there is none yet.
    pub fn made(&self, name: KeyName, entropy: &dyn Entropy) -> Result<SigningKey, KeyStoreError> {
        if self.has(name)? { self.load(name) } else { self.create(name, entropy) }
    }

    pub fn has(&self, name: KeyName) -> Result<bool, KeyStoreError> {
        match self.in_token(name) {
            Some((token, label)) => Ok(token.has(&label)?),
            None => Ok(self.path(name).exists()),
        }
    }

    pub fn load(&self, name: KeyName) -> Result<SigningKey, KeyStoreError> {
        if let Some((token, label)) = self.in_token(name) {
            return Ok(SigningKey::in_token(token, &label)?);
        }
        let path = self.path(name);
        let sealed = fs::read(&path).map_err(|source| KeyStoreError::file("read", &path, source))?;
        let open = || SigningKey::from_pkcs8(&self.master.open(name.as_str(), &sealed)?);
        open().map_err(|source| KeyStoreError::Key { path: path.clone(), source })
    }

    /// The token that holds this key, and its label there.
    fn in_token(&self, name: KeyName) -> Option<(&Arc<Token>, String)> {
        let token = self.token.as_ref().filter(|_| name != KeyName::Server)?;
        Some((token, format!("remint-{}", name.as_str())))
    }

    fn path(&self, name: KeyName) -> PathBuf {
        self.folder.join(name.as_str()).with_extension("key")
    }
}

/// Keys at rest that could not be read or written: the administrator of the machine must act.
#[derive(Debug, thiserror::Error)]
pub enum KeyStoreError {
    #[error("cannot {action} {}: {source}", path.display())]
    File { action: &'static str, path: PathBuf, source: io::Error },
    #[error("{} is not private, found mode: {found:04o}, expected: 0600", path.display())]
    Mode { path: PathBuf, found: u32 },
    #[error("no master key: expected: {}, or REMINT_MASTER_KEY in the environment", path.display())]
    NoMasterKey { path: PathBuf },
    #[error("not a master key: {origin}: expected base64 of 32 bytes")]
    NotAMasterKey { origin: String },
    #[error("{}: {source}", path.display())]
    Key { path: PathBuf, source: KeyError },
    #[error(transparent)]
    Token(#[from] TokenFault),
}

impl KeyStoreError {
    pub(super) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File { action, path: path.to_owned(), source }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::pki::testing::Seed;

    #[test]
    fn a_created_key_is_the_one_that_is_loaded() {
        let (dir, master) = (tempfile::tempdir().unwrap(), SealingKey::from_bytes([1; 32]));
        let store = KeyStore::open(dir.path(), &master).unwrap();
        let created = store.create(KeyName::Root, &Seed::new(1)).unwrap();
        assert_eq!(store.load(KeyName::Root).unwrap().spki(), created.spki());
        assert!(matches!(store.create(KeyName::Root, &Seed::new(2)), Err(KeyStoreError::File { .. })));
        let mode = fs::metadata(dir.path().join("keys/root.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_key_file_moved_to_another_name_does_not_open() {
        let (dir, master) = (tempfile::tempdir().unwrap(), SealingKey::from_bytes([1; 32]));
        let store = KeyStore::open(dir.path(), &master).unwrap();
        store.create(KeyName::Root, &Seed::new(1)).unwrap();
        fs::rename(dir.path().join("keys/root.key"), dir.path().join("keys/issuing.key")).unwrap();
        let refusal = store.load(KeyName::Issuing).unwrap_err().to_string();
        assert!(refusal.ends_with("a sealed key does not open: wrong master key, or altered"), "{refusal}");
    }

    #[test]
    fn what_a_crash_left_unfinished_is_no_key_and_no_obstacle() {
        let (dir, master) = (tempfile::tempdir().unwrap(), SealingKey::from_bytes([1; 32]));
        let store = KeyStore::open(dir.path(), &master).unwrap();
        fs::write(dir.path().join("keys/root.unfinished"), b"half").unwrap();
        assert!(store.load(KeyName::Root).is_err());
        store.create(KeyName::Root, &Seed::new(1)).unwrap();
        store.load(KeyName::Root).unwrap();
    }
}
