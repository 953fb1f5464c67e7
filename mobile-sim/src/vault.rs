//! A PIN, and what is sealed under it: argon2id (RFC 9106) makes a key, AES-256-GCM seals.
//!
//! The sealed bytes are the whole state of the phone. A PIN of six digits withstands only somebody who lacks the file: a card's chip
//! counts wrong PINs, a file cannot, and this one does not pretend to.

use std::fmt;

use argon2::{Algorithm, Argon2, Params, Version};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::encoding::{as_b64, as_b64u};

/// What a PIN may be before a server has told its policy (SP 800-73-5 part 2 §2.4.3: six to eight digits).
const DIGITS: std::ops::RangeInclusive<usize> = 6..=8;
const CONTEXT: &[u8] = b"mobile-sim state 1";
/// OWASP's least for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;

/// Why the vault stays closed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum VaultError {
    #[error("the PIN must be {} to {} digits", DIGITS.start(), DIGITS.end())]
    NotAPin,
    #[error("wrong PIN")]
    WrongPin,
    #[error("the phone's state file is damaged, or of another version")]
    Damaged,
    #[error("the cryptographic library refused")]
    Crypto,
}

/// A PIN: six to eight digits. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Pin(Zeroizing<String>);

impl Pin {
    pub fn new(digits: &str) -> Result<Self, VaultError> {
        let fits = DIGITS.contains(&digits.len()) && digits.bytes().all(|digit| digit.is_ascii_digit());
        if fits { Ok(Self(Zeroizing::new(digits.to_owned()))) } else { Err(VaultError::NotAPin) }
    }

    pub(crate) fn is(&self, digits: &str) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.0.as_bytes(), digits.as_bytes()).is_ok()
    }

    /// How many digits, for the policy that M2 tells.
    pub(crate) fn length(&self) -> usize {
        self.0.len()
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pin(…)")
    }
}

/// The sealed form, as it is stored.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Sealed {
    kdf: String,
    memory_kib: u32,
    passes: u32,
    #[serde(with = "as_b64u")]
    salt: [u8; 16],
    #[serde(with = "as_b64u")]
    nonce: [u8; 12],
    #[serde(with = "as_b64")]
    ciphertext: Vec<u8>,
}

/// The key of an opened vault. Deriving it is slow on purpose, so it is kept; every sealing takes a fresh nonce.
pub struct VaultKey {
    salt: [u8; 16],
    memory_kib: u32,
    passes: u32,
    key: LessSafeKey,
}

impl VaultKey {
    /// For a new vault.
    pub fn new(pin: &Pin) -> Result<Self, VaultError> {
        let mut salt = [0; 16];
        rand::fill(&mut salt).map_err(|_| VaultError::Crypto)?;
        Self::derive(pin, salt, MEMORY_KIB, PASSES)
    }

    fn derive(pin: &Pin, salt: [u8; 16], memory_kib: u32, passes: u32) -> Result<Self, VaultError> {
        let params = Params::new(memory_kib, passes, 1, Some(32)).map_err(|_| VaultError::Damaged)?;
        let mut key = Zeroizing::new([0; 32]);
        Argon2::new(Algorithm::Argon2id, Version::V0x13, params)
            .hash_password_into(pin.0.as_bytes(), &salt, key.as_mut())
            .map_err(|_| VaultError::Crypto)?;
        let key = UnboundKey::new(&AES_256_GCM, key.as_ref()).map_err(|_| VaultError::Crypto)?;
        Ok(Self { salt, memory_kib, passes, key: LessSafeKey::new(key) })
    }

    pub fn seal(&self, plaintext: &[u8]) -> Result<Sealed, VaultError> {
        let mut nonce = [0; 12];
        rand::fill(&mut nonce).map_err(|_| VaultError::Crypto)?;
        // Room for the tag, so that the plaintext is not left behind by a reallocation.
        let mut ciphertext = Vec::with_capacity(plaintext.len() + AES_256_GCM.tag_len());
        ciphertext.extend_from_slice(plaintext);
        self.key
            .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(CONTEXT), &mut ciphertext)
            .map_err(|_| VaultError::Crypto)?;
        Ok(Sealed { kdf: "argon2id".to_owned(), memory_kib: self.memory_kib, passes: self.passes, salt: self.salt, nonce, ciphertext })
    }
}

impl Sealed {
    /// Opens the vault: the key for sealing again, and the content.
    pub fn open(&self, pin: &Pin) -> Result<(VaultKey, Zeroizing<Vec<u8>>), VaultError> {
        // Bounds on what a damaged or planted file can make this machine spend.
        if self.kdf != "argon2id" || self.memory_kib > 1024 * 1024 || self.passes > 16 {
            return Err(VaultError::Damaged);
        }
        let key = VaultKey::derive(pin, self.salt, self.memory_kib, self.passes)?;
        let mut content = Zeroizing::new(self.ciphertext.clone());
        let length = key
            .key
            .open_in_place(Nonce::assume_unique_for_key(self.nonce), Aad::from(CONTEXT), content.as_mut())
            .map_err(|_| VaultError::WrongPin)?
            .len();
        content.truncate(length);
        Ok((key, content))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_pin_opens_the_vault() {
        let pin = Pin::new("123456").expect("digits");
        let sealed = VaultKey::new(&pin).expect("key").seal(b"keys").expect("sealed");
        let stored: Sealed = serde_json::from_str(&serde_json::to_string(&sealed).expect("json")).expect("json");
        let (key, content) = stored.open(&pin).expect("opens");
        assert_eq!(*content, b"keys");
        assert_ne!(key.seal(b"keys").expect("sealed").nonce, sealed.nonce);
        assert_eq!(stored.open(&Pin::new("654321").expect("digits")).err(), Some(VaultError::WrongPin));
    }

    #[test]
    fn a_pin_is_six_to_eight_digits() {
        for wrong in ["", "12345", "123456789", "12345a", "１２３４５６"] {
            assert_eq!(Pin::new(wrong).err(), Some(VaultError::NotAPin), "{wrong}");
        }
        assert_eq!(format!("{:?}", Pin::new("123456")), "Ok(Pin(…))");
    }
}
