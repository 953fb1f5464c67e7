//! What a relying party is answered.

use const_oid::ObjectIdentifier;
use const_oid::db::rfc6960::{ID_PKIX_OCSP_BASIC, ID_PKIX_OCSP_NONCE};
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, OctetString};
use der::{Choice, Decode, Encode, Enumerated, ErrorKind, Sequence, Tag};
use jiff::Timestamp;
use x509_cert::ext::{Extension, Extensions, pkix};
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::request::OcspRequest;
use crate::lifecycle::credential::RevocationReason;
use crate::pki::crl::CrlReason;
use crate::pki::encoding::{date_time, ecdsa_with_sha256};
use crate::pki::key::{KeyError, SigningKey};
use crate::pki::lint;

/// What is true of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    Good,
    /// Written as `revoked` with the reason `certificateHold`: OCSP has no other word for it (RFC 6960 §2.2).
    Hold {
        since: Timestamp,
    },
    Revoked {
        since: Timestamp,
        reason: RevocationReason,
    },
    /// No certificate of ours has this serial.
    Unknown,
}

/// Why there is no answer (RFC 6960 §2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OcspFailure {
    MalformedRequest,
    InternalError,
    TryLater,
    /// We cannot answer for the issuer that was named (RFC 5019 §2.2.3).
    Unauthorized,
}

/// RFC 6960 §4.2.1.
#[derive(Sequence)]
struct OcspResponse {
    status: ResponseStatus,
    #[asn1(context_specific = "0", optional = "true")]
    bytes: Option<ResponseBytes>,
}

#[derive(Clone, Copy, PartialEq, Eq, Enumerated)]
#[repr(u8)]
enum ResponseStatus {
    Successful = 0,
    MalformedRequest = 1,
    InternalError = 2,
    TryLater = 3,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct BasicOcspResponse<'a> {
    data: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    certs: Option<Vec<AnyRef<'a>>>,
}

#[derive(Sequence)]
struct ResponseData<'a> {
    /// ResponderID, the choice byKey.
    #[asn1(context_specific = "2")]
    responder_key_hash: OctetString,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse<'a>>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleResponse<'a> {
    cert: AnyRef<'a>,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    next_update: Option<GeneralizedTime>,
}

#[derive(Choice)]
enum CertStatus {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(RevokedInfo),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct RevokedInfo {
    since: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    reason: Option<pkix::CrlReason>,
}

impl CertStatus {
    fn of(status: Status) -> der::Result<Self> {
        let revoked = |since, reason: CrlReason| {
            let since = generalized_time(since)?;
            Ok(Self::Revoked(RevokedInfo { since, reason: Some(reason.code()) }))
        };
        match status {
            Status::Good => Ok(Self::Good(Null)),
            Status::Hold { since } => revoked(since, CrlReason::Hold),
            Status::Revoked { since, reason } => revoked(since, CrlReason::Revoked(reason)),
            Status::Unknown => Ok(Self::Unknown(Null)),
        }
    }
}

fn generalized_time(at: Timestamp) -> der::Result<GeneralizedTime> {
    date_time(at).map(GeneralizedTime::from_date_time)
}

/// Signs the answer to `request` with the delegated signer's `key`; its certificate (DER) travels along (RFC 6960 §4.2.2.2).
/// `answers` has one status for each of `request.certs`, in that order: another number of them is an error.
pub fn sign_response(
    signer_cert: &[u8],
    key: &SigningKey,
    request: &OcspRequest,
    answers: &[Status],
    produced_at: Timestamp,
    this_update: Timestamp,
    next_update: Option<Timestamp>,
) -> Result<Vec<u8>, KeyError> {
    if answers.len() != request.certs.len() {
        return Err(der::Error::from(ErrorKind::Length { tag: Tag::Sequence }).into());
    }
    let this_update = generalized_time(this_update)?;
    let next_update = next_update.map(generalized_time).transpose()?;
    let responses = request.certs.iter().zip(answers).map(|(cert, status)| {
        Ok(SingleResponse { cert: AnyRef::from_der(&cert.der)?, status: CertStatus::of(*status)?, this_update, next_update })
    });
    let data = ResponseData {
        responder_key_hash: OctetString::new(key.spki().subject_key_identifier())?,
        produced_at: generalized_time(produced_at)?,
        responses: responses.collect::<der::Result<_>>()?,
        extensions: request.nonce.as_deref().map(nonce_extension).transpose()?.map(|nonce| vec![nonce]),
    };
    let data = data.to_der()?;
    lint::ocsp(&data)?;
    let signature = key.sign(&data)?;
    let basic = BasicOcspResponse {
        data: AnyRef::from_der(&data)?,
        algorithm: ecdsa_with_sha256(),
        signature: BitStringRef::from_bytes(&signature)?,
        certs: Some(vec![AnyRef::from_der(signer_cert)?]),
    };
    let response = OcspResponse {
        status: ResponseStatus::Successful,
        bytes: Some(ResponseBytes { kind: ID_PKIX_OCSP_BASIC, response: OctetString::new(basic.to_der()?)? }),
    };
    Ok(response.to_der()?)
}

fn nonce_extension(nonce: &[u8]) -> der::Result<Extension> {
    Ok(Extension { extn_id: ID_PKIX_OCSP_NONCE, critical: false, extn_value: OctetString::new(OctetString::new(nonce)?.to_der()?)? })
}

/// The answer that says why there is none. It is not signed (RFC 6960 §2.3).
pub fn error_response(failure: OcspFailure) -> Vec<u8> {
    let status = match failure {
        OcspFailure::MalformedRequest => ResponseStatus::MalformedRequest,
        OcspFailure::InternalError => ResponseStatus::InternalError,
        OcspFailure::TryLater => ResponseStatus::TryLater,
        OcspFailure::Unauthorized => ResponseStatus::Unauthorized,
    };
    // SEQUENCE { ENUMERATED status }
    vec![0x30, 0x03, 0x0a, 0x01, status as u8]
}
