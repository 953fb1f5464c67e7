//! Client certificates on the `devices` listener: of nobody, of another authority, of another session, for something else, or too late.

use jiff::SignedDuration;
use mobile_sim::wire::{Client, Reply, Request};
use mobile_sim::{DeviceKind, Identity};
use remint::lifecycle::actor::Role;

use crate::support::device::DeviceKey;
use crate::support::live::Live;
use crate::support::no::Untouched;
use crate::support::wire_device::{SESSIONS, WireDevice, identity};

/// Every message that demands a certificate, in a session, with a body that would do.
fn messages(device: &WireDevice) -> Vec<(&'static str, Request)> {
    let session = &device.session;
    let pkcs10 = |path: &str, csr: Vec<u8>| Request::post(path).with_body("application/pkcs10", crate::support::wire_device::b64(&csr));
    vec![
        ("M4", pkcs10("/.well-known/est/auth/simpleenroll", DeviceKey::generate().csr(None))),
        ("M5", pkcs10("/.well-known/est/enc/serverkeygen", DeviceKey::generate().transport_csr())),
        ("M5h", Request::get(format!("{SESSIONS}/{session}/history"))),
        ("M6", Request::post(device.confirm_path()).with_json(&device.confirmation()).unwrap()),
        ("M7", Request::delete(format!("{SESSIONS}/{session}"))),
        ("M8", Request::post("/provisioning/v1/sync")),
    ]
}

async fn send(client: &Client, request: Request) -> Reply {
    client.send(request).await.unwrap()
}

/// A server with a device that stops short of its confirmation.
async fn signed() -> (Live, WireDevice) {
    let live = Live::start().await;
    let (mut device, user) = WireDevice::of_new_user(&live, "Ana").await;
    device.provision(&live, &user).await;
    (live, device)
}

#[tokio::test]
async fn without_a_certificate_every_step_after_m2_says_that_it_wants_one() {
    let (live, device) = signed().await;
    let (house, nobody) = (Untouched::now(&live).await, live.device(None));
    for (what, message) in messages(&device) {
        let reply = send(&nobody, message).await;
        let words = ["found: no client certificate", "expected: one"];
        house.refuses(what, &reply, 401, "certificate-required", &words).await;
        assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"remint\""), "{what}");
    }
    live.stop().await;
}

#[tokio::test]
async fn a_certificate_that_is_not_ours_or_not_a_device_s_opens_nothing() {
    let (live, device) = signed().await;
    let other = Live::start().await;
    let (other_device, _) = WireDevice::of_new_user(&other, "Ana").await;
    let key = DeviceKey::generate();
    let strangers: [(&str, Identity, &str); 4] = [
        ("self-signed", identity(&key.self_signed("Ana Ruiz"), &key), "of another authority"),
        (
            "of another installation with the same names",
            identity(&other_device.bootstrap_certificate, &other_device.session_key),
            "names our authority, which did not sign it",
        ),
        ("the device's sign", device.identity_of("sign"), "not for clients: it lacks the extended key usage clientAuth"),
        ("an operator's", live.hire("Olaf", [Role::HelpDesk]).await, "a certificate that is no credential"),
    ];
    let house = Untouched::now(&live).await;
    for (whose, identity, found) in strangers {
        let stranger = live.device(Some(identity));
        for (what, message) in messages(&device) {
            let reply = send(&stranger, message).await;
            house.refuses(&format!("{whose}: {what}"), &reply, 403, "wrong-certificate", &["found: ", found, "expected: "]).await;
        }
    }
    other.stop().await;
    live.stop().await;
}

#[tokio::test]
async fn a_certificate_of_another_session_does_not_speak_for_this_one() {
    let (live, device) = signed().await;
    let (mut other, user) = WireDevice::of_new_user(&live, "Ben").await;
    other.provision(&live, &user).await;
    let house = Untouched::now(&live).await;
    for (whose, client) in [("bootstrap", &other.bootstrap), ("auth", &other.auth(&live))] {
        for (what, message) in messages(&device).into_iter().filter(|(what, _)| ["M5h", "M6", "M7"].contains(what)) {
            let reply = send(client, message).await;
            let found = if whose == "bootstrap" && what == "M6" { "found: a bootstrap" } else { "found: a certificate of another session" };
            let words = [found, "expected: "];
            house.refuses(&format!("{whose}: {what}"), &reply, 403, "wrong-certificate", &words).await;
        }
    }
    live.stop().await;
}

#[tokio::test]
async fn a_certificate_that_has_expired_opens_nothing() {
    let (live, device) = signed().await;
    let auth = device.auth(&live);
    live.advance(SignedDuration::from_hours(25));
    let house = Untouched::now(&live).await;
    for (what, message) in messages(&device) {
        let reply = send(&device.bootstrap, message).await;
        house.refuses(what, &reply, 403, "wrong-certificate", &["found: a certificate that has expired, at: "]).await;
    }
    live.advance(SignedDuration::from_hours(24 * 1095));
    let house = Untouched::now(&live).await;
    let reply = auth.post("/provisioning/v1/sync").await.unwrap();
    house.refuses("auth, after three years", &reply, 403, "wrong-certificate", &["found: a certificate that has expired"]).await;
    live.stop().await;
}

#[tokio::test]
async fn only_an_issued_auth_may_ask_for_news() {
    let (live, device) = signed().await;
    let house = Untouched::now(&live).await;
    for (whose, client, found) in [
        ("bootstrap", &device.bootstrap, "found: a bootstrap certificate"),
        ("a signed auth", &device.auth(&live), "found: an auth certificate that is revoked or not confirmed"),
    ] {
        let reply = client.post("/provisioning/v1/sync").await.unwrap();
        house.refuses(whose, &reply, 403, "wrong-certificate", &[found, "expected: "]).await;
    }

    assert_eq!(device.confirm(&live, |_| {}).await.status, 200);
    assert_eq!(device.auth(&live).post("/provisioning/v1/sync").await.unwrap().status, 200);
    live.stop().await;
}

/// `auth` confirms a session; from then on the bootstrap certificate is worth nothing, and `auth` nothing without an update.
#[tokio::test]
async fn after_the_confirmation_the_session_gives_nothing_more() {
    let (live, device) = signed().await;
    assert_eq!(device.confirm(&live, |_| {}).await.status, 200);
    let (house, fresh) = (Untouched::now(&live).await, DeviceKey::generate());
    let done = ["found: issued", "required: a session at work"];
    house.refuses("M4", &device.enroll("auth", &fresh.csr(None)).await, 409, "already-confirmed", &done).await;
    house.refuses("M5", &device.collect(&device.transport_key.transport_csr()).await, 409, "already-confirmed", &done).await;
    let give_up = Request::delete(format!("{SESSIONS}/{}", device.session));
    house.refuses("M7", &send(&device.bootstrap, give_up).await, 409, "already-confirmed", &done).await;
    let history = Request::get(format!("{SESSIONS}/{}/history", device.session));
    house.refuses("M5h", &send(&device.auth(&live), history).await, 409, "already-confirmed", &done).await;
    let collect = crate::support::wire_device::est(&device.auth(&live), "enc/serverkeygen", &fresh.transport_csr()).await;
    house
        .refuses("M5 by auth", &collect, 403, "wrong-certificate", &["no update session is open, expected: bootstrap, or auth after sync"])
        .await;
    live.stop().await;
}

#[tokio::test]
async fn a_session_is_named_by_its_id() {
    let (live, device) = signed().await;
    let house = Untouched::now(&live).await;
    let unknown = "01890a5d-ac96-774b-bcce-b302099a8057";
    for (id, status, code, words) in [
        (unknown, 404, "unknown", "no such session"),
        ("17", 400, "malformed", "session id: found: \"17\", expected: a UUID"),
        ("%ff", 400, "malformed", "expected: "),
    ] {
        for (what, request) in [
            ("M5h", Request::get(format!("{SESSIONS}/{id}/history"))),
            ("M6", Request::post(format!("{SESSIONS}/{id}/confirm")).with_json(&device.confirmation()).unwrap()),
            ("M7", Request::delete(format!("{SESSIONS}/{id}"))),
        ] {
            let reply = send(&device.auth(&live), request).await;
            house.refuses(&format!("{id}: {what}"), &reply, status, code, &[words]).await;
        }
    }
    live.stop().await;
}

/// An operator may speak at the desk, and a device on its own listener; a device that was revoked, nowhere.
#[tokio::test]
async fn a_phone_that_was_replaced_is_told_so_and_gets_nothing() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let lost = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
    let replacement = live.submit(&crate::support::live::device_of(&lost), "lost").await;
    live.issue_until(&replacement, DeviceKind::MobileSmartCard, &mobile_sim::Faults::default()).await;
    let auth = live.device(lost.identity());
    let house = Untouched::now(&live).await;
    let reply = auth.post("/provisioning/v1/sync").await.unwrap();
    house.refuses("a revoked auth", &reply, 403, "wrong-certificate", &["found: an auth certificate that is revoked"]).await;
    live.stop().await;
}
