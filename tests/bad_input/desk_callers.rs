//! Who may not speak at the desk: strangers, phones, operators who have left or lack the role, and pages of other sites. Each is on the
//! audit log.

use mobile_sim::DeviceKind;
use mobile_sim::wire::{Client, Request, WireError};
use remint::lifecycle::actor::Role;
use remint::store::audit::{Outcome, Who};
use remint::workflows::add_operator::end_operator;
use rustls::AlertDescription;
use serde_json::json;

use crate::support::device::DeviceKey;
use crate::support::live::{Live, device_of};
use crate::support::no::{No, Untouched};
use crate::support::wire_device::identity;

/// Every call of the desk, with a body that would do.
fn calls(user: &str, device: &str, request: &str) -> Vec<Request> {
    let post = |path: String, body: serde_json::Value| Request::post(path).with_json(&body).unwrap();
    vec![
        Request::get("/api/users?q=ana"),
        Request::get(format!("/api/users/{user}")),
        Request::get("/api/requests"),
        Request::get(format!("/api/requests/{request}")),
        post("/api/users".to_owned(), json!({ "name": "Eve", "email": "eve@example.org", "upn": "eve@example.org" })),
        post(format!("/api/users/{user}/initial-issuances"), json!({ "kind": "mobile-smart-card", "mode": "remote" })),
        post("/api/replacements".to_owned(), json!({ "target": device, "reason": "lost", "mode": "remote" })),
        Request::post(format!("/api/requests/{request}/cancel")),
        Request::post(format!("/api/requests/{request}/invitations")),
    ]
}

/// A server with a user, an issued phone and an open request.
async fn furnished() -> (Live, Vec<Request>, mobile_sim::Phone) {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let phone = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
    let open = live.initial(&user, DeviceKind::MobileApp).await;
    let calls = calls(&user, &device_of(&phone), &open.request);
    (live, calls, phone)
}

async fn send(client: &Client, request: &Request) -> mobile_sim::wire::Reply {
    client.send(request.clone()).await.unwrap()
}

#[tokio::test]
async fn without_a_certificate_there_is_no_connection() {
    let live = Live::start().await;
    let error = live.at_desk(None).get("/api/me").await.unwrap_err();
    assert!(matches!(error, WireError::Alert(AlertDescription::CertificateRequired)), "{error}");
    live.stop().await;
}

#[tokio::test]
async fn whoever_is_not_an_operator_is_refused_on_the_record() {
    let (live, calls, phone) = furnished().await;
    let key = DeviceKey::generate();
    let gone = live.operator("Gus", [Role::HelpDesk]).await;
    assert_eq!(gone.get("/api/me").await.unwrap().status, 200, "while he is one");
    end_operator(live.world(), "Gus").await.unwrap();
    let strangers = [
        ("a phone's auth", live.at_desk(phone.identity()), "a certificate that is not an operator's"),
        ("self-signed", live.at_desk(Some(identity(&key.self_signed("Omar"), &key))), "of another authority"),
        ("an operator who has left", gone, "a revoked operator certificate"),
    ];
    let house = Untouched::now(&live).await;
    for (whose, stranger, found) in &strangers {
        for call in calls.iter().chain([&Request::get("/api/me"), &Request::get("/api/openapi.json")]) {
            let what = format!("{whose}: {call:?}");
            house.refuses(&what, &send(stranger, call).await, 403, "wrong-certificate", &["found: ", found, "expected: "]).await;
            let last = live.audit().await.pop().unwrap();
            assert_eq!((last.act.as_str(), &last.outcome), ("sign-in", &Outcome::Refused("wrong-certificate".to_owned())), "{what}");
            assert!(matches!(&last.who, Who::Stranger { fingerprint: Some(print) } if print.len() == 64), "{what}: {:?}", last.who);
            assert_eq!(last.source, "127.0.0.1");
        }
    }
    live.stop().await;
}

#[tokio::test]
async fn an_operator_without_the_role_is_refused_on_the_record() {
    let (live, calls, _) = furnished().await;
    let auditor = live.operator("Ada", [Role::Auditor]).await;
    let officer = live.operator("Olaf", [Role::ValidationOfficer]).await;
    let house = Untouched::now(&live).await;
    for call in &calls {
        let reply = send(&auditor, call).await;
        refused(&live, &house, "auditor", &reply, call).await;
    }
    for call in calls.iter().filter(|call| call.is_write()) {
        let reply = send(&officer, call).await;
        refused(&live, &house, "validation officer", &reply, call).await;
    }
    live.stop().await;
}

async fn refused(live: &Live, house: &Untouched<'_>, role: &str, reply: &mobile_sim::wire::Reply, call: &Request) {
    let what = format!("{role}: {call:?}");
    house.refuses(&what, reply, 403, "not-permitted", &["found: ", "required: "]).await;
    let last = live.audit().await.pop().unwrap();
    assert_eq!(last.outcome, Outcome::Refused("not-permitted".to_owned()), "{what}");
    assert!(matches!(last.who, Who::Operator { .. }), "{what}: {:?}", last.who);
}

/// A browser shows the operator's certificate to us for whatever page asks it to.
#[tokio::test]
async fn a_page_of_another_site_changes_nothing() {
    let (live, calls, _) = furnished().await;
    let house = Untouched::now(&live).await;
    for origin in ["https://evil.example", "null", "http://localhost", "https://localhost"] {
        for call in calls.iter().filter(|call| call.is_write()) {
            let reply = send(&live.desk, &call.clone().with_header("origin", origin)).await;
            let found = format!("found: {origin}");
            house.refuses(&format!("{origin}: {call:?}"), &reply, 403, "foreign-origin", &[&found, "expected: this listener's own"]).await;
        }
    }
    let own = format!("https://{}", live.config.desk.address);
    let reply = send(&live.desk, &calls[4].clone().with_header("origin", own)).await;
    assert_eq!(reply.status, 201, "{}", reply.text());
    let no = send(&live.desk, &Request::get("/api/me").with_header("origin", "https://evil.example")).await;
    assert_eq!((no.status, no.header("access-control-allow-origin")), (200, None), "it may be asked, and the page cannot read it");
    No::read("an unknown path", &send(&live.desk, &Request::get("/api/secrets")).await).is("", 404, "unknown", &[]);
    live.stop().await;
}
