//! Escrow: seals the private keys of `enc` credentials under keys of its own, and opens them.
//!
//! Escrow keys are numbered, and every sealed key is kept with the number of the key that sealed it, so that several can be in use while
//! one takes the place of another. Key 0 is the master key: what was sealed before there were escrow keys. The others are files of the key
//! store, `keys/escrow-<n>.key`, sealed under the master key. A file is read when its key is first asked for: a server that runs beside a
//! rotation finds the new one by itself.
//!
//! What is sealed is bound to its owner and serial: moved to another row it does not open.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use aws_lc_rs::aead::NONCE_LEN;
use zeroize::Zeroizing;

use super::durable;
use super::key::{Entropy, KeyError, random};
use super::keystore::KeyStoreError;
use super::seal::{SealingKey, VERSION, associated_bytes as associated};
use super::token::{Token, TokenFault};
use crate::lifecycle::ids::{Serial, UserId};

/// The number of the master key, where it is used as an escrow key.
pub const MASTER: u32 = 0;

/// A key that seals what is in escrow: in this process, or inside an HSM, which does both itself (AES-256-GCM with the label as associated
/// data, `CKM_AES_GCM`) and never shows it.
pub trait EscrowKey: Send + Sync {
    /// Seals `plaintext` for the place that `label` names; what draws its own randomness leaves `entropy` alone.
    fn seal(&self, entropy: &dyn Entropy, label: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// Opens what it sealed for the same label, and nothing else.
    fn open(&self, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError>;
}

impl EscrowKey for SealingKey {
    fn seal(&self, entropy: &dyn Entropy, label: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        Self::seal(self, entropy, label, plaintext)
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        Self::open(self, label, sealed)
    }
}

/// An escrow key that stays in a token.
struct InToken {
    token: Arc<Token>,
    label: String,
}

impl EscrowKey for InToken {
    fn seal(&self, entropy: &dyn Entropy, label: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let nonce = random::<NONCE_LEN>(entropy);
        let sealed = self.token.seal(&self.label, nonce, &associated(label), plaintext)?;
        Ok([&[VERSION][..], &nonce, &sealed].concat())
    }

    fn open(&self, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let Some((&VERSION, rest)) = sealed.split_first() else { return Err(KeyError::Sealed) };
        let (nonce, text) = rest.split_first_chunk::<NONCE_LEN>().ok_or(KeyError::Sealed)?;
        Ok(self.token.unseal(&self.label, *nonce, &associated(label), text)?)
    }
}

/// Whose private key it is: one `enc` credential of one user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Owner {
    pub user: UserId,
    pub serial: Serial,
}

impl Owner {
    fn label(self) -> String {
        format!("enc:{}:{}", self.user, self.serial)
    }
}

/// The escrow keys of a data folder.
pub struct Escrow {
    folder: PathBuf,
    master: Arc<SealingKey>,
    keys: RwLock<BTreeMap<u32, Arc<dyn EscrowKey>>>,
    token: Option<Arc<Token>>,
}

impl Escrow {
    /// The escrow keys in `dir/keys`. Nothing is read yet.
    pub fn at(dir: &Path, master: Arc<SealingKey>) -> Self {
        let first: Arc<dyn EscrowKey> = master.clone();
        Self { folder: dir.join("keys"), master, keys: RwLock::new(BTreeMap::from([(MASTER, first)])), token: None }
    }

    /// The same with a token: keys that are made from now on stay in it.
    pub fn with_token(self, token: Option<Arc<Token>>) -> Self {
        Self { token, ..self }
    }

    /// Draws an escrow key and keeps it: it is on disk when this returns. One that is there already, from an attempt that was cut short, is
    /// taken as it is.
    pub fn make(&self, number: u32, entropy: &dyn Entropy) -> Result<(), EscrowError> {
        let path = self.path(number);
        let failed = |source| EscrowError::Key { number, source };
        if path.exists() {
            return self.must_have(number);
        }
        if let Some(token) = &self.token {
            let label = token_label(number);
            let made = token.has_sealing(&label).and_then(|is_there| if is_there { Ok(()) } else { token.generate_sealing(&label) });
            return made.map_err(|fault| failed(fault.into()));
        }
        let file = |action, source| failed(KeyStoreError::file(action, &path, source));
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder).map_err(|source| file("create", source))?;
        let key = Zeroizing::new(random::<32>(entropy));
        let sealed = self.master.seal(entropy, &file_label(number), &key[..]);
        let sealed = sealed.map_err(|source| failed(KeyStoreError::Key { path: path.clone(), source }))?;
        durable::create(&path, durable::PRIVATE, &sealed).map_err(|source| file("create", source))
    }

    /// Refuses a number whose key is not in the key store, or does not open.
    pub fn must_have(&self, number: u32) -> Result<(), EscrowError> {
        if number == MASTER { Ok(()) } else { self.found(number).map(|_| ()) }
    }

    /// Seals the private key (PKCS#8) of `owner` under the escrow key `number`.
    pub fn seal(&self, number: u32, entropy: &dyn Entropy, owner: Owner, pkcs8: &[u8]) -> Result<Vec<u8>, EscrowError> {
        let key = self.key(number)?;
        key.seal(entropy, &owner.label(), pkcs8).map_err(|source| EscrowError::NotDone { number, source })
    }

    /// Opens what was sealed for `owner` under the escrow key `number`.
    pub fn open(&self, number: u32, owner: Owner, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, EscrowError> {
        let key = self.key(number)?;
        key.open(&owner.label(), sealed).map_err(|source| match source {
            KeyError::Token(TokenFault::NotOpened { .. }) | KeyError::Sealed => EscrowError::NotOpened { number, owner },
            source => EscrowError::NotDone { number, source },
        })
    }

    fn key(&self, number: u32) -> Result<Arc<dyn EscrowKey>, EscrowError> {
        if let Some(key) = self.keys.read().unwrap_or_else(PoisonError::into_inner).get(&number) {
            return Ok(Arc::clone(key));
        }
        let key = self.found(number)?;
        self.keys.write().unwrap_or_else(PoisonError::into_inner).insert(number, Arc::clone(&key));
        Ok(key)
    }

    /// A file of the key store, or a key in the token.
    fn found(&self, number: u32) -> Result<Arc<dyn EscrowKey>, EscrowError> {
        let Some(token) = self.token.as_ref().filter(|_| !self.path(number).exists()) else {
            return Ok(Arc::new(self.read(number)?));
        };
        let label = token_label(number);
        match token.has_sealing(&label) {
            Ok(true) => Ok(Arc::new(InToken { token: Arc::clone(token), label })),
            Ok(false) => self.read(number).map(|key| Arc::new(key) as Arc<dyn EscrowKey>),
            Err(fault) => Err(EscrowError::Key { number, source: fault.into() }),
        }
    }

    fn read(&self, number: u32) -> Result<SealingKey, EscrowError> {
        let path = self.path(number);
        let read = || {
            let sealed = fs::read(&path).map_err(|source| KeyStoreError::file("read", &path, source))?;
            let failed = |source| KeyStoreError::Key { path: path.clone(), source };
            let bytes = self.master.open(&file_label(number), &sealed).map_err(failed)?;
            let bytes: [u8; 32] = bytes.as_slice().try_into().map_err(|_| failed(KeyError::Sealed))?;
            Ok(SealingKey::from_bytes(bytes))
        };
        read().map_err(|source| EscrowError::Key { number, source })
    }

    fn path(&self, number: u32) -> PathBuf {
        self.folder.join(format!("escrow-{number}.key"))
    }
}

/// The label of an escrow key in a token.
fn token_label(number: u32) -> String {
    format!("remint-escrow-{number}")
}

/// Binds a key file to its name, as those of the other keys are.
fn file_label(number: u32) -> String {
    format!("escrow-{number}")
}

/// A key in escrow that could not be sealed or opened: the administrator must act. It says whose it is, never what was in it.
#[derive(Debug, thiserror::Error)]
pub enum EscrowError {
    #[error("escrow key {number}: {source}")]
    Key { number: u32, source: KeyStoreError },
    #[error("escrow key {number}: {source}")]
    NotDone { number: u32, source: KeyError },
    #[error(
        "the escrowed key of enc {} does not open under escrow key {number}: found: an altered row, or one that was moved, \
         expected: what was sealed for this serial and user {}",
        owner.serial,
        owner.user
    )]
    NotOpened { number: u32, owner: Owner },
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use uuid::Uuid;

    use super::*;
    use crate::pki::testing::Seed;

    fn owner(user: u128, serial: u8) -> Owner {
        Owner { user: UserId(Uuid::from_u128(user)), serial: Serial::from_random([serial; 20]) }
    }

    fn escrow(dir: &Path) -> Escrow {
        Escrow::at(dir, Arc::new(SealingKey::from_bytes([1; 32])))
    }

    #[test]
    fn a_key_opens_for_its_owner_and_serial_only_and_the_refusal_names_them_without_what_was_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let escrow = escrow(dir.path());
        escrow.make(1, &Seed::new(1)).unwrap();
        for number in [MASTER, 1] {
            let sealed = escrow.seal(number, &Seed::new(2), owner(1, 1), b"private").unwrap();
            assert_eq!(escrow.open(number, owner(1, 1), &sealed).unwrap().as_slice(), b"private");
            for other in [owner(2, 1), owner(1, 2)] {
                let refusal = escrow.open(number, other, &sealed).unwrap_err().to_string();
                assert!(refusal.contains(&other.user.to_string()) && refusal.contains(&other.serial.to_string()), "{refusal}");
                assert!(!refusal.contains("private"), "{refusal}");
            }
        }
    }

    #[test]
    fn each_escrow_key_opens_what_it_sealed_and_not_what_another_did() {
        let dir = tempfile::tempdir().unwrap();
        let escrow = escrow(dir.path());
        escrow.make(1, &Seed::new(1)).unwrap();
        escrow.make(2, &Seed::new(2)).unwrap();
        for (number, others) in [(MASTER, [1, 2]), (1, [MASTER, 2]), (2, [MASTER, 1])] {
            let sealed = escrow.seal(number, &Seed::new(3), owner(1, 1), b"private").unwrap();
            assert!(escrow.open(number, owner(1, 1), &sealed).is_ok());
            for other in others {
                assert!(matches!(escrow.open(other, owner(1, 1), &sealed), Err(EscrowError::NotOpened { .. })));
            }
        }
    }

    #[test]
    fn a_made_key_is_found_by_another_process_is_private_and_is_never_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let (first, second) = (escrow(dir.path()), escrow(dir.path()));
        first.make(1, &Seed::new(1)).unwrap();
        let sealed = first.seal(1, &Seed::new(2), owner(1, 1), b"private").unwrap();
        second.make(1, &Seed::new(9)).unwrap();
        assert_eq!(second.open(1, owner(1, 1), &sealed).unwrap().as_slice(), b"private");
        let mode = fs::metadata(dir.path().join("keys/escrow-1.key")).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o600);
    }

    #[test]
    fn a_key_that_is_not_there_or_was_moved_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let escrow = escrow(dir.path());
        let refusal = escrow.must_have(3).unwrap_err().to_string();
        assert!(refusal.contains("escrow key 3") && refusal.contains("escrow-3.key"), "{refusal}");
        escrow.make(1, &Seed::new(1)).unwrap();
        fs::rename(dir.path().join("keys/escrow-1.key"), dir.path().join("keys/escrow-3.key")).unwrap();
        let refusal = escrow.must_have(3).unwrap_err().to_string();
        assert!(refusal.ends_with("wrong master key, or altered"), "{refusal}");
    }
}
