//! What the phone reads: its own independent parsers, of what it cannot trust yet.

use remint::pki::cms::{certs_only, deliver_key};
use remint::pki::key::{SigningKey, Spki};
use remint::server::clock::SystemEntropy;

use super::altered::{altered, anything};
use crate::parsers::{self, AUTHORITY, RECIPIENT};
use crate::support::wire_device::{b64, b64u};

#[test]
fn an_altered_invitation_is_refused_or_leads_somewhere() {
    let uri =
        |host: &str| format!("msc1:?h={host}&i={}&c={}&p={}&x=1795600000", b64u(&[1; 16]), b64u(&[2; 16]), b64u(&[3; 32])).into_bytes();
    altered(&[uri("phones.example.org:8443"), uri("[2001:db8::1]:8443")], parsers::invitation, anything);
}

fn certificates() -> Vec<u8> {
    b64(&certs_only(&[AUTHORITY.issuing_certificate()]).unwrap()).into_bytes()
}

#[test]
fn an_altered_multipart_is_refused_or_parts() {
    let part = |kind: &str, body: &[u8]| {
        let head = format!("--remint-enc\r\nContent-Type: application/pkcs7-mime; smime-type={kind}\r\n");
        [head.as_bytes(), b"Content-Transfer-Encoding: base64\r\n\r\n", body, b"\r\n"].concat()
    };
    let body = [
        part("server-generated-key", b64(&[7; 60]).as_bytes()),
        part("certs-only", b64(&[8; 30]).as_bytes()),
        b"--remint-enc--\r\n".to_vec(),
    ];
    altered(&[body.concat()], parsers::multipart, |_, parts| assert!(parts <= 3, "{parts}"));
}

#[test]
fn altered_certificates_are_refused_or_read() {
    altered(&[certificates()], parsers::certs_only, |_, read| assert!(read.len() <= 1, "{read:?}"));
}

/// CBC has no integrity: an altered text may be opened. Whoever asked checks the signature inside.
#[test]
fn an_altered_envelope_stays_closed_or_gives_no_more_than_was_in_it() {
    let ((signer, certificate), delivered) = (AUTHORITY.delivery_signer(), SigningKey::generate().unwrap().to_pkcs8().unwrap());
    let recipient = Spki::from_der(&RECIPIENT.spki().unwrap()).unwrap();
    let closed = deliver_key(&delivered, &recipient, certificate, signer, &SystemEntropy).unwrap();
    let length = parsers::envelope(&closed).unwrap().len();
    // padding that an alteration made longer or shorter is a block at most
    altered(&[closed], parsers::envelope, |_, opened| assert!(opened.len() <= length + 16, "{} of {length}", opened.len()));
}
