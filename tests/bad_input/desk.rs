//! The calls of the desk by an operator who may make them: ids that are missing, foreign or malformed, and bodies that are not what they
//! must be.

use mobile_sim::DeviceKind;
use mobile_sim::wire::{Method, Request};
use serde_json::{Value, json};

use crate::support::live::{Invited, Live, device_of};
use crate::support::no::Untouched;

/// A server with a user, an issued phone and an open request.
struct Furnished {
    live: Live,
    user: String,
    device: String,
    open: Invited,
}

async fn furnished() -> Furnished {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let device = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    let open = live.initial(&user, DeviceKind::MobileApp).await;
    Furnished { live, user, device, open }
}

const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

#[tokio::test]
async fn an_id_in_a_path_is_of_something_that_there_is() {
    let Furnished { live, user, device, open } = furnished().await;
    let house = Untouched::now(&live).await;
    let issuance = json!({ "kind": "mobile-smart-card", "mode": "remote" });
    let calls = |id: &str| {
        [
            ("user", Request::get(format!("/api/users/{id}"))),
            ("user", Request::post(format!("/api/users/{id}/initial-issuances")).with_json(&issuance).unwrap()),
            ("request", Request::get(format!("/api/requests/{id}"))),
            ("request", Request::post(format!("/api/requests/{id}/cancel"))),
            ("request", Request::post(format!("/api/requests/{id}/invitations"))),
        ]
    };
    for id in [UNKNOWN, &device, "00000000-0000-0000-0000-000000000000"] {
        for (what, call) in calls(id) {
            let (missing, asked) = (format!("no such {what}"), format!("{call:?}"));
            house.refuses(&asked, &live.desk.send(call).await.unwrap(), 404, "unknown", &[&missing]).await;
        }
    }
    for (what, call) in calls(&user).into_iter().filter(|(what, _)| *what == "request").chain(calls(&open.request).into_iter().take(2)) {
        let (missing, asked) = (format!("no such {what}"), format!("{call:?}"));
        house.refuses(&asked, &live.desk.send(call).await.unwrap(), 404, "unknown", &[&missing]).await;
    }
    for id in ["17", "%20", "%ff", "..%2f..", &"a".repeat(200), &UNKNOWN[1..]] {
        for (_, call) in calls(id) {
            let asked = format!("{call:?}");
            house.refuses(&asked, &live.desk.send(call).await.unwrap(), 400, "malformed", &["expected: "]).await;
        }
    }
    for path in ["/api/users/", "/api/requests/", "/api/requests//cancel", "/api/users//initial-issuances", "/nothing", "/api"] {
        let reply = live.desk.send(Request::new(Method::GET, path)).await.unwrap();
        assert!([404, 405].contains(&reply.status), "{path}: {}", reply.status);
        house.holds(path).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_target_is_a_device_in_use() {
    let Furnished { live, user, device, open } = furnished().await;
    let house = Untouched::now(&live).await;
    for (target, status, code, words) in [
        (UNKNOWN, 404, "unknown", "no such device"),
        (&user, 404, "unknown", "no such device"),
        (&open.request, 404, "unknown", "no such device"),
        ("phone-1", 400, "malformed", "device id: found: \"phone-1\", expected: a UUID"),
        ("", 400, "malformed", "device id: found: \"\", expected: a UUID"),
    ] {
        let body = json!({ "target": target, "reason": "lost", "mode": "remote" });
        let reply = live.desk.post_json("/api/replacements", &body).await.unwrap();
        house.refuses(target, &reply, status, code, &[words]).await;
    }

    live.submit(&device, "damaged").await;
    let house = Untouched::now(&live).await;
    let body = json!({ "target": device, "reason": "lost", "mode": "remote" });
    let reply = live.desk.post_json("/api/replacements", &body).await.unwrap();
    house.refuses("a second one", &reply, 409, "open-request", &["found: ", "required: "]).await;
    live.stop().await;
}

#[tokio::test]
async fn a_mode_fits_the_kind() {
    let Furnished { live, user, .. } = furnished().await;
    let house = Untouched::now(&live).await;
    for (kind, mode) in [("smart-card", "remote"), ("mobile-app", "remote"), ("mobile-app", "local")] {
        let path = format!("/api/users/{user}/initial-issuances");
        let reply = live.desk.post_json(&path, &json!({ "kind": kind, "mode": mode })).await.unwrap();
        house.refuses(&format!("{kind} {mode}"), &reply, 422, "wrong-mode", &["found: ", "required: "]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_closed_request_is_neither_canceled_nor_invited_to() {
    let Furnished { live, user, .. } = furnished().await;
    let open = live.initial(&user, DeviceKind::MobileSmartCard).await;
    live.cancel(&open.request).await;
    let house = Untouched::now(&live).await;
    for what in ["cancel", "invitations"] {
        let reply = live.desk.post(&format!("/api/requests/{}/{what}", open.request)).await.unwrap();
        house.refuses(what, &reply, 409, "wrong-state", &["found: canceled", "required: "]).await;
    }
    live.stop().await;
}

/// Every call that takes a body: its path, and a body that would do.
fn with_body(user: &str, device: &str) -> [(String, Value); 3] {
    [
        ("/api/users".to_owned(), json!({ "name": "Eve", "email": "eve@example.org", "upn": "eve@corp.example.org" })),
        (format!("/api/users/{user}/initial-issuances"), json!({ "kind": "mobile-smart-card", "mode": "remote" })),
        ("/api/replacements".to_owned(), json!({ "target": device, "reason": "lost", "mode": "remote" })),
    ]
}

#[tokio::test]
async fn a_body_has_the_members_that_it_must_have_and_no_others() {
    let Furnished { live, user, device, .. } = furnished().await;
    let house = Untouched::now(&live).await;
    for (path, right) in with_body(&user, &device) {
        let members: Vec<String> = right.as_object().unwrap().keys().cloned().collect();
        for member in &members {
            let mut without = right.clone();
            without.as_object_mut().unwrap().remove(member);
            let mut other = right.clone();
            other[member] = json!(7);
            for (body, words) in [(without, format!("missing field `{member}`")), (other, "integer `7`, expected a string".to_owned())] {
                let reply = live.desk.post_json(&path, &body).await.unwrap();
                house.refuses(&format!("{path} {body}"), &reply, 400, "malformed", &["body: ", &words]).await;
            }
        }
        let mut more = right.clone();
        more["approved"] = json!(true);
        let reply = live.desk.post_json(&path, &more).await.unwrap();
        house.refuses(&path, &reply, 400, "malformed", &["unknown field `approved`, expected"]).await;
        let as_array = Value::Array(members.iter().map(|member| right[member].clone()).collect()).to_string();
        let twice = right.to_string().replacen('{', &format!("{{\"{}\":\"x\",", members[0]), 1);
        for text in ["", "{", "nonsense", "[1]", "\"a\"", "{}{}", "\u{feff}{}", &twice, &as_array] {
            let reply = live.desk.send(Request::post(path.as_str()).with_body("application/json", text.to_owned())).await.unwrap();
            house.refuses(&format!("{path} {text:?}"), &reply, 400, "malformed", &["body: "]).await;
        }
    }
    live.stop().await;
}

#[tokio::test]
async fn a_body_is_json_and_not_too_large() {
    let Furnished { live, user, device, .. } = furnished().await;
    let house = Untouched::now(&live).await;
    for (path, right) in with_body(&user, &device) {
        for media_type in ["text/plain", "application/x-www-form-urlencoded", "application/jsonp", ""] {
            let reply = live.desk.send(Request::post(path.as_str()).with_body(media_type, right.to_string())).await.unwrap();
            house.refuses(media_type, &reply, 415, "wrong-media-type", &["found: ", "expected: application/json"]).await;
        }
        let padded = right.to_string() + &" ".repeat(64 * 1024);
        let reply = live.desk.send(Request::post(path.as_str()).with_body("application/json", padded)).await.unwrap();
        house.refuses(&path, &reply, 413, "too-large", &["expected: at most 65536 bytes"]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn words_are_those_of_the_vocabulary() {
    let Furnished { live, user, device, .. } = furnished().await;
    let house = Untouched::now(&live).await;
    let [_, (issuances, issuance), (replacements, replacement)] = with_body(&user, &device);
    for (path, right, member, expected) in [
        (&issuances, &issuance, "kind", "expected one of: smart-card, mobile-smart-card, mobile-app"),
        (&issuances, &issuance, "mode", "expected one of: local, self-enrollment, remote"),
        (&replacements, &replacement, "reason", "expected one of: damaged, expired, lost, stolen, forgotten"),
        (&replacements, &replacement, "mode", "expected one of: local, self-enrollment, remote"),
    ] {
        for word in ["", "Remote", "lost ", "ROBBED", "\u{0}"] {
            let mut body = right.clone();
            body[member] = json!(word);
            let reply = live.desk.post_json(path, &body).await.unwrap();
            let found = format!("{member}: found: {word:?}");
            house.refuses(&format!("{member} {word:?}"), &reply, 400, "malformed", &[&found, expected]).await;
        }
        let mut body = right.clone();
        body[member] = json!("x".repeat(60_000));
        let reply = live.desk.post_json(path, &body).await.unwrap();
        assert!(reply.body.len() < 1000, "a long word is not sent back: {} bytes", reply.body.len());
        house.refuses(member, &reply, 400, "malformed", &[expected]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_user_has_a_name_and_addresses_that_fit_a_certificate() {
    let Furnished { live, user, device, .. } = furnished().await;
    let [(path, right), ..] = with_body(&user, &device);
    let house = Untouched::now(&live).await;
    let long = "x".repeat(300);
    for (member, value) in [
        ("name", ""),
        ("name", "   "),
        ("name", "Eve\nAdmin"),
        ("name", "Eve\0"),
        ("name", " Eve"),
        ("name", "\u{202e}evE"),
        ("name", "E\u{200b}ve"),
        ("name", &long),
        ("email", ""),
        ("email", "eve"),
        ("email", "@example.org"),
        ("email", "eve@"),
        ("email", "eve@@example.org"),
        ("email", "eve @example.org"),
        ("email", "ève@example.org"),
        ("email", "<eve@example.org>"),
        ("email", &format!("{long}@example.org")),
        ("upn", "eve"),
        ("upn", "eve@corp example.org"),
        ("upn", &format!("{long}@example.org")),
    ] {
        let mut body = right.clone();
        body[member] = json!(value);
        let reply = live.desk.post_json(&path, &body).await.unwrap();
        house.refuses(&format!("{member}: {value:?}"), &reply, 400, "malformed", &[]).await;
    }
    for (member, taken) in [("email", "ana@example.org"), ("upn", "ana@corp.example.org")] {
        let mut body = right.clone();
        body[member] = json!(taken);
        let reply = live.desk.post_json(&path, &body).await.unwrap();
        house.refuses(taken, &reply, 409, "duplicate", &["is taken"]).await;
    }
    live.stop().await;
}

#[tokio::test]
async fn a_question_is_well_formed() {
    let Furnished { live, .. } = furnished().await;
    let house = Untouched::now(&live).await;
    for path in [
        "/api/users",
        "/api/users?q=a&q=b",
        "/api/requests?open=perhaps",
        "/api/requests?user=17",
        "/api/requests?after=x",
        "/api/requests?after=x/y",
    ] {
        let reply = live.desk.get(path).await.unwrap();
        house.refuses(path, &reply, 400, "malformed", &[]).await;
    }
    for path in ["/api/users", "/api/replacements", "/api/me"] {
        let reply = live.desk.delete(path).await.unwrap();
        house.refuses(path, &reply, 405, "method-not-allowed", &[]).await;
    }
    live.stop().await;
}

/// What generates a client from the description must get one that works.
#[tokio::test]
async fn the_description_of_the_desk_is_true() {
    let live = Live::start().await;
    let described: Value = live.desk.get("/api/openapi.json").await.unwrap().json().unwrap();
    let paths = described["paths"].as_object().unwrap();
    assert!(paths.len() >= 20, "{:?}", paths.keys());
    for (path, methods) in paths {
        for (method, call) in methods.as_object().unwrap() {
            for parameter in call["parameters"].as_array().into_iter().flatten() {
                let name = parameter["name"].as_str().unwrap();
                let is_in_path = path.contains(&format!("{{{name}}}"));
                assert_eq!(parameter["in"], if is_in_path { "path" } else { "query" }, "{method} {path}: {name}");
                assert_eq!(parameter["required"], is_in_path || name == "q", "{method} {path}: {name}");
            }
        }
    }
    live.stop().await;
}
