//! What the directory says of users, over the wire: entered, replaced, refused, and in the certificates that a phone then gets.

use mobile_sim::wire::{Method, Reply, Request};
use mobile_sim::{DeviceKind, Faults};
use remint::lifecycle::actor::Role;
use remint::lifecycle::ids::UserId;
use remint::store::audit::Outcome;
use remint::workflows::add_operator::add_operator;
use serde_json::{Value, json};

use super::refusals::Log;
use crate::support::live::Live;
use crate::support::no::{No, Untouched};
use crate::support::openssl::openssl;

const SID: &str = "S-1-5-21-3623811015-3361044348-30300820-1013";
const FASC_N: &str = "D4E739DA739CED39CE739D836858210842108421C84210C3EB";

fn ana(directory: &Value) -> Value {
    json!({ "name": "Ana Ruiz", "email": "ana@example.org", "upn": "ana@corp.example.org", "directory": directory })
}

async fn describe(live: &Live, user: &str, directory: &Value) -> Reply {
    let request = Request::new(Method::PUT, format!("/api/users/{user}/directory")).with_json(directory).unwrap();
    live.desk.send(request).await.unwrap()
}

/// What openssl says of the `auth` of a new phone.
async fn auth_of(live: &Live, user: &str) -> String {
    let phone = live.phone_of(user, DeviceKind::MobileSmartCard).await;
    let der = phone.card().slots[&mobile_sim::Slot::auth()].pem();
    String::from_utf8(openssl(&["x509", "-noout", "-text"], der.as_bytes()).await).unwrap()
}

#[tokio::test]
async fn what_the_directory_says_reaches_the_next_certificates() {
    let live = Live::start().await;
    let directory = json!({ "sid": SID, "fasc_n": FASC_N, "policies": ["2.16.840.1.101.3.2.1.3.40"] });
    let created: Value = live.desk.post_json("/api/users", &ana(&directory)).await.unwrap().json().unwrap();
    assert_eq!(created["directory"], directory);
    let user = created["id"].as_str().unwrap();
    assert_eq!(live.lookup(user).await["user"]["directory"], directory);

    let text = auth_of(&live, user).await;
    assert!(text.contains(SID) && text.contains("othername: 2.16.840.1.101.3.6.6"), "{text}");
    assert!(!text.contains("Certificate Policies"), "no profile asserts what it does not list:\n{text}");

    let mut log = Log::from_now_on(&live).await;
    let nothing = json!({ "sid": null, "fasc_n": null, "policies": [] });
    let reply = describe(&live, user, &json!({})).await;
    assert_eq!((reply.status, &reply.json::<Value>().unwrap()["directory"]), (200, &nothing));
    let news = log.news().await;
    assert_eq!((news[0].act.as_str(), &news[0].details, news[0].outcome.clone()), ("describe-user", &nothing, Outcome::Done));
    let text = auth_of(&live, user).await;
    assert!(!text.contains("1.3.6.1.4.1.311.25.2") && !text.contains("2.16.840.1.101.3.6.6"), "{text}");
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

#[tokio::test]
async fn what_is_not_so_or_somebody_elses_is_refused_and_changes_nothing() {
    let live = Live::start().await;
    let ana: Value = live.desk.post_json("/api/users", &ana(&json!({ "sid": SID, "fasc_n": FASC_N }))).await.unwrap().json().unwrap();
    let ben = live.create_user("Ben").await;
    let house = Untouched::now(&live).await;
    let flipped = FASC_N.replacen('D', "C", 1);
    for (directory, status, code, words) in [
        (json!({ "sid": "S-1-5-32-544" }), 400, "malformed", ["sid: ", "found: \"S-1-5-32-544\"", "expected: the SID of a domain account"]),
        (json!({ "fasc_n": flipped }), 400, "malformed", ["fasc_n: ", "found: even parity in character 0", "odd parity"]),
        (json!({ "fasc_n": "D4E7" }), 400, "malformed", ["fasc_n: ", "found: 4 characters", "expected: 50 hexadecimal digits"]),
        (json!({ "policies": ["2.16.x"] }), 400, "malformed", ["policies: ", "found: \"2.16.x\"", "expected: a dotted OID"]),
        (json!({ "policies": vec!["2.5.29.32.0"; 17] }), 400, "malformed", ["policies: ", "found: 17", "expected: at most 16"]),
        (json!({ "sid": 17 }), 400, "malformed", ["body: ", "integer `17`", "expected a string"]),
        (json!({ "rank": "general" }), 400, "malformed", ["body: ", "unknown field `rank`", "expected"]),
        (json!({ "sid": SID }), 409, "duplicate", ["sid", "is", "taken"]),
        (json!({ "fasc_n": FASC_N }), 409, "duplicate", ["fasc_n", "is", "taken"]),
    ] {
        house.refuses(&directory.to_string(), &describe(&live, &ben, &directory).await, status, code, &words).await;
    }
    assert_eq!(live.lookup(ana["id"].as_str().unwrap()).await["user"]["directory"]["sid"], SID);
    live.stop().await;
}

/// Whoever could choose their own account of the domain could choose its administrator's.
#[tokio::test]
async fn an_operator_who_is_the_user_does_not_describe_themself() {
    let live = Live::start().await;
    let omar: UserId = live.create_user("Omar").await.parse().unwrap();
    let hired = add_operator(live.world(), "Omar Ruiz", [Role::HelpDesk].into(), Some(omar)).await.unwrap();
    let identity = crate::support::live::identity_of(live.world(), &hired);
    let own = Request::new(Method::PUT, format!("/api/users/{omar}/directory")).with_json(&json!({ "sid": SID })).unwrap();
    let no = No::read("own", &live.at_desk(Some(identity)).send(own).await.unwrap());
    assert_eq!((no.status, no.code.as_str()), (403, "own-request"));
    assert!(live.lookup(&omar.to_string()).await["user"]["directory"]["sid"].is_null());
    live.stop().await;
}

#[tokio::test]
async fn a_phone_whose_user_lacks_what_a_profile_requires_gets_none_until_it_is_entered() {
    let live = Live::with_house(|house| {
        let profile = house.join("certs/profiles/auth.toml");
        let text = std::fs::read_to_string(&profile).unwrap();
        std::fs::write(&profile, text.replace("required = []", "required = [\"sid\"]")).unwrap();
    })
    .await;
    let user = live.create_user("Ana").await;
    let invited = live.initial(&user, DeviceKind::MobileSmartCard).await;
    let facts = crate::support::live::facts(DeviceKind::MobileSmartCard);
    let mut phone = mobile_sim::Phone::in_memory();
    let (invitation, faults) = (invited.invitation(), Faults::default());
    let refused = phone.issue(&invitation, invited.code.as_deref(), &facts, &faults).await.unwrap_err().to_string();
    assert!(refused.contains("directory-incomplete") && refused.contains("expected: sid"), "{refused}");

    assert_eq!(describe(&live, &user, &json!({ "sid": SID })).await.status, 200);
    let outcome = phone.issue(&invitation, invited.code.as_deref(), &facts, &faults).await.unwrap();
    assert_eq!(outcome, mobile_sim::Outcome::Issued);
    live.stop().await;
}
