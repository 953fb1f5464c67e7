//! The pieces of DER that CRLs, OCSP answers and CMS messages share. It decides nothing: what they say is in their own files.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::ECDSA_WITH_SHA_256;
use der::asn1::{AnyRef, BitStringRef, UintRef};
use der::{DateTime, Decode, Encode, ErrorKind, Header, Length, Sequence, Tag};
use jiff::Timestamp;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::key::{KeyError, SigningKey};

/// An algorithm without parameters.
pub(super) fn plain(oid: ObjectIdentifier) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters: None }
}

/// How everything of ours is signed; the parameters are absent (RFC 5758 §3.2).
pub(super) fn ecdsa_with_sha256() -> AlgorithmIdentifierOwned {
    plain(ECDSA_WITH_SHA_256)
}

/// A moment as X.509 writes it: whole seconds, what is finer is cut off.
pub(super) fn date_time(at: Timestamp) -> der::Result<DateTime> {
    let since_1970 = u64::try_from(at.as_second()).map_err(|_| ErrorKind::DateTime)?;
    DateTime::from_unix_duration(std::time::Duration::from_secs(since_1970))
}

/// The outer shape of everything signed in X.509 (RFC 5280 §4.1.1).
#[derive(Sequence)]
struct Signed<'a> {
    content: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

/// RFC 3279 §2.2.3.
#[derive(Sequence)]
pub(super) struct EcdsaSignature<'a> {
    pub r: UintRef<'a>,
    pub s: UintRef<'a>,
}

/// The same from r ‖ s, 32 bytes each, as tokens give it (PKCS#11 §2.3.1).
pub(super) fn der_of_ecdsa(raw: &[u8]) -> Option<Vec<u8>> {
    let (r, s) = raw.split_at_checked(32).filter(|(_, s)| s.len() == 32)?;
    EcdsaSignature { r: UintRef::new(r).ok()?, s: UintRef::new(s).ok()? }.to_der().ok()
}

/// Signs the DER `content` and puts the algorithm and the signature behind it.
pub(super) fn sign(content: &[u8], key: &SigningKey) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(content)?;
    let signed =
        Signed { content: AnyRef::from_der(content)?, algorithm: ecdsa_with_sha256(), signature: BitStringRef::from_bytes(&signature)? };
    Ok(signed.to_der()?)
}

/// The same of content that may be long: it is not copied.
pub(super) fn sign_long(mut content: Vec<u8>, key: &SigningKey) -> Result<Vec<u8>, KeyError> {
    let signature = key.sign(&content)?;
    let behind = [ecdsa_with_sha256().to_der()?, BitStringRef::from_bytes(&signature)?.to_der()?].concat();
    let header = header(content.len() + behind.len())?;
    content.reserve_exact(header.len() + behind.len());
    content.extend(behind);
    content.splice(..0, header);
    Ok(content)
}

/// The beginning of a SEQUENCE of so many bytes.
pub(super) fn header(length: usize) -> der::Result<Vec<u8>> {
    Header::new(Tag::Sequence, Length::try_from(length)?).to_der()
}
