//! A private key of the phone, on P-256: it signs, and it agrees.
//!
//! The key lives as PKCS#8 in memory that is wiped when it is dropped. It is never in a `Debug` form, and leaves the process only
//! sealed under the PIN, or by an explicit export. Or it lies in a physical card, which uses it and gives it to nobody.

use std::fmt;

use aws_lc_rs::agreement::{self, ECDH_P256, UnparsedPublicKey};
use aws_lc_rs::digest;
use aws_lc_rs::encoding::{AsBigEndian, EcPrivateKeyBin};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use rustls::sign::Signer;
use rustls::{SignatureAlgorithm, SignatureScheme};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use zeroize::Zeroizing;

use crate::encoding::{b64, from_b64};
use crate::piv::KeyReference;
use crate::station::holder::Seat;

/// The length of an uncompressed point on P-256, and what stands before it in a SubjectPublicKeyInfo (RFC 5480 §2.1.1).
const POINT: usize = 65;
const SPKI: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01, 0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01,
    0x07, 0x03, 0x42, 0x00,
];

/// How a key in a card begins where it is stored; a key that is here is base64, which has no colon.
const ON_CARD: &str = "card:";

/// The bytes are not a P-256 private key, or it is not the one that belongs to the public key.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not a usable P-256 private key")]
pub struct BadKey;

/// A P-256 private key with its public key.
#[derive(Clone)]
pub struct Key {
    held: Held,
    point: Vec<u8>,
}

/// Where the private half is.
#[derive(Clone)]
enum Held {
    Here(Zeroizing<Vec<u8>>),
    OnCard(KeyReference, Seat),
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

    /// From the 32 bytes of the scalar alone.
    pub fn of_scalar(scalar: &[u8]) -> Result<Self, BadKey> {
        let private = agreement::PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| BadKey)?;
        Self::from_scalar(scalar, private.compute_public_key().map_err(|_| BadKey)?.as_ref())
    }

    fn of_pair(pair: &EcdsaKeyPair) -> Result<Self, BadKey> {
        let pkcs8 = pair.to_pkcs8v1().map_err(|_| BadKey)?;
        let held = Held::Here(Zeroizing::new(pkcs8.as_ref().to_vec()));
        Ok(Self { held, point: pair.public_key().as_ref().to_vec() })
    }

    /// A key in a card.
    pub(crate) fn on_card(place: KeyReference, seat: Seat, point: Vec<u8>) -> Self {
        Self { held: Held::OnCard(place, seat), point }
    }

    /// The seat of the card that has it, if one has.
    pub(crate) fn seat(&self) -> Option<&Seat> {
        match &self.held {
            Held::Here(_) => None,
            Held::OnCard(_, seat) => Some(seat),
        }
    }

    /// The 32 bytes of the private key, which must be here.
    pub(crate) fn scalar(&self) -> Result<Zeroizing<[u8; 32]>, BadKey> {
        let private = self.pair()?;
        let private: EcPrivateKeyBin<'_> = private.private_key().as_be_bytes().map_err(|_| BadKey)?;
        Ok(Zeroizing::new(private.as_ref().try_into().map_err(|_| BadKey)?))
    }

    fn pair(&self) -> Result<EcdsaKeyPair, BadKey> {
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, self.pkcs8()?).map_err(|_| BadKey)
    }

    /// The private key in PKCS#8 (RFC 5208), DER. A card gives none.
    pub fn pkcs8(&self) -> Result<&Zeroizing<Vec<u8>>, BadKey> {
        match &self.held {
            Held::Here(pkcs8) => Ok(pkcs8),
            Held::OnCard(..) => Err(BadKey),
        }
    }

    /// The public key as an uncompressed point, 65 bytes (SEC 1 §2.3.3).
    pub fn point(&self) -> &[u8] {
        &self.point
    }

    /// The DER of the SubjectPublicKeyInfo.
    pub fn spki(&self) -> Result<Vec<u8>, BadKey> {
        if self.point.len() == POINT { Ok([SPKI, &self.point].concat()) } else { Err(BadKey) }
    }

    /// The subject key identifier: SHA-1 of the bits of the public key (RFC 5280 §4.2.1.2, method 1).
    pub fn identifier(&self) -> [u8; 20] {
        identifier_of(&self.point)
    }

    /// ECDSA with SHA-256, DER-encoded (RFC 3279 §2.2.3).
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, BadKey> {
        if let Held::OnCard(place, seat) = &self.held {
            let digest = digest::digest(&digest::SHA256, message);
            return seat.sign(*place, digest.as_ref().try_into().map_err(|_| BadKey)?);
        }
        let signature = self.pair()?.sign(&SystemRandom::new(), message).map_err(|_| BadKey)?;
        Ok(signature.as_ref().to_vec())
    }

    /// ECDSA over a digest that somebody else has made, DER-encoded. A shorter one counts as a number, as ECDSA takes it (FIPS 186-5 §6.4.1).
    pub fn sign_digest(&self, digest: &[u8]) -> Result<Vec<u8>, BadKey> {
        let mut padded = [0; 32];
        let start = padded.len().checked_sub(digest.len()).filter(|_| !digest.is_empty()).ok_or(BadKey)?;
        padded[start..].copy_from_slice(digest);
        let digest = digest::Digest::import_less_safe(&padded, &digest::SHA256).map_err(|_| BadKey)?;
        Ok(self.pair()?.sign_digest(&digest).map_err(|_| BadKey)?.as_ref().to_vec())
    }

    /// The ECDH shared secret with a peer's public point (SP 800-56A §5.7.1.2, one pass).
    pub fn agree(&self, peer_point: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadKey> {
        if let Held::OnCard(place, seat) = &self.held {
            return seat.agree(*place, peer_point);
        }
        let private = agreement::PrivateKey::from_private_key_der(&ECDH_P256, self.pkcs8()?).map_err(|_| BadKey)?;
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
        match &self.held {
            Held::Here(pkcs8) => serializer.serialize_str(&Zeroizing::new(b64(pkcs8))),
            Held::OnCard(place, _) => serializer.serialize_str(&format!("{ON_CARD}{:02X}:{}", place.byte(), b64(&self.point))),
        }
    }
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        if let Some((place, point)) = text.strip_prefix(ON_CARD).and_then(|rest| rest.split_once(':')) {
            let place = u8::from_str_radix(place, 16).ok().and_then(KeyReference::from_byte);
            let place = place.ok_or_else(|| D::Error::custom("no place of a card"))?;
            return Ok(Self::on_card(place, Seat::default(), from_b64(point.as_bytes()).map_err(D::Error::custom)?));
        }
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

/// So that TLS connections are opened without the key leaving this type.
impl rustls::sign::SigningKey for Key {
    fn choose_scheme(&self, offered: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        let is_offered = offered.contains(&SignatureScheme::ECDSA_NISTP256_SHA256);
        is_offered.then(|| Box::new(self.clone()) as Box<dyn Signer>)
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        SignatureAlgorithm::ECDSA
    }
}

impl Signer for Key {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rustls::Error> {
        Self::sign(self, message).map_err(|error| rustls::Error::General(error.to_string()))
    }

    fn scheme(&self) -> SignatureScheme {
        SignatureScheme::ECDSA_NISTP256_SHA256
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
        let alone = Key::of_scalar(&[7; 32]).expect("a key");
        assert!(Key::from_scalar(&[7; 32], alone.point()).is_ok());
        for wrong in [&[0; 32][..], &[0xFF; 32], &[7; 31]] {
            assert_eq!(Key::of_scalar(wrong).err(), Some(BadKey));
        }
    }
}
