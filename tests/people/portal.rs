//! The portal, over real TLS: a user signs in, reports a card, takes it back, enrolls a tablet and a bound card; and all that they may not.

use crate::support::live::{Live, device_of, facts};
use crate::support::portal::{Browser, PASSWORD};
use jiff::SignedDuration;
use mobile_sim::wire::{Reply, Request};
use mobile_sim::{DeviceKind, Faults, Outcome};
use remint::lifecycle::actor::Role;
use remint::store::audit::Outcome as Recorded;
use serde_json::{Value, json};

/// A server with Ana, who has a phone, and her browser.
struct Scene {
    live: Live,
    ana: String,
    phone: String,
    browser: Browser,
}

async fn scene() -> Scene {
    let live = Live::start().await;
    let ana = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&ana, DeviceKind::MobileSmartCard).await);
    let browser = live.browser_of(&ana).await;
    Scene { live, ana, phone, browser }
}

fn code(reply: &Reply) -> (u16, String) {
    (reply.status, reply.json::<Value>().map_or_else(|_| String::new(), |body| body["code"].as_str().unwrap_or_default().to_owned()))
}

fn body(reply: &Reply) -> Value {
    assert!(reply.status < 300, "{}: {}", reply.status, reply.text());
    reply.json().unwrap()
}

#[tokio::test]
async fn a_user_reports_a_device_and_takes_it_back() {
    let Scene { live, phone, mut browser, .. } = scene().await;
    let incident = json!({ "target": phone, "reason": "lost", "mode": "self-enrollment" });
    let opened = body(&browser.post("/api/replacements", &incident).await);
    assert_eq!(opened["request"]["state"], "awaiting-approval");
    let held = body(&browser.get("/api/me").await);
    assert_eq!(held["devices"][0]["status"], "invalid");
    let request = opened["request"]["id"].as_str().unwrap().to_owned();
    assert_eq!(code(&browser.post(&format!("/api/requests/{request}/ticket"), &json!({})).await), (409, "not-approved".to_owned()));
    body(&browser.post(&format!("/api/requests/{request}/cancel"), &json!({})).await);
    assert_eq!(body(&browser.get("/api/me").await)["devices"][0]["status"], "active");
    // closed, it is no longer the user's to cancel
    let again = browser.post(&format!("/api/requests/{request}/cancel"), &json!({})).await;
    assert_eq!(code(&again), (403, "not-permitted".to_owned()));
    let log = body(&browser.get("/api/audit").await);
    let acts: Vec<&str> = log["entries"].as_array().unwrap().iter().map(|entry| entry["act"].as_str().unwrap()).collect();
    assert!(acts.starts_with(&["cancel", "cancel", "invite", "submit"]), "{acts:?}");
    assert!(log["entries"].as_array().unwrap().iter().all(|entry| entry["user"] == held["user"]["id"]));
    live.stop().await;
}

/// The whole way of a card: reported at the portal, approved by an officer, bound by another, enrolled by the user with the ticket from the
/// portal; and the same card once more by an officer, with the ticket from the desk.
#[tokio::test]
async fn a_card_in_a_reader_is_issued_by_the_user_and_by_an_officer() {
    let Scene { live, ana, mut browser, .. } = scene().await;
    let officer = live.operator("Ivo", [Role::IssuanceOfficer]).await;
    let validator = live.operator("Vera", [Role::ValidationOfficer]).await;
    for serial in ["C-1", "C-2"] {
        body(&officer.post_json("/api/stock", &json!({ "kind": "smart-card", "serial": serial })).await.unwrap());
    }
    let stock = body(&officer.get("/api/stock").await.unwrap());
    let id = |index: usize| stock["devices"][index]["id"].as_str().unwrap().to_owned();

    // local: the officer's ticket, and mobile-sim as the card in the reader
    let asked = json!({ "kind": "smart-card", "mode": "local" });
    let opened = body(&live.desk.post_json(&format!("/api/users/{ana}/initial-issuances"), &asked).await.unwrap());
    let tickets = format!("/api/requests/{}/invitations", opened["request"]["id"].as_str().unwrap());
    assert_eq!(code(&live.desk.post(&tickets).await.unwrap()), (403, "not-permitted".to_owned()));
    let ticket = body(&officer.post(&tickets).await.unwrap());
    assert!(ticket["invitation"]["code"].is_null(), "it is in the hands of the one who uses it");
    let card = enroll(&live, &ticket, "C-1").await.unwrap();
    assert_eq!(card, Outcome::Issued);

    // self-enrollment: reported by the user
    let first = body(&browser.get("/api/me").await);
    let card = first["devices"].as_array().unwrap().iter().find(|device| device["kind"] == "smart-card").unwrap()["id"].clone();
    let incident = json!({ "target": card, "reason": "stolen", "mode": "self-enrollment" });
    let request = body(&browser.post("/api/replacements", &incident).await)["request"]["id"].as_str().unwrap().to_owned();
    body(&validator.post(&format!("/api/requests/{request}/approve")).await.unwrap());
    let unbound = browser.post(&format!("/api/requests/{request}/ticket"), &json!({})).await;
    assert_eq!(code(&unbound), (409, "not-bound".to_owned()));
    body(&officer.post_json(&format!("/api/requests/{request}/bind"), &json!({ "device": id(1) })).await.unwrap());
    let ticket = browser.ticket(&request).await;
    let wrong = enroll(&live, &ticket, "C-9").await.unwrap_err();
    assert!(wrong.contains("not-available"), "{wrong}");
    assert_eq!(enroll(&live, &ticket, "C-2").await.unwrap(), Outcome::Issued);
    let held = body(&browser.get("/api/me").await);
    let status = |id: &str| held["devices"].as_array().unwrap().iter().find(|device| device["id"] == id).unwrap()["status"].clone();
    assert_eq!((status(&id(0)), status(&id(1))), (json!("terminated"), json!("active")));
    assert!(live.faults().await.is_empty());
    live.stop().await;
}

async fn enroll(live: &Live, ticket: &Value, serial: &str) -> Result<Outcome, String> {
    let folder = tempfile::tempdir().unwrap();
    let mut card = mobile_sim::Phone::open(folder.path(), "123456").unwrap();
    let facts = mobile_sim::DeviceFacts { serial: serial.to_owned(), ..facts(DeviceKind::SmartCard) };
    let invitation = ticket["invitation"]["uri"].as_str().unwrap().parse().unwrap();
    let _ = live;
    card.issue(&invitation, None, &facts, &Faults::default()).await.map_err(|error| error.to_string())
}

#[tokio::test]
async fn users_see_and_touch_nothing_of_each_other() {
    let Scene { live, phone, browser, .. } = scene().await;
    let bo = live.create_user("Bo").await;
    let mut stranger = live.browser_of(&bo).await;
    let mut ana = browser;
    let incident = json!({ "target": phone, "reason": "lost", "mode": "self-enrollment" });
    let foreign = stranger.post("/api/replacements", &incident).await;
    assert_eq!(code(&foreign), (409, "not-replaceable".to_owned()));
    let request = body(&ana.post("/api/replacements", &incident).await)["request"]["id"].as_str().unwrap().to_owned();
    for act in ["cancel", "ticket"] {
        let reply = stranger.post(&format!("/api/requests/{request}/{act}"), &json!({})).await;
        assert_eq!(code(&reply), (403, "not-permitted".to_owned()), "{act}");
        let nothing = stranger.post(&format!("/api/requests/{}/{act}", uuid::Uuid::nil()), &json!({})).await;
        assert_eq!(code(&nothing), (404, "unknown".to_owned()), "{act}");
    }
    assert_eq!(body(&stranger.get("/api/me").await)["devices"], json!([]));
    let theirs = body(&stranger.get("/api/audit").await);
    assert!(theirs["entries"].as_array().unwrap().iter().all(|entry| entry["user"] == bo.as_str()), "{theirs}");
    // what is the desk's has no path here
    for path in
        ["/api/users", "/api/stock", "/api/letters", &format!("/api/requests/{request}/approve"), &format!("/api/devices/{phone}/suspend")]
    {
        assert_eq!(stranger.post(path, &json!({})).await.status, 404, "{path}");
    }
    live.stop().await;
}

#[tokio::test]
async fn an_initial_password_opens_nothing_but_the_way_to_an_own_one_and_once() {
    let live = Live::start().await;
    let ana = live.create_user("Ana").await;
    let given = body(&live.desk.post(&format!("/api/users/{ana}/portal-password")).await.unwrap());
    let initial = given["password"].as_str().unwrap().to_owned();
    let mut browser = Browser::new(&live.portal_address(), &live.root);
    let signed_in = browser.sign_in("ANA@corp.example.org", &initial).await;
    let cookie = signed_in.header("set-cookie").unwrap().to_owned();
    for attribute in ["__Host-remint-portal=", "; Path=/", "; Secure", "; HttpOnly", "; SameSite=Strict"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert_eq!(body(&signed_in)["must_change_password"], true);
    for path in ["/api/me", "/api/audit"] {
        assert_eq!(code(&browser.get(path).await), (403, "password-change-required".to_owned()));
    }
    for (new, why) in
        [("short", "characters"), ("my name is ana ruiz", "own name"), ("Ana@example.org", "own name"), ("aaaaaaaaaaaaaa", "different")]
    {
        let reply = browser.post("/api/password", &json!({ "current": initial, "new": new })).await;
        assert_eq!(code(&reply), (422, "weak-password".to_owned()));
        assert!(reply.text().contains(why), "{}", reply.text());
    }
    let mut second = Browser::new(&live.portal_address(), &live.root);
    assert_eq!(code(&second.sign_in("ana@example.org", &initial).await), (401, "wrong-password".to_owned()), "it is spent");
    assert_eq!(browser.post("/api/password", &json!({ "current": initial, "new": PASSWORD })).await.status, 204);
    body(&browser.get("/api/me").await);
    assert_eq!(second.sign_in("ana@example.org", PASSWORD).await.status, 200);
    // one that nobody used lapses
    let given = body(&live.desk.post(&format!("/api/users/{ana}/portal-password")).await.unwrap());
    assert_eq!(code(&second.get("/api/me").await), (401, "sign-in-required".to_owned()), "every session has ended");
    live.advance(SignedDuration::from_hours(73));
    let late = second.sign_in("ana@example.org", given["password"].as_str().unwrap()).await;
    assert_eq!(code(&late), (401, "wrong-password".to_owned()));
    live.stop().await;
}

#[tokio::test]
async fn a_session_ends_by_time_by_signing_out_and_by_a_new_password() {
    let Scene { live, mut browser, .. } = scene().await;
    let old = browser.cookie.clone();
    let mut thief = Browser::new(&live.portal_address(), &live.root);
    thief.cookie.clone_from(&old);
    body(&thief.get("/api/me").await);
    let new = "another good sentence";
    let wrong = browser.post("/api/password", &json!({ "current": "not the one", "new": new })).await;
    assert_eq!(code(&wrong), (401, "wrong-password".to_owned()));
    assert_eq!(browser.post("/api/password", &json!({ "current": PASSWORD, "new": new })).await.status, 204);
    assert_ne!(browser.cookie, old);
    assert_eq!(code(&thief.get("/api/me").await), (401, "sign-in-required".to_owned()));
    // idle
    live.advance(SignedDuration::from_mins(14));
    body(&browser.get("/api/me").await);
    live.advance(SignedDuration::from_mins(14));
    body(&browser.get("/api/me").await);
    live.advance(SignedDuration::from_mins(15));
    assert_eq!(code(&browser.get("/api/me").await), (401, "sign-in-required".to_owned()));
    // absolute
    assert_eq!(browser.sign_in("ana@example.org", new).await.status, 200);
    for _ in 0..47 {
        live.advance(SignedDuration::from_mins(10));
        body(&browser.get("/api/me").await);
    }
    live.advance(SignedDuration::from_mins(10));
    assert_eq!(code(&browser.get("/api/me").await), (401, "sign-in-required".to_owned()));
    // signed out
    assert_eq!(browser.sign_in("ana@example.org", new).await.status, 200);
    let held = browser.cookie.clone();
    assert_eq!(browser.post("/api/sign-out", &json!({})).await.status, 204);
    browser.cookie = held;
    assert_eq!(code(&browser.get("/api/me").await), (401, "sign-in-required".to_owned()));
    live.stop().await;
}

#[tokio::test]
async fn wrong_passwords_cost_a_wait_that_grows_and_nobody_learns_who_exists() {
    let Scene { live, .. } = scene().await;
    let mut browser = Browser::new(&live.portal_address(), &live.root);
    let unknown = browser.sign_in("nobody@example.org", "wrong wrong wrong").await;
    let known = browser.sign_in("ana@example.org", "wrong wrong wrong").await;
    assert_eq!((unknown.status, unknown.text()), (known.status, known.text()));
    assert_eq!(code(&known), (401, "wrong-password".to_owned()));
    for _ in 0..4 {
        assert_eq!(browser.sign_in("ana@example.org", "wrong wrong wrong").await.status, 401);
    }
    let mut waits = Vec::new();
    for _ in 0..6 {
        let wait = browser.sign_in("ana@example.org", "wrong wrong wrong").await;
        assert_eq!(code(&wait), (429, "too-many-requests".to_owned()));
        let seconds: i64 = wait.header("retry-after").unwrap().parse().unwrap();
        waits.push(seconds);
        assert_eq!(browser.sign_in("ana@example.org", PASSWORD).await.status, 429, "not even the right one is looked at");
        live.advance(SignedDuration::from_secs(seconds));
    }
    assert_eq!(waits, [60, 120, 240, 480, 900, 900]);
    assert_eq!(browser.sign_in("ana@example.org", PASSWORD).await.status, 200);
    let refused = live.audit().await.into_iter().filter(|line| line.outcome == Recorded::Refused("wrong-password".to_owned())).count();
    assert_eq!(refused, 11);
    live.stop().await;
}

#[tokio::test]
async fn what_is_malformed_or_from_elsewhere_changes_nothing() {
    let Scene { live, phone, mut browser, .. } = scene().await;
    let before = live.record().await;
    for (path, sent) in [
        ("/api/sign-in", json!({ "login": "ana@example.org" })),
        ("/api/sign-in", json!({ "login": "ana@example.org", "password": "" })),
        ("/api/sign-in", json!({ "login": "ana@example.org", "password": "x".repeat(2000) })),
        ("/api/sign-in", json!({ "login": "a", "password": "b", "admin": true })),
        ("/api/password", json!({ "new": PASSWORD })),
        ("/api/replacements", json!({ "target": "17", "reason": "lost", "mode": "local" })),
        ("/api/replacements", json!({ "target": phone, "reason": "bored", "mode": "local" })),
        ("/api/requests/17/cancel", json!({})),
    ] {
        let reply = browser.post(path, &sent).await;
        assert_eq!(code(&reply), (400, "malformed".to_owned()), "{path} {sent}: {}", reply.text());
    }
    let foreign = Request::post("/api/sign-out").with_json(&json!({})).unwrap().with_header("origin", "https://evil.example");
    assert_eq!(code(&browser.send(foreign).await), (403, "foreign-origin".to_owned()));
    for cookie in ["", "__Host-remint-portal=", "__Host-remint-portal=AAAA", "remint-portal=x", "__Host-remint-portal=é"] {
        browser.cookie = Some(cookie.to_owned()).filter(|cookie| cookie.is_ascii());
        assert_eq!(code(&browser.get("/api/me").await), (401, "sign-in-required".to_owned()), "{cookie}");
    }
    assert_eq!(live.record().await, before);
    live.stop().await;
}
