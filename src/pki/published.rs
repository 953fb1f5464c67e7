//! What was published, read back: OCSP answers and CRLs as a relying party gets them, verified, for the check that they say what the
//! database says. Reads bytes and trusts none of them.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use const_oid::db::rfc5912::ID_SHA_256;
use const_oid::db::rfc6960::ID_PKIX_OCSP_BASIC;
use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, Null, OctetString, OctetStringRef, UintRef};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use jiff::Timestamp;
use x509_cert::Certificate;
use x509_cert::ext::Extensions;
use x509_cert::spki::{AlgorithmIdentifier, AlgorithmIdentifierOwned};
use x509_parser::extensions::ParsedExtension;
use x509_parser::oid_registry::OID_X509_EXT_DELTA_CRL_INDICATOR;
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use crate::lifecycle::ids::Serial;

/// What was said of a certificate: nothing bad, or since when it is not good, with the reason code of RFC 5280 §5.3.1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Said {
    Good,
    NotGood {
        /// In whole seconds.
        since: i64,
        reason: u8,
    },
    Unknown,
}

/// A CRL that verified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublishedCrl {
    pub number: u64,
    pub next_update: Timestamp,
    /// Of a delta list, the number that it counts from.
    pub base: Option<u64>,
    /// By serial.
    pub listed: BTreeMap<Serial, Said>,
}

/// Published bytes that a relying party could not use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishedFault {
    #[error("it cannot be read")]
    Unreadable,
    #[error("its signature does not verify under the issuing CA")]
    BadSignature,
    #[error("it is an error, not an answer")]
    NoAnswer,
}

/// Reads a CRL of `issuer` (DER).
pub fn read_crl(der: &[u8], issuer: &[u8]) -> Result<PublishedCrl, PublishedFault> {
    let (_, crl) = CertificateRevocationList::from_der(der).map_err(|_| PublishedFault::Unreadable)?;
    let (_, issuer) = X509Certificate::from_der(issuer).map_err(|_| PublishedFault::Unreadable)?;
    crl.verify_signature(issuer.public_key()).map_err(|_| PublishedFault::BadSignature)?;
    let number = crl.crl_number().and_then(|number| u64::try_from(number).ok()).ok_or(PublishedFault::Unreadable)?;
    let next_update = crl.next_update().and_then(|at| Timestamp::from_second(at.timestamp()).ok()).ok_or(PublishedFault::Unreadable)?;
    let base = crl.extensions().iter().find(|extension| extension.oid == OID_X509_EXT_DELTA_CRL_INDICATOR);
    let base = base.map(|base| UintRef::from_der(base.value).map_err(|_| PublishedFault::Unreadable).and_then(read_number)).transpose()?;
    let mut listed = BTreeMap::new();
    for revoked in crl.iter_revoked_certificates() {
        let reason = revoked.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::ReasonCode(code) => Some(code.0),
            _ => None,
        });
        let serial = Serial::from_bytes(revoked.raw_serial()).ok_or(PublishedFault::Unreadable)?;
        listed.insert(serial, Said::NotGood { since: revoked.revocation_date.timestamp(), reason: reason.unwrap_or(0) });
    }
    Ok(PublishedCrl { number, next_update, base, listed })
}

fn read_number(number: UintRef<'_>) -> Result<u64, PublishedFault> {
    let bytes = number.as_bytes();
    let too_long = bytes.len() > 8;
    if too_long { Err(PublishedFault::Unreadable) } else { Ok(bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte))) }
}

#[derive(Sequence)]
struct Question<'a> {
    tbs: TbsQuestion<'a>,
}

#[derive(Sequence)]
struct TbsQuestion<'a> {
    requests: Vec<Single<'a>>,
}

#[derive(Sequence)]
struct Single<'a> {
    cert: CertId<'a>,
}

/// RFC 6960 §4.1.1.
#[derive(Sequence)]
struct CertId<'a> {
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: &'a OctetStringRef,
    issuer_key_hash: &'a OctetStringRef,
    serial: UintRef<'a>,
}

/// A question about certificates of `issuer` (DER), as a relying party asks it.
pub fn ask(issuer: &[u8], serials: &[Serial]) -> der::Result<Vec<u8>> {
    let issuer = Certificate::from_der(issuer)?;
    let issuer = issuer.tbs_certificate();
    let name = digest(&SHA256, &issuer.subject().to_der()?);
    let key = digest(&SHA256, issuer.subject_public_key_info().subject_public_key.raw_bytes());
    let requests = serials.iter().map(|serial| {
        let hash = AlgorithmIdentifier { oid: ID_SHA_256, parameters: None };
        let (issuer_name_hash, issuer_key_hash) = (OctetStringRef::new(name.as_ref())?, OctetStringRef::new(key.as_ref())?);
        Ok(Single { cert: CertId { hash, issuer_name_hash, issuer_key_hash, serial: UintRef::new(serial.as_bytes())? } })
    });
    Question { tbs: TbsQuestion { requests: requests.collect::<der::Result<_>>()? } }.to_der()
}

/// RFC 6960 §4.2.1.
#[derive(Sequence)]
struct Response {
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
    SigRequired = 5,
    Unauthorized = 6,
}

#[derive(Sequence)]
struct ResponseBytes {
    kind: der::asn1::ObjectIdentifier,
    response: OctetString,
}

#[derive(Sequence)]
struct Basic<'a> {
    data: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    certs: Option<Vec<AnyRef<'a>>>,
}

#[derive(Sequence)]
struct Data<'a> {
    #[asn1(context_specific = "2")]
    responder_key_hash: OctetString,
    produced_at: GeneralizedTime,
    responses: Vec<Answer<'a>>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct Answer<'a> {
    cert: CertId<'a>,
    status: Status,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    next_update: Option<GeneralizedTime>,
}

#[derive(Choice)]
enum Status {
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT")]
    Good(Null),
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", constructed = "true")]
    Revoked(Revoked),
    #[asn1(context_specific = "2", tag_mode = "IMPLICIT")]
    Unknown(Null),
}

#[derive(Sequence)]
struct Revoked {
    since: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    reason: Option<Reason>,
}

/// RFC 5280 §5.3.1.
#[derive(Clone, Copy, Enumerated)]
#[repr(u8)]
enum Reason {
    Unspecified = 0,
    KeyCompromise = 1,
    CaCompromise = 2,
    AffiliationChanged = 3,
    Superseded = 4,
    CessationOfOperation = 5,
    CertificateHold = 6,
    RemoveFromCrl = 8,
    PrivilegeWithdrawn = 9,
    AaCompromise = 10,
}

/// Reads an answer to a question about certificates of `issuer` (DER): signed by a responder that the issuer certified.
pub fn read_answer(der: &[u8], issuer: &[u8]) -> Result<BTreeMap<Serial, Said>, PublishedFault> {
    let unreadable = |_| PublishedFault::Unreadable;
    let response = Response::from_der(der).map_err(unreadable)?;
    let bytes = response.bytes.filter(|_| response.status == ResponseStatus::Successful).ok_or(PublishedFault::NoAnswer)?;
    if bytes.kind != ID_PKIX_OCSP_BASIC {
        return Err(PublishedFault::Unreadable);
    }
    let basic = Basic::from_der(bytes.response.as_bytes()).map_err(unreadable)?;
    let tbs = basic.data.to_der().map_err(unreadable)?;
    verify(&basic, &tbs, issuer)?;
    let data = Data::from_der(&tbs).map_err(unreadable)?;
    let said = data.responses.iter().map(|answer| {
        let serial = Serial::from_bytes(answer.cert.serial.as_bytes()).ok_or(PublishedFault::Unreadable)?;
        let said = match &answer.status {
            Status::Good(_) => Said::Good,
            Status::Unknown(_) => Said::Unknown,
            Status::Revoked(revoked) => Said::NotGood {
                since: i64::try_from(revoked.since.to_unix_duration().as_secs()).map_err(|_| PublishedFault::Unreadable)?,
                reason: revoked.reason.map_or(0, |reason| reason as u8),
            },
        };
        Ok((serial, said))
    });
    said.collect()
}

/// RFC 6960 §4.2.2.2: a delegated responder, certified by the issuer for OCSP signing, whose certificate travels along.
fn verify(basic: &Basic<'_>, tbs: &[u8], issuer: &[u8]) -> Result<(), PublishedFault> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
    let bad = |_| PublishedFault::BadSignature;
    let responder = basic.certs.iter().flatten().next().ok_or(PublishedFault::BadSignature)?;
    let responder = responder.to_der().map_err(|_| PublishedFault::Unreadable)?;
    let (_, responder) = X509Certificate::from_der(&responder).map_err(|_| PublishedFault::Unreadable)?;
    let (_, issuer) = X509Certificate::from_der(issuer).map_err(|_| PublishedFault::Unreadable)?;
    responder.verify_signature(Some(issuer.public_key())).map_err(|_| PublishedFault::BadSignature)?;
    let is_responder = responder.extended_key_usage().ok().flatten().is_some_and(|usage| usage.value.ocsp_signing);
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, responder.public_key().subject_public_key.data.to_vec());
    key.verify(tbs, basic.signature.raw_bytes()).map_err(bad)?;
    if is_responder { Ok(()) } else { Err(PublishedFault::BadSignature) }
}
