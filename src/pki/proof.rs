//! The proof that a device knows the secret of its invitation, bound to one TLS connection, and the server's proof in return
//! (docs/protocol.md, M2). Only [`ProofKey`] is ever kept, sealed; the secret itself is shown once and forgotten.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hkdf::{HKDF_SHA256, Salt};
use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use super::key::{KeyError, Spki};

/// What a ticket's secret and code become: HKDF-SHA-256 over both, salted with the invitation (RFC 5869).
pub struct ProofKey(Zeroizing<[u8; 32]>);

/// What one proof is about.
pub struct Transcript<'a> {
    /// The TLS exporter of this connection: 32 bytes (RFC 9266).
    pub exporter: &'a [u8; 32],
    pub invitation: &'a [u8; 16],
    pub session_key: &'a Spki,
    pub nonce: &'a [u8; 16],
}

const FROM_DEVICE: &[u8] = b"msc1 c2s";
const FROM_SERVER: &[u8] = b"msc1 s2c";

impl ProofKey {
    /// Derives the key from the secret, and the digits of the code where the policy asks for one.
    pub fn derive(secret: &[u8; 16], code: Option<&str>, invitation: &[u8; 16]) -> Result<Self, KeyError> {
        let input = Zeroizing::new([secret.as_slice(), code.unwrap_or_default().as_bytes()].concat());
        let extracted = Salt::new(HKDF_SHA256, invitation).extract(&input);
        let mut key = Zeroizing::new([0; 32]);
        extracted.expand(&[], HKDF_SHA256).and_then(|okm| okm.fill(key.as_mut_slice())).map_err(|_| KeyError::Generation)?;
        Ok(Self(key))
    }

    /// Reads a key that was kept.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, KeyError> {
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| KeyError::Unreadable)?;
        Ok(Self(Zeroizing::new(bytes)))
    }

    /// The bytes to keep, sealed.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether it is this key, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        verify_slices_are_equal(self.0.as_slice(), other.0.as_slice()).is_ok()
    }

    /// Whether `proof` is the device's, in constant time.
    pub fn is_proved(&self, transcript: &Transcript<'_>, proof: &[u8]) -> bool {
        hmac::verify(&self.hmac(), &transcript.message(FROM_DEVICE), proof).is_ok()
    }

    /// The server's proof in return.
    pub fn answer(&self, transcript: &Transcript<'_>) -> [u8; 32] {
        let tag = hmac::sign(&self.hmac(), &transcript.message(FROM_SERVER));
        let mut answer = [0; 32];
        answer.copy_from_slice(tag.as_ref());
        answer
    }

    /// The device's proof, for what plays a device in tests.
    pub fn prove(&self, transcript: &Transcript<'_>) -> [u8; 32] {
        let tag = hmac::sign(&self.hmac(), &transcript.message(FROM_DEVICE));
        let mut proof = [0; 32];
        proof.copy_from_slice(tag.as_ref());
        proof
    }

    fn hmac(&self) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, self.0.as_slice())
    }
}

impl Transcript<'_> {
    fn message(&self, direction: &[u8]) -> Vec<u8> {
        [direction, self.exporter, self.invitation, self.session_key.as_der(), self.nonce].concat()
    }
}

impl fmt::Debug for ProofKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProofKey(secret)")
    }
}
