//! What a preview promises, and what then happens: both over the wire, for every act that is possible. Everything that a preview tells is
//! read once more off `GET /api/users/{user}`, before and after.

use std::collections::{BTreeMap, BTreeSet};

use remint::lifecycle::actor::Role;
use remint::lifecycle::ids::DeviceId;
use remint::lifecycle::request::Mode;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::scene::{PHONE, Scene, TABLET, Thing};
use super::table::{Case, Expected, Of, post, rows};
use crate::support::live::Live;

#[tokio::test]
async fn what_a_preview_tells_is_what_then_happens() {
    let live = Scene::stage().await;
    let scene = Scene::set(&live).await;
    let desk = Colleague::hired(&live, "Cleo", [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]).await;
    let mut shown = 0;
    for case in rows().into_iter().flatten().filter(|case| case.expected == Expected::Done) {
        let thing = case.make(&scene).await;
        foreseen(&live, &desk, &case, &thing).await;
        shown += 1;
    }
    assert!(shown > 45, "the tables were not read: {shown}");
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

async fn foreseen(live: &Live, desk: &Colleague, case: &Case, thing: &Thing) {
    let what = case.name();
    let user = thing.user.unwrap().to_string();
    let (path, body) = case.call(thing);
    let before = live.lookup(&user).await;
    let preview = preview(&what, desk, &path, body.as_ref()).await;
    assert_eq!(live.lookup(&user).await, before, "{what}: the preview did it");

    let reply = desk.desk.send(post(&path, body.as_ref())).await.unwrap();
    assert!([200, 201].contains(&reply.status), "{what}: {}", reply.text());
    let after = live.lookup(&user).await;
    assert_eq!(preview["devices"], devices(&before, &after), "{what}: devices");
    assert_eq!(by_id(&preview["credentials"], "credential"), credentials(&before, &after), "{what}: credentials");
    assert_eq!(by_id(&preview["remaining"], "device"), remaining(&after), "{what}: what the user can still do");
    undone(live, desk, case, thing, &reply.json().unwrap(), &preview["undo"], &before).await;
}

/// Asked for twice, so that it cannot have left anything.
async fn preview(what: &str, desk: &Colleague, path: &str, body: Option<&Value>) -> Value {
    let mut told = Vec::new();
    for _ in 0..2 {
        let reply = desk.desk.send(post(&format!("{path}?preview=true"), body)).await.unwrap();
        assert_eq!(reply.status, 200, "{what}: {}", reply.text());
        told.push(reply.json::<Value>().unwrap());
    }
    assert_eq!(told[0], told[1], "{what}: not the same twice");
    told.remove(0)
}

/// An act that can be undone says by whom and how: it is undone so, and where the acts are inverse, everything is as before.
async fn undone(live: &Live, desk: &Colleague, case: &Case, thing: &Thing, answer: &Value, undo: &Value, before: &Value) {
    let what = format!("to undo: {}", case.name());
    let Some(act) = undo["act"].as_str() else {
        let because = undo["never_because"].as_str().unwrap();
        assert!(because.len() > 10, "{what}: {because}");
        assert!(["cancel", "reject", "terminate", "invitations"].contains(&case.act.as_str()), "{what}: why not?");
        return;
    };
    assert!(undo["until"].as_str().is_some_and(|until| until.len() > 5), "{what}: {undo}");
    let request = answer["request"]["id"].as_str().map_or_else(|| thing.id.to_string(), str::to_owned);
    let (path, role) = match (act, case.of) {
        ("cancel", _) => (format!("/api/requests/{request}/cancel"), "help-desk"),
        ("bind" | "unbind", _) => (format!("/api/requests/{request}/{act}"), "issuance-officer"),
        (_, Of::Credentials) => (format!("/api/credentials/{}/{act}", thing.id), "help-desk"),
        (_, _) => (format!("/api/devices/{}/{act}", thing.id), "help-desk"),
    };
    assert_eq!(undo["role"], role, "{what}");
    let body = json!({ "device": thing.card.to_string() });
    let reply = desk.desk.post_json(&path, &body).await.unwrap();
    assert_eq!(reply.status, 200, "{what}: {path}: {}", reply.text());
    if !["approve", "returned"].contains(&case.act.as_str()) {
        let after = live.lookup(&thing.user.unwrap().to_string()).await;
        for member in ["devices", "credentials"] {
            assert_eq!(statuses(&after[member]), statuses(&before[member]), "{what}: {member}");
        }
    }
}

fn statuses(list: &Value) -> BTreeMap<String, String> {
    list.as_array().unwrap().iter().map(|one| (text(&one["id"]), text(&one["status"]))).collect()
}

/// What a preview says of devices, put together from before and after. In the order of the answer: by id, what is gone last.
fn devices(before: &Value, after: &Value) -> Value {
    let ids = |list: &Value| -> Vec<String> { list.as_array().unwrap().iter().map(|one| text(&one["id"])).collect() };
    let now = ids(&after["devices"]);
    let gone: Vec<String> = ids(&before["devices"]).into_iter().filter(|id| !now.contains(id)).collect();
    let told = now.iter().chain(&gone).map(|id| {
        let (was, is) = (find(&before["devices"], id), find(&after["devices"], id));
        let update_opens = !is["open_update"].is_null() && is["open_update"] != was["open_update"];
        let is_touched = was["status"] != is["status"] || carries(before, was) != carries(after, is) || update_opens;
        let name = if is.is_null() { &was["name"] } else { &is["name"] };
        json!({ "device": id, "name": name, "before": was["status"], "after": is["status"], "is_touched": is_touched,
            "update_opens": update_opens })
    });
    Value::Array(told.collect())
}

/// What a device carries, and whether it is good, held or revoked.
fn carries(held: &Value, device: &Value) -> BTreeSet<String> {
    let carried = device["carries"].as_array().into_iter().flatten();
    carried.map(|one| format!("{one} {}", find(&held["credentials"], one["credential"].as_str().unwrap())["status"])).collect()
}

/// What a preview says of every credential that has been signed.
fn credentials(before: &Value, after: &Value) -> BTreeMap<String, Value> {
    let signed = after["credentials"].as_array().unwrap().iter().filter(|one| !one["not_after"].is_null());
    let told = signed.map(|is| {
        let id = text(&is["id"]);
        let was = find(&before["credentials"], &id);
        let told = json!({ "credential": id, "slot": is["slot"], "before": was["status"], "after": is["status"],
            "revoked": is["revocation_reason"] });
        (id, told)
    });
    told.collect()
}

/// For every device in use: the slots whose current credential is active, if the device is.
fn remaining(after: &Value) -> BTreeMap<String, Value> {
    let in_use = after["devices"].as_array().unwrap().iter().filter(|device| {
        let status = device["status"].as_str().unwrap();
        ["active", "suspended", "invalid"].contains(&status)
    });
    let told = in_use.map(|device| {
        let current =
            device["carries"].as_array().unwrap().iter().filter(|one| one["carried"] == "current" && device["status"] == "active");
        let is_active = |one: &&Value| find(&after["credentials"], one["credential"].as_str().unwrap())["status"] == "active";
        let slots: BTreeSet<usize> = current.filter(is_active).map(|one| in_order(one["slot"].as_str().unwrap())).collect();
        let usable: Vec<&str> = slots.into_iter().map(|slot| SLOTS[slot]).collect();
        (text(&device["id"]), json!({ "device": device["id"], "usable": usable }))
    });
    told.collect()
}

const SLOTS: [&str; 4] = ["auth", "sign", "enc", "card-auth"];

fn in_order(slot: &str) -> usize {
    SLOTS.iter().position(|name| *name == slot).unwrap()
}

fn by_id(list: &Value, id: &str) -> BTreeMap<String, Value> {
    list.as_array().unwrap().iter().map(|one| (text(&one[id]), one.clone())).collect()
}

fn find<'v>(list: &'v Value, id: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|one| one["id"] == id).unwrap_or(&Value::Null)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

/// What begins with a user: the device that is asked for is not there yet.
#[tokio::test]
async fn the_preview_of_an_initial_issuance_touches_nothing_that_is_there() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let desk = Colleague::hired(&live, "Cleo", [Role::HelpDesk]).await;
    let user = scene.person().await;
    scene.card_of(user).await;
    let before = live.record().await;
    let path = format!("/api/users/{user}/initial-issuances");
    let told = preview("initial", &desk, &path, Some(&json!({ "kind": "mobile-smart-card", "mode": "remote" }))).await;
    assert_eq!(told["devices"].as_array().unwrap().len(), 1, "{told}");
    assert_eq!((&told["devices"][0]["is_touched"], &told["devices"][0]["after"]), (&json!(false), &json!("active")), "{told}");
    assert_eq!(told["remaining"][0]["usable"], json!(["auth", "sign", "enc"]), "{told}");
    assert_eq!(told["undo"]["act"], "cancel", "{told}");
    assert!(!told.to_string().contains("msc1:"), "no invitation in a preview: {told}");
    let reply = desk.desk.post_json(&format!("{path}?preview=true"), &json!({ "kind": "mobile-app", "mode": "remote" })).await.unwrap();
    assert_eq!((reply.status, reply.json::<Value>().unwrap()["code"].as_str()), (422, Some("wrong-mode")));
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

/// The tablet shares the encryption credential of the phone that is reported: it stays active, and is touched.
#[tokio::test]
async fn a_preview_names_the_other_devices_that_are_touched() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let desk = Colleague::hired(&live, "Cleo", [Role::HelpDesk]).await;
    let user = scene.person().await;
    let [phone, tablet, card] = [
        scene.issue(scene.initial(user, PHONE, Mode::Remote).await).await,
        scene.issue(scene.initial(user, TABLET, Mode::SelfEnrollment).await).await,
        scene.blank().await,
    ];
    let asked = json!({ "target": phone.to_string(), "reason": "lost", "mode": "remote" });
    let told = preview("submit", &desk, "/api/replacements", Some(&asked)).await;
    let of = |device: DeviceId| find_by(&told["devices"], "device", &device.to_string());
    assert_eq!((&of(phone)["after"], &of(phone)["is_touched"]), (&json!("invalid"), &json!(true)), "{told}");
    assert_eq!((&of(tablet)["after"], &of(tablet)["is_touched"]), (&json!("active"), &json!(true)), "{told}");
    let left = by_id(&told["remaining"], "device");
    assert_eq!(left[&tablet.to_string()]["usable"], json!(["auth", "sign"]), "its own work on, the shared one does not: {told}");
    assert_eq!(left[&phone.to_string()]["usable"], json!([]), "{told}");

    let told = preview("terminate", &desk, &format!("/api/devices/{phone}/terminate"), Some(&json!({ "reason": "stolen" }))).await;
    let update = find_by(&told["devices"], "device", &tablet.to_string())["update_opens"].clone();
    assert_eq!(update, json!(true), "its encryption credential is revoked: {told}");
    assert!(!told.to_string().contains(&card.to_string()), "a card in stock is nobody's: {told}");
    live.stop().await;
}

fn find_by<'v>(list: &'v Value, member: &str, id: &str) -> &'v Value {
    list.as_array().unwrap().iter().find(|one| one[member] == id).unwrap_or_else(|| panic!("no {id}: {list}"))
}
