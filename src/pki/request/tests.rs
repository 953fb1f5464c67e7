use proptest::prelude::*;

use super::*;
use crate::pki::judge::{Court, pem};

/// A request as openssl makes it: `key` are its options for the new key, `more` everything else.
fn request(key: &str, more: &str) -> Vec<u8> {
    let court = Court::new();
    court.file("attributes.cnf", b"[req]\ndistinguished_name=dn\nattributes=attrs\n[dn]\n[attrs]\n");
    court.accepts(&format!("req -new -nodes -keyout key.pem -outform DER -out csr.der -newkey {key} {more}"));
    court.read("csr.der")
}

const P256: &str = "ec -pkeyopt ec_paramgen_curve:P-256";

fn found(der: &[u8]) -> String {
    Request::read(der).unwrap_err().to_string()
}

/// Our own requests, where openssl cannot make them: `subject` is RFC 4514 text, `attributes` go in as they are.
fn own_request(subject: &str, attributes: Attributes) -> (Spki, Vec<u8>) {
    let key = crate::pki::key::SigningKey::generate().unwrap();
    let info = CertReqInfo {
        version: x509_cert::request::Version::V1,
        subject: if subject.is_empty() { Name::default() } else { subject.parse().unwrap() },
        public_key: SubjectPublicKeyInfoOwned::from_der(key.spki().as_der()).unwrap(),
        attributes,
    };
    let der = crate::pki::encoding::sign(&info.to_der().unwrap(), &key).unwrap();
    (key.spki().clone(), der)
}

fn attribute(values: impl IntoIterator<Item = der::Any>) -> x509_cert::attr::Attribute {
    x509_cert::attr::Attribute { oid: ASYMM_DECRYPT_KEY_IDENTIFIER, values: values.into_iter().collect::<Vec<_>>().try_into().unwrap() }
}

fn octets(bytes: &[u8]) -> der::Any {
    der::Any::new(der::Tag::OctetString, bytes).unwrap()
}

#[test]
fn a_request_made_by_openssl_is_read() {
    let request = Request::read(&request(P256, "-utf8 -subj /O=Example/CN=Ána")).unwrap();
    assert_eq!(request.common_name.as_deref(), Some("Ána"));
    assert_eq!(request.decrypt_key_identifier, None);
}

#[test]
fn the_subject_may_be_empty() {
    let (spki, der) = own_request("", Attributes::new());
    let request = Request::read(&der).unwrap();
    assert_eq!((request.spki, request.common_name), (spki, None));
}

#[test]
fn a_subject_without_a_common_name_or_with_two_is_refused() {
    let refusal = "expected: an empty subject, or one with one common name";
    let (_, none) = own_request("O=Example", Attributes::new());
    assert_eq!(found(&none), format!("found: a subject without a common name, {refusal}"));
    let (_, two) = own_request("CN=Ana,CN=Admin", Attributes::new());
    assert_eq!(found(&two), format!("found: several common names, {refusal}"));
}

#[test]
fn extensions_that_a_request_asks_for_are_not_even_read() {
    let der = request(P256, "-subj /CN=Ana -addext subjectAltName=email:root@example.test -addext basicConstraints=CA:TRUE");
    assert_eq!(Request::read(&der).unwrap().common_name.as_deref(), Some("Ana"));
}

#[test]
fn other_keys_are_refused_by_their_names() {
    for (key, name) in [
        ("rsa:2048", "RSA 2048"),
        ("rsa:1023", "RSA 1023"),
        ("ec -pkeyopt ec_paramgen_curve:P-384", "EC P-384"),
        ("ec -pkeyopt ec_paramgen_curve:P-521", "EC P-521"),
        ("ec -pkeyopt ec_paramgen_curve:secp256k1", "EC secp256k1"),
        ("ec -pkeyopt ec_paramgen_curve:brainpoolP256r1", "EC brainpoolP256r1"),
        ("ec -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:explicit", "EC without a named curve"),
        ("ed25519", "Ed25519"),
    ] {
        assert_eq!(found(&request(key, "-subj /CN=Ana")), format!("found: {name}, expected: EC P-256"));
    }
}

#[test]
fn a_compressed_point_is_refused() {
    let (_, der) = own_request("CN=Ana", Attributes::new());
    let request = CertificationRequest::from_der(&der).unwrap();
    let mut info: CertReqInfo = request.info.decode_as().unwrap();
    let point = info.public_key.subject_public_key.raw_bytes();
    let compressed = [&[2 + (point[64] & 1)], &point[1..33]].concat();
    info.public_key.subject_public_key = der::asn1::BitString::from_bytes(&compressed).unwrap();
    let altered = CertificationRequest { info: AnyRef::from_der(&info.to_der().unwrap()).unwrap(), ..request }.to_der().unwrap();
    assert_eq!(found(&altered), "found: EC P-256, its point not uncompressed, expected: EC P-256");
}

#[test]
fn other_signature_algorithms_are_refused_by_their_names() {
    for (digest, name) in [("sha384", "ecdsa-with-SHA384"), ("sha512", "ecdsa-with-SHA512"), ("sha1", "ecdsa-with-SHA1")] {
        let der = request(P256, &format!("-subj /CN=Ana -{digest}"));
        assert_eq!(found(&der), format!("found: {name}, expected: ecdsa-with-SHA256"));
    }
}

#[test]
fn a_request_whose_signature_does_not_verify_is_refused() {
    let mut der = request(P256, "-subj /CN=Ana");
    let name = der.windows(3).position(|bytes| bytes == b"Ana").unwrap();
    der[name] = b'E';
    assert_eq!(Request::read(&der), Err(BadRequest::Signature));
}

#[test]
fn a_point_that_is_not_on_the_curve_is_refused() {
    let mut der = request(P256, "-subj /CN=Ana");
    let point = der.windows(3).position(|bytes| bytes == [0x42, 0x00, 0x04]).unwrap();
    der[point + 66] ^= 1;
    assert_eq!(Request::read(&der), Err(BadRequest::Signature));
}

#[test]
fn bytes_behind_or_inside_a_request_are_refused() {
    let der = request(P256, "-subj /CN=Ana");
    assert_eq!(Request::read(&[&der[..], &[0]].concat()), Err(BadRequest::NotPkcs10));
    assert_eq!(Request::read(&der[..der.len() - 1]), Err(BadRequest::NotPkcs10));
    let outer = AnyRef::from_der(&der).unwrap();
    let longer = [outer.value(), &[0x05, 0x00]].concat();
    let inside = AnyRef::new(der::Tag::Sequence, &longer).unwrap().to_der().unwrap();
    assert_eq!(Request::read(&inside), Err(BadRequest::NotPkcs10));
    assert_eq!(Request::read(&[]), Err(BadRequest::NotPkcs10));
}

#[test]
fn a_request_over_the_limit_is_not_read() {
    let limit = vec![0x30; MAX_REQUEST_BYTES];
    assert_eq!(Request::read(&limit), Err(BadRequest::NotPkcs10));
    assert_eq!(found(&vec![0x30; 65_536]), "found: 65536 bytes, expected: at most 16384");
}

#[test]
fn the_identifier_of_the_decryption_key_is_read_where_there_is_one() {
    let (spki, der) = own_request("", Attributes::try_from([attribute([octets(b"an identifier")])]).unwrap());
    let request = Request::read(&der).unwrap();
    assert_eq!((request.spki, request.decrypt_key_identifier.as_deref()), (spki, Some(&b"an identifier"[..])));
}

#[test]
fn several_identifiers_of_the_decryption_key_are_refused() {
    let refused = |attributes: Vec<x509_cert::attr::Attribute>| {
        let (_, der) = own_request("", Attributes::try_from(attributes).unwrap());
        matches!(Request::read(&der), Err(BadRequest::DecryptKeyIdentifier { .. }))
    };
    assert!(refused(vec![attribute([octets(b"one"), octets(b"two")])]));
    assert!(refused(vec![attribute([octets(b"one")]), attribute([octets(b"two")])]));
    assert!(refused(vec![attribute([])]));
    assert!(refused(vec![attribute([der::Any::null()])]));
}

#[test]
fn the_body_of_an_enrollment_is_base64_with_any_white_space_or_pem() {
    let der = request(P256, "-subj /CN=Ana");
    let armored = pem("CERTIFICATE REQUEST", &der);
    let one_line = STANDARD.encode(&der);
    for body in [
        one_line.clone(),
        armored.clone(),
        armored.replace('\n', "\r\n"),
        pem("NEW CERTIFICATE REQUEST", &der),
        format!("\r\n {}\t{} \n\n", &one_line[..7], &one_line[7..]),
    ] {
        assert_eq!(est_base64(body.as_bytes()).as_ref(), Ok(&der), "{body}");
    }
    for body in [&der[..], b"%%%", b"AAA", pem("CERTIFICATE", &der).as_bytes(), b"\xff\xfe"] {
        assert_eq!(est_base64(body), Err(BadRequest::NotBase64));
    }
}

proptest! {
    #[test]
    fn noise_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(Request::read(&bytes).is_err());
        let _ = est_base64(&bytes);
    }

    #[test]
    fn a_mutated_request_is_refused_and_never_panics(at in any::<prop::sample::Index>(), bits in 1..=255u8, cut in any::<prop::sample::Index>()) {
        let (_, der) = own_request("CN=Ana", Attributes::try_from([attribute([octets(b"id")])]).unwrap());
        let mut mutated = der.clone();
        mutated[at.index(der.len())] ^= bits;
        prop_assert!(Request::read(&mutated).is_err());
        let _ = Request::read(&mutated[..cut.index(der.len())]);
    }

    #[test]
    fn attributes_and_names_of_any_content_never_panic(values in prop::collection::vec((0..32u8, prop::collection::vec(any::<u8>(), 0..8)), 0..200)) {
        let values: Vec<u8> = values.into_iter().flat_map(|(tag, bytes)| [vec![tag, bytes.len() as u8], bytes].concat()).collect();
        let tlv = |tag, value: &[u8]| der::Any::new(tag, value).unwrap().to_der().unwrap();
        let attribute = |oid: ObjectIdentifier, value: &[u8]| tlv(der::Tag::Sequence, &[&oid.to_der().unwrap(), value].concat());
        let name = tlv(der::Tag::Sequence, &tlv(der::Tag::Set, &attribute(COMMON_NAME, &values)));
        let attributes = attribute(ASYMM_DECRYPT_KEY_IDENTIFIER, &tlv(der::Tag::Set, &values));
        let attributes = tlv(der::Tag::ContextSpecific { constructed: true, number: der::TagNumber(0) }, &attributes);
        let key = crate::pki::key::SigningKey::generate().unwrap();
        for name in [&name, &[0x30, 0x00][..]] {
            let info = tlv(der::Tag::Sequence, &[&[0x02, 0x01, 0x00], name, key.spki().as_der(), &attributes].concat());
            let _ = Request::read(&crate::pki::encoding::sign(&info, &key).unwrap());
        }
    }
}
