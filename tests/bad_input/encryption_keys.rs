//! M5 and M5h: who gets an encryption key, and how it must be asked for. A refused message releases none.

use mobile_sim::wire::{Client, Reply};
use mobile_sim::{DeviceKind, Faults};
use serde_json::{Value, json};

use crate::support::device::DeviceKey;
use crate::support::live::{Live, device_of, text};
use crate::support::no::Untouched;
use crate::support::wire_device::{SESSIONS, WireDevice, est};

#[tokio::test]
async fn a_request_must_say_which_key_to_encrypt_to() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let (house, key) = (Untouched::now(&live).await, DeviceKey::generate());
    for (what, csr, found) in [
        ("none", key.csr(None), "found: none"),
        ("another", key.csr_naming(&[7; 20]), "found: another identifier"),
        ("that of another key", key.csr_naming(&device.session_key.spki().subject_key_identifier()), "found: another identifier"),
    ] {
        let words = ["asymmDecryptKeyIdentifier: ", found, "expected: the subject key identifier of the transport key"];
        house.refuses(what, &device.collect(&csr).await, 400, "bad-csr", &words).await;
    }
    let mut altered = key.transport_csr();
    *altered.last_mut().unwrap() ^= 1;
    house.refuses("a wrong signature", &device.collect(&altered).await, 400, "bad-csr", &["a signature that does not verify"]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_session_has_one_transport_key_that_was_nothing_else() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let auth = DeviceKey::generate();
    assert_eq!(device.enroll("auth", &auth.csr(None)).await.status, 200);
    let house = Untouched::now(&live).await;
    for (what, key) in [("auth", &auth), ("the session key", &device.session_key)] {
        let reply = device.collect(&key.transport_csr()).await;
        house.refuses(what, &reply, 409, "key-seen-before", &["found: a key that has been seen before"]).await;
    }

    assert_eq!(device.collect(&device.transport_key.transport_csr()).await.status, 200);
    let house = Untouched::now(&live).await;
    let reply = device.collect(&DeviceKey::generate().transport_csr()).await;
    let words = ["found: another transport key", "expected: the one that this session began with"];
    house.refuses("a second one", &reply, 409, "transport-key-changed", &words).await;
    live.stop().await;
}

/// A phone repeats a lost message a few times. Each answer is a release on the audit log, so that there is an end to them.
#[tokio::test]
async fn a_session_is_not_handed_keys_without_end() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let csr = device.transport_key.transport_csr();
    for time in 1..=50 {
        assert_eq!(device.collect(&csr).await.status, 200, "time {time}");
    }
    let house = Untouched::now(&live).await;
    let words = ["found: keys were handed to this session 50 times", "expected: fewer"];
    house.refuses("time 51", &device.collect(&csr).await, 429, "too-many-requests", &words).await;
    live.stop().await;
}

#[tokio::test]
async fn the_server_makes_no_key_for_other_slots() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let (house, csr) = (Untouched::now(&live).await, DeviceKey::generate().transport_csr());
    for slot in ["auth", "sign", "card-auth"] {
        let reply = est(&device.bootstrap, &format!("{slot}/serverkeygen"), &csr).await;
        house.refuses(slot, &reply, 404, "unknown-slot", &["expected: enc, whose key the server makes"]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn there_is_no_history_before_the_transport_key() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let house = Untouched::now(&live).await;
    let reply = device.bootstrap.get(&format!("{SESSIONS}/{}/history", device.session)).await.unwrap();
    let words = ["found: no transport key in this session", "expected: serverkeygen first"];
    house.refuses("before M5", &reply, 409, "transport-key-required", &words).await;
    live.stop().await;
}

/// A tablet whose update is at work is reported stolen: the thief, who has its `auth`, must not get the user's newest key.
#[tokio::test]
async fn a_device_that_was_reported_stolen_collects_no_key() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let phone = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
    let tablet = live.phone_of(&user, DeviceKind::MobileApp).await;
    let replacement = live.submit(&device_of(&phone), "lost").await;
    live.issue_until(&replacement, DeviceKind::MobileSmartCard, &Faults::default()).await;

    let (thief, transport_key) = (live.device(tablet.identity()), DeviceKey::generate());
    let session = begin_update(&thief).await;
    assert_eq!(est(&thief, "enc/serverkeygen", &transport_key.transport_csr()).await.status, 200, "while it is Ana's");
    let stolen = json!({ "target": device_of(&tablet), "reason": "stolen", "mode": "self-enrollment" });
    assert_eq!(live.desk.post_json("/api/replacements", &stolen).await.unwrap().status, 201);

    let house = Untouched::now(&live).await;
    let words = ["found: invalid", "required: an active device"];
    let reply = est(&thief, "enc/serverkeygen", &transport_key.transport_csr()).await;
    house.refuses("M5", &reply, 409, "wrong-state", &words).await;
    let reply = thief.get(&format!("{SESSIONS}/{session}/history")).await.unwrap();
    house.refuses("M5h", &reply, 409, "wrong-state", &words).await;
    let news: Value = sync(&thief).await.json().unwrap();
    assert_eq!((&news["state"], &news["update"]), (&json!("invalid"), &Value::Null));
    live.stop().await;
}

async fn sync(client: &Client) -> Reply {
    client.post("/provisioning/v1/sync").await.unwrap()
}

/// M8; gives the session of the update.
async fn begin_update(client: &Client) -> String {
    text(&sync(client).await.json::<Value>().unwrap()["update"]["session"])
}
