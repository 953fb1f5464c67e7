//! Signs certificate revocation lists: which certificates of one issuer are on hold or revoked (RFC 5280 §5).
//!
//! Always the full list of the whole issuer, so it needs no IssuingDistributionPoint. It knows neither delta lists nor
//! `removeFromCRL`: a certificate whose hold was released is simply absent from the next list. Which entries belong in it
//! (also how long expired certificates stay) is decided above.

use const_oid::AssociatedOid;
use der::asn1::OctetString;
use der::{Decode, Encode};
use jiff::Timestamp;
use x509_cert::crl::{RevokedCert, TbsCertList};
use x509_cert::ext::pkix::{self, AuthorityKeyIdentifier, CrlNumber, SubjectKeyIdentifier};
use x509_cert::ext::{Extension, Extensions};
use x509_cert::serial_number::SerialNumber;
use x509_cert::{Certificate, Version};

use super::encoding::{date_time, ecdsa_with_sha256, sign};
use super::key::{KeyError, SigningKey};
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::ids::Serial;

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

/// Signs the full list of the certificates of `issuer` (a DER certificate, `key` its key) that stand in `entries`, in any order.
/// `number` must grow from list to list (RFC 5280 §5.2.3).
pub fn sign_crl(
    issuer: &[u8],
    key: &SigningKey,
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    entries: &[CrlEntry],
) -> Result<Vec<u8>, KeyError> {
    let issuer = Certificate::from_der(issuer)?;
    let mut sorted: Vec<&CrlEntry> = entries.iter().collect();
    sorted.sort_unstable_by_key(|entry| entry.serial);
    let revoked = sorted.into_iter().map(revoked_cert).collect::<der::Result<Vec<_>>>()?;
    let list = TbsCertList {
        version: Version::V2,
        signature: ecdsa_with_sha256(),
        issuer: issuer.tbs_certificate().subject().clone(),
        this_update: date_time(this_update)?.into(),
        next_update: Some(date_time(next_update)?.into()),
        // RFC 5280 §5.1.2.6: without revoked certificates the list of them must be absent, not empty
        revoked_certificates: (!revoked.is_empty()).then_some(revoked),
        crl_extensions: Some(vec![authority_key_identifier(&issuer, key)?, crl_number(number)?]),
    };
    sign(&list.to_der()?, key)
}

fn revoked_cert(entry: &CrlEntry) -> der::Result<RevokedCert> {
    Ok(RevokedCert {
        serial_number: SerialNumber::new(entry.serial.as_bytes())?,
        revocation_date: date_time(entry.since)?.into(),
        crl_entry_extensions: Some(Extensions::from([extension(&entry.reason.code())?])),
    })
}

/// The subject key identifier of the issuer, as its certificate has it (RFC 5280 §5.2.1).
fn authority_key_identifier(issuer: &Certificate, key: &SigningKey) -> der::Result<Extension> {
    let key_identifier = match issuer.tbs_certificate().get_extension::<SubjectKeyIdentifier>()? {
        Some((_critical, identifier)) => identifier.0,
        None => OctetString::new(key.spki().subject_key_identifier())?,
    };
    extension(&AuthorityKeyIdentifier { key_identifier: Some(key_identifier), ..AuthorityKeyIdentifier::default() })
}

fn crl_number(number: u64) -> der::Result<Extension> {
    extension(&CrlNumber::try_from(number)?)
}

/// An extension that is not critical: all that a list of ours holds (RFC 5280 §5.2, §5.3).
fn extension<T: AssociatedOid + Encode>(value: &T) -> der::Result<Extension> {
    Ok(Extension { extn_id: T::OID, critical: false, extn_value: OctetString::new(value.to_der()?)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::judge::{AUTHORITY_KEY_IDENTIFIER, Court, TestAuthority, at, serial};

    fn list(authority: &TestAuthority, entries: &[CrlEntry]) -> Vec<u8> {
        let (this, next) = (at("2026-11-25T12:00:00.75Z"), at("2026-11-26T12:00:00Z"));
        sign_crl(&authority.certificate, &authority.key, 258, this, next, entries).unwrap()
    }

    fn entry(number: u8, since: &str, reason: CrlReason) -> CrlEntry {
        CrlEntry { serial: serial(number), since: at(since), reason }
    }

    fn court(authority: &TestAuthority, crl: &[u8]) -> Court {
        let court = Court::new();
        court.pem_file("ca.pem", "CERTIFICATE", &authority.certificate);
        court.pem_file("crl.pem", "X509 CRL", crl);
        court.file("crl.der", crl);
        court
    }

    #[test]
    fn openssl_reads_every_entry_with_its_reason_and_in_order() {
        let authority = TestAuthority::new();
        let crl = list(
            &authority,
            &[
                entry(0x71, "2026-11-25T11:00:00Z", CrlReason::Hold),
                entry(0x44, "2026-11-25T10:00:00Z", CrlReason::Revoked(RevocationReason::Superseded)),
                entry(0x43, "2026-11-25T09:00:00Z", CrlReason::Revoked(RevocationReason::KeyCompromise)),
                entry(0x45, "2026-11-25T08:00:00Z", CrlReason::Revoked(RevocationReason::CessationOfOperation)),
            ],
        );
        let court = court(&authority, &crl);
        let words = court.accepts("crl -in crl.der -inform DER -noout -text -verify -CAfile ca.pem");
        let squeezed = words.split_whitespace().collect::<Vec<_>>().join(" ");
        let entry = |serial: &str, date: &str, reason: &str| {
            let serial = serial.repeat(20);
            format!("Serial Number: {serial} Revocation Date: {date} GMT CRL entry extensions: X509v3 CRL Reason Code: {reason}")
        };
        let entries = [
            entry("43", "Nov 25 09:00:00 2026", "Key Compromise"),
            entry("44", "Nov 25 10:00:00 2026", "Superseded"),
            entry("45", "Nov 25 08:00:00 2026", "Cessation Of Operation"),
            entry("71", "Nov 25 11:00:00 2026", "Certificate Hold"),
        ];
        let identifier = AUTHORITY_KEY_IDENTIFIER.map(|byte| format!("{byte:02X}")).join(":");
        for expected in [
            "Version 2 (0x1) Signature Algorithm: ecdsa-with-SHA256 Issuer: O = Example, CN = Test Issuing CA",
            "Last Update: Nov 25 12:00:00 2026 GMT Next Update: Nov 26 12:00:00 2026 GMT",
            &format!("X509v3 Authority Key Identifier: {identifier} X509v3 CRL Number: 258"),
            &entries.join(" "),
            "verify OK",
        ] {
            assert!(squeezed.contains(expected), "{expected}\nnot in\n{squeezed}");
        }
    }

    #[test]
    fn openssl_refuses_a_list_that_another_key_signed() {
        let authority = TestAuthority::new();
        let (this, next) = (at("2026-11-25T12:00:00Z"), at("2026-11-26T12:00:00Z"));
        let another = SigningKey::generate().unwrap();
        let court = court(&authority, &sign_crl(&authority.certificate, &another, 1, this, next, &[]).unwrap());
        let words = court.ask("crl -in crl.der -inform DER -noout -verify -CAfile ca.pem").words;
        assert!(words.contains("verify failure"), "{words}");
    }

    #[test]
    fn openssl_refuses_a_certificate_on_hold_until_it_is_absent_again() {
        let authority = TestAuthority::new();
        let user = authority.certify("Ana", serial(0x55), SigningKey::generate().unwrap().spki(), &[]);
        let verify = "verify -crl_check -x509_strict -attime 1795610000 -CAfile ca.pem -CRLfile crl.pem user.pem";

        let held = court(&authority, &list(&authority, &[entry(0x55, "2026-11-25T11:00:00Z", CrlReason::Hold)]));
        held.pem_file("user.pem", "CERTIFICATE", &user);
        assert!(held.refuses(verify).contains("certificate revoked"));

        let released = court(&authority, &list(&authority, &[]));
        released.pem_file("user.pem", "CERTIFICATE", &user);
        released.accepts(verify);
    }

    #[test]
    fn an_empty_list_has_no_list_of_revoked_certificates() {
        let authority = TestAuthority::new();
        let crl = list(&authority, &[]);
        let court = court(&authority, &crl);
        let words = court.accepts("crl -in crl.der -inform DER -noout -text -verify -CAfile ca.pem");
        assert!(words.contains("No Revoked Certificates.") && words.contains("verify OK"), "{words}");
        let read = x509_cert::crl::CertificateList::<x509_cert::certificate::Rfc5280>::from_der(&crl).unwrap();
        assert_eq!(read.tbs_cert_list.revoked_certificates, None);
    }

    #[test]
    fn times_are_utctime_until_2049_and_generalizedtime_from_2050() {
        let authority = TestAuthority::new();
        let (this, next) = (at("2049-12-31T23:59:59Z"), at("2050-01-01T00:00:00Z"));
        let crl = sign_crl(&authority.certificate, &authority.key, 1, this, next, &[]).unwrap();
        let words = court(&authority, &crl).accepts("asn1parse -in crl.der -inform DER");
        assert!(words.contains("UTCTIME           :491231235959Z"), "{words}");
        assert!(words.contains("GENERALIZEDTIME   :20500101000000Z"), "{words}");
    }

    #[test]
    fn a_time_before_1970_is_an_error() {
        let authority = TestAuthority::new();
        let (this, next) = (at("1969-12-31T23:59:59Z"), at("2026-11-25T12:00:00Z"));
        assert!(sign_crl(&authority.certificate, &authority.key, 1, this, next, &[]).is_err());
    }
}
