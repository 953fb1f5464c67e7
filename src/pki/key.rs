//! Keys on P-256: the public half as everybody names it, the private half as a thing that signs.
//!
//! Key generation and the nonces of ECDSA are the cryptographic library's own randomness; everything else random that a certificate
//! holds (serials, nonces, content keys) is drawn from [`Entropy`], so that tests can repeat it.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair, UnparsedPublicKey};
use zeroize::Zeroizing;

use super::lint::Unfit;
use super::token::{Token, TokenFault};
use crate::lifecycle::credential::KeyId;

/// Where random bytes come from: the operating system in a server, a seed in a test.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`; a server that cannot is broken and stops.
    fn fill(&self, bytes: &mut [u8]);
}

/// `N` random bytes.
pub fn random<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut bytes = [0; N];
    entropy.fill(&mut bytes);
    bytes
}

/// The DER prefix of every uncompressed P-256 SubjectPublicKeyInfo (RFC 5480 §2); the 65 bytes of the point follow.
const P256_SPKI_PREFIX: [u8; 26] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];

/// The DER SubjectPublicKeyInfo of a P-256 key, uncompressed: 91 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct Spki([u8; 91]);

impl Spki {
    /// Reads a DER SubjectPublicKeyInfo; `None` unless it is an uncompressed point on P-256.
    pub fn from_der(der: &[u8]) -> Option<Self> {
        let bytes: [u8; 91] = der.try_into().ok()?;
        let is_p256 = bytes.starts_with(&P256_SPKI_PREFIX) && bytes[26] == 0x04;
        is_p256.then_some(Self(bytes))
    }

    /// Of an uncompressed point, 65 bytes, first `04`.
    pub fn from_point(point: &[u8]) -> Option<Self> {
        Self::from_der(&[&P256_SPKI_PREFIX[..], point].concat())
    }

    pub fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// The uncompressed point, 65 bytes, first `04`.
    pub fn point(&self) -> &[u8] {
        &self.0[26..]
    }

    /// SHA-256 of the DER: which key this is.
    pub fn key_id(&self) -> KeyId {
        KeyId(sha256(&self.0))
    }

    /// The subject key identifier, method 1: SHA-1 of the bits of the public key (RFC 5280 §4.2.1.2).
    pub fn subject_key_identifier(&self) -> [u8; 20] {
        let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, self.point());
        let mut id = [0; 20];
        id.copy_from_slice(hash.as_ref());
        id
    }

    /// Whether `signature` (ECDSA, SHA-256, DER) over `message` was made by this key.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, self.point()).verify(message, signature).is_ok()
    }
}

impl fmt::Debug for Spki {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Spki({:02x?}…)", &self.key_id().0[..4])
    }
}

/// In hexadecimal, lower case.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// SHA-256 of `bytes`.
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    hash
}

/// A private key on P-256 that signs (ECDSA with SHA-256). It never shows itself in a log.
pub struct SigningKey {
    private: Private,
    spki: Spki,
}

/// Where the private half is.
enum Private {
    /// In this process.
    Here(EcdsaKeyPair),
    /// In a token, under a label.
    InToken(Arc<Token>, String),
}

impl SigningKey {
    /// A new key.
    pub fn generate() -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| KeyError::Generation)?;
        Self::of(pair)
    }

    /// Reads a PKCS#8 PrivateKeyInfo (RFC 5208).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, KeyError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(|_| KeyError::Unreadable)?;
        Self::of(pair)
    }

    fn of(pair: EcdsaKeyPair) -> Result<Self, KeyError> {
        let mut der = [0; 91];
        der[..26].copy_from_slice(&P256_SPKI_PREFIX);
        der[26..].copy_from_slice(pair.public_key().as_ref().get(..65).ok_or(KeyError::Unreadable)?);
        Ok(Self { private: Private::Here(pair), spki: Spki(der) })
    }

    /// The key of that label in a token.
    pub fn in_token(token: &Arc<Token>, label: &str) -> Result<Self, TokenFault> {
        let spki = token.public_half(label)?;
        Ok(Self { private: Private::InToken(Arc::clone(token), label.to_owned()), spki })
    }

    /// The private key as PKCS#8, for a key store or an escrow.
    pub fn to_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, KeyError> {
        let Private::Here(pair) = &self.private else { return Err(KeyError::InToken) };
        let der = pair.to_pkcs8v1().map_err(|_| KeyError::Unreadable)?;
        Ok(Zeroizing::new(der.as_ref().to_vec()))
    }

    pub fn spki(&self) -> &Spki {
        &self.spki
    }

    /// Whether the private half is in this process, and so always at hand.
    pub fn is_here(&self) -> bool {
        matches!(self.private, Private::Here(_))
    }

    /// Signs `message`: ECDSA with SHA-256, DER.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        match &self.private {
            Private::Here(pair) => {
                let signature = pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Signing)?;
                Ok(signature.as_ref().to_vec())
            }
            Private::InToken(token, label) => {
                let signature = token.sign(label, message)?;
                // what another machine made is looked at before anybody relies on it
                if self.spki.verifies(message, &signature) { Ok(signature) } else { Err(KeyError::Signing) }
            }
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey(private, {:?})", self.spki)
    }
}

/// A key that could not be used. It never says what was in it.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    #[error("a key could not be generated")]
    Generation,
    #[error("a private key could not be read: expected PKCS#8 with a P-256 key")]
    Unreadable,
    #[error("a certificate of ours could not be read, or what a key was to sign not be encoded")]
    Encoding(#[from] der::Error),
    #[error("a key could not sign")]
    Signing,
    #[error("found: a private key in a token, expected: one that can be taken out")]
    InToken,
    #[error(transparent)]
    Token(#[from] TokenFault),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error("a sealed key does not open: wrong master key, or altered")]
    Sealed,
    #[error("a key could not be sealed")]
    Sealing,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_being_stored_and_signs_for_its_public_half() {
        let key = SigningKey::generate().unwrap();
        let again = SigningKey::from_pkcs8(&key.to_pkcs8().unwrap()).unwrap();
        let signature = again.sign(b"message").unwrap();
        assert!(key.spki().verifies(b"message", &signature));
        assert!(!key.spki().verifies(b"another message", &signature));
        assert_eq!(Spki::from_der(key.spki().as_der()).as_ref(), Some(key.spki()));
    }
}
