use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::asn1::{Any, AnyRef, OctetString};
use der::{Encode, Tag};
use proptest::prelude::*;
use rcgen::ExtendedKeyUsagePurpose;

use super::*;
use crate::lifecycle::credential::RevocationReason;
use crate::pki::judge::{Court, TestAuthority, at, pem, serial};
use crate::pki::key::SigningKey;

/// An authority, its delegated signer, and three certificates that openssl asks about.
struct Responder {
    court: Court,
    authority: TestAuthority,
    signer: Vec<u8>,
    key: SigningKey,
}

/// Whether an answer is fresh is a matter of the clock, which a test must not depend on: any age will do.
const ANY_AGE: &str = "-validity_period 3000000000";

impl Responder {
    fn new() -> Self {
        Self::with_signer_usage(&[ExtendedKeyUsagePurpose::OcspSigning])
    }

    fn with_signer_usage(usage: &[ExtendedKeyUsagePurpose]) -> Self {
        let authority = TestAuthority::new();
        let key = SigningKey::generate().unwrap();
        let signer = authority.certify("OCSP Signer", serial(0x40), key.spki(), usage);
        let court = Court::new();
        court.pem_file("ca.pem", "CERTIFICATE", &authority.certificate);
        for name in ["ana", "ben", "eva"] {
            let number = name.as_bytes()[0];
            let user = authority.certify(name, serial(number), SigningKey::generate().unwrap().spki(), &[]);
            court.pem_file(&format!("{name}.pem"), "CERTIFICATE", &user);
        }
        Self { court, authority, signer, key }
    }

    /// A request as openssl makes it, about the certificates and with the options in `about`.
    fn request(&self, about: &str) -> Vec<u8> {
        self.court.accepts(&format!("ocsp -issuer ca.pem {about} -reqout request.der"));
        self.court.read("request.der")
    }

    fn respond(&self, request: &[u8], answers: &[Status]) -> Vec<u8> {
        let request = OcspRequest::read(request).unwrap();
        let issuer = Issuer::of(&self.authority.certificate).unwrap();
        assert!(request.certs.iter().all(|cert| issuer.issued(cert)));
        let (now, next) = (at("2026-11-25T12:00:00.9Z"), at("2026-11-25T13:00:00Z"));
        sign_response(&self.signer, &self.key, &request, answers, now, now, Some(next)).unwrap()
    }

    /// What openssl says of `response`: first whether it answers the request made last, then the status of the certificates
    /// in `about`. (With both at once openssl asks anew, with another nonce.)
    fn judge(&self, about: &str, response: &[u8]) -> String {
        self.court.file("response.der", response);
        let ask = |about: &str| self.court.ask(&format!("ocsp -respin response.der -CAfile ca.pem {ANY_AGE} {about}"));
        let heard = ask("-reqin request.der").words + &ask(&format!("-no_nonce -issuer ca.pem {about}")).words;
        heard.split_whitespace().collect::<Vec<_>>().join(" ")
    }
}

fn hold() -> Status {
    Status::Hold { since: at("2026-11-25T11:00:00Z") }
}

fn revoked(reason: RevocationReason) -> Status {
    Status::Revoked { since: at("2026-11-25T10:00:00Z"), reason }
}

#[test]
fn openssl_hears_each_status_and_finds_its_nonce_again() {
    let responder = Responder::new();
    for (status, words) in [
        (Status::Good, "ana.pem: good This Update: Nov 25 12:00:00 2026 GMT Next Update: Nov 25 13:00:00 2026 GMT"),
        (
            hold(),
            "ana.pem: revoked This Update: Nov 25 12:00:00 2026 GMT Next Update: Nov 25 13:00:00 2026 GMT Reason: certificateHold Revocation Time: Nov 25 11:00:00 2026 GMT",
        ),
        (revoked(RevocationReason::KeyCompromise), "Reason: keyCompromise Revocation Time: Nov 25 10:00:00 2026 GMT"),
        (revoked(RevocationReason::Superseded), "Reason: superseded Revocation Time: Nov 25 10:00:00 2026 GMT"),
        (revoked(RevocationReason::CessationOfOperation), "Reason: cessationOfOperation Revocation Time: Nov 25 10:00:00 2026 GMT"),
        (Status::Unknown, "ana.pem: unknown This Update: Nov 25 12:00:00 2026 GMT"),
    ] {
        let request = responder.request("-cert ana.pem");
        let heard = responder.judge("-cert ana.pem", &responder.respond(&request, &[status]));
        assert!(heard.starts_with("Response verify OK") && heard.contains(words), "{words}\nnot in\n{heard}");
        assert!(!heard.contains("WARNING"), "{heard}");
    }
}

#[test]
fn one_request_may_ask_about_several_certificates_with_sha1_or_sha256() {
    let responder = Responder::new();
    let about = "-cert ana.pem -sha256 -cert ben.pem -sha1 -cert eva.pem";
    let request = responder.request(about);
    let read = OcspRequest::read(&request).unwrap();
    let serials: Vec<_> = read.certs.iter().map(|cert| cert.serial).collect();
    assert_eq!(serials, [b'a', b'b', b'e'].map(|number| Some(serial(number))));
    let heard = responder.judge(about, &responder.respond(&request, &[Status::Good, hold(), Status::Unknown]));
    for words in ["Response verify OK", "ana.pem: good", "ben.pem: revoked", "eva.pem: unknown"] {
        assert!(heard.contains(words), "{words}\nnot in\n{heard}");
    }
}

#[test]
fn an_answer_to_a_request_without_a_nonce_has_none() {
    let responder = Responder::new();
    let request = responder.request("-cert ana.pem -no_nonce");
    assert_eq!(OcspRequest::read(&request).unwrap().nonce, None);
    let response = responder.respond(&request, &[Status::Good]);
    responder.court.file("response.der", &response);
    let text = responder.court.accepts("ocsp -respin response.der -noverify -resp_text");
    assert!(!text.contains("Nonce"), "{text}");
    assert!(responder.judge("-cert ana.pem", &response).contains("Response verify OK ana.pem: good"));
}

#[test]
fn openssl_refuses_the_answer_to_another_request() {
    let responder = Responder::new();
    let first = responder.request("-cert ana.pem");
    let response = responder.respond(&first, &[Status::Good]);
    responder.request("-cert ana.pem");
    assert!(responder.judge("-cert ana.pem", &response).contains("Nonce Verify error"));
}

#[test]
fn openssl_refuses_a_signer_that_is_not_delegated_and_an_altered_answer() {
    let stranger = Responder::with_signer_usage(&[]);
    let request = stranger.request("-cert ana.pem");
    let heard = stranger.judge("-cert ana.pem", &stranger.respond(&request, &[Status::Good]));
    assert!(heard.contains("Response Verify Failure"), "{heard}");

    let responder = Responder::new();
    let request = responder.request("-cert ana.pem");
    let mut response = responder.respond(&request, &[Status::Good]);
    let year = response.windows(8).position(|bytes| bytes == b"20261125").unwrap();
    response[year + 3] = b'7';
    let heard = responder.judge("-cert ana.pem", &response);
    assert!(heard.contains("Response Verify Failure"), "{heard}");
}

#[test]
fn the_answer_names_its_signer_by_key_and_carries_its_certificate() {
    let responder = Responder::new();
    let request = responder.request("-cert ana.pem");
    responder.court.file("response.der", &responder.respond(&request, &[Status::Good]));
    let text = responder.court.accepts("ocsp -respin response.der -noverify -resp_text");
    let key_hash: String = responder.key.spki().subject_key_identifier().iter().map(|byte| format!("{byte:02X}")).collect();
    for words in
        [format!("Responder Id: {key_hash}"), "Produced At: Nov 25 12:00:00 2026 GMT".to_owned(), pem("CERTIFICATE", &responder.signer)]
    {
        assert!(text.contains(&words), "{words}\nnot in\n{text}");
    }
}

#[test]
fn an_issuer_is_recognized_by_its_name_and_its_key() {
    let responder = Responder::new();
    let request = responder.request("-cert ana.pem -sha256 -cert ana.pem");
    let same_name = TestAuthority::new();
    let [ours, same_name, signer] =
        [&responder.authority.certificate, &same_name.certificate, &responder.signer].map(|certificate| Issuer::of(certificate).unwrap());
    for cert in OcspRequest::read(&request).unwrap().certs {
        assert!(ours.issued(&cert));
        assert!(!same_name.issued(&cert) && !signer.issued(&cert));
    }
    assert!(Issuer::of(b"not a certificate").is_err());
}

#[test]
fn a_signed_request_is_answered_as_any_other() {
    let responder = Responder::new();
    responder.court.pem_file("signer.pem", "CERTIFICATE", &responder.signer);
    responder.court.pem_file("signer.key", "PRIVATE KEY", &responder.key.to_pkcs8().unwrap());
    let request = responder.request("-cert ana.pem -signer signer.pem -signkey signer.key");
    assert!(request.len() > 500, "the request is signed");
    let heard = responder.judge("-cert ana.pem", &responder.respond(&request, &[hold()]));
    assert!(heard.contains("Response verify OK ana.pem: revoked"), "{heard}");
}

#[test]
fn as_many_answers_as_questions_or_none_is_signed() {
    let responder = Responder::new();
    let request = OcspRequest::read(&responder.request("-cert ana.pem")).unwrap();
    let now = at("2026-11-25T12:00:00Z");
    let sign = |answers: &[Status]| sign_response(&responder.signer, &responder.key, &request, answers, now, now, None);
    assert!(sign(&[]).is_err());
    assert!(sign(&[Status::Good, Status::Good]).is_err());
    assert!(sign(&[Status::Good]).is_ok());
}

#[test]
fn openssl_reads_why_there_is_no_answer() {
    let court = Court::new();
    for (failure, words) in [
        (OcspFailure::MalformedRequest, "malformedrequest (1)"),
        (OcspFailure::InternalError, "internalerror (2)"),
        (OcspFailure::TryLater, "trylater (3)"),
        (OcspFailure::Unauthorized, "unauthorized (6)"),
    ] {
        court.file("response.der", &error_response(failure));
        let heard = court.ask("ocsp -respin response.der -noverify").words;
        assert!(heard.contains(&format!("Responder Error: {words}")), "{heard}");
    }
}

/// A request put together by hand: `certs` times the same question, and the extensions (OID, critical, value).
fn own_request(certs: usize, extensions: &[(&str, bool, &[u8])]) -> Vec<u8> {
    let sequence = |parts: &[Vec<u8>]| AnyRef::new(Tag::Sequence, &parts.concat()).unwrap().to_der().unwrap();
    let octets = |bytes: &[u8]| OctetString::new(bytes).unwrap().to_der().unwrap();
    let algorithm = sequence(&["1.3.14.3.2.26".parse::<const_oid::ObjectIdentifier>().unwrap().to_der().unwrap()]);
    let number = der::asn1::Int::new(serial(b'a').as_bytes()).unwrap().to_der().unwrap();
    let question = sequence(&[sequence(&[algorithm, octets(&[1; 20]), octets(&[2; 20]), number])]);
    let mut parts = vec![sequence(&vec![question; certs])];
    if !extensions.is_empty() {
        let extensions: Vec<_> = extensions
            .iter()
            .map(|(oid, critical, value)| x509_cert::ext::Extension {
                extn_id: oid.parse().unwrap(),
                critical: *critical,
                extn_value: OctetString::new(*value).unwrap(),
            })
            .collect();
        let tag = Tag::ContextSpecific { constructed: true, number: der::TagNumber(2) };
        parts.push(Any::new(tag, extensions.to_der().unwrap()).unwrap().to_der().unwrap());
    }
    sequence(&[sequence(&parts)])
}

const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";

fn with_nonce(length: usize) -> Result<Option<Vec<u8>>, BadOcsp> {
    let nonce = OctetString::new(vec![7; length]).unwrap().to_der().unwrap();
    OcspRequest::read(&own_request(1, &[(NONCE, false, &nonce)])).map(|request| request.nonce)
}

#[test]
fn a_nonce_has_1_to_128_bytes() {
    for length in [1, 32, 128] {
        assert_eq!(with_nonce(length), Ok(Some(vec![7; length])));
    }
    for length in [0, 129] {
        let refusal = format!("found: a nonce of {length} bytes, expected: at most one nonce of 1 to 128 bytes");
        assert_eq!(with_nonce(length).unwrap_err().to_string(), refusal);
    }
    let bare = own_request(1, &[(NONCE, false, &[7; 16])]);
    assert!(matches!(OcspRequest::read(&bare), Err(BadOcsp::Nonce { .. })));
    let two = own_request(1, &[(NONCE, false, &[4, 1, 1]), (NONCE, false, &[4, 1, 2])]);
    assert!(matches!(OcspRequest::read(&two), Err(BadOcsp::Nonce { .. })));
}

#[test]
fn an_extension_that_is_not_understood_is_ignored_unless_critical() {
    assert!(OcspRequest::read(&own_request(1, &[("1.2.3.4", false, &[5, 0])])).is_ok());
    let critical = OcspRequest::read(&own_request(1, &[("1.2.3.4", true, &[5, 0])]));
    assert!(matches!(critical, Err(BadOcsp::CriticalExtension { .. })));
    assert!(OcspRequest::read(&own_request(1, &[(NONCE, true, &[4, 1, 1])])).is_ok());
}

#[test]
fn a_request_asks_about_1_to_32_certificates() {
    assert_eq!(OcspRequest::read(&own_request(32, &[])).unwrap().certs.len(), 32);
    assert_eq!(OcspRequest::read(&own_request(33, &[])).unwrap_err(), BadOcsp::Certificates { found: 33 });
    assert_eq!(OcspRequest::read(&own_request(0, &[])).unwrap_err(), BadOcsp::Certificates { found: 0 });
}

#[test]
fn what_is_not_a_request_is_refused() {
    let request = own_request(1, &[]);
    assert_eq!(OcspRequest::read(&[&request[..], &[0]].concat()).unwrap_err(), BadOcsp::NotOcsp);
    assert_eq!(OcspRequest::read(&request[..request.len() - 1]).unwrap_err(), BadOcsp::NotOcsp);
    assert_eq!(OcspRequest::read(&[0x30; 65_536]).unwrap_err(), BadOcsp::TooLong { found: 65_536 });
}

#[test]
fn a_serial_that_has_not_our_form_is_nobodys() {
    let mut request = own_request(1, &[]);
    let number = request.windows(22).position(|bytes| bytes.starts_with(&[2, 20, b'a'])).unwrap();
    request[number + 2] = 0x3f;
    assert_eq!(OcspRequest::read(&request).unwrap().certs[0].serial, None);
}

#[test]
fn a_path_is_read_as_clients_write_it() {
    let request = [0x30, 0x7f, 0xff, 0xfb, 0xef, 0xbe, 0x01].to_vec();
    let base64 = STANDARD.encode(&request);
    assert_eq!(base64, "MH//++++AQ==");
    let encoded = base64.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D");
    for path in [&base64, &encoded, &format!("/{base64}"), base64.trim_end_matches('='), &base64.replace('=', "%3d")] {
        assert_eq!(decode_get(path).as_ref(), Ok(&request), "{path}");
    }
    for path in ["M%", "M%2", "M%zz", "M%+1", "***", "é"] {
        assert_eq!(decode_get(path), Err(BadOcsp::NotBase64), "{path}");
    }
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), text in any::<String>()) {
        let _ = OcspRequest::read(&bytes);
        let _ = decode_get(&text);
        let _ = decode_get(&STANDARD.encode(&bytes));
    }

    #[test]
    fn a_mutated_request_never_panics_and_what_is_read_can_be_answered(at_byte in any::<prop::sample::Index>(), bits in 1..=255u8) {
        let mut request = own_request(2, &[(NONCE, false, &[4, 2, 1, 2])]);
        let at_byte = at_byte.index(request.len());
        request[at_byte] ^= bits;
        if let Ok(request) = OcspRequest::read(&request) {
            let key = SigningKey::generate().unwrap();
            let now = at("2026-11-25T12:00:00Z");
            let answers = vec![Status::Good; request.certs.len()];
            prop_assert!(sign_response(&[0x30, 0], &key, &request, &answers, now, now, None).is_ok());
        }
    }
}
