//! Certificates: how a draft becomes a certificate, and who signs it.
//!
//! The fields are x509-cert's; only the sequence around them is written here, as its builder wants the key in its own hands.
//! What a draft says is decided elsewhere ([`authority`](super::authority)).

use der::{Decode, Encode, Sequence};
use jiff::{SignedDuration, Timestamp};
use x509_cert::certificate::Version;
use x509_cert::ext::pkix::{KeyUsages, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::name::RdnSequence;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};
use x509_cert::time::Validity;

use super::key::{KeyError, SigningKey, Spki};
use super::lint::Unfit;
use super::{encoding, extension, lint};
use crate::lifecycle::ids::Serial;

/// From when and until when a certificate is good, in whole seconds: what a certificate can say (RFC 5280 §4.1.2.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Period {
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl Period {
    /// `days` of 24 hours from the second of `now`, but not beyond `limit`.
    pub(super) fn of_days(now: Timestamp, days: u16, limit: Timestamp) -> Self {
        let not_before = whole_second(now);
        let end = not_before.checked_add(SignedDuration::from_hours(24 * i64::from(days))).unwrap_or(limit);
        Self { not_before, not_after: whole_second(end.min(limit)) }
    }
}

pub(super) fn whole_second(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

/// What a certificate will say, besides what its issuer adds: the issuer's name and both key identifiers.
pub(super) struct Draft<'a> {
    pub serial: Serial,
    pub subject: RdnSequence,
    pub spki: &'a Spki,
    pub period: Period,
    pub extensions: Vec<Extension>,
}

/// A certification authority: a key and the certificate of that key.
pub(super) struct Ca {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
    pub subject: RdnSequence,
    /// The same name as the bytes that its certificates carry.
    pub subject_der: Vec<u8>,
    /// How its certificates name its key: as its own certificate does (RFC 5280 §4.2.1.1). Another authority may have chosen it.
    key_identifier: Vec<u8>,
    pub not_after: Timestamp,
}

impl Ca {
    /// Takes the key's certificate as it is; `None` unless it is a certificate of that key.
    pub fn of(key: SigningKey, certificate: Vec<u8>) -> Option<Self> {
        let read = x509_cert::Certificate::from_der(&certificate).ok()?;
        let tbs = read.tbs_certificate();
        if tbs.subject_public_key_info().to_der().ok()? != key.spki().as_der() {
            return None;
        }
        let end = tbs.validity().not_after.to_unix_duration().as_secs();
        let key_identifier = match tbs.get_extension::<SubjectKeyIdentifier>().ok()? {
            Some((_critical, identifier)) => identifier.0.as_bytes().to_vec(),
            None => key.spki().subject_key_identifier().to_vec(),
        };
        let subject = RdnSequence::from(tbs.subject().clone());
        Some(Self {
            key,
            key_identifier,
            subject_der: subject.to_der().ok()?,
            subject,
            not_after: Timestamp::from_second(end.try_into().ok()?).ok()?,
            certificate,
        })
    }

    /// An authority of its own: self-signed. `below`: how many authorities may stand between it and a leaf.
    pub fn self_signed(key: SigningKey, serial: Serial, subject: RdnSequence, period: Period, below: u8) -> Result<Self, CertifyError> {
        let root = Self::uncertified(key, subject, period)?;
        let certificate = root.sign(root.authority_draft(serial, period, below)?)?;
        Ok(Self { certificate, ..root })
    }

    /// An authority under this one.
    pub fn delegate(&self, key: SigningKey, serial: Serial, subject: RdnSequence, period: Period, below: u8) -> Result<Self, CertifyError> {
        let authority = Self::uncertified(key, subject, period)?;
        let certificate = self.sign(authority.authority_draft(serial, period, below)?)?;
        Ok(Self { certificate, ..authority })
    }

    fn uncertified(key: SigningKey, subject: RdnSequence, period: Period) -> Result<Self, CertifyError> {
        let key_identifier = key.spki().subject_key_identifier().to_vec();
        Ok(Self { key, key_identifier, certificate: Vec::new(), subject_der: subject.to_der()?, subject, not_after: period.not_after })
    }

    fn authority_draft(&self, serial: Serial, period: Period, below: u8) -> Result<Draft<'_>, CertifyError> {
        Ok(Draft {
            serial,
            subject: self.subject.clone(),
            spki: self.key.spki(),
            period,
            extensions: vec![extension::authority(below)?, extension::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?],
        })
    }

    /// Signs a draft; the answer is the DER of a certificate that does not outlive its issuer.
    pub fn sign(&self, draft: Draft<'_>) -> Result<Vec<u8>, CertifyError> {
        self.sign_if(draft, |_| Ok(()))
    }

    /// The same, if what is to be signed also keeps a rule of the caller's. Nothing is signed that lint finds fault with.
    pub fn sign_if(&self, draft: Draft<'_>, keeps_rule: impl FnOnce(&[u8]) -> Result<(), Unfit>) -> Result<Vec<u8>, CertifyError> {
        let Period { not_before, not_after } = draft.period;
        if not_after > self.not_after {
            return Err(CertifyError::Outlives { found: not_after, limit: self.not_after });
        }
        if not_after <= not_before {
            return Err(CertifyError::NeverGood { not_before, not_after });
        }
        let to_be_signed = self.to_be_signed(draft)?;
        lint::certificate(&to_be_signed, &self.certificate)?;
        keeps_rule(&to_be_signed)?;
        Ok(encoding::sign(&to_be_signed, &self.key)?)
    }

    /// The same draft always gives the same bytes; only the signature over them differs.
    fn to_be_signed(&self, draft: Draft<'_>) -> Result<Vec<u8>, CertifyError> {
        let identifiers = [extension::subject_key(draft.spki)?, extension::authority_key(&self.key_identifier)?];
        let tbs = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(draft.serial.as_bytes())?,
            signature: encoding::ecdsa_with_sha256(),
            issuer: self.subject.clone(),
            validity: Validity::new(
                encoding::date_time(draft.period.not_before)?.into(),
                encoding::date_time(draft.period.not_after)?.into(),
            ),
            subject: draft.subject,
            subject_public_key_info: SubjectPublicKeyInfoOwned::from_der(draft.spki.as_der())?,
            extensions: identifiers.into_iter().chain(draft.extensions).collect(),
        };
        Ok(tbs.to_der()?)
    }
}

/// RFC 5280 §4.1, as far as we write it.
#[derive(Sequence)]
struct TbsCertificate {
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT")]
    version: Version,
    serial_number: SerialNumber,
    signature: AlgorithmIdentifierOwned,
    issuer: RdnSequence,
    validity: Validity,
    subject: RdnSequence,
    subject_public_key_info: SubjectPublicKeyInfoOwned,
    #[asn1(context_specific = "3", tag_mode = "EXPLICIT")]
    extensions: Extensions,
}

/// The public key of a certificate of ours; `None` for what is not a certificate on P-256.
pub fn spki_of(der: &[u8]) -> Option<Spki> {
    let certificate = x509_cert::Certificate::from_der(der).ok()?;
    Spki::from_der(&certificate.tbs_certificate().subject_public_key_info().to_der().ok()?)
}

/// A certificate that was not made; nothing was signed.
#[derive(Debug, thiserror::Error)]
pub enum CertifyError {
    /// Whoever keeps the directory must act.
    #[error("a certificate cannot carry this {field}: {reason}")]
    Name { field: &'static str, reason: String },
    /// Whoever keeps the directory must act; nothing is signed before.
    #[error("the directory entry lacks what this certificate must carry, found: none, expected: {attribute}")]
    Lacks { attribute: &'static str },
    /// The caller must act: it certifies a device without saying which.
    #[error("the profile names the device in the certificate, found: no device")]
    NoDevice,
    /// The administrator must act: the issuing CA nears its end. [`Period`]s of an authority never exceed it.
    #[error("a certificate would outlive its issuer, found: {found}, expected at most: {limit}")]
    Outlives { found: Timestamp, limit: Timestamp },
    #[error("a certificate would never be good, found: from {not_before} until {not_after}")]
    NeverGood { not_before: Timestamp, not_after: Timestamp },
    #[error("a certificate could not be encoded: {0}")]
    Encoding(#[from] der::Error),
    #[error(transparent)]
    Unfit(#[from] Unfit),
    #[error(transparent)]
    Key(#[from] KeyError),
}
