//! M6: confirmations that lack a slot or a proof, or are said by somebody else. The world changes by a right one only.

use mobile_sim::DeviceKind;
use mobile_sim::wire::Request;
use remint::workflows::confirm_issuance::signed_message;
use serde_json::{Value, json};

use crate::support::device::DeviceKey;
use crate::support::live::{Live, text};
use crate::support::no::Untouched;
use crate::support::wire_device::{WireDevice, b64u};

/// A server with a device that has everything and has not confirmed.
async fn signed() -> (Live, WireDevice) {
    let live = Live::start().await;
    let (mut device, user) = WireDevice::of_new_user(&live, "Ana").await;
    device.provision(&live, &user).await;
    (live, device)
}

/// The slots as [`WireDevice::confirmation`] lists them.
const SLOTS: [&str; 3] = ["auth", "sign", "enc"];

#[tokio::test]
async fn a_confirmation_without_a_slot_is_refused_and_names_it() {
    let (live, device) = signed().await;
    let house = Untouched::now(&live).await;
    for (index, slot) in SLOTS.iter().enumerate() {
        let reply = device.confirm(&live, |body| drop(body["slots"].as_array_mut().unwrap().remove(index))).await;
        let found = format!("found: no confirmed credential in {slot}");
        house.refuses(slot, &reply, 409, "slot-missing", &[&found, "required: one in every slot of the plan"]).await;
    }
    let reply = device.confirm(&live, |body| body["slots"] = json!([])).await;
    house.refuses("no slot", &reply, 409, "slot-missing", &["required: one in every slot of the plan"]).await;
    let reply = device.confirm(&live, |body| body["slots"][1] = body["slots"][0].clone()).await;
    house.refuses("one slot twice", &reply, 409, "slot-missing", &["found: no confirmed credential in sign"]).await;
    assert_eq!(device.confirm(&live, |_| {}).await.status, 200, "the right one");
    live.stop().await;
}

#[tokio::test]
async fn a_signature_that_its_key_did_not_make_is_refused_and_names_the_slot() {
    let (live, device) = signed().await;
    let (other, _) = WireDevice::of_new_user(&live, "Ben").await;
    let house = Untouched::now(&live).await;
    let other_key = b64u(&DeviceKey::generate().sign(b"msc1 confirm"));
    let words = |slot: &str| {
        format!("slot: {slot}, found: none, or a signature that is not its key's, expected: one by its key over the challenge")
    };
    for (index, slot) in SLOTS.iter().enumerate() {
        for wrong in [other_key.as_str(), "", "AAAA"] {
            let reply = device.confirm(&live, |body| body["slots"][index]["signature"] = wrong.into()).await;
            house.refuses(slot, &reply, 403, "wrong-signature", &[&words(slot), "expected: "]).await;
        }
    }
    let challenge_of_another = b64u(&device.key_of("auth").sign(&signed_message(&other.challenge)));
    let reply = device.confirm(&live, |body| body["slots"][0]["signature"] = challenge_of_another.into()).await;
    house.refuses("another session's challenge", &reply, 403, "wrong-signature", &[&words("auth")]).await;

    for wrong in [json!(other_key), json!(""), Value::Null] {
        let reply = device.confirm(&live, |body| body["transport_signature"] = wrong.clone()).await;
        house.refuses(&wrong.to_string(), &reply, 403, "wrong-signature", &[&words("transport")]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_serial_of_another_device_fills_no_slot() {
    let (live, device) = signed().await;
    let (mut other, ben) = WireDevice::of_new_user(&live, "Ben").await;
    other.provision(&live, &ben).await;
    let house = Untouched::now(&live).await;
    let foreign = [text(&other.confirmation()["slots"][0]["serial"]), text(&device.confirmation()["slots"][1]["serial"])];
    for serial in &foreign {
        let reply = device.confirm(&live, |body| body["slots"][0]["serial"] = serial.as_str().into()).await;
        house.refuses(serial, &reply, 409, "slot-missing", &["found: no confirmed credential in auth"]).await;
    }
    live.stop().await;
}

/// docs/protocol.md, M6: client certificate = the new `auth`.
#[tokio::test]
async fn the_bootstrap_certificate_does_not_confirm() {
    let (live, device) = signed().await;
    let house = Untouched::now(&live).await;
    let reply = device.bootstrap.post_json(&device.confirm_path(), &device.confirmation()).await.unwrap();
    let words = ["found: a bootstrap certificate", "expected: the auth of this session"];
    house.refuses("bootstrap", &reply, 403, "wrong-certificate", &words).await;
    live.stop().await;
}

#[tokio::test]
async fn a_canceled_session_is_not_confirmed() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let invited = live.initial(&user, DeviceKind::MobileSmartCard).await;
    let mut device = WireDevice::open(&live, &invited).await;
    device.provision(&live, &user).await;
    live.cancel(&invited.request).await;
    let house = Untouched::now(&live).await;
    let reply = device.confirm(&live, |_| {}).await;
    house.refuses("canceled", &reply, 410, "canceled", &["found: canceled", "required: a session at work"]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_m6_is_malformed() {
    let (live, device) = signed().await;
    let (house, auth) = (Untouched::now(&live).await, device.auth(&live));
    let wrong: &[(&str, Value, &str)] = &[
        ("/slots/0/slot", json!("9A"), "slots.slot: found: \"9A\", expected one of: auth, sign, enc, card-auth"),
        ("/slots/0/serial", json!("17"), "slots.serial: not a serial: expected 40 hexadecimal digits"),
        ("/slots/0/serial", json!("+".repeat(40)), "slots.serial: not a serial"),
        ("/slots/0/signature", json!("="), "slots.signature: expected: base64url without padding"),
        ("/slots/0/key", json!("x"), "unknown field `key`, expected one of"),
        ("/slots", json!({}), "invalid type: map, expected a sequence"),
        ("/transport_signature", json!(1), "invalid type: integer `1`, expected a string"),
        ("/force", json!(true), "unknown field `force`, expected"),
    ];
    for (member, value, words) in wrong {
        let mut body = device.confirmation();
        let (parent, name) = member.rsplit_once('/').unwrap();
        body.pointer_mut(parent).unwrap()[name] = value.clone();
        let reply = auth.post_json(&device.confirm_path(), &body).await.unwrap();
        house.refuses(member, &reply, 400, "malformed", &[words]).await;
    }
    let reply = device.confirm(&live, |body| body["slots"] = vec![body["slots"][0].clone(); 5].into()).await;
    house.refuses("five slots", &reply, 400, "malformed", &["slots: found: 5, expected: each slot once"]).await;
    let plain = Request::post(device.confirm_path()).with_body("text/plain", device.confirmation().to_string());
    let reply = auth.send(plain).await.unwrap();
    house.refuses("text", &reply, 415, "wrong-media-type", &["found: text/plain", "expected: application/json"]).await;
    let long = Request::post(device.confirm_path()).with_body("application/json", " ".repeat(64 * 1024 + 1));
    house.refuses("long", &auth.send(long).await.unwrap(), 413, "too-large", &["expected: at most 65536 bytes"]).await;
    live.stop().await;
}
