//! What is signed: an altered request or certificate is refused, or it is the one that was signed.

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::credential::RevocationReason;
use remint::lifecycle::ids::{Serial, SessionId};
use remint::pki::crl::{CrlEntry, CrlReason, Edition, Entries, Scope, sign_crl};
use remint::pki::key::{SigningKey, sha256};
use remint::pki::ocsp::{OcspRequest, Status, sign_response};
use remint::pki::published::ask;
use uuid::Uuid;

use super::altered::{altered, anything};
use crate::parsers::{self, AUTHORITY, NOW};
use crate::support::device::DeviceKey;
use crate::support::openssl::openssl;
use crate::support::wire_device::b64;

/// As random as it looks to a lint.
fn serial(number: u8) -> Serial {
    let digest = sha256(&[number]);
    Serial::from_random(digest[..20].try_into().unwrap())
}

#[test]
fn an_altered_certification_request_is_no_other() {
    let seeds = [DeviceKey::generate().csr(Some("Ana Ruiz")), DeviceKey::generate().transport_csr()];
    let read = seeds.clone().map(|seed| parsers::certification_request(&seed));
    altered(&seeds, parsers::certification_request, |at, request| assert_eq!(Some(request), read[at]));
}

#[test]
fn an_altered_body_of_est_is_refused_or_shorter_than_its_base64() {
    let csr = DeviceKey::generate().csr(Some("Ana Ruiz"));
    let armored = format!("-----BEGIN CERTIFICATE REQUEST-----\r\n{}\r\n-----END CERTIFICATE REQUEST-----\n", b64(&csr));
    altered(&[b64(&csr).into_bytes(), armored.into_bytes()], parsers::est_body, anything);
}

#[test]
fn an_altered_client_certificate_is_nobodys() {
    let (key, tomorrow) = (SigningKey::generate().unwrap(), *NOW + SignedDuration::from_hours(24));
    let session = AUTHORITY.certify_session(key.spki(), SessionId(Uuid::from_u128(7)), serial(1), *NOW, tomorrow).unwrap();
    let profiles = remint::pki::profile::Profiles::built_in().unwrap();
    let operator = AUTHORITY.certify_operator(profiles.operator(), key.spki(), "Omar", serial(2), *NOW, tomorrow).unwrap();
    let seeds = [session, operator];
    let judged = seeds.clone().map(|seed| parsers::client_certificate(&seed));
    altered(&seeds, parsers::client_certificate, |at, certificate| assert_eq!(Some(certificate), judged[at]));
}

/// One of openssl, with a nonce and SHA-1, and one of ours without.
async fn ocsp_requests() -> [Vec<u8>; 2] {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (issuer, request) = (path("issuer.pem"), path("request.der"));
    let issuing = mobile_sim::certificate::Certificate::from_der(AUTHORITY.issuing_certificate()).unwrap();
    std::fs::write(&issuer, issuing.pem()).unwrap();
    openssl(&["ocsp", "-issuer", &issuer, "-serial", "0x4123456789ABCDEF0123456789ABCDEF01234567", "-nonce", "-reqout", &request], b"")
        .await;
    [std::fs::read(request).unwrap(), ask(AUTHORITY.issuing_certificate(), &[serial(1), serial(2), serial(3)]).unwrap()]
}

#[tokio::test]
async fn an_altered_ocsp_request_is_refused_or_asks_something() {
    let taken = altered(&ocsp_requests().await, parsers::ocsp_request, anything);
    assert!(taken > 0, "an altered serial is still a serial");
}

#[tokio::test]
async fn an_altered_path_of_an_ocsp_request_is_refused_or_decoded() {
    let [first, second] = ocsp_requests().await.map(|der| b64(&der));
    let encoded = second.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    altered(&[first.into_bytes(), encoded.into_bytes()], parsers::ocsp_path, anything);
}

fn crl(entries: &Entries, scope: &Scope<'_>) -> Vec<u8> {
    let edition = Edition { number: 7, this_update: *NOW, next_update: *NOW + SignedDuration::from_hours(24) };
    sign_crl(AUTHORITY.issuing_certificate(), AUTHORITY.issuing_key(), &edition, scope, entries).unwrap()
}

fn crls() -> [Vec<u8>; 3] {
    let reasons = [CrlReason::Hold, CrlReason::Revoked(RevocationReason::KeyCompromise), CrlReason::Revoked(RevocationReason::Superseded)];
    let listed = (1..).zip(reasons).map(|(number, reason)| CrlEntry { serial: serial(number), since: *NOW, reason });
    let entries = Entries::of(listed.collect()).unwrap();
    let full = Scope::Full { delta_url: Some("http://status.example.org/delta.crl") };
    [crl(&entries, &full), crl(&entries, &Scope::Delta { base: 3 }), crl(&Entries::default(), &full)]
}

#[test]
fn the_entries_of_an_altered_crl_are_refused_or_entries() {
    let taken = altered(&crls(), parsers::crl_entries, |_, listed| assert!(listed.len() <= 4, "{listed:?}"));
    assert!(taken > 0, "the signature is not looked at: we read what we wrote");
}

#[test]
fn an_altered_crl_is_not_believed() {
    let seeds = crls();
    let read = seeds.clone().map(|seed| parsers::published_crl(&seed));
    altered(&seeds, parsers::published_crl, |at, crl| assert_eq!(Some(crl), read[at]));
}

#[tokio::test]
async fn an_altered_ocsp_answer_is_not_believed() {
    let (key, certificate) = AUTHORITY.ocsp_signer();
    let until: Timestamp = *NOW + SignedDuration::from_mins(5);
    let statuses = [Status::Good, Status::Hold { since: *NOW }, Status::Unknown];
    let seeds = ocsp_requests().await.map(|request| {
        let request = OcspRequest::read(&request).unwrap();
        sign_response(certificate, key, &request, &statuses[..request.certs.len()], *NOW, *NOW, Some(until)).unwrap()
    });
    let read = seeds.clone().map(|seed| parsers::published_answer(&seed));
    altered(&seeds, parsers::published_answer, |at, answer| assert_eq!(Some(answer), read[at]));
}
