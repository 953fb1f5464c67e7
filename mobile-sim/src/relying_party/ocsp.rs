//! One question to an OCSP responder, and the judgement of its answer (RFC 6960, nonces as in RFC 9654).
//!
//! An answer is believed when the issuing authority signed it, or a responder to which it delegated that; when it repeats the nonce,
//! so that it was made for this question; and when it is about this very certificate.

use std::time::SystemTime;

use aws_lc_rs::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_SHA_1};
use const_oid::db::rfc6960::{ID_PKIX_OCSP_BASIC, ID_PKIX_OCSP_NONCE};
use der::asn1::{Any, AnyRef, BitStringRef, GeneralizedTime, Null, OctetString, OctetStringRef};
use der::{Choice, Decode, Encode, Enumerated, Sequence};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;

use super::{Status, StatusError, check_fresh};
use crate::certificate::Certificate;
use crate::encoding::from_hex;
use crate::error::Distrust;

/// A question about one certificate.
pub(crate) struct Question {
    pub der: Vec<u8>,
    cert: CertId,
    nonce: Option<[u8; NONCE_BYTES]>,
}

/// RFC 9654 §2.1.
const NONCE_BYTES: usize = 32;

impl Question {
    /// Asks about the certificate that `issuing` signed with this serial, under a nonce of its own.
    pub fn about(serial: &str, issuing: &Certificate) -> Result<Self, Distrust> {
        let mut question = Self::with(serial, issuing, Some([0; NONCE_BYTES]))?;
        question.renew()?;
        Ok(question)
    }

    /// The same without a nonce: whoever asks it may be answered the same, also by a cache (RFC 5019 §4).
    pub fn for_anybody(serial: &str, issuing: &Certificate) -> Result<Self, Distrust> {
        Self::with(serial, issuing, None)
    }

    fn with(serial: &str, issuing: &Certificate, nonce: Option<[u8; NONCE_BYTES]>) -> Result<Self, Distrust> {
        let unwritable = |_| Distrust::because("no OCSP request can be made for this serial");
        let cert = CertId::of(&from_hex(serial)?, issuing)?;
        let extensions = nonce.map(|nonce| Ok(vec![nonce_extension(&nonce)?])).transpose().map_err(unwritable)?;
        let tbs = TbsRequest { requests: vec![SingleRequest { cert: cert.clone() }], extensions };
        Ok(Self { der: OcspRequest { tbs }.to_der().map_err(unwritable)?, cert, nonce })
    }

    /// The same question under a new nonce. Its bytes are the last of the request.
    pub fn renew(&mut self) -> Result<(), Distrust> {
        let Some(nonce) = &mut self.nonce else { return Ok(()) };
        aws_lc_rs::rand::fill(nonce).map_err(|_| Distrust::because("no nonce can be made"))?;
        let end = self.der.len() - NONCE_BYTES;
        self.der[end..].copy_from_slice(nonce);
        Ok(())
    }

    /// Whether an answer is worth judging: it is a successful one, and has the nonce somewhere.
    pub fn may_be_answered_by(&self, response: &[u8]) -> bool {
        let is_successful = response.get(..7).is_some_and(|start| start.ends_with(&[0x0a, 0x01, 0x00]));
        let has = |nonce: &[u8; NONCE_BYTES]| response.windows(NONCE_BYTES).any(|bytes| bytes == nonce);
        is_successful && self.nonce.as_ref().is_none_or(has)
    }

    /// What an answer says, if it is to be believed.
    pub fn judge(&self, response: &[u8], issuing: &Certificate, now: SystemTime) -> Result<Status, StatusError> {
        let malformed = |_| Distrust::because("not an OCSP response");
        let response = OcspResponse::from_der(response).map_err(malformed)?;
        response.status.check()?;
        let answer =
            response.bytes.filter(|bytes| bytes.kind == ID_PKIX_OCSP_BASIC).ok_or_else(|| Distrust::because("an empty OCSP response"))?;
        let basic = BasicResponse::from_der(answer.response.as_bytes()).map_err(malformed)?;
        let data: ResponseData<'_> = basic.data.decode_as().map_err(malformed)?;
        basic.check_signature(&data.responder, issuing)?;
        self.check_nonce(data.extensions.as_deref().unwrap_or_default())?;
        let mut about = data.responses.iter().filter(|single| single.cert.means(&self.cert));
        let (Some(single), None) = (about.next(), about.next()) else {
            return Err(Distrust::because("not exactly one answer about this certificate").into());
        };
        refuse_critical(single.extensions.as_deref().unwrap_or_default())?;
        check_fresh(data.produced_at.to_system_time(), None, now)?;
        check_fresh(single.this_update.to_system_time(), single.next_update.map(|next| next.to_system_time()), now)?;
        Ok(single.status.read()?)
    }

    /// With this nonce, about the other's certificate: for tests.
    #[cfg(test)]
    pub fn asking_instead(self, other: &Self) -> Self {
        Self { cert: other.cert.clone(), ..self }
    }

    fn check_nonce(&self, extensions: &[Extension]) -> Result<(), Distrust> {
        let (nonces, others): (Vec<_>, Vec<_>) = extensions.iter().cloned().partition(|extension| extension.extn_id == ID_PKIX_OCSP_NONCE);
        refuse_critical(&others)?;
        let (nonce, asked) = match (nonces.as_slice(), &self.nonce) {
            ([], None) => return Ok(()),
            ([nonce], Some(asked)) => (nonce, asked),
            _ => return Err(Distrust::because("not exactly one nonce")),
        };
        let nonce = <&OctetStringRef>::from_der(nonce.extn_value.as_bytes()).map_err(|_| Distrust::because("a nonce that is none"))?;
        if nonce.as_bytes() == asked { Ok(()) } else { Err(Distrust::because("an answer to another question: the nonce differs")) }
    }
}

fn nonce_extension(nonce: &[u8]) -> der::Result<Extension> {
    let value = OctetString::new(OctetString::new(nonce)?.to_der()?)?;
    Ok(Extension { extn_id: ID_PKIX_OCSP_NONCE, critical: false, extn_value: value })
}

fn refuse_critical(extensions: &[Extension]) -> Result<(), Distrust> {
    if extensions.iter().any(|extension| extension.critical) {
        return Err(Distrust::because("a critical extension that is not understood"));
    }
    Ok(())
}

/// RFC 6960 §4.1.1.
#[derive(Sequence)]
struct OcspRequest {
    tbs: TbsRequest,
}

#[derive(Sequence)]
struct TbsRequest {
    requests: Vec<SingleRequest>,
    #[asn1(context_specific = "2", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Sequence)]
struct SingleRequest {
    cert: CertId,
}

#[derive(Clone, Sequence)]
struct CertId {
    hash: AlgorithmIdentifierOwned,
    issuer_name_hash: OctetString,
    issuer_key_hash: OctetString,
    serial: SerialNumber,
}

impl CertId {
    /// With SHA-1, which every responder knows (RFC 5019 §2.1.1); nothing hangs on it, since the answer repeats the nonce.
    fn of(serial: &[u8], issuing: &Certificate) -> Result<Self, Distrust> {
        let issuer = issuing.read()?;
        let sha1 = |bytes: &[u8]| OctetString::new(digest(&SHA1_FOR_LEGACY_USE_ONLY, bytes).as_ref());
        let made = || {
            Ok::<_, der::Error>(Self {
                hash: AlgorithmIdentifierOwned { oid: ID_SHA_1, parameters: Some(Any::null()) },
                issuer_name_hash: sha1(issuer.subject().as_raw())?,
                issuer_key_hash: sha1(&issuer.public_key().subject_public_key.data)?,
                serial: SerialNumber::new(serial)?,
            })
        };
        made().map_err(|_| Distrust::because("not a serial number"))
    }

    /// Whether both name the same certificate. The parameters of the hash may be NULL or absent.
    fn means(&self, other: &Self) -> bool {
        self.hash.oid == other.hash.oid
            && self.issuer_name_hash == other.issuer_name_hash
            && self.issuer_key_hash == other.issuer_key_hash
            && self.serial == other.serial
    }
}

/// RFC 6960 §4.2.1.
#[derive(Sequence)]
struct OcspResponse<'a> {
    status: ResponseStatus,
    #[asn1(context_specific = "0", optional = "true")]
    bytes: Option<ResponseBytes<'a>>,
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

impl ResponseStatus {
    fn check(self) -> Result<(), StatusError> {
        Err(StatusError::NoAnswer(match self {
            Self::Successful => return Ok(()),
            Self::MalformedRequest => "malformedRequest",
            Self::InternalError => "internalError",
            Self::TryLater => "tryLater",
            Self::SigRequired => "sigRequired",
            Self::Unauthorized => "unauthorized",
        }))
    }
}

#[derive(Sequence)]
struct ResponseBytes<'a> {
    kind: ObjectIdentifier,
    response: &'a OctetStringRef,
}

#[derive(Sequence)]
struct BasicResponse<'a> {
    data: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
    #[asn1(context_specific = "0", optional = "true")]
    certs: Option<Vec<AnyRef<'a>>>,
}

#[derive(Sequence)]
struct ResponseData<'a> {
    #[asn1(context_specific = "0", optional = "true")]
    version: Option<u8>,
    responder: Responder<'a>,
    produced_at: GeneralizedTime,
    responses: Vec<SingleResponse>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
}

#[derive(Choice)]
enum Responder<'a> {
    #[asn1(context_specific = "1", constructed = "true")]
    ByName(AnyRef<'a>),
    /// SHA-1 of the bits of its public key.
    #[asn1(context_specific = "2", constructed = "true")]
    ByKey(&'a OctetStringRef),
}

#[derive(Sequence)]
struct SingleResponse {
    cert: CertId,
    status: CertStatus,
    this_update: GeneralizedTime,
    #[asn1(context_specific = "0", optional = "true")]
    next_update: Option<GeneralizedTime>,
    #[asn1(context_specific = "1", optional = "true")]
    extensions: Option<Extensions>,
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
    reason: Option<x509_cert::ext::pkix::CrlReason>,
}

impl CertStatus {
    fn read(&self) -> Result<Status, Distrust> {
        match self {
            Self::Good(_) => Ok(Status::Good),
            Self::Revoked(info) => Status::for_reason(info.reason.map(|reason| reason as u8)),
            Self::Unknown(_) => Ok(Status::Unknown),
        }
    }
}

impl BasicResponse<'_> {
    /// The signature must be that of the responder, which is the issuing authority or has it delegated by it (RFC 6960 §4.2.2.2).
    /// Whether a delegated responder is revoked is not asked: it would have to answer for itself.
    fn check_signature(&self, responder: &Responder<'_>, issuing: &Certificate) -> Result<(), Distrust> {
        let sent = self.certs.iter().flatten().filter_map(|der| Certificate::from_der(der.to_der().ok()?).ok());
        let named = sent.chain([issuing.clone()]).find(|candidate| responder.is(candidate));
        let signer = named.ok_or_else(|| Distrust::because("an answer without its responder's certificate"))?;
        if signer != *issuing && !is_delegate(&signer, issuing) {
            return Err(Distrust::because("the issuing authority did not let this responder answer"));
        }
        let wrong = |_| Distrust::because("an answer whose signature does not hold");
        let (signed, signature) = (self.data.to_der().map_err(wrong)?, self.signature.raw_bytes());
        if self.algorithm.oid != ECDSA_WITH_SHA_256 {
            return Err(Distrust::because("an answer that is not signed with ECDSA and SHA-256"));
        }
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, signer.point()?);
        key.verify(&signed, signature).map_err(|_| Distrust::because("an answer whose signature does not hold"))
    }
}

impl Responder<'_> {
    fn is(&self, candidate: &Certificate) -> bool {
        let Ok(candidate) = candidate.read() else { return false };
        match self {
            Self::ByName(name) => name.to_der().is_ok_and(|name| name == candidate.subject().as_raw()),
            Self::ByKey(hash) => {
                let key = &candidate.public_key().subject_public_key.data;
                digest(&SHA1_FOR_LEGACY_USE_ONLY, key).as_ref() == hash.as_bytes()
            }
        }
    }
}

/// Directly signed by the issuing authority, for this purpose, and in its time.
fn is_delegate(responder: &Certificate, issuing: &Certificate) -> bool {
    let is_for_ocsp =
        responder.read().is_ok_and(|read| read.extended_key_usage().is_ok_and(|usage| usage.is_some_and(|usage| usage.value.ocsp_signing)));
    is_for_ocsp && responder.is_signed_by(issuing) && responder.is_in_time()
}
