//! M2: invitations that are wrong, used, expired, canceled or locked, and bodies that are not M2.

use jiff::SignedDuration;
use mobile_sim::wire::{Client, Request};
use mobile_sim::{DeviceKind, Faults};
use serde_json::{Value, json};

use crate::support::device::DeviceKey;
use crate::support::live::{Invited, Live};
use crate::support::no::{No, Untouched};
use crate::support::wire_device::{Opening, SESSIONS, WireDevice, b64, b64u};

/// A running server, and the invitation of a new user's first phone.
async fn invited() -> (Live, Invited) {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let invited = live.initial(&user, DeviceKind::MobileSmartCard).await;
    (live, invited)
}

#[tokio::test]
async fn an_invitation_that_nobody_gave_out_opens_nothing() {
    let (live, invited) = invited().await;
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say_edited(&live, |body| body["invitation"] = b64u(&[7; 16]).into()).await;
    house.refuses("an unknown invitation", &reply, 404, "unknown-invitation", &["no such invitation"]).await;
    live.stop().await;
}

#[tokio::test]
async fn an_expired_invitation_opens_nothing() {
    let (live, invited) = invited().await;
    let house = Untouched::now(&live).await;
    live.advance(SignedDuration::from_hours(72));
    let reply = Opening::of(&invited).say(&live).await;
    house.refuses("72 hours later", &reply, 410, "invitation-expired", &["found: expired at", "required: a new invitation"]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_canceled_invitation_opens_nothing() {
    let (live, invited) = invited().await;
    live.cancel(&invited.request).await;
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say(&live).await;
    house.refuses("after cancel", &reply, 410, "invitation-canceled", &["found: canceled"]).await;
    live.stop().await;
}

#[tokio::test]
async fn an_invitation_that_a_newer_one_replaced_opens_nothing() {
    let (live, invited) = invited().await;
    live.invite_again(&invited.request).await;
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say(&live).await;
    house.refuses("after a new invitation", &reply, 410, "invitation-canceled", &["found: canceled"]).await;
    live.stop().await;
}

#[tokio::test]
async fn an_invitation_belongs_to_the_first_session_key_that_proved_it() {
    let (live, invited) = invited().await;
    WireDevice::open(&live, &invited).await;
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say(&live).await;
    let words = ["found: another session key", "expected: the key that redeemed the invitation"];
    house.refuses("another session key", &reply, 409, "bound-elsewhere", &words).await;
    live.stop().await;
}

#[tokio::test]
async fn an_invitation_that_a_phone_was_issued_with_opens_nothing_more() {
    let (live, invited) = invited().await;
    live.issue_until(&invited, DeviceKind::MobileSmartCard, &Faults::default()).await;
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say(&live).await;
    house.refuses("after the issuance", &reply, 409, "bound-elsewhere", &["found: another session key"]).await;
    live.stop().await;
}

#[tokio::test]
async fn an_invitation_whose_session_was_given_up_is_used() {
    let (live, invited) = invited().await;
    let device = WireDevice::open(&live, &invited).await;
    let given_up = device.bootstrap.delete(&format!("{SESSIONS}/{}", device.session)).await.unwrap();
    assert_eq!(given_up.status, 204, "{}", given_up.text());
    let house = Untouched::now(&live).await;
    let reply = Opening::of(&invited).say(&live).await;
    house.refuses("after giving up", &reply, 410, "invitation-used", &["found: a session that has ended"]).await;
    live.stop().await;
}

/// The proof is made of the connection's own exporter: overheard or forwarded, it is worth nothing on another one.
#[tokio::test]
async fn a_proof_replayed_on_a_second_connection_is_a_wrong_proof() {
    let (live, invited) = invited().await;
    let opening = Opening::of(&invited);
    let overheard = opening.on(&live.connect().await);
    let reply = opening.say_edited(&live, |body| *body = overheard).await;
    let no = No::read("a replayed proof", &reply).is("a replayed proof", 401, "wrong-proof", &["attempts left: 4"]);
    assert_eq!(no.problem["attempts_left"], 4);
    assert_eq!(opening.say(&live).await.status, 201, "the right proof on its own connection");
    live.stop().await;
}

#[tokio::test]
async fn a_wrong_code_is_counted_until_the_invitation_locks() {
    let (live, invited) = invited().await;
    let wrong = Opening::with_wrong_code(&invited);
    for left in (0..5).rev() {
        let before = live.record().await;
        let no = No::read("a wrong code", &wrong.say(&live).await).is("a wrong code", 401, "wrong-proof", &[]);
        assert_eq!(no.problem["attempts_left"], left);
        let changes = before.changes_to(&live.record().await);
        let tables: Vec<_> = changes.iter().map(|row| row.split(':').next().unwrap_or_default()).collect();
        assert_eq!(tables, ["- tickets", "- users", "+ tickets", "+ users"], "only the count, and the version:\n{}", changes.join("\n"));
    }

    let house = Untouched::now(&live).await;
    house.refuses("the wrong code, locked", &wrong.say(&live).await, 423, "invitation-locked", &["found: no attempts left"]).await;
    let right = Opening::of(&invited);
    house.refuses("the right code, locked", &right.say(&live).await, 423, "invitation-locked", &["required: a new invitation"]).await;

    let again = live.invite_again(&invited.request).await;
    assert_eq!(Opening::of(&again).say(&live).await.status, 201, "a new invitation");
    live.stop().await;
}

#[tokio::test]
async fn wrong_proofs_are_on_the_audit_log() {
    let (live, invited) = invited().await;
    Opening::with_wrong_code(&invited).say(&live).await;
    let last = live.audit().await.pop().unwrap();
    assert_eq!((last.act.as_str(), &last.details["attempts_left"]), ("open-session", &json!(4)));
    assert_eq!(last.outcome, remint::store::audit::Outcome::Refused("wrong-proof".to_owned()));
    live.stop().await;
}

#[tokio::test]
async fn a_message_without_a_proof_is_no_attempt() {
    let (live, invited) = invited().await;
    let (house, opening) = (Untouched::now(&live).await, Opening::of(&invited));
    for missing in [Value::Null, Value::Bool(false)] {
        let reply = opening
            .say_edited(&live, |body| {
                let body = body.as_object_mut().unwrap();
                body.remove("proof");
                if missing.is_null() {
                    body.insert("proof".to_owned(), Value::Null);
                }
            })
            .await;
        house.refuses("no proof", &reply, 400, "proof-required", &["found: none", "expected: a proof over this connection"]).await;
    }
    live.stop().await;
}

/// Before TLS 1.3 there is no exporter that is bound to the connection (RFC 9266 §4.2).
#[tokio::test]
async fn over_tls_1_2_no_session_is_opened() {
    let (live, invited) = invited().await;
    let house = Untouched::now(&live).await;
    let older = Client::with_config(&live.config.devices.address, tls_1_2(&live.root)).unwrap();
    let reply = older.post_json(SESSIONS, &Opening::of(&invited).body(&[0; 32])).await.unwrap();
    house.refuses("TLS 1.2", &reply, 400, "proof-required", &["found: 1.2", "expected: 1.3"]).await;
    live.stop().await;
}

fn tls_1_2(root: &str) -> std::sync::Arc<rustls::ClientConfig> {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(root.as_bytes()).unwrap()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider).with_protocol_versions(&[&rustls::version::TLS12]).unwrap();
    std::sync::Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}

#[tokio::test]
async fn a_device_of_another_kind_is_refused() {
    let (live, invited) = invited().await;
    let house = Untouched::now(&live).await;
    let reply = Opening { kind: DeviceKind::MobileApp, ..Opening::of(&invited) }.say(&live).await;
    house.refuses("a tablet", &reply, 409, "wrong-kind", &["found: mobile-app", "required: mobile-smart-card"]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_key_that_was_certified_is_no_session_key() {
    let (live, invited) = invited().await;
    let (other, _) = WireDevice::of_new_user(&live, "Ben").await;
    let auth = DeviceKey::generate();
    assert_eq!(other.enroll("auth", &auth.csr(None)).await.status, 200);
    let house = Untouched::now(&live).await;
    let reply = Opening { key: auth, ..Opening::of(&invited) }.say(&live).await;
    house.refuses("the auth key of another device", &reply, 409, "key-seen-before", &["expected: a fresh key"]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_body_that_is_not_m2_is_malformed_and_no_attempt() {
    let (live, invited) = invited().await;
    let (house, opening) = (Untouched::now(&live).await, Opening::of(&invited));
    let long = "x".repeat(65);
    let wrong: &[(&str, Value, &[&str])] = &[
        ("/invitation", json!("!!"), &["invitation: ", "expected: base64url without padding"]),
        ("/invitation", json!(b64u(&[1; 15])), &["invitation: found: 15 bytes, expected: 16"]),
        ("/invitation", json!(5), &["invalid type: integer `5`, expected a string"]),
        ("/invitation", Value::Null, &["invalid type: null, expected a string"]),
        ("/nonce", json!(b64u(&[1; 15])), &["nonce: found: 15 bytes, expected: 16"]),
        ("/proof", json!(b64u(&[1; 33])), &["proof: found: 33 bytes, expected: 32"]),
        ("/proof", json!("="), &["proof: expected: base64url without padding"]),
        ("/csr", json!("=="), &["csr: expected: base64"]),
        (
            "/device/kind",
            json!("toaster"),
            &["device.kind: found: \"toaster\", expected one of: smart-card, mobile-smart-card, mobile-app"],
        ),
        ("/device/serial", json!(""), &["device.serial: found: 0 characters, expected: 1 to 64 printable ones"]),
        ("/device/model", json!(long), &["device.model: found: 65 characters"]),
        ("/device/name", json!("Ana\u{0}'s phone"), &["device.name: ", "printable"]),
        ("/device", json!("phone"), &["invalid type: string \"phone\", expected struct"]),
        ("/device/imei", json!("1"), &["unknown field `imei`, expected one of"]),
        ("/session", json!("1"), &["unknown field `session`, expected one of"]),
    ];
    for (member, value, words) in wrong {
        let reply = opening.say_edited(&live, |body| put(body, member, value.clone())).await;
        house.refuses(&format!("{member}: {value}"), &reply, 400, "malformed", words).await;
    }
    for (text, words) in [("", "EOF"), ("{", "EOF"), ("[]", "a JSON object"), ("null", "a JSON object"), ("\u{1}", "a JSON object")] {
        let reply = live.device(None).send(Request::post(SESSIONS).with_body("application/json", text)).await.unwrap();
        house.refuses(&format!("{text:?}"), &reply, 400, "malformed", &["body: ", words]).await;
    }
    let form = Request::post(SESSIONS).with_body("application/x-www-form-urlencoded", "invitation=1");
    let reply = live.device(None).send(form).await.unwrap();
    house
        .refuses("a form", &reply, 415, "wrong-media-type", &["found: application/x-www-form-urlencoded", "expected: application/json"])
        .await;
    live.stop().await;
}

#[tokio::test]
async fn a_session_key_that_is_not_proved_opens_nothing() {
    let (live, invited) = invited().await;
    let (house, opening) = (Untouched::now(&live).await, Opening::of(&invited));
    let mut altered = DeviceKey::generate().csr(None);
    *altered.last_mut().unwrap() ^= 1;
    for (what, csr, words) in [("noise", vec![0x30; 300], "not PKCS#10"), ("a wrong signature", altered, "does not verify")] {
        let reply = opening.say_edited(&live, |body| body["csr"] = b64(&csr).into()).await;
        house.refuses(what, &reply, 400, "bad-csr", &["found: ", words, "expected: "]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_body_over_the_limit_is_too_large() {
    let (live, invited) = invited().await;
    let (house, opening) = (Untouched::now(&live).await, Opening::of(&invited));
    let reply = opening.say_edited(&live, |body| body["csr"] = "A".repeat(64 * 1024).into()).await;
    house.refuses("64 KiB and a bit", &reply, 413, "too-large", &["expected: at most 65536 bytes"]).await;
    live.stop().await;
}

/// Sets a member by its path, `/device/kind`.
fn put(body: &mut Value, member: &str, value: Value) {
    let (parent, name) = member.rsplit_once('/').unwrap();
    body.pointer_mut(parent).unwrap()[name] = value;
}
