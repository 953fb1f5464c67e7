//! Reading the outer shape of a certificate (RFC 5280 §4.1.1): what is signed, and an ECDSA signature with SHA-256 over it. It is strict
//! about DER and keeps the signed bytes as they came, so that what is verified is what was received.

use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::BitStringRef;
use der::{Reader, SliceReader};
use x509_cert::spki::AlgorithmIdentifierRef;

use super::key::Spki;

/// What was signed, and the signature over it.
pub(super) struct Signed<'a> {
    pub content: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// `None` unless it is strict DER, with nothing behind it, and of our algorithm.
    pub fn read(der: &'a [u8]) -> Option<Self> {
        let mut reader = SliceReader::new(der).ok()?;
        let parts = |inner: &mut SliceReader<'a>| Ok::<_, der::Error>((inner.tlv_bytes()?, inner.decode()?, inner.decode()?));
        let (content, algorithm, signature): (_, AlgorithmIdentifierRef<'_>, BitStringRef<'_>) = reader.sequence(parts).ok()?;
        reader.finish().ok()?;
        let is_ours = algorithm.oid == ECDSA_WITH_SHA_256 && algorithm.parameters.is_none();
        is_ours.then_some(Self { content, signature: signature.as_bytes()? })
    }

    pub fn is_by(&self, signer: &Spki) -> bool {
        signer.verifies(self.content, self.signature)
    }
}
