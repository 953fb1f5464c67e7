//! The key that a card's keeper shows to write on it: 9B, AES (SP 800-73-5 part 2 §3.2.4, SP 800-78-5).

use std::fmt;

use aws_lc_rs::cipher::{AES_128, AES_192, AES_256, Algorithm, DecryptingKey, DecryptionContext, EncryptingKey, UnboundCipherKey};
use aws_lc_rs::rand;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

/// The length of what is encrypted to show it.
pub const BLOCK: usize = 16;

/// Not such a key, or the library refuses it.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a management key is 32, 48 or 64 hexadecimal digits: AES with 128, 192 or 256 bits")]
pub struct BadManagementKey;

/// An AES key. Wiped when dropped, never shown.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "Vec<u8>", into = "Vec<u8>")]
pub struct ManagementKey(Zeroizing<Vec<u8>>);

impl ManagementKey {
    /// One that nobody knows.
    pub fn random() -> Result<Self, BadManagementKey> {
        let mut key = Zeroizing::new(vec![0; 32]);
        rand::fill(&mut key).map_err(|_| BadManagementKey)?;
        Ok(Self(key))
    }

    /// From hexadecimal digits.
    pub fn from_hex(digits: &str) -> Result<Self, BadManagementKey> {
        let digit = |byte: u8| char::from(byte).to_digit(16).ok_or(BadManagementKey);
        let pairs = digits.as_bytes().chunks(2).map(|pair| match *pair {
            [high, low] => Ok((digit(high)? << 4 | digit(low)?) as u8),
            _ => Err(BadManagementKey),
        });
        Self::try_from(pairs.collect::<Result<Vec<_>, _>>()?)
    }

    /// How SP 800-78-5 calls the algorithm.
    pub fn algorithm(&self) -> u8 {
        match self.0.len() {
            16 => 0x08,
            24 => 0x0A,
            _ => 0x0C,
        }
    }

    /// How long it is.
    pub fn bits(&self) -> usize {
        self.0.len() * 8
    }

    pub fn encrypt(&self, block: [u8; BLOCK]) -> Result<[u8; BLOCK], BadManagementKey> {
        let mut block = block;
        EncryptingKey::ecb(self.unbound()?).and_then(|key| key.encrypt(&mut block)).map_err(|_| BadManagementKey)?;
        Ok(block)
    }

    pub fn decrypt(&self, block: [u8; BLOCK]) -> Result<[u8; BLOCK], BadManagementKey> {
        let mut block = block;
        let key = DecryptingKey::ecb(self.unbound()?).map_err(|_| BadManagementKey)?;
        key.decrypt(&mut block, DecryptionContext::None).map_err(|_| BadManagementKey)?;
        Ok(block)
    }

    fn unbound(&self) -> Result<UnboundCipherKey, BadManagementKey> {
        let algorithm: &'static Algorithm = match self.0.len() {
            16 => &AES_128,
            24 => &AES_192,
            _ => &AES_256,
        };
        UnboundCipherKey::new(algorithm, &self.0).map_err(|_| BadManagementKey)
    }
}

impl TryFrom<Vec<u8>> for ManagementKey {
    type Error = BadManagementKey;

    fn try_from(key: Vec<u8>) -> Result<Self, BadManagementKey> {
        let key = Zeroizing::new(key);
        if matches!(key.len(), 16 | 24 | 32) { Ok(Self(key)) } else { Err(BadManagementKey) }
    }
}

impl From<ManagementKey> for Vec<u8> {
    fn from(key: ManagementKey) -> Self {
        key.0.to_vec()
    }
}

impl fmt::Debug for ManagementKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ManagementKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// FIPS 197 appendix C.
    #[test]
    fn a_block_is_encrypted_as_the_standard_shows() {
        let plain: [u8; BLOCK] = std::array::from_fn(|at| at as u8 * 0x11);
        let key: String = (0..32).map(|at| format!("{at:02x}")).collect();
        for (digits, first) in [(32, [0x69, 0xC4, 0xE0, 0xD8]), (48, [0xDD, 0xA9, 0x7C, 0xA4]), (64, [0x8E, 0xA2, 0xB7, 0xCA])] {
            let key = ManagementKey::from_hex(&key[..digits]).expect("a key");
            let encrypted = key.encrypt(plain).expect("encrypted");
            assert_eq!(encrypted[..4], first);
            assert_eq!(key.decrypt(encrypted), Ok(plain));
        }
    }

    #[test]
    fn only_three_lengths_are_keys() {
        for wrong in ["", "00", "0g", "000", &"0".repeat(34), &"é".repeat(16)] {
            assert_eq!(ManagementKey::from_hex(wrong).err(), Some(BadManagementKey), "{wrong}");
        }
        assert_eq!(format!("{:?}", ManagementKey::random()), "Ok(ManagementKey(…))");
    }
}
