//! A transaction that fails half-way, as a full disk or a broken index would make it fail: nothing at all of it is kept, whoever asked is
//! told to come back, and when the trouble is over the same call succeeds.

use remint::lifecycle::actor::Role;
use remint::lifecycle::ids::DeviceId;
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::Mode;
use remint::store::audit::Outcome;
use remint::workflows::failure::Failure;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::refusals::Log;
use super::scene::{PHONE, Scene, TABLET};
use crate::support::live::Live;
use crate::support::no::No;

/// The ways in which SQLite gives up: the statement, what came before it stays; or the whole transaction.
const WAYS: [&str; 3] = ["ABORT", "FAIL", "ROLLBACK"];

/// From now on the `nth` revocation of a credential fails.
async fn break_revocation(live: &Live, nth: usize, way: &str) {
    run(live, "CREATE TABLE revoked_so_far (at INTEGER) STRICT").await;
    run(
        live,
        &format!(
            "CREATE TRIGGER trouble BEFORE UPDATE ON credentials WHEN new.state = 'revoked' BEGIN \
             INSERT INTO revoked_so_far VALUES (1); \
             SELECT raise({way}, 'the disk is full') WHERE (SELECT count(*) FROM revoked_so_far) >= {nth}; END"
        ),
    )
    .await;
}

/// From now on the entry of an act cannot be written.
async fn break_audit_of(live: &Live, act: &str, way: &str) {
    let trigger = format!("CREATE TRIGGER trouble BEFORE INSERT ON audit WHEN new.act = '{act}' BEGIN SELECT raise({way}, 'no room'); END");
    run(live, &trigger).await;
}

async fn mend(live: &Live) {
    run(live, "DROP TRIGGER trouble").await;
    run(live, "DROP TABLE IF EXISTS revoked_so_far").await;
}

async fn run(live: &Live, statement: &str) {
    live.sql(statement).await;
}

#[tokio::test]
async fn a_revocation_that_fails_half_way() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let hana = Colleague::hired(&live, "Hana", [Role::HelpDesk]).await;
    for way in WAYS {
        for nth in 1..=3 {
            let what = format!("{way} at revocation {nth}");
            let user = scene.person().await;
            let phone = scene.issue(scene.initial(user, PHONE, Mode::Remote).await).await;
            scene.issue(scene.initial(user, TABLET, Mode::SelfEnrollment).await).await;
            let path = format!("/api/devices/{phone}/terminate");
            let (held, mut log) = (live.lookup(&user.to_string()).await, Log::from_now_on(&live).await);

            break_revocation(&live, nth, way).await;
            let before = live.record().await;
            let reply = hana.desk.post_json(&path, &json!({ "reason": "stolen" })).await.unwrap();
            let no = No::read(&what, &reply).is(&what, 503, "unavailable", &["try again"]);
            assert!(!no.problem.to_string().contains("disk"), "{what}: what is wrong inside is for our log: {}", no.problem);
            assert_eq!(reply.header("retry-after"), Some("2"), "{what}");
            assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "{what}");
            assert_eq!(live.lookup(&user.to_string()).await, held, "{what}: what is remembered is what is kept");
            assert_eq!(log.news().await, [], "{what}");

            mend(&live).await;
            let reply = hana.desk.post_json(&path, &json!({ "reason": "stolen" })).await.unwrap();
            assert_eq!((reply.status, reply.json::<Value>().unwrap()["status"].as_str()), (200, Some("terminated")), "{what}");
            assert_eq!(revoked(&live.lookup(&user.to_string()).await), 3, "{what}");
            let news = log.news().await;
            assert_eq!((news.len(), news[0].act.as_str(), &news[0].outcome), (1, "terminate", &Outcome::Done), "{what}");
        }
    }
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

/// The new card is not active while the old one's credentials are not revoked: the confirmation is all or nothing.
#[tokio::test]
async fn an_issuance_that_fails_half_way() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    for way in WAYS {
        for nth in 1..=3 {
            let what = format!("{way} at revocation {nth}");
            let user = scene.person().await;
            let phone = scene.issue(scene.initial(user, PHONE, Mode::Remote).await).await;
            let mut at_work = scene.provision(scene.submit(phone, Reason::Lost, Mode::Remote).await).await;

            break_revocation(&live, nth, way).await;
            let (held, before) = (live.lookup(&user.to_string()).await, live.record().await);
            let failed = at_work.device.confirm_once(live.world()).await.unwrap_err();
            assert!(matches!(failed, Failure::Unavailable(_)), "{what}: {failed:?}");
            assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "{what}");
            assert_eq!(live.lookup(&user.to_string()).await, held, "{what}");

            mend(&live).await;
            let confirmed = at_work.device.confirm(live.world()).await.unwrap();
            assert_eq!(statuses(&live, &user.to_string(), [phone, confirmed.device]).await, ["terminated", "active"], "{what}");
        }
    }
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

/// If the entry cannot be written, the act does not happen; and a refusal that cannot be recorded is not given as one.
#[tokio::test]
async fn an_act_whose_entry_cannot_be_written_does_not_happen() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let hana = Colleague::hired(&live, "Hana", [Role::HelpDesk]).await;
    let ivo = Colleague::hired(&live, "Ivo", [Role::IssuanceOfficer]).await;
    let device = scene.device("active").await;
    let request = scene.request("local").await;
    let blank = scene.blank().await;
    for way in WAYS {
        for (act, who, path, body) in [
            ("suspend", &hana, format!("/api/devices/{}/suspend", device.id), json!({})),
            ("terminate", &hana, format!("/api/devices/{}/terminate", device.id), json!({ "reason": "lost" })),
            (
                "submit",
                &hana,
                "/api/replacements".to_owned(),
                json!({ "target": device.id.to_string(), "reason": "lost", "mode": "local" }),
            ),
            ("bind", &ivo, format!("/api/requests/{}/bind", request.id), json!({ "device": blank.to_string() })),
            ("cancel", &hana, format!("/api/requests/{}/cancel", request.id), json!({})),
            ("add-stock", &ivo, "/api/stock".to_owned(), json!({ "kind": "smart-card", "serial": "new" })),
            ("suspend", &ivo, format!("/api/devices/{}/suspend", device.id), json!({})), // refused, were it recorded
        ] {
            let what = format!("{way}: {act} by {}", who.role);
            break_audit_of(&live, act, way).await;
            let before = live.record().await;
            let reply = who.desk.post_json(&path, &body).await.unwrap();
            No::read(&what, &reply).is(&what, 503, "unavailable", &["try again"]);
            assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "{what}");
            mend(&live).await;
        }
    }
    let bound = ivo.desk.post_json(&format!("/api/requests/{}/bind", request.id), &json!({ "device": blank.to_string() })).await.unwrap();
    assert_eq!(bound.status, 200, "{}", bound.text());
    live.stop().await;
}

fn revoked(held: &Value) -> usize {
    held["credentials"].as_array().unwrap().iter().filter(|credential| credential["status"] == "revoked").count()
}

async fn statuses<const N: usize>(live: &Live, user: &str, devices: [DeviceId; N]) -> [String; N] {
    let held = live.lookup(user).await;
    devices.map(|device| {
        let found = held["devices"].as_array().unwrap().iter().find(|one| one["id"] == device.to_string()).unwrap();
        found["status"].as_str().unwrap().to_owned()
    })
}
