//! Signs certificate revocation lists: which certificates of one issuer are on hold or revoked (RFC 5280 §5).
//!
//! The full list is of the whole issuer, so it needs no IssuingDistributionPoint; a shard, which is one list of several, says by it which. A delta list says what changed since a base: whoever
//! holds any full list from the base on can bring it up to date. Both of one moment have one number. Which entries belong in a list
//! (also how long expired certificates stay), and which list is the base, is decided above.

mod entries;
mod shard;
#[cfg(test)]
mod tests;

use const_oid::AssociatedOid;
use const_oid::db::rfc5280::{ID_CE_FRESHEST_CRL, ID_CE_ISSUING_DISTRIBUTION_POINT};
use der::asn1::{ContextSpecific, OctetString, Uint};
use der::{Decode, Encode, TagMode, TagNumber};
use jiff::Timestamp;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::crl::dp::{DistributionPoint, IssuingDistributionPoint};
use x509_cert::ext::pkix::name::DistributionPointName;
use x509_cert::ext::pkix::{self, AuthorityKeyIdentifier, BaseCrlNumber, CrlDistributionPoints, CrlNumber, SubjectKeyIdentifier};
use x509_cert::time::Time;
use x509_cert::{Certificate, Version};

use super::encoding::{date_time, ecdsa_with_sha256, header, sign_long};
use super::key::{KeyError, SigningKey};
use super::{lint, name};
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::ids::Serial;
pub use entries::{Entries, EntryChange};
pub use shard::{MOST_SHARDS, Shard, Shards};

/// A certificate that relying parties must not accept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlEntry {
    pub serial: Serial,
    pub since: Timestamp,
    pub reason: CrlReason,
}

/// Why relying parties must not accept a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CrlReason {
    /// For the moment: the hold may be released again.
    Hold,
    /// For ever.
    Revoked(RevocationReason),
}

impl CrlReason {
    /// The reason as RFC 5280 §5.3.1 numbers it; OCSP uses the same numbers.
    pub(super) fn code(self) -> pkix::CrlReason {
        match self {
            Self::Hold => pkix::CrlReason::CertificateHold,
            Self::Revoked(RevocationReason::KeyCompromise) => pkix::CrlReason::KeyCompromise,
            Self::Revoked(RevocationReason::Superseded) => pkix::CrlReason::Superseded,
            Self::Revoked(RevocationReason::CessationOfOperation) => pkix::CrlReason::CessationOfOperation,
        }
    }
}

/// Which list it is, and how long it may be relied upon.
#[derive(Clone, Copy, Debug)]
pub struct Edition {
    /// It must grow from edition to edition (RFC 5280 §5.2.3).
    pub number: u64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
}

/// What the entries of a list are.
#[derive(Clone, Copy, Debug)]
pub enum Scope<'a> {
    /// Everything that is not good. The delta list, if there is one, is found at `delta_url`.
    Full { delta_url: Option<&'a str> },
    /// What changed since the full list of this number.
    Delta { base: u64 },
    /// Everything that is not good among the certificates that name this URL.
    Shard { url: &'a str },
}

/// Signs a list of the certificates of `issuer` (a DER certificate, `key` its key).
pub fn sign_crl(issuer: &[u8], key: &SigningKey, edition: &Edition, scope: &Scope<'_>, entries: &Entries) -> Result<Vec<u8>, KeyError> {
    let issuer_der = issuer;
    let issuer = Certificate::from_der(issuer_der)?;
    let mut extensions = vec![authority_key_identifier(&issuer, key)?, extension(false, &CrlNumber::try_from(edition.number)?)?];
    extensions.extend(match scope {
        Scope::Full { delta_url } => delta_url.map(freshest_crl).transpose()?,
        // RFC 5280 §5.2.4: critical, or a delta would be taken for the whole
        Scope::Delta { base } => Some(extension(true, &BaseCrlNumber(Uint::new(&base.to_be_bytes())?))?),
        Scope::Shard { url } => Some(issuing_distribution_point(url)?),
    });
    let extensions = ContextSpecific { tag_number: TagNumber(0), tag_mode: TagMode::Explicit, value: extensions };
    let revoked = entries.as_der();
    let before = [
        Version::V2.to_der()?,
        ecdsa_with_sha256().to_der()?,
        issuer.tbs_certificate().subject().to_der()?,
        time(edition.this_update)?,
        time(edition.next_update)?,
        // RFC 5280 §5.1.2.6: without revoked certificates the list of them must be absent, not empty
        if revoked.is_empty() { vec![] } else { header(revoked.len())? },
    ]
    .concat();
    let behind = extensions.to_der()?;
    let list = [&header(before.len() + revoked.len() + behind.len())?, &before, revoked, &behind].concat();
    lint::crl(&list, issuer_der)?;
    sign_long(list, key)
}

fn time(at: Timestamp) -> der::Result<Vec<u8>> {
    Time::from(date_time(at)?).to_der()
}

/// The subject key identifier of the issuer, as its certificate has it (RFC 5280 §5.2.1).
fn authority_key_identifier(issuer: &Certificate, key: &SigningKey) -> der::Result<Extension> {
    let key_identifier = match issuer.tbs_certificate().get_extension::<SubjectKeyIdentifier>()? {
        Some((_critical, identifier)) => identifier.0,
        None => OctetString::new(key.spki().subject_key_identifier())?,
    };
    extension(false, &AuthorityKeyIdentifier { key_identifier: Some(key_identifier), ..AuthorityKeyIdentifier::default() })
}

/// Where the delta list is (RFC 5280 §5.2.6); of the form of CRLDistributionPoints.
fn freshest_crl(url: &str) -> der::Result<Extension> {
    let point = DistributionPoint { distribution_point: Some(at(url)?), reasons: None, crl_issuer: None };
    let points = CrlDistributionPoints(vec![point]);
    Ok(Extension { extn_id: ID_CE_FRESHEST_CRL, critical: false, extn_value: OctetString::new(points.to_der()?)? })
}

/// Which certificates the list is of: those that name the same URL (RFC 5280 §5.2.5). Critical, or a shard would be taken for the whole.
/// Its own type in x509-cert 0.3 bears the OID of another extension, so the OID is said here.
fn issuing_distribution_point(url: &str) -> der::Result<Extension> {
    let point = IssuingDistributionPoint {
        distribution_point: Some(at(url)?),
        only_contains_user_certs: false,
        only_contains_ca_certs: false,
        only_some_reasons: None,
        indirect_crl: false,
        only_contains_attribute_certs: false,
    };
    Ok(Extension { extn_id: ID_CE_ISSUING_DISTRIBUTION_POINT, critical: true, extn_value: OctetString::new(point.to_der()?)? })
}

fn at(url: &str) -> der::Result<DistributionPointName> {
    Ok(DistributionPointName::FullName(vec![name::uri(url)?]))
}

fn extension<T: AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical, extn_value: OctetString::new(value.to_der()?)? })
}
