//! The published test vectors of the protocol (docs/protocol-vectors.json), which another program made: this side must agree with them.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;

use super::key::{SigningKey, Spki, sha256};
use super::proof::{ProofKey, Transcript};
use super::request::Request;

/// The vectors, from the file that app developers get.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../docs/protocol-vectors.json")).unwrap()
}

/// A value in base64url.
pub(crate) fn b64u(vector: &Value, name: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(vector[name].as_str().unwrap()).unwrap()
}

/// A value in standard base64.
pub(crate) fn b64(vector: &Value, name: &str) -> Vec<u8> {
    STANDARD.decode(vector[name].as_str().unwrap()).unwrap()
}

fn array<const N: usize>(vector: &Value, name: &str) -> [u8; N] {
    b64u(vector, name).try_into().unwrap()
}

#[test]
fn the_pin_of_an_invitation_is_the_hash_of_the_roots_key() {
    let vector = &vectors()["invitation"];
    assert_eq!(sha256(&b64(vector, "root_spki")).as_slice(), b64u(vector, "pin"));
}

#[test]
fn proofs_are_those_of_the_vectors_with_and_without_a_code() {
    let vectors = vectors();
    let proofs = vectors["proof"].as_array().unwrap();
    assert_eq!(proofs.len(), 2);
    for vector in proofs {
        let invitation = array(vector, "invitation");
        let key = ProofKey::derive(&array(vector, "secret"), vector["code"].as_str(), &invitation).unwrap();
        assert_eq!(key.as_bytes().as_slice(), b64u(vector, "proof_key"));
        let session_key = Spki::from_der(&b64(vector, "session_key_spki")).unwrap();
        let (exporter, nonce) = (array(vector, "exporter"), array(vector, "nonce"));
        let transcript = Transcript { exporter: &exporter, invitation: &invitation, session_key: &session_key, nonce: &nonce };
        assert!(key.is_proved(&transcript, &b64u(vector, "proof_c2s")));
        assert!(!key.is_proved(&transcript, &b64u(vector, "proof_s2c")));
        assert_eq!(key.answer(&transcript).as_slice(), b64u(vector, "proof_s2c"));
    }
}

#[test]
fn the_request_of_a_transport_key_is_read_as_the_vector_says() {
    let vector = &vectors()["transport_request"];
    let key = SigningKey::from_pkcs8(&b64(vector, "transport_key_pkcs8")).unwrap();
    let request = Request::read(&b64(vector, "request_der")).unwrap();
    assert_eq!(&request.spki, key.spki());
    assert_eq!(request.decrypt_key_identifier, Some(b64u(vector, "subject_key_identifier")));
    assert_eq!(key.spki().subject_key_identifier().as_slice(), b64u(vector, "subject_key_identifier"));
    assert_eq!(request.common_name, None);
}
