use super::*;
use crate::pki::judge::{AUTHORITY_KEY_IDENTIFIER, Court, TestAuthority, at, serial};

const DELTA_URL: &str = "http://status.example.org/crl/issuing-delta.crl";

fn sign(authority: &TestAuthority, key: &SigningKey, edition: &Edition, scope: &Scope<'_>, entries: &Entries) -> Vec<u8> {
    sign_crl(&authority.certificate, key, edition, scope, entries).unwrap()
}

fn edition(number: u64, this: &str, next: &str) -> Edition {
    Edition { number, this_update: at(this), next_update: at(next) }
}

fn noon(number: u64) -> Edition {
    edition(number, "2026-11-25T12:00:00.75Z", "2026-11-26T12:00:00Z")
}

fn full(authority: &TestAuthority, edition: &Edition, entries: &[CrlEntry]) -> Vec<u8> {
    let entries = Entries::of(entries.to_vec()).unwrap();
    sign(authority, &authority.key, edition, &Scope::Full { delta_url: Some(DELTA_URL) }, &entries)
}

fn list(authority: &TestAuthority, entries: &[CrlEntry]) -> Vec<u8> {
    full(authority, &noon(258), entries)
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
        &format!("X509v3 Authority Key Identifier: {identifier} X509v3 CRL Number: 258 X509v3 Freshest CRL: Full Name: URI:{DELTA_URL}"),
        &entries.join(" "),
        "verify OK",
    ] {
        assert!(squeezed.contains(expected), "{expected}\nnot in\n{squeezed}");
    }
}

#[test]
fn openssl_refuses_a_list_that_another_key_signed() {
    let authority = TestAuthority::new();
    let another = SigningKey::generate().unwrap();
    let crl = sign(&authority, &another, &noon(1), &Scope::Full { delta_url: Some(DELTA_URL) }, &Entries::default());
    let court = court(&authority, &crl);
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
    let entries = [entry(0x41, "2049-12-31T23:59:58Z", CrlReason::Hold), entry(0x42, "2050-01-01T00:00:01Z", CrlReason::Hold)];
    let crl = full(&authority, &edition(1, "2049-12-31T23:59:59Z", "2050-01-01T00:00:00Z"), &entries);
    let words = court(&authority, &crl).accepts("asn1parse -in crl.der -inform DER");
    assert!(words.contains("UTCTIME           :491231235959Z"), "{words}");
    assert!(words.contains("GENERALIZEDTIME   :20500101000000Z"), "{words}");
    assert!(words.contains("UTCTIME           :491231235958Z") && words.contains("GENERALIZEDTIME   :20500101000001Z"), "{words}");
}

#[test]
fn a_time_before_1970_is_an_error() {
    let authority = TestAuthority::new();
    let edition = edition(1, "1969-12-31T23:59:59Z", "2026-11-25T12:00:00Z");
    let scope = Scope::Full { delta_url: Some(DELTA_URL) };
    assert!(sign_crl(&authority.certificate, &authority.key, &edition, &scope, &Entries::default()).is_err());
}

#[test]
fn what_changed_between_two_lists_is_read_off_them() {
    let authority = TestAuthority::new();
    let hold = |number| entry(number, "2026-11-25T11:00:00Z", CrlReason::Hold);
    let revoked = entry(0x43, "2026-11-25T11:30:00Z", CrlReason::Revoked(RevocationReason::KeyCompromise));
    let before = Entries::of_list(list(&authority, &[hold(0x41), hold(0x42), hold(0x43)])).unwrap();
    let after = Entries::of_list(list(&authority, &[hold(0x42), revoked.clone(), hold(0x44)])).unwrap();
    let changes = before.changes_to(&after);
    assert_eq!(
        changes.iter().map(|change| (change.serial, change.entry.is_some())).collect::<Vec<_>>(),
        [(serial(0x41), false), (serial(0x43), true), (serial(0x44), true)]
    );
    assert_eq!(after.changes_to(&after), []);
    let from_nothing = Entries::of_list(list(&authority, &[])).unwrap().changes_to(&after);
    assert_eq!(from_nothing.len(), 3);
    assert_eq!(Entries::of_list(authority.certificate.clone()), None, "a certificate is no list");
}

#[test]
fn openssl_brings_an_older_list_up_to_date_by_a_delta() {
    let authority = TestAuthority::new();
    let hold = |number| entry(number, "2026-11-25T11:00:00Z", CrlReason::Hold);
    let (before, after) = (vec![hold(0x55), hold(0x56)], vec![hold(0x56), hold(0x57)]);
    let changes = Entries::of(before.clone()).unwrap().changes_to(&Entries::of(after).unwrap());
    let entries = Entries::of_changes(changes, at("2026-11-25T12:00:00Z")).unwrap();
    let delta = sign(&authority, &authority.key, &noon(12), &Scope::Delta { base: 10 }, &entries);

    let court = court(&authority, &full(&authority, &noon(10), &before));
    court.pem_file("delta.pem", "X509 CRL", &delta);
    for (name, number) in [("released", 0x55), ("held", 0x56), ("newly", 0x57)] {
        let user = authority.certify(name, serial(number), SigningKey::generate().unwrap().spki(), &[]);
        court.pem_file(&format!("{name}.pem"), "CERTIFICATE", &user);
    }
    let verify = |deltas: &str, name: &str| {
        format!("verify -crl_check {deltas} -x509_strict -attime 1795610000 -CAfile ca.pem -CRLfile crl.pem -CRLfile delta.pem {name}.pem")
    };
    court.accepts(&verify("-extended_crl -use_deltas", "released"));
    for name in ["held", "newly"] {
        assert!(court.refuses(&verify("-extended_crl -use_deltas", name)).contains("certificate revoked"), "{name}");
    }
    // without the delta it is the old list that counts
    let old = |name: &str| format!("verify -crl_check -x509_strict -attime 1795610000 -CAfile ca.pem -CRLfile crl.pem {name}.pem");
    court.refuses(&old("released"));
    court.accepts(&old("newly"));

    court.file("delta.der", &delta);
    let words = court.accepts("crl -in delta.der -inform DER -noout -text -verify -CAfile ca.pem");
    for expected in ["X509v3 Delta CRL Indicator: critical", "Remove From CRL", "verify OK"] {
        assert!(words.contains(expected), "{expected}: {words}");
    }
    assert!(!words.contains("Freshest"), "RFC 5280 §5.2.6: a delta names no delta: {words}");
}
