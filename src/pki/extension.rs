//! Certificate extensions, one function each: what it says, and whether who does not understand it must refuse the certificate.

use super::crl::Shard;
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ID_AD_CA_ISSUERS, ID_AD_OCSP};
use const_oid::db::rfc6960::ID_PKIX_OCSP_NOCHECK;
use der::Encode;
use der::asn1::{Null, OctetString};
use der::flagset::FlagSet;
use x509_cert::ext::pkix::certpolicy::PolicyInformation;
use x509_cert::ext::pkix::crl::dp::DistributionPoint;
use x509_cert::ext::pkix::name::{DistributionPointName, GeneralName};
use x509_cert::ext::pkix::{
    AccessDescription, AuthorityInfoAccessSyntax, AuthorityKeyIdentifier, BasicConstraints, CertificatePolicies, CrlDistributionPoints,
    ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName, SubjectKeyIdentifier,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;

use super::key::Spki;
use super::name;
use crate::lifecycle::directory::Sid;

/// szOID_NTDS_CA_SECURITY_EXT ([MS-WCCE] §2.2.2.7.7.4).
const NTDS_CA_SECURITY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.25.2");

/// RFC 5280 §4.2.1.2, method 1.
pub(super) fn subject_key(spki: &Spki) -> der::Result<Extension> {
    let id = OctetString::new(spki.subject_key_identifier())?;
    extension(false, &SubjectKeyIdentifier(id))
}

/// RFC 5280 §4.2.1.1: the key identifier alone; naming issuer and serial as well would tie us to one certificate of the issuer.
pub(super) fn authority_key(issuer: &[u8]) -> der::Result<Extension> {
    let value = AuthorityKeyIdentifier { key_identifier: Some(OctetString::new(issuer)?), ..Default::default() };
    extension(false, &value)
}

/// RFC 5280 §4.2.1.9: an authority that may have `below` authorities between itself and a leaf. Leaves have no such extension.
pub(super) fn authority(below: u8) -> der::Result<Extension> {
    let value = BasicConstraints { ca: true, path_len_constraint: Some(below) };
    extension(true, &value)
}

/// RFC 5280 §4.2.1.3.
pub(super) fn key_usage(usages: impl Into<FlagSet<KeyUsages>>) -> der::Result<Extension> {
    extension(true, &KeyUsage(usages.into()))
}

/// RFC 5280 §4.2.1.12.
pub(super) fn purposes(purposes: Vec<ObjectIdentifier>, critical: bool) -> der::Result<Extension> {
    extension(critical, &ExtendedKeyUsage(purposes))
}

/// RFC 5280 §4.2.1.6; not critical, as our subjects are never empty.
pub(super) fn alternative_names(names: Vec<GeneralName>) -> der::Result<Extension> {
    extension(false, &SubjectAltName(names))
}

/// RFC 5280 §4.2.1.4, without qualifiers.
pub(super) fn policies(policies: Vec<ObjectIdentifier>) -> der::Result<Extension> {
    let policy = |policy_identifier| PolicyInformation { policy_identifier, policy_qualifiers: None };
    extension(false, &CertificatePolicies(policies.into_iter().map(policy).collect()))
}

/// Which account of a Windows domain the certificate logs in, so that its domain controllers need not go by names alone (strong mapping).
pub(super) fn windows_account(sid: Sid) -> der::Result<Extension> {
    let value = OctetString::new(vec![name::sid(sid)?].to_der()?)?;
    Ok(Extension { extn_id: NTDS_CA_SECURITY, critical: false, extn_value: value })
}

/// Where to ask for the status and to find the issuer (RFC 5280 §4.2.2.1), and where the CRL is (§4.2.1.13).
pub(super) fn status_pointers(status_url: &str, shard: Option<Shard>) -> der::Result<[Extension; 2]> {
    let at = |path: &str| name::uri(&format!("{}/{path}", status_url.trim_end_matches('/')));
    let list = shard.map_or_else(|| name::uri(&crl_url(status_url, "issuing.crl")), |shard| name::uri(&shard_url(status_url, shard)))?;
    let access = |access_method, access_location| AccessDescription { access_method, access_location };
    let point =
        DistributionPoint { distribution_point: Some(DistributionPointName::FullName(vec![list])), reasons: None, crl_issuer: None };
    Ok([
        extension(
            false,
            &AuthorityInfoAccessSyntax(vec![access(ID_AD_OCSP, at("ocsp")?), access(ID_AD_CA_ISSUERS, at("ca/issuing.cer")?)]),
        )?,
        extension(false, &CrlDistributionPoints(vec![point]))?,
    ])
}

/// Where the delta list is, beside the full one.
pub(super) fn delta_url(status_url: &str) -> String {
    crl_url(status_url, "issuing-delta.crl")
}

/// Where one list of several is.
pub(super) fn shard_url(status_url: &str, shard: Shard) -> String {
    crl_url(status_url, &shard.to_string())
}

fn crl_url(status_url: &str, name: &str) -> String {
    format!("{}/crl/{name}", status_url.trim_end_matches('/'))
}

/// RFC 6960 §4.2.2.2.1: nobody asks for the status of who answers for the status.
pub(super) fn ocsp_no_check() -> der::Result<Extension> {
    (ID_PKIX_OCSP_NOCHECK, false, &Null).to_extension(&Name::default(), &[])
}

fn extension<T: const_oid::AssociatedOid + Encode>(critical: bool, value: &T) -> der::Result<Extension> {
    (critical, value).to_extension(&Name::default(), &[])
}
