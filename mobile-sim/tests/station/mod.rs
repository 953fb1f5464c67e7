//! A stand-in for the server, written from the protocol page: just enough to try the phone against, and to misbehave on demand.
//!
//! Deliveries (CMS) are made by the openssl command line, so that the phone's reader is judged by a foreign writer. Every repeated
//! message gives the same result, as the page demands; there is no database and no clock.

mod authority;

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::{digest, hkdf, hmac};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo};
use mobile_sim::certificate::Certificate;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use x509_parser::prelude::FromDer;

pub use authority::{Authority, Credential};

const SESSION: &str = "0195c1de-0000-7000-8000-000000000001";
const UPDATE: &str = "0195c1de-0000-7000-8000-000000000002";
const DEVICE: &str = "0195c1de-0000-7000-8000-00000000000d";

/// How the station misbehaves.
#[derive(Clone, Copy, Debug, Default)]
pub struct Manners {
    /// Refuse the first confirmation with `keys-changed`, and renew the encryption key.
    pub changes_keys_once: bool,
    /// Answer M2 with a proof under another key.
    pub does_not_know_the_secret: bool,
    /// Deliver a key that is not the certificate's.
    pub delivers_a_foreign_key: bool,
    /// Have a user's key sign the delivery: one who is called like the delivery signer.
    pub lets_a_namesake_deliver: bool,
    /// Plan no encryption key.
    pub plans_no_enc: bool,
    /// Take no bootstrap certificate in the TLS handshake.
    pub distrusts_bootstrap: bool,
    /// Show a TLS certificate of another authority.
    pub is_somebody_else: bool,
    /// Answer everything with 503.
    pub is_busy: bool,
}

/// What has happened at the station.
#[derive(Default)]
pub struct Ledger {
    pub manners: Manners,
    pub code: Option<String>,
    session_spki: Option<Vec<u8>>,
    bootstrap: Option<Vec<u8>>,
    /// Certificates by slot and public key: one entry each, however often a message is repeated.
    pub signed: BTreeMap<(String, Vec<u8>), Vec<u8>>,
    pub enc: Vec<Arc<Credential>>,
    transport: BTreeMap<String, Vec<u8>>,
    confirmed: BTreeMap<String, Value>,
    pub update_open: bool,
    pub wrong_proofs: u64,
    pub messages: Vec<String>,
}

pub struct Station {
    pub authority: Authority,
    pub address: SocketAddr,
    ledger: Mutex<Ledger>,
    connections: Mutex<Connections>,
}

/// How many connections are open, and how many were at most.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    pub open: usize,
    pub most: usize,
}

impl Station {
    pub async fn start(manners: Manners) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let authority = Authority::new();
        let other = manners.is_somebody_else.then(Authority::new);
        let acceptor = TlsAcceptor::from(other.as_ref().unwrap_or(&authority).server_config(!manners.distrusts_bootstrap));
        let ledger = Mutex::new(Ledger { manners, ..Ledger::default() });
        let station = Arc::new(Self { authority, address: listener.local_addr().expect("address"), ledger, connections: Mutex::default() });
        station.renew_enc();
        let serving = station.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serving.clone().serve(acceptor.clone(), tcp));
            }
        });
        station
    }

    pub fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("not poisoned")
    }

    pub fn invitation(&self) -> String {
        self.invitation_with([1; 16], &self.authority.root.certificate)
    }

    pub fn invitation_with(&self, id: [u8; 16], root: &Certificate) -> String {
        let pin = digest::digest(&digest::SHA256, &root.spki().expect("spki"));
        format!("msc1:?h={}&i={}&c={}&p={}&x=1795600000", self.address, b64u(&id), b64u(&[2; 16]), b64u(pin.as_ref()))
    }

    pub fn renew_enc(&self) {
        let made = Arc::new(self.authority.credential("Ana Horvat"));
        self.ledger().enc.insert(0, made);
    }

    pub fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().expect("not poisoned")
    }

    async fn serve(self: Arc<Self>, acceptor: TlsAcceptor, tcp: tokio::net::TcpStream) {
        {
            let mut connections = self.connections();
            connections.open += 1;
            connections.most = connections.most.max(connections.open);
        }
        self.clone().converse(acceptor, tcp).await;
        self.connections().open -= 1;
    }

    async fn converse(self: Arc<Self>, acceptor: TlsAcceptor, tcp: tokio::net::TcpStream) {
        let Ok(tls) = acceptor.accept(tcp).await else { return };
        let exporter = tls.get_ref().1.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).expect("exporter");
        let client = tls.get_ref().1.peer_certificates().map(|shown| shown[0].to_vec());
        let service = hyper::service::service_fn(move |request| {
            let (station, client) = (self.clone(), client.clone());
            async move { Ok::<_, std::convert::Infallible>(station.answer(request, exporter, client).await) }
        });
        let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
        server.serve_connection(TokioIo::new(tls), service).await.ok();
    }

    async fn answer(&self, request: Request<Incoming>, exporter: [u8; 32], client: Option<Vec<u8>>) -> Response<Full<Bytes>> {
        let line = format!("{} {}", request.method(), request.uri().path());
        assert!(request.method() != "POST" || request.headers().contains_key("content-length"), "{line} without a length");
        let body = request.into_body().collect().await.expect("body").to_bytes();
        self.ledger().messages.push(line.clone());
        if self.ledger().manners.is_busy {
            return reply(503, "text/plain", "unavailable: later");
        }
        let words: Vec<&str> = line.split(['/', ' ']).filter(|word| !word.is_empty()).collect();
        match words.as_slice() {
            ["GET", ".well-known", "est", "cacerts"] => reply(200, "application/pkcs7-mime", &self.authority.chain_pkcs7()),
            ["POST", "provisioning", "v1", "sessions"] => self.open_session(&body, exporter),
            ["POST", ".well-known", "est", slot, "simpleenroll"] => self.enroll(slot, &body, client),
            ["POST", ".well-known", "est", "enc", "serverkeygen"] => self.deliver(&body, client),
            ["GET", "provisioning", "v1", "sessions", session, "history"] => self.history(session, client),
            ["POST", "provisioning", "v1", "sessions", session, "confirm"] => self.confirm(session, &body, client),
            ["DELETE", "provisioning", "v1", "sessions", _] => reply(204, "text/plain", ""),
            ["POST", "provisioning", "v1", "sync"] => self.sync(),
            _ => reply(404, "text/plain", "unknown-slot: no such path"),
        }
    }

    fn open_session(&self, body: &[u8], exporter: [u8; 32]) -> Response<Full<Bytes>> {
        let ask: Value = serde_json::from_slice(body).expect("json");
        let text = |name: &str| ask[name].as_str().expect("text").to_owned();
        let spki = spki_of_request(&STANDARD.decode(text("csr")).expect("base64"));
        let covered = [&exporter[..], &unb64u(&text("invitation")), &spki, &unb64u(&text("nonce"))].concat();
        let mut ledger = self.ledger();
        let key = proof_key(&unb64u(&text("invitation")), ledger.code.as_deref().unwrap_or_default());
        if hmac::verify(&key, &[b"msc1 c2s", &covered[..]].concat(), &unb64u(&text("proof"))).is_err() {
            ledger.wrong_proofs += 1;
            let left = 5 - ledger.wrong_proofs;
            return problem(401, json!({ "code": "wrong-proof", "detail": "the proof does not hold", "attempts_left": left }));
        }
        if ledger.session_spki.get_or_insert_with(|| spki.clone()) != &spki {
            return problem(409, json!({ "code": "bound-elsewhere", "detail": "another device has this invitation" }));
        }
        let bootstrap = ledger.bootstrap.get_or_insert_with(|| self.authority.bootstrap(&spki, SESSION)).clone();
        let key = if ledger.manners.does_not_know_the_secret { hmac::Key::new(hmac::HMAC_SHA256, &[9; 32]) } else { key };
        let proof = hmac::sign(&key, &[b"msc1 s2c", &covered[..]].concat());
        let by = |slot: &str, by: &str| json!({ "slot": slot, "by": by });
        let mut slots = vec![by("auth", "simpleenroll"), by("sign", "simpleenroll")];
        if !ledger.manners.plans_no_enc {
            slots.push(by("enc", "serverkeygen"));
        }
        let answer = json!({
            "session": SESSION, "bootstrap_certificate": STANDARD.encode(bootstrap), "challenge": b64u(&[4; 32]),
            "plan": { "slots": slots },
            "pin_policy": { "min_digits": 6, "max_digits": 8, "attempts": 5 },
            "expires_at": "2026-11-25T12:00:00Z", "proof": b64u(proof.as_ref()),
        });
        reply(201, "application/json", &answer.to_string())
    }

    fn enroll(&self, slot: &str, body: &[u8], client: Option<Vec<u8>>) -> Response<Full<Bytes>> {
        let mut ledger = self.ledger();
        if client != ledger.bootstrap {
            return reply(403, "text/plain", "wrong-certificate: of another session");
        }
        let spki = spki_of_request(&STANDARD.decode(body).expect("base64"));
        let entry = ledger.signed.entry((slot.to_owned(), spki.clone()));
        let signed = entry.or_insert_with(|| self.authority.subscriber("Ana Horvat", &spki)).clone();
        reply(200, "application/pkcs7-mime; smime-type=certs-only", &self.authority.certs_only(&signed))
    }

    fn deliver(&self, body: &[u8], client: Option<Vec<u8>>) -> Response<Full<Bytes>> {
        let mut ledger = self.ledger();
        let session = if client == ledger.bootstrap { SESSION } else { UPDATE };
        let transport = spki_of_request(&STANDARD.decode(body).expect("base64"));
        ledger.transport.insert(session.to_owned(), transport.clone());
        let enc = ledger.enc[0].clone();
        let foreign = ledger.manners.delivers_a_foreign_key.then(|| self.authority.credential("Mallory"));
        let key = foreign.as_ref().map_or(&enc.key, |foreign| &foreign.key);
        // RFC 5652: the encrypted content is SignedData itself.
        let delivery = if ledger.manners.lets_a_namesake_deliver {
            self.authority.delivery_by(&self.authority.credential("Remint delivery signer"), key, &transport, true)
        } else {
            self.authority.delivery(key, &transport, true)
        };
        let delivery = STANDARD.encode(delivery);
        let certificate = self.authority.certs_only(enc.certificate.der());
        let part = |kind: &str, content: &str| {
            format!(
                "--b0\r\nContent-Type: application/pkcs7-mime; smime-type={kind}\r\nContent-Transfer-Encoding: base64\r\n\r\n{content}\r\n"
            )
        };
        let both = part("server-generated-key", &delivery) + &part("certs-only", &certificate) + "--b0--\r\n";
        reply(200, "multipart/mixed; boundary=b0", &both)
    }

    fn history(&self, session: &str, _client: Option<Vec<u8>>) -> Response<Full<Bytes>> {
        let ledger = self.ledger();
        let Some(transport) = ledger.transport.get(session) else {
            return problem(409, json!({ "code": "transport-key-required", "detail": "collect the current key first" }));
        };
        let older = ledger.enc[1..].iter().map(|older| {
            let key = STANDARD.encode(self.authority.delivery(&older.key, transport, false));
            json!({ "serial": older.certificate.serial(), "certificate": STANDARD.encode(older.certificate.der()), "key": key })
        });
        reply(200, "application/json", &json!({ "keys": older.collect::<Vec<_>>() }).to_string())
    }

    fn confirm(&self, session: &str, body: &[u8], client: Option<Vec<u8>>) -> Response<Full<Bytes>> {
        let ask: Value = serde_json::from_slice(body).expect("json");
        if self.ledger().manners.changes_keys_once {
            self.ledger().manners.changes_keys_once = false;
            self.renew_enc();
            return problem(409, json!({ "code": "keys-changed", "detail": "collect the keys again" }));
        }
        let mut ledger = self.ledger();
        let auth = ledger.signed.iter().find(|((slot, _), _)| slot == "auth").map(|(_, signed)| signed.clone());
        if client != auth {
            return problem(403, json!({ "code": "wrong-certificate", "detail": "not the new auth" }));
        }
        match ledger.transport.get(session) {
            Some(transport) => check_signature(transport, &ask["transport_signature"]),
            None => assert!(ask.get("transport_signature").is_none(), "a signature by a transport key that does not exist"),
        }
        let mut slots = Vec::new();
        for proof in ask["slots"].as_array().expect("slots") {
            let slot = proof["slot"].as_str().expect("slot");
            let signed = ledger.signed.iter().find(|((name, _), _)| name == slot).map(|(_, signed)| signed.clone());
            let certificate =
                Certificate::from_der(signed.unwrap_or_else(|| ledger.enc[0].certificate.der().to_vec())).expect("certificate");
            assert_eq!(proof["serial"], certificate.serial());
            check_signature(&certificate.spki().expect("spki"), &proof["signature"]);
            slots.push(json!({ "slot": slot, "serial": certificate.serial() }));
        }
        let carried = if ledger.manners.plans_no_enc { &[] } else { &ledger.enc[1..] };
        let history: Vec<_> = carried.iter().map(|older| older.certificate.serial()).collect();
        let said = json!({
            "session": session, "device": DEVICE, "request": SESSION, "user": SESSION, "slots": slots, "history": history,
            "confirmed_at": "2026-11-24T12:00:00Z",
        });
        let receipt = || json!({ "device": DEVICE, "state": "active", "temporary_until": null, "receipt": self.authority.jws(&said) });
        let answer = ledger.confirmed.entry(session.to_owned()).or_insert_with(receipt).to_string();
        ledger.update_open &= session != UPDATE;
        reply(200, "application/json", &answer)
    }

    fn sync(&self) -> Response<Full<Bytes>> {
        let update = self.ledger().update_open.then(|| {
            json!({ "session": UPDATE, "challenge": b64u(&[5; 32]), "expires_at": "2026-11-25T12:00:00Z",
                    "plan": { "slots": [{ "slot": "enc", "by": "serverkeygen" }] } })
        });
        let answer = json!({ "device": DEVICE, "state": "active", "temporary_until": null, "update": update });
        reply(200, "application/json", &answer.to_string())
    }
}

fn check_signature(spki: &[u8], signature: &Value) {
    let challenge = if signature.is_null() { panic!("no signature") } else { signature.as_str().expect("text") };
    let (_, read) = x509_parser::x509::SubjectPublicKeyInfo::from_der(spki).expect("spki");
    let key = aws_lc_rs::signature::UnparsedPublicKey::new(&aws_lc_rs::signature::ECDSA_P256_SHA256_ASN1, read.subject_public_key.data);
    let holds = [[4; 32], [5; 32]].iter().any(|nonce| key.verify(&[b"msc1 confirm", &nonce[..]].concat(), &unb64u(challenge)).is_ok());
    assert!(holds, "a signature over the challenge does not hold");
}

fn proof_key(invitation: &[u8], code: &str) -> hmac::Key {
    let mut key = [0; 32];
    let material = [&[2; 16][..], code.as_bytes()].concat();
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, invitation).extract(&material);
    extracted.expand(&[], hkdf::HKDF_SHA256).expect("expands").fill(&mut key).expect("fills");
    hmac::Key::new(hmac::HMAC_SHA256, &key)
}

fn spki_of_request(der: &[u8]) -> Vec<u8> {
    let (_, request) = x509_parser::certification_request::X509CertificationRequest::from_der(der).expect("PKCS#10");
    request.verify_signature().expect("proof of possession");
    request.certification_request_info.subject_pki.raw.to_vec()
}

fn problem(status: u16, problem: Value) -> Response<Full<Bytes>> {
    reply(status, "application/problem+json", &problem.to_string())
}

fn reply(status: u16, media_type: &str, body: &str) -> Response<Full<Bytes>> {
    let mut reply = Response::new(Full::new(Bytes::from(body.to_owned())));
    *reply.status_mut() = StatusCode::from_u16(status).expect("status");
    reply.headers_mut().insert("content-type", media_type.parse().expect("header"));
    reply
}

pub fn b64u(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

fn unb64u(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).expect("base64url")
}
