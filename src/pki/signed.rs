//! The outer shape of a certificate (RFC 5280 §4.1.1): what is signed, and an ECDSA signature with SHA-256 over it.
//!
//! Reading is strict DER and keeps the signed bytes as they came, so that what is verified is what was received.

use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{AnyRef, BitStringRef};
use der::{Decode, Encode, Reader, Sequence, SliceReader};
use x509_cert::spki::{AlgorithmIdentifierOwned, AlgorithmIdentifierRef};

use super::certificate::CertifyError;
use super::key::{SigningKey, Spki};

/// What was signed, and the signature over it.
pub(super) struct Signed<'a> {
    pub content: &'a [u8],
    signature: &'a [u8],
}

#[derive(Sequence)]
struct Parts<'a> {
    content: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

/// Signs the DER of a TBSCertificate; the answer is the certificate.
pub(super) fn sign(content: &[u8], key: &SigningKey) -> Result<Vec<u8>, CertifyError> {
    let signature = key.sign(content)?;
    let parts = Parts {
        content: AnyRef::from_der(content)?,
        algorithm: ecdsa_with_sha256(),
        signature: BitStringRef::from_bytes(&signature)?,
    };
    Ok(parts.to_der()?)
}

impl<'a> Signed<'a> {
    /// `None` unless it is strict DER, with nothing behind it, and of our algorithm.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let parts = |inner: &mut SliceReader<'a>| Ok::<_, der::Error>((inner.tlv_bytes()?, inner.decode()?, inner.decode()?));
        let (content, algorithm, signature): (_, AlgorithmIdentifierRef<'_>, BitStringRef<'_>) = reader.sequence(parts).ok()?;
        reader.finish().ok()?;
        let is_ours = algorithm.oid == ECDSA_WITH_SHA_256 && algorithm.parameters.is_none();
        is_ours.then_some(Self {
            content,
            signature: signature.as_bytes()?,
        })
    }

    pub fn is_by(&self, signer: &Spki) -> bool {
        signer.verifies(self.content, self.signature)
    }
}

/// Without parameters, not even NULL (RFC 5758 §3.2).
pub(super) fn ecdsa_with_sha256() -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned {
        oid: ECDSA_WITH_SHA_256,
        parameters: None,
    }
}
