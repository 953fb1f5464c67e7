//! M4 and M5: certificates for keys that the phone made, and the encryption keys that the server delivers.
//!
//! Every certificate is checked before it is believed: it must name the right key and be signed by the pinned authority.

use rcgen::Attribute;
use serde::Deserialize;

use crate::certificate::Certificate;
use crate::device::Slot;
use crate::encoding::{as_b64, b64};
use crate::error::{Distrust, PhoneError};
use crate::key::Key;
use crate::message::{Faults, Message};
use crate::session::request;
use crate::state::Credential;
use crate::trust::Chain;
use crate::wire::{Client, Reply, Request};
use crate::{cms, est, evidence, multipart, package};

/// id-aa-asymmDecryptKeyID (RFC 7030 §4.4.1.2).
const ASYMM_DECRYPT_KEY_IDENTIFIER: &[u64] = &[1, 2, 840, 113549, 1, 9, 16, 2, 54];

/// M4: has the key of one slot certified. With a challenge, hardware vouches for the key.
pub(crate) async fn enroll(
    client: &Client,
    slot: &Slot,
    key: &Key,
    challenge: Option<&[u8; 32]>,
    chain: &Chain,
    faults: &Faults,
) -> Result<Certificate, PhoneError> {
    let message = Message::Enroll(slot.clone());
    let made = evidence(key, challenge).and_then(|attributes| request(key, attributes));
    let body = made.map_err(|error| error.at(message.clone()))?;
    let post = Request::post(format!("/.well-known/est/{slot}/simpleenroll")).with_body(est::PKCS10, b64(&body));
    let reply = faults.send(message.clone(), client, post).await?;
    certificate_for(&reply, key, chain).map_err(|error| error.at(message))
}

fn evidence(key: &Key, challenge: Option<&[u8; 32]>) -> Result<Vec<Attribute>, Distrust> {
    let made = challenge.map(|challenge| evidence::for_key(key, challenge)).transpose()?;
    Ok(made.map(|values| Attribute { oid: evidence::ATTRIBUTE, values }).into_iter().collect())
}

fn certificate_for(reply: &Reply, key: &Key, chain: &Chain) -> Result<Certificate, Distrust> {
    let certificate = est::certificate(&reply.body)?;
    if !certificate.names_key_of(key) {
        return Err(Distrust::because("a certificate for another key"));
    }
    chain.check_issued(&certificate)?;
    Ok(certificate)
}

/// M5: collects the current encryption key.
pub(crate) async fn collect_key(client: &Client, transport: &Key, chain: &Chain, faults: &Faults) -> Result<Credential, PhoneError> {
    let distrusted = |error: Distrust| error.at(Message::CollectKey);
    let body = key_request(transport).map_err(distrusted)?;
    let path = format!("/.well-known/est/{}/serverkeygen", Slot::enc());
    let post = Request::post(path).with_body(est::PKCS10, b64(&body));
    let reply = faults.send(Message::CollectKey, client, post).await?;
    delivered(&reply, transport, chain).map_err(distrusted)
}

/// A request signed by the transport key, which names that key as the one to encrypt to.
fn key_request(transport: &Key) -> Result<Vec<u8>, Distrust> {
    // SET OF (one value) of OCTET STRING: a tag, a length and 20 bytes, in another tag and length.
    let mut values = vec![0x31, 22, 0x04, 20];
    values.extend_from_slice(&transport.identifier());
    request(transport, vec![Attribute { oid: ASYMM_DECRYPT_KEY_IDENTIFIER, values }])
}

/// The two parts of the reply (RFC 7030 §4.4.2), told apart by their types.
fn delivered(reply: &Reply, transport: &Key, chain: &Chain) -> Result<Credential, Distrust> {
    let parts = multipart::parts(reply.header("content-type").unwrap_or_default(), &reply.body)?;
    let part = |kind: &str| {
        let mut matching = parts.iter().filter(|part| part.media_type.contains(kind));
        matching.next().ok_or_else(|| Distrust::because(format!("no {kind} part in the reply")))
    };
    let certificate = est::certificate(b64(&part("certs-only")?.content).as_bytes())?;
    credential(certificate, &part("server-generated-key")?.content, transport, chain)
}

/// Opens one delivery, and checks that the key is the certificate's.
fn credential(certificate: Certificate, delivery: &[u8], transport: &Key, chain: &Chain) -> Result<Credential, Distrust> {
    chain.check_issued(&certificate)?;
    let signed = cms::open(delivery, &[cms::Recipient::key(transport)]).map_err(|error| Distrust::because(error.to_string()))?;
    let key = package::private_key(&signed, chain, &certificate)?;
    Ok(Credential { certificate, key })
}

#[derive(Deserialize)]
struct History {
    keys: Vec<Older>,
}

#[derive(Deserialize)]
struct Older {
    serial: String,
    #[serde(with = "as_b64")]
    certificate: Vec<u8>,
    #[serde(with = "as_b64")]
    key: Vec<u8>,
}

/// M5h: collects the older encryption keys, newest first.
pub(crate) async fn collect_history(
    client: &Client,
    session: &str,
    transport: &Key,
    chain: &Chain,
    faults: &Faults,
) -> Result<Vec<Credential>, PhoneError> {
    let distrusted = |error: Distrust| error.at(Message::CollectHistory);
    let get = Request::get(format!("/provisioning/v1/sessions/{session}/history"));
    let reply = faults.send(Message::CollectHistory, client, get).await?;
    let history: History = reply.json().map_err(|error| distrusted(Distrust::because(error.to_string())))?;
    history.keys.into_iter().map(|older| older.open(transport, chain)).collect::<Result<_, _>>().map_err(distrusted)
}

impl Older {
    fn open(self, transport: &Key, chain: &Chain) -> Result<Credential, Distrust> {
        let certificate = Certificate::from_der(self.certificate)?;
        if certificate.serial() != self.serial {
            return Err(Distrust::because("an older certificate under a serial that is not its own"));
        }
        credential(certificate, &self.key, transport, chain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_request_names_its_transport_key() {
        let key = Key::generate().expect("random");
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("csr.der");
        std::fs::write(&file, key_request(&key).expect("made")).expect("written");
        let shown =
            std::process::Command::new("openssl").args(["asn1parse", "-inform", "DER", "-in"]).arg(&file).output().expect("openssl runs");
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(&crate::encoding::hex(&key.identifier())), "{shown}");
        let judged = std::process::Command::new("openssl").args(["req", "-inform", "DER", "-verify", "-noout", "-in"]).arg(&file).output();
        assert!(judged.expect("openssl runs").status.success());
    }

    #[test]
    fn the_request_of_a_transport_key_names_it_as_the_published_vector_does() {
        use crate::vectors::{b64, b64u, vectors};
        let vector = &vectors()["transport_request"];
        let key = Key::from_pkcs8(&b64(vector, "transport_key_pkcs8")).expect("a key");
        assert_eq!(key.identifier().to_vec(), b64u(vector, "subject_key_identifier"));
        let (ours, theirs) = (key_request(&key).expect("made"), b64(vector, "request_der"));
        // from the version to the end of the attribute: the signature behind it is made with fresh randomness
        let attribute = b64(vector, "attribute_der");
        let signed = |request: &[u8]| {
            let end = request.windows(attribute.len()).position(|window| window == attribute).expect("the attribute") + attribute.len();
            let start = request.windows(3).position(|window| window == [0x02, 0x01, 0x00]).expect("version 1");
            request[start..end].to_vec()
        };
        assert_eq!(signed(&ours), signed(&theirs));
    }
}
