//! M2: the invitation's secret is proved once, on this very TLS connection, and the server proves that it knows it too.
//!
//! The secret never travels. The proof covers the connection's exporter (RFC 9266), so that it is worth nothing on another one.

use std::collections::{BTreeMap, BTreeSet};

use aws_lc_rs::{hkdf, hmac};
use rcgen::{CertificateParams, DistinguishedName};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::device::{DeviceFacts, Slot};
use crate::encoding::{array_from_b64u, as_b64, as_b64u, b64u};
use crate::error::{Distrust, PhoneError};
use crate::invitation::Invitation;
use crate::key::Key;
use crate::message::{Faults, Message};
use crate::state::{Collected, Delivery, Enrollment, Errand, Opening, Provisioning};
use crate::station::holder::Holder;
use crate::trust::Server;
use crate::wire::{Connection, Request};

const PATH: &str = "/provisioning/v1/sessions";
const CLIENT_TO_SERVER: &[u8] = b"msc1 c2s";
const SERVER_TO_CLIENT: &[u8] = b"msc1 s2c";

/// Who asks for a session, and by what right.
pub(crate) struct Introduction<'a> {
    pub invitation: &'a Invitation,
    /// That of the second channel.
    pub code: Option<&'a str>,
    pub device: &'a DeviceFacts,
}

/// A session as M2 returns it.
pub(crate) struct Opened {
    pub provisioning: Provisioning,
    pub pin_policy: PinPolicy,
}

#[derive(Clone, Copy, Debug, Deserialize)]
pub(crate) struct PinPolicy {
    pub min_digits: usize,
    pub max_digits: usize,
}

/// What a session gives to each slot.
#[derive(Debug, Deserialize)]
pub(crate) struct Plan {
    slots: Vec<PlannedSlot>,
}

#[derive(Debug, Deserialize)]
struct PlannedSlot {
    slot: Slot,
    by: By,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum By {
    Simpleenroll,
    Serverkeygen,
}

impl Plan {
    /// Who makes which key. Only `enc` can be delivered, and it comes in no other way.
    pub(crate) fn sorted(self) -> Result<Sorted, Distrust> {
        let (own, delivered): (Vec<_>, Vec<_>) = self.slots.into_iter().partition(|planned| planned.by == By::Simpleenroll);
        let own: Vec<_> = own.into_iter().map(|planned| planned.slot).collect();
        let is_enc_delivered = match delivered.as_slice() {
            [] => false,
            [only] if only.slot == Slot::enc() => true,
            _ => return Err(Distrust::because("a plan that delivers another key than enc")),
        };
        if own.contains(&Slot::enc()) {
            return Err(Distrust::because("a plan in which the phone makes enc"));
        }
        if own.iter().collect::<BTreeSet<_>>().len() != own.len() {
            return Err(Distrust::because("a plan that names a slot twice"));
        }
        Ok(Sorted { own, is_enc_delivered })
    }
}

/// A plan by who makes the keys.
#[derive(Debug)]
pub(crate) struct Sorted {
    /// The slots whose keys the phone makes.
    pub own: Vec<Slot>,
    pub is_enc_delivered: bool,
}

#[derive(Serialize)]
struct Ask<'a> {
    invitation: String,
    #[serde(with = "as_b64")]
    csr: &'a [u8],
    device: &'a DeviceFacts,
    #[serde(with = "as_b64u")]
    nonce: [u8; 16],
    #[serde(with = "as_b64u")]
    proof: [u8; 32],
}

#[derive(Deserialize)]
struct Answer {
    session: String,
    #[serde(with = "as_b64")]
    bootstrap_certificate: Vec<u8>,
    challenge: String,
    plan: Plan,
    pin_policy: PinPolicy,
    proof: String,
}

/// Sends M2 on `connection`, and checks the answer's proof.
pub(crate) async fn open(
    connection: &mut Connection,
    opening: &Opening,
    server: Server,
    who: &Introduction<'_>,
    holder: &Holder,
    faults: &Faults,
) -> Result<Opened, PhoneError> {
    let distrusted = |error: Distrust| error.at(Message::OpenSession);
    let Introduction { invitation, code, device } = *who;
    let transcript = Transcript::of(connection, opening).map_err(distrusted)?;
    let secret = proof_key(invitation, code).map_err(distrusted)?;
    let proof = transcript.proof(&secret, CLIENT_TO_SERVER);
    let csr = request(&opening.session_key, vec![]).map_err(distrusted)?;
    let ask = Ask { invitation: b64u(&invitation.id), csr: &csr, device, nonce: opening.nonce, proof };
    let post = Request::post(PATH).with_json(&ask).map_err(|source| PhoneError::Unreachable { message: Message::OpenSession, source })?;
    let reply = faults.carry(Message::OpenSession, connection.send(post)).await?;
    let answer: Answer = reply.json().map_err(|error| distrusted(Distrust::because(error.to_string())))?;
    transcript.check(&secret, SERVER_TO_CLIENT, &answer.proof).map_err(distrusted)?;
    answer.into_session(opening, server, holder).map_err(distrusted)
}

impl Answer {
    fn into_session(self, opening: &Opening, server: Server, holder: &Holder) -> Result<Opened, Distrust> {
        let bootstrap = Certificate::from_der(self.bootstrap_certificate)?;
        if !bootstrap.names_key_of(&opening.session_key) {
            return Err(Distrust::because("a bootstrap certificate for another key"));
        }
        let mut enrollments = BTreeMap::new();
        let plan = self.plan.sorted()?;
        for slot in plan.own {
            let key = holder.make(&slot).map_err(|_| no_key())?;
            enrollments.insert(slot, Enrollment { key, certificate: None });
        }
        if !enrollments.contains_key(&Slot::auth()) {
            return Err(Distrust::because("a plan without auth"));
        }
        Ok(Opened {
            pin_policy: self.pin_policy,
            provisioning: Provisioning {
                invitation: opening.invitation,
                server,
                session_key: opening.session_key.clone(),
                bootstrap,
                enrollments,
                errand: errand(self.session, &self.challenge, plan.is_enc_delivered)?,
            },
        })
    }
}

/// A new errand in a session, with a transport key of its own where there is something to collect.
pub(crate) fn errand(session: String, challenge: &str, is_enc_delivered: bool) -> Result<Errand, Distrust> {
    // The id becomes part of a path.
    if session.is_empty() || session.len() > 64 || !session.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
        return Err(Distrust::because("a session id that is none"));
    }
    let delivery = is_enc_delivered.then(|| Ok::<_, Distrust>(Delivery { transport_key: new_key()?, collected: Collected::Nothing }));
    Ok(Errand { session, challenge: array_from_b64u(challenge)?, delivery: delivery.transpose()? })
}

/// A certificate request (PKCS#10, RFC 2986) with an empty subject: the server takes names from its directory.
pub(crate) fn request(key: &Key, attributes: Vec<rcgen::Attribute>) -> Result<Vec<u8>, Distrust> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let made = params.serialize_request_with_attributes(key, attributes);
    made.map(|request| request.der().to_vec()).map_err(|error| Distrust::because(format!("no certificate request can be made: {error}")))
}

fn new_key() -> Result<Key, Distrust> {
    Key::generate().map_err(|_| no_key())
}

fn no_key() -> Distrust {
    Distrust::because("no key can be made")
}

/// `K` = HKDF-SHA-256 (RFC 5869) of secret ‖ code, salted with the invitation, without info.
fn proof_key(invitation: &Invitation, code: Option<&str>) -> Result<hmac::Key, Distrust> {
    let refused = |_| Distrust::because("no proof can be made");
    let mut material = Zeroizing::new(invitation.secret.to_vec());
    material.extend_from_slice(code.unwrap_or_default().as_bytes());
    let mut key = Zeroizing::new([0; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &invitation.id).extract(&material);
    extracted.expand(&[], hkdf::HKDF_SHA256).map_err(refused)?.fill(key.as_mut()).map_err(refused)?;
    Ok(hmac::Key::new(hmac::HMAC_SHA256, key.as_ref()))
}

/// What both proofs cover: exporter ‖ invitation ‖ SPKI of S ‖ nonce.
struct Transcript(Vec<u8>);

impl Transcript {
    fn of(connection: &Connection, opening: &Opening) -> Result<Self, Distrust> {
        let exporter = connection.exporter.as_ref().ok_or_else(|| Distrust::because("a connection without TLS 1.3"))?;
        let spki = opening.session_key.spki().map_err(|error| Distrust::because(error.to_string()))?;
        Ok(Self([&exporter[..], &opening.invitation, &spki, &opening.nonce].concat()))
    }

    fn proof(&self, key: &hmac::Key, label: &[u8]) -> [u8; 32] {
        let mut proof = [0; 32];
        proof.copy_from_slice(hmac::sign(key, &self.labelled(label)).as_ref());
        proof
    }

    /// Compares in constant time.
    fn check(&self, key: &hmac::Key, label: &[u8], proof: &str) -> Result<(), Distrust> {
        let proof: [u8; 32] = array_from_b64u(proof)?;
        hmac::verify(key, &self.labelled(label), &proof).map_err(|_| Distrust::because("it does not know the invitation's secret"))
    }

    fn labelled(&self, label: &[u8]) -> Vec<u8> {
        [label, &self.0].concat()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invitation() -> Invitation {
        let uri = format!("msc1:?h=localhost:1&i={}&c={}&p={}&x=1", b64u(&[1; 16]), b64u(&[2; 16]), b64u(&[3; 32]));
        uri.parse().expect("valid")
    }

    #[test]
    fn the_proof_depends_on_the_code_and_the_direction() {
        let transcript = Transcript(b"exporter, invitation, spki, nonce".to_vec());
        let without = proof_key(&invitation(), None).expect("key");
        let with = proof_key(&invitation(), Some("12345678")).expect("key");
        let proof = transcript.proof(&without, CLIENT_TO_SERVER);
        assert_ne!(proof, transcript.proof(&with, CLIENT_TO_SERVER));
        assert!(transcript.check(&without, CLIENT_TO_SERVER, &b64u(&proof)).is_ok());
        assert!(transcript.check(&without, SERVER_TO_CLIENT, &b64u(&proof)).is_err());
        assert!(transcript.check(&without, CLIENT_TO_SERVER, &b64u(&proof[..31])).is_err());
    }

    #[test]
    fn proofs_are_those_of_the_published_vectors() {
        use crate::vectors::{b64, b64u, vectors};
        let vectors = vectors();
        let invitation: Invitation = vectors["invitation"]["uri"].as_str().expect("text").parse().expect("valid");
        for vector in vectors["proof"].as_array().expect("a list") {
            let covered = ["exporter", "invitation"].map(|name| b64u(vector, name)).concat();
            let covered = [covered, b64(vector, "session_key_spki"), b64u(vector, "nonce")].concat();
            let (transcript, key) = (Transcript(covered), proof_key(&invitation, vector["code"].as_str()).expect("key"));
            assert_eq!(transcript.proof(&key, CLIENT_TO_SERVER).as_slice(), b64u(vector, "proof_c2s"));
            assert!(transcript.check(&key, SERVER_TO_CLIENT, vector["proof_s2c"].as_str().expect("text")).is_ok());
        }
    }

    #[test]
    fn a_plan_may_deliver_enc_and_nothing_else() {
        let plan = |json: &str| serde_json::from_str::<Plan>(json).map(Plan::sorted);
        let good =
            r#"{"slots":[{"slot":"auth","by":"simpleenroll"},{"slot":"sign","by":"simpleenroll"},{"slot":"enc","by":"serverkeygen"}]}"#;
        let sorted = plan(good).expect("json").expect("good");
        assert_eq!((sorted.own.len(), sorted.is_enc_delivered), (2, true));
        let without = plan(r#"{"slots":[{"slot":"auth","by":"simpleenroll"}]}"#).expect("json").expect("good");
        assert_eq!((without.own.len(), without.is_enc_delivered), (1, false));
        assert!(plan(r#"{"slots":[{"slot":"auth","by":"simpleenroll"},{"slot":"auth","by":"simpleenroll"}]}"#).expect("json").is_err());
        assert!(plan(r#"{"slots":[{"slot":"enc","by":"simpleenroll"}]}"#).expect("json").is_err());
        assert!(plan(r#"{"slots":[{"slot":"auth","by":"serverkeygen"}]}"#).expect("json").is_err());
        assert!(plan(r#"{"slots":[{"slot":"../x","by":"simpleenroll"}]}"#).is_err());
    }

    #[test]
    fn openssl_accepts_the_certificate_request() {
        let key = Key::generate().expect("random");
        let folder = tempfile::tempdir().expect("folder");
        let file = folder.path().join("csr.der");
        std::fs::write(&file, request(&key, vec![]).expect("made")).expect("written");
        let judged = std::process::Command::new("openssl")
            .args(["req", "-inform", "DER", "-verify", "-noout", "-subject", "-pubkey", "-in"])
            .arg(&file)
            .output()
            .expect("openssl runs");
        assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
        let pem = crate::certificate::pem("PUBLIC KEY", &key.spki().expect("spki"));
        assert!(String::from_utf8_lossy(&judged.stdout).contains(&pem));
    }
}
