//! A device that says on the wire whatever a test makes it say. The real phone only says what is right.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use mobile_sim::certificate::Certificate;
use mobile_sim::wire::{Client, Connection, Reply, Request};
use mobile_sim::{DeviceKind, Identity};
use remint::pki::proof::{ProofKey, Transcript};
use remint::workflows::confirm_issuance::signed_message;
use serde_json::{Value, json};

use super::device::{DeviceKey, Secret, escrowed, serial_of};
use super::live::{Invited, Live, facts, text};

pub fn b64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

pub fn b64u(bytes: &[u8]) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

/// M2, about to be said: every part of it can be made wrong.
pub struct Opening {
    pub secret: Secret,
    pub key: DeviceKey,
    pub kind: DeviceKind,
}

pub const SESSIONS: &str = "/provisioning/v1/sessions";
const NONCE: [u8; 16] = [9; 16];

impl Opening {
    pub fn of(invited: &Invited) -> Self {
        let secret = Secret::read(&invited.uri, invited.code.as_deref());
        Self { secret, key: DeviceKey::generate(), kind: DeviceKind::MobileSmartCard }
    }

    /// The same, with a code that is wrong.
    pub fn with_wrong_code(invited: &Invited) -> Self {
        let mut opening = Self::of(invited);
        let code = opening.secret.code.as_mut().expect("a code");
        let wrong = if code.starts_with('0') { "1" } else { "0" };
        code.replace_range(0..1, wrong);
        opening
    }

    /// The body that is right on a connection with this exporter.
    pub fn body(&self, exporter: &[u8; 32]) -> Value {
        let Secret { ticket, secret, code } = &self.secret;
        let proof_key = ProofKey::derive(secret, code.as_deref(), ticket.0.as_bytes()).unwrap();
        let transcript = Transcript { exporter, invitation: ticket.0.as_bytes(), session_key: self.key.spki(), nonce: &NONCE };
        json!({ "invitation": b64u(ticket.0.as_bytes()), "csr": b64(&self.key.csr(None)), "device": facts(self.kind),
            "nonce": b64u(&NONCE), "proof": b64u(&proof_key.prove(&transcript)) })
    }

    /// The body that is right on this connection.
    pub fn on(&self, connection: &Connection) -> Value {
        self.body(connection.exporter.as_ref().expect("TLS 1.3"))
    }

    /// Says M2 on a connection of its own.
    pub async fn say(&self, live: &Live) -> Reply {
        self.say_edited(live, |_| {}).await
    }

    pub async fn say_edited(&self, live: &Live, edit: impl FnOnce(&mut Value)) -> Reply {
        let mut connection = live.connect().await;
        let mut body = self.on(&connection);
        edit(&mut body);
        connection.send(Request::post(SESSIONS).with_json(&body).unwrap()).await.unwrap()
    }
}

/// A device in a session.
pub struct WireDevice {
    /// The id of the session.
    pub session: String,
    pub session_key: DeviceKey,
    pub transport_key: DeviceKey,
    /// Shows the bootstrap certificate.
    pub bootstrap: Client,
    /// DER.
    pub bootstrap_certificate: Vec<u8>,
    pub challenge: [u8; 32],
    enrolled: BTreeMap<&'static str, (DeviceKey, Vec<u8>)>,
    /// The body of M6 that is right.
    confirmation: Value,
}

impl WireDevice {
    /// M2.
    pub async fn open(live: &Live, invited: &Invited) -> Self {
        let opening = Opening::of(invited);
        let reply = opening.say(live).await;
        assert_eq!(reply.status, 201, "{}", reply.text());
        let answer: Value = reply.json().unwrap();
        let bootstrap_certificate = BASE64_STANDARD.decode(text(&answer["bootstrap_certificate"])).unwrap();
        let challenge = BASE64_URL_SAFE_NO_PAD.decode(text(&answer["challenge"])).unwrap();
        Self {
            session: text(&answer["session"]),
            transport_key: DeviceKey::generate(),
            bootstrap: live.device(Some(identity(&bootstrap_certificate, &opening.key))),
            session_key: opening.key,
            bootstrap_certificate,
            challenge: challenge.try_into().unwrap(),
            enrolled: BTreeMap::new(),
            confirmation: Value::Null,
        }
    }

    /// A session of a new user's first phone.
    pub async fn of_new_user(live: &Live, name: &str) -> (Self, String) {
        let user = live.create_user(name).await;
        (Self::open(live, &live.initial(&user, DeviceKind::MobileSmartCard).await).await, user)
    }

    /// M4.
    pub async fn enroll(&self, slot: &str, csr: &[u8]) -> Reply {
        est(&self.bootstrap, &format!("{slot}/simpleenroll"), csr).await
    }

    /// M5.
    pub async fn collect(&self, csr: &[u8]) -> Reply {
        est(&self.bootstrap, "enc/serverkeygen", csr).await
    }

    /// M4 for both slots and M5: everything that stops short of the confirmation, which is put together.
    pub async fn provision(&mut self, live: &Live, user: &str) {
        for slot in ["auth", "sign"] {
            let key = DeviceKey::generate();
            let reply = self.enroll(slot, &key.csr(None)).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            let certificate = certificate_on_record(live, user, slot).await;
            self.enrolled.insert(slot, (key, certificate));
        }
        let reply = self.collect(&self.transport_key.transport_csr()).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let enc = certificate_on_record(live, user, "enc").await;
        let enc_key = escrowed(live.world(), user.parse().unwrap(), serial_of(&enc)).await;

        let message = signed_message(&self.challenge);
        let proved = |slot: &str, certificate: &[u8], signature: Vec<u8>| json!({ "slot": slot, "serial": serial_of(certificate).to_string(), "signature": b64u(&signature) });
        let mut slots: Vec<Value> =
            self.enrolled.iter().map(|(slot, (key, certificate))| proved(slot, certificate, key.sign(&message))).collect();
        slots.push(proved("enc", &enc, enc_key.sign(&message).unwrap()));
        self.confirmation = json!({ "slots": slots, "transport_signature": b64u(&self.transport_key.sign(&message)) });
    }

    /// The path of M6.
    pub fn confirm_path(&self) -> String {
        format!("{SESSIONS}/{}/confirm", self.session)
    }

    /// M6 as it is right: `auth`, `sign`, `enc`, in this order.
    pub fn confirmation(&self) -> Value {
        self.confirmation.clone()
    }

    /// Shows the new `auth`.
    pub fn auth(&self, live: &Live) -> Client {
        live.device(Some(self.identity_of("auth")))
    }

    pub fn identity_of(&self, slot: &str) -> Identity {
        let (key, certificate) = &self.enrolled[slot];
        identity(certificate, key)
    }

    pub fn bootstrap_identity(&self) -> Identity {
        identity(&self.bootstrap_certificate, &self.session_key)
    }

    /// The key of an enrolled slot.
    pub fn key_of(&self, slot: &str) -> &DeviceKey {
        &self.enrolled[slot].0
    }

    /// M6, edited.
    pub async fn confirm(&self, live: &Live, edit: impl FnOnce(&mut Value)) -> Reply {
        let mut body = self.confirmation();
        edit(&mut body);
        self.auth(live).post_json(&self.confirm_path(), &body).await.unwrap()
    }
}

/// A POST of EST.
pub async fn est(client: &Client, operation: &str, der: &[u8]) -> Reply {
    let path = format!("/.well-known/est/{operation}");
    client.send(Request::post(path).with_body("application/pkcs10", b64(der))).await.unwrap()
}

pub fn identity(certificate: &[u8], key: &DeviceKey) -> Identity {
    Identity::new(&Certificate::from_der(certificate).unwrap(), &key.for_phone(), &[])
}

/// The certificate of the newest credential of a user in a slot: what the reply said, without reading CMS here.
async fn certificate_on_record(live: &Live, user: &str, slot: &str) -> Vec<u8> {
    let held = live.world().store.holdings(user.parse().unwrap()).await.unwrap().unwrap().holdings;
    let newest = held.credentials.values().filter(|credential| credential.slot.as_str() == slot).map(|credential| credential.id).max();
    let id = newest.expect("a credential");
    live.world().store.certificates(&[id]).await.unwrap().remove(&id).expect("a certificate")
}
