//! The issuer that we answer for, as requests name it: hashed once, compared with each question.

use aws_lc_rs::digest::{Algorithm, SHA1_FOR_LEGACY_USE_ONLY, SHA256, digest};
use der::{Decode, Encode};
use x509_cert::Certificate;

use super::request::{CertId, Hash};

/// An issuer, by its hashes.
pub struct Issuer {
    sha1: Hashes,
    sha256: Hashes,
}

/// RFC 6960 §4.1.1: of the name as DER; of the key the bits alone, without tag, length and unused bits.
struct Hashes {
    name: Vec<u8>,
    key: Vec<u8>,
}

impl Issuer {
    /// The issuer whose certificate (DER) this is.
    pub fn of(certificate: &[u8]) -> der::Result<Self> {
        let certificate = Certificate::from_der(certificate)?;
        let certificate = certificate.tbs_certificate();
        let name = certificate.subject().to_der()?;
        let key = certificate.subject_public_key_info().subject_public_key.raw_bytes();
        let hashes = |algorithm: &'static Algorithm| {
            let hash = |bytes| digest(algorithm, bytes).as_ref().to_vec();
            Hashes { name: hash(&name), key: hash(key) }
        };
        Ok(Self { sha1: hashes(&SHA1_FOR_LEGACY_USE_ONLY), sha256: hashes(&SHA256) })
    }

    /// Whether a question is about a certificate of this issuer. One whose issuer is hashed by something else is nobody's.
    pub fn issued(&self, cert: &CertId) -> bool {
        let ours = match cert.hash {
            Some(Hash::Sha1) => &self.sha1,
            Some(Hash::Sha256) => &self.sha256,
            None => return false,
        };
        ours.name == cert.issuer_name_hash && ours.key == cert.issuer_key_hash
    }
}
