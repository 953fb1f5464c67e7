//! What a relying party asks. Untrusted bytes in; nothing is looked up here.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ID_SHA_1, ID_SHA_256};
use const_oid::db::rfc6960::ID_PKIX_OCSP_NONCE;
use der::asn1::{AnyRef, IntRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::spki::AlgorithmIdentifierOwned;

use crate::lifecycle::ids::Serial;

/// The longest request that is read, in bytes of DER.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;
/// The most certificates that one request may ask about.
pub const MAX_CERTIFICATES: usize = 32;
/// The longest nonce (RFC 9654 §2.1).
pub const MAX_NONCE_BYTES: usize = 128;

/// A question about certificates.
#[derive(Clone, Debug)]
pub struct OcspRequest {
    /// 1 to [`MAX_CERTIFICATES`].
    pub certs: Vec<CertId>,
    /// 1 to [`MAX_NONCE_BYTES`] bytes.
    pub nonce: Option<Vec<u8>>,
}

/// Which certificate a question is about.
#[derive(Clone, Debug)]
pub struct CertId {
    /// Absent when the serial has not the form of ours: no certificate has it.
    pub serial: Option<Serial>,
    /// As it came: the answer repeats it byte for byte.
    pub(super) der: Vec<u8>,
    /// By what the issuer is hashed; absent when it is nothing that we know.
    pub(super) hash: Option<Hash>,
    pub(super) issuer_name_hash: Vec<u8>,
    pub(super) issuer_key_hash: Vec<u8>,
}

/// What an issuer may be hashed by: RFC 5019 wants the former, RFC 9654 the latter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hash {
    Sha1,
    Sha256,
}

/// A request that cannot be read: its sender must make another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOcsp {
    #[error("found: {found} bytes, expected: at most {MAX_REQUEST_BYTES}")]
    TooLong { found: usize },
    #[error("found: a path that is not base64, expected: the base64 of an OCSP request")]
    NotBase64,
    #[error("found: bytes that are not an OCSP request, expected: one OCSPRequest of version 1, DER, and nothing behind it")]
    NotOcsp,
    #[error("found: {found} certificates, expected: 1 to {MAX_CERTIFICATES}")]
    Certificates { found: usize },
    #[error("found: {found}, expected: at most one nonce of 1 to {MAX_NONCE_BYTES} bytes")]
    Nonce { found: String },
    #[error("found: the critical extension {found}, expected: none that is critical but the nonce")]
    CriticalExtension { found: ObjectIdentifier },
}

/// RFC 6960 §4.1.1.
#[derive(Sequence)]
struct OcspRequestDer<'a> {
    tbs: TbsRequest<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    signature: Option<AnyRef<'a>>,
}

#[derive(Sequence)]
struct TbsRequest<'a> {
    #[asn1(context_specific = "0", optional = "true")]
    version: Option<u8>,
    #[asn1(context_specific = "1", optional = "true")]
    requestor: Option<AnyRef<'a>>,
    requests: Vec<SingleRequest<'a>>,
    #[asn1(context_specific = "2", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleRequest<'a> {
    cert: AnyRef<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct CertIdDer<'a> {
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: &'a OctetStringRef,
    issuer_key_hash: &'a OctetStringRef,
    serial: IntRef<'a>,
}

impl OcspRequest {
    /// Reads an OCSPRequest in DER.
    pub fn read(der: &[u8]) -> Result<Self, BadOcsp> {
        if der.len() > MAX_REQUEST_BYTES {
            return Err(BadOcsp::TooLong { found: der.len() });
        }
        let request = OcspRequestDer::from_der(der).map_err(|_| BadOcsp::NotOcsp)?.tbs;
        if request.version.unwrap_or(0) != 0 {
            return Err(BadOcsp::NotOcsp);
        }
        if !(1..=MAX_CERTIFICATES).contains(&request.requests.len()) {
            return Err(BadOcsp::Certificates { found: request.requests.len() });
        }
        let certs = request.requests.iter().map(CertId::read).collect::<Result<_, _>>()?;
        let nonce = read_nonce(request.extensions.as_deref().unwrap_or_default())?;
        Ok(Self { certs, nonce })
    }
}

impl CertId {
    fn read(request: &SingleRequest<'_>) -> Result<Self, BadOcsp> {
        refuse_critical(request.extensions.as_deref().unwrap_or_default())?;
        let id: CertIdDer<'_> = request.cert.decode_as().map_err(|_| BadOcsp::NotOcsp)?;
        Ok(Self {
            serial: Serial::from_bytes(id.serial.as_bytes()),
            der: request.cert.to_der().map_err(|_| BadOcsp::NotOcsp)?,
            hash: match id.hash.oid {
                ID_SHA_1 => Some(Hash::Sha1),
                ID_SHA_256 => Some(Hash::Sha256),
                _ => None,
            },
            issuer_name_hash: id.issuer_name_hash.as_bytes().to_vec(),
            issuer_key_hash: id.issuer_key_hash.as_bytes().to_vec(),
        })
    }
}

/// RFC 6960 §4.4: an extension that is not understood is ignored, unless it is critical.
fn refuse_critical(extensions: &[Extension]) -> Result<(), BadOcsp> {
    match extensions.iter().find(|extension| extension.critical) {
        Some(extension) => Err(BadOcsp::CriticalExtension { found: extension.extn_id }),
        None => Ok(()),
    }
}

fn read_nonce(extensions: &[Extension]) -> Result<Option<Vec<u8>>, BadOcsp> {
    let (nonces, others): (Vec<_>, Vec<_>) = extensions.iter().cloned().partition(|extension| extension.extn_id == ID_PKIX_OCSP_NONCE);
    refuse_critical(&others)?;
    let nonce = match nonces.as_slice() {
        [] => return Ok(None),
        [nonce] => nonce,
        several => {
            return Err(BadOcsp::Nonce { found: format!("{} nonces", several.len()) });
        }
    };
    let nonce = <&OctetStringRef>::from_der(nonce.extn_value.as_bytes())
        .map_err(|_| BadOcsp::Nonce { found: "a nonce that is not an OCTET STRING".to_owned() })?;
    match nonce.as_bytes() {
        bytes if (1..=MAX_NONCE_BYTES).contains(&bytes.len()) => Ok(Some(bytes.to_vec())),
        bytes => Err(BadOcsp::Nonce { found: format!("a nonce of {} bytes", bytes.len()) }),
    }
}

/// Decodes the path of a GET request (RFC 6960 §A.1). The base64 should be percent-encoded; clients and proxies leave `/`, `+` and
/// `=` bare or drop the padding, which is understood as well.
pub fn decode_get(path_segment: &str) -> Result<Vec<u8>, BadOcsp> {
    const LENIENT: GeneralPurpose =
        GeneralPurpose::new(&alphabet::STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent));
    let base64 = percent_decode(path_segment).ok_or(BadOcsp::NotBase64)?;
    // DER begins with 0x30, so its base64 begins with M: a slash before it belongs to the path
    let start = base64.iter().position(|byte| *byte != b'/').unwrap_or(base64.len());
    LENIENT.decode(&base64[start..]).map_err(|_| BadOcsp::NotBase64)
}

/// RFC 3986 §2.1.
fn percent_decode(text: &str) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'%' => {
                let high = char::from(bytes.next()?).to_digit(16)?;
                let low = char::from(bytes.next()?).to_digit(16)?;
                u8::try_from(high * 16 + low).ok()?
            }
            other => other,
        });
    }
    Some(decoded)
}
