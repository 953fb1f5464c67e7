//! A private key of the phone, on P-256: it signs, and it agrees.
//!
//! The key lives as PKCS#8 in memory that is wiped when it is dropped. It is never in a `Debug` form, and leaves the process only
//! sealed under the PIN, or by an explicit export.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use zeroize::Zeroizing;

use crate::encoding::{b64, from_b64};

/// The bytes are not a P-256 private key, or it is not the one that belongs to the public key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a usable P-256 private key")]
pub struct BadKey;

/// A P-256 private key with its public key.
#[derive(Clone)]
pub struct Key {
    pkcs8: Zeroizing<Vec<u8>>,
    point: Vec<u8>,
}

impl Key {
    pub fn generate() -> Result<Self, BadKey> {
        Self::of_pair(&EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).map_err(|_| BadKey)?)
    }

    pub fn from_pkcs8(der: &[u8]) -> Result<Self, BadKey> {
        Self::of_pair(&EcdsaKeyPair::from_private_key_der(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(|_| BadKey)?)
    }

    /// From the 32 bytes of the scalar, which must be the one that belongs to the uncompressed public `point`.
    pub fn from_scalar(scalar: &[u8], point: &[u8]) -> Result<Self, BadKey> {
        let pair = EcdsaKeyPair::from_private_key_and_public_key(&ECDSA_P256_SHA256_ASN1_SIGNING, scalar, point);
        Self::of_pair(&pair.map_err(|_| BadKey)?)
    }

    fn of_pair(pair: &EcdsaKeyPair) -> Result<Self, BadKey> {
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| BadKey)?;
        Ok(Self { pkcs8: Zeroizing::new(pkcs8.as_ref().to_vec()), point: pair.public_key().as_ref().to_vec() })
    }

    fn pair(&self) -> Result<EcdsaKeyPair, BadKey> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &self.pkcs8).map_err(|_| BadKey)
    }

    /// The private key in PKCS#8 (RFC 5208), DER.
    pub fn pkcs8(&self) -> &Zeroizing<Vec<u8>> {
        &self.pkcs8
    }

    /// The public key as an uncompressed point, 65 bytes (SEC 1 §2.3.3).
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> Result<Vec<u8>, BadKey> {
        Ok(self.pair()?.public_key().as_der().map_err(|_| BadKey)?.as_ref().to_vec())
    }

    /// The subject key identifier: SHA-1 of the bits of the public key (RFC 5280 §4.2.1.2, method 1).
    pub fn identifier(&self) -> [u8; 20] {
        identifier_of(&self.point)
    }

    /// ECDSA with SHA-256, DER-encoded (RFC 3279 §2.2.3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadKey> {
        let signature = self.pair()?.sign(&SystemRandom::new(), message).map_err(|_| BadKey)?;
        Ok(signature.as_ref().to_vec())
    }

    /// The ECDH shared secret with a peer's public point (SP 800-56A §5.7.1.2, one pass).
    pub fn agree(&self, peer_point: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadKey> {
        let private = agreement::PrivateKey::from_private_key_der(&ECDH_P256, &self.pkcs8).map_err(|_| BadKey)?;
        let peer = UnparsedPublicKey::new(&ECDH_P256, peer_point);
        agreement::agree(&private, peer, BadKey, |secret| Ok(Zeroizing::new(secret.to_vec())))
    }
}

/// SHA-1 of a public point, as subject key identifiers are made of it.
pub(crate) fn identifier_of(point: &[u8]) -> [u8; 20] {
    let mut identifier = [0; 20];
    identifier.copy_from_slice(digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, point).as_ref());
    identifier
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(…)")
    }
}

impl Serialize for Key {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(b64(&self.pkcs8)))
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        let pkcs8 = Zeroizing::new(from_b64(text.as_bytes()).map_err(D::Error::custom)?);
        Self::from_pkcs8(&pkcs8).map_err(D::Error::custom)
    }
}

/// So that certificate requests are made by rcgen without the key leaving this type.
impl rcgen::PublicKeyData for Key {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        Self::sign(self, message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_stored_form_and_shows_nothing() {
        let key = Key::generate().expect("random");
        let stored = serde_json::to_string(&key).expect("json");
        let read: Key = serde_json::from_str(&stored).expect("json");
        assert_eq!(read.point(), key.point());
        assert_eq!(format!("{key:?}"), "Key(…)");
    }

    #[test]
    fn two_keys_agree_and_a_scalar_must_fit_its_point() {
        let (a, b) = (Key::generate().expect("random"), Key::generate().expect("random"));
        assert_eq!(a.agree(b.point()).expect("agrees"), b.agree(a.point()).expect("agrees"));
        assert_eq!(Key::from_scalar(&[7; 32], a.point()).expect_err("other point"), BadKey);
    }
}
