//! Noise: random bytes, and right messages with something wrong in them, to every path of both listeners. Whatever is said, the answer is
//! well formed and never a fault of ours (5xx), nothing panics, and nobody's holdings break.
//!
//! The noise repeats itself. `NOISE_SEED` makes another one; a seed that fails is printed.

use std::panic;
use std::sync::{Arc, Mutex};
use std::thread;

use mobile_sim::wire::{Client, Method, Request};
use mobile_sim::{DeviceKind, Faults};
use remint::pki::key::{Entropy, random};
use serde_json::{Value, json};

use crate::support::device::DeviceKey;
use crate::support::house::Seeded;
use crate::support::live::{Live, device_of};
use crate::support::no::No;
use crate::support::wire_device::{Opening, SESSIONS, WireDevice, b64};

const ROUNDS: usize = 600;

#[tokio::test]
async fn noise_on_every_path_is_answered_and_breaks_nothing() {
    let seed = std::env::var("NOISE_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2026);
    let (panics, dice) = (record_panics(), Dice(Seeded::new(seed)));
    let live = Live::start().await;
    let calls = furnish(&live).await;
    for round in 0..ROUNDS {
        let (client, call) = &calls[dice.below(calls.len())];
        let request = call.spoilt(&dice);
        let what = format!("NOISE_SEED={seed}, round {round}: {request:?}");
        let reply = client.send(request).await.unwrap_or_else(|error| panic!("{what}: {error}"));
        assert!(reply.status < 500, "{what}: {} {}", reply.status, reply.text());
        if reply.status >= 400 {
            No::read(&what, &reply);
        }
        let panics = panics.lock().unwrap();
        assert!(panics.is_empty(), "{what}: panicked: {panics:?}");
    }
    assert_eq!(live.faults().await, Vec::<String>::new(), "NOISE_SEED={seed}");
    assert_eq!(live.desk.get("/api/me").await.unwrap().status, 200, "it serves on");
    live.stop().await;
}

/// Notes every panic of this test, of the server that runs in it, and of threads that it has started. Other tests panic as they like.
fn record_panics() -> Arc<Mutex<Vec<String>>> {
    let (found, own) = (Arc::new(Mutex::new(Vec::new())), thread::current().id());
    let (noted, before) = (Arc::clone(&found), panic::take_hook());
    panic::set_hook(Box::new(move |info| {
        let thread = thread::current();
        let is_other_test = thread.id() != own && thread.name().is_some_and(|name| name.contains("::"));
        if let (false, Ok(mut noted)) = (is_other_test, noted.try_lock()) {
            noted.push(info.to_string());
        }
        before(info);
    }));
    found
}

/// Where a call goes, and what is right there.
struct Call {
    method: Method,
    path: String,
    body: Body,
}

enum Body {
    None,
    Json(Value),
    /// Base64 of DER.
    Est(Vec<u8>),
}

/// A call, and who makes it.
type By = (Arc<Client>, Call);

/// A device before M2, one before M6, and an issued one with an open request: everything that a message can be about.
async fn furnish(live: &Live) -> Vec<By> {
    let ana = live.create_user("Ana").await;
    let phone = live.phone_of(&ana, DeviceKind::MobileSmartCard).await;
    let replaced = live.phone_of(&ana, DeviceKind::MobileSmartCard).await;
    let replacement = live.submit(&device_of(&replaced), "lost").await;
    live.issue_until(&replacement, DeviceKind::MobileSmartCard, &Faults::default()).await;
    let open = live.initial(&ana, DeviceKind::MobileSmartCard).await;
    let (mut device, ben) = WireDevice::of_new_user(live, "Ben").await;
    device.provision(live, &ben).await;

    let (nobody, bootstrap) = (Arc::new(live.device(None)), Arc::new(live.device(Some(device.bootstrap_identity()))));
    let (auth, updated) = (Arc::new(device.auth(live)), Arc::new(live.device(phone.identity())));
    let desk = Arc::new(live.operator("Olga", [remint::lifecycle::actor::Role::HelpDesk]).await);
    let session = format!("{SESSIONS}/{}", device.session);
    let est = |slot: &str, operation: &str| format!("/.well-known/est/{slot}/{operation}");
    let key = DeviceKey::generate();
    let all: [(&Arc<Client>, Method, String, Body); 19] = [
        (&nobody, Method::POST, SESSIONS.to_owned(), Body::Json(Opening::of(&open).body(&[0; 32]))),
        (&nobody, Method::GET, est("auth", "csrattrs"), Body::None),
        (&nobody, Method::GET, "/.well-known/est/cacerts".to_owned(), Body::None),
        (&bootstrap, Method::POST, est("auth", "simpleenroll"), Body::Est(device.key_of("auth").csr(None))),
        (&bootstrap, Method::POST, est("sign", "simpleenroll"), Body::Est(key.csr(Some("Ben Ruiz")))),
        (&bootstrap, Method::POST, est("enc", "serverkeygen"), Body::Est(device.transport_key.transport_csr())),
        (&updated, Method::POST, est("enc", "serverkeygen"), Body::Est(key.transport_csr())),
        (&updated, Method::POST, "/provisioning/v1/sync".to_owned(), Body::None),
        (&bootstrap, Method::GET, format!("{session}/history"), Body::None),
        (&auth, Method::POST, format!("{session}/confirm"), Body::Json(device.confirmation())),
        (&auth, Method::DELETE, format!("{SESSIONS}/{ana}"), Body::None),
        (&desk, Method::GET, "/api/users?q=ana".to_owned(), Body::None),
        (&desk, Method::GET, format!("/api/users/{ana}"), Body::None),
        (&desk, Method::GET, format!("/api/requests?open=true&user={ana}&after=2026-11-22T12:00:00Z/{ana}"), Body::None),
        (
            &desk,
            Method::POST,
            "/api/users".to_owned(),
            Body::Json(json!({ "name": "E", "email": "e@example.org", "upn": "e@example.org" })),
        ),
        (&desk, Method::POST, format!("/api/users/{ben}/initial-issuances"), Body::Json(json!({ "kind": "mobile-app", "mode": "remote" }))),
        (&desk, Method::POST, "/api/replacements".to_owned(), Body::Json(json!({ "target": ana, "reason": "lost", "mode": "remote" }))),
        (&desk, Method::POST, format!("/api/requests/{}/cancel", open.request), Body::None),
        (&desk, Method::POST, format!("/api/requests/{}/invitations", open.request), Body::None),
    ];
    all.into_iter().map(|(client, method, path, body)| (Arc::clone(client), Call { method, path, body })).collect()
}

impl Call {
    /// The same, with something wrong: mostly in the body, now and then in the path or the method.
    fn spoilt(&self, dice: &Dice) -> Request {
        let method = if dice.once_in(20) { dice.one_of(&[Method::PUT, Method::PATCH, Method::OPTIONS]) } else { self.method.clone() };
        let path = if dice.once_in(4) { dice.spoil_path(&self.path) } else { self.path.clone() };
        let request = Request::new(method, path);
        match &self.body {
            Body::None if dice.once_in(2) => request.with_body("application/json", dice.bytes(64)),
            Body::None => request,
            Body::Json(right) => request.with_body("application/json", dice.spoil_json(right)),
            Body::Est(right) => request.with_body("application/pkcs10", dice.spoil_est(right)),
        }
    }
}

/// Chance that repeats itself.
struct Dice(Seeded);

impl Dice {
    fn below(&self, limit: usize) -> usize {
        usize::try_from(u32::from_be_bytes(random::<4>(&self.0))).unwrap() % limit
    }

    fn once_in(&self, times: usize) -> bool {
        self.below(times) == 0
    }

    fn one_of<T: Clone>(&self, choices: &[T]) -> T {
        choices[self.below(choices.len())].clone()
    }

    fn bytes(&self, limit: usize) -> Vec<u8> {
        let mut bytes = vec![0; self.below(limit)];
        self.0.fill(&mut bytes);
        bytes
    }

    /// Some bytes altered, cut off, or added.
    fn spoil(&self, right: &[u8]) -> Vec<u8> {
        let mut bytes = right.to_vec();
        match self.below(4) {
            0 => bytes.truncate(self.below(right.len() + 1)),
            1 => bytes.extend(self.bytes(64)),
            2 => return self.bytes(4096),
            _ => {
                for _ in 0..=self.below(4) {
                    let index = self.below(bytes.len());
                    bytes[index] ^= 1 << self.below(8);
                }
            }
        }
        bytes
    }

    fn spoil_est(&self, der: &[u8]) -> Vec<u8> {
        match self.below(3) {
            0 => self.spoil(b64(der).as_bytes()),
            1 => b64(&self.spoil(der)).into_bytes(),
            _ => b64(der).into_bytes(),
        }
    }

    fn spoil_json(&self, right: &Value) -> Vec<u8> {
        if self.once_in(3) {
            return self.spoil(right.to_string().as_bytes());
        }
        let mut body = right.clone();
        let members = members(right, "");
        let member = self.one_of(&members);
        let strange = [
            json!(null),
            json!(true),
            json!(-1),
            json!(u64::MAX),
            json!(1e300),
            json!(""),
            json!("\u{0}"),
            json!("\u{202e}💥"),
            json!("A".repeat(self.below(5000))),
            json!(b64(&self.bytes(400))),
            json!([]),
            json!({ "": {} }),
            json!(vec![right; 3]),
        ];
        *body.pointer_mut(&member).unwrap() = self.one_of(&strange);
        let text = body.to_string();
        if self.once_in(10) { text.replacen("null", &"[".repeat(1000), 1).into_bytes() } else { text.into_bytes() }
    }

    /// One word of the path or the query replaced by percent-encoded bytes, or by something longer.
    fn spoil_path(&self, path: &str) -> String {
        let words: Vec<&str> = path.split_inclusive(['/', '?', '&', '=']).collect();
        let index = 1 + self.below(words.len() - 1);
        let separator = words[index].matches(['/', '?', '&', '=']).next().unwrap_or_default();
        let spoilt = match self.below(3) {
            0 => self.bytes(24).iter().map(|byte| format!("%{byte:02x}")).collect(),
            1 => "a".repeat(self.below(4000)),
            _ => {
                self.one_of(&["", ".", "..", "%2e%2e", "%00", "%", "17", "NaN", "true", "00000000-0000-0000-0000-000000000000"]).to_owned()
            }
        };
        [&words[..index].concat(), &spoilt, separator, &words[index + 1..].concat()].concat()
    }
}

/// The JSON pointers of everything in a value.
fn members(value: &Value, at: &str) -> Vec<String> {
    let inner: Vec<String> = match value {
        Value::Object(object) => object.iter().flat_map(|(name, value)| members(value, &format!("{at}/{name}"))).collect(),
        Value::Array(array) => array.iter().enumerate().flat_map(|(index, value)| members(value, &format!("{at}/{index}"))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    };
    std::iter::once(at.to_owned()).chain(inner).collect()
}
