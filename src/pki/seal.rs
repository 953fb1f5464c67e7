//! Sealing: what is kept at rest (key files, escrowed private keys) is kept encrypted under one key.
//!
//! A sealed text is bound to its label: copied to another row or file it does not open. It deliberately does not say which key
//! sealed it, and there is no rotation yet: the leading version byte leaves room for both.

use std::fmt;

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use zeroize::Zeroizing;

use super::key::{Entropy, KeyError, random};

/// AES-256-GCM, 96-bit random nonce in front, 128-bit tag behind.
pub(super) const VERSION: u8 = 1;

/// A key that seals and opens. Random nonces allow 2^32 sealings under one key (SP 800-38D §8.3).
pub struct SealingKey(Zeroizing<[u8; 32]>);

impl SealingKey {
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// Seals `plaintext` for the place that `label` names: version ‖ nonce ‖ ciphertext ‖ tag.
    pub fn seal(&self, entropy: &dyn Entropy, label: &str, plaintext: &[u8]) -> Result<Vec<u8>, KeyError> {
        let nonce = random::<NONCE_LEN>(entropy);
        let mut text = Zeroizing::new(plaintext.to_vec());
        let tag = self
            .cipher()?
            .seal_in_place_separate_tag(Nonce::assume_unique_for_key(nonce), associated(label), &mut text)
            .map_err(|_| KeyError::Sealing)?;
        Ok([&[VERSION][..], &nonce, &text, tag.as_ref()].concat())
    }

    /// Opens what [`seal`](Self::seal) made with the same key and label.
    pub fn open(&self, label: &str, sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let Some((&VERSION, rest)) = sealed.split_first() else {
            return Err(KeyError::Sealed);
        };
        let (nonce, text) = rest.split_at_checked(NONCE_LEN).ok_or(KeyError::Sealed)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| KeyError::Sealed)?;
        let mut text = Zeroizing::new(text.to_vec());
        let length = self.cipher()?.open_in_place(nonce, associated(label), &mut text).map_err(|_| KeyError::Sealed)?.len();
        text.truncate(length);
        Ok(text)
    }

    fn cipher(&self) -> Result<LessSafeKey, KeyError> {
        let key = UnboundKey::new(&AES_256_GCM, self.0.as_ref()).map_err(|_| KeyError::Sealing)?;
        Ok(LessSafeKey::new(key))
    }
}

fn associated(label: &str) -> Aad<Vec<u8>> {
    Aad::from(associated_bytes(label))
}

/// What a sealed text is bound to.
pub(super) fn associated_bytes(label: &str) -> Vec<u8> {
    [&[VERSION], label.as_bytes()].concat()
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SealingKey(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::Seed;

    #[test]
    fn a_sealed_text_opens_under_its_own_key_and_label_only() {
        let (seed, key) = (Seed::new(1), SealingKey::from_bytes([7; 32]));
        let sealed = key.seal(&seed, "escrow/1", b"private").unwrap();
        assert_eq!(key.open("escrow/1", &sealed).unwrap().as_slice(), b"private");
        assert!(matches!(key.open("escrow/2", &sealed), Err(KeyError::Sealed)));
        assert!(matches!(SealingKey::from_bytes([8; 32]).open("escrow/1", &sealed), Err(KeyError::Sealed)));
    }

    #[test]
    fn a_sealed_text_that_was_altered_or_cut_anywhere_does_not_open() {
        let key = SealingKey::from_bytes([7; 32]);
        let sealed = key.seal(&Seed::new(1), "label", b"private").unwrap();
        for index in 0..sealed.len() {
            let mut altered = sealed.clone();
            altered[index] ^= 1;
            assert!(key.open("label", &altered).is_err(), "byte {index}");
            assert!(key.open("label", &sealed[..index]).is_err(), "cut at {index}");
        }
    }

    #[test]
    fn the_same_text_sealed_twice_differs() {
        let (seed, key) = (Seed::new(1), SealingKey::from_bytes([7; 32]));
        assert_ne!(key.seal(&seed, "l", b"p").unwrap(), key.seal(&seed, "l", b"p").unwrap());
    }

    #[test]
    fn a_sealing_key_does_not_show_itself() {
        assert_eq!(format!("{:?}", SealingKey::from_bytes([7; 32])), "SealingKey(secret)");
    }
}
