//! Every act on every thing by everybody: whoever may not, or asks for what is not possible, is told what was found and what is required;
//! nothing changes but the audit log, which has one entry more. A preview says the same, and leaves no trace at all.

use mobile_sim::wire::Reply;
use remint::lifecycle::actor::Role;
use remint::lifecycle::ids::RequestId;
use remint::lifecycle::request::Mode;
use remint::store::audit::Outcome;
use remint::store::views::AuditLine;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::scene::{CARD, Scene, Thing};
use super::table::{Case, Expected, Of, post, rows};
use crate::support::live::Live;
use crate::support::no::No;

#[tokio::test]
async fn every_act_in_every_state_by_everybody() {
    let live = Scene::stage().await;
    let scene = Scene::set(&live).await;
    let colleagues = Colleague::one_of_each(&live).await;
    let (mut refused, mut promised) = (0, 0);
    for row in rows() {
        let thing = row[0].make(&scene).await;
        let before = live.record().await;
        let mut log = Log::from_now_on(&live).await;
        for case in &row {
            for colleague in &colleagues {
                match ask(case, colleague, &thing, &mut log).await {
                    true => promised += 1,
                    false => refused += 1,
                }
            }
            let changes = before.changes_to(&live.record().await);
            assert!(changes.is_empty(), "{}: it changed:\n{}", case.name(), changes.join("\n"));
        }
        assert_eq!(live.faults().await, Vec::<String>::new(), "{}", row[0].thing);
    }
    assert!(refused > 900 && promised > 45, "the tables were not read: {refused}, {promised}");
    live.stop().await;
}

/// Asks for the preview first, and if that is refused, for the act. Whether it would be done.
async fn ask(case: &Case, colleague: &Colleague, thing: &Thing, log: &mut Log<'_>) -> bool {
    let what = format!("{} {}", colleague.role, case.name());
    let expected = if case.may(colleague.role) {
        case.expected.clone()
    } else {
        Expected::Refused { code: "not-permitted".to_owned(), found: colleague.described().to_owned() }
    };
    let (path, body) = case.call(thing);
    let preview = colleague.desk.send(post(&format!("{path}?preview=true"), body.as_ref())).await.unwrap();
    assert_eq!(log.news().await, [], "{what}: a preview is on the audit log");
    let Expected::Refused { code, found } = expected else {
        assert_eq!(preview.status, 200, "{what}: {}", preview.text());
        return true;
    };
    let foreseen = refusal(&what, &preview, &code, &found);
    let reply = colleague.desk.send(post(&path, body.as_ref())).await.unwrap();
    let problem = refusal(&what, &reply, &code, &found);
    assert_eq!(foreseen, problem, "{what}: the preview says otherwise");

    let news = log.news().await;
    let [entry] = news.as_slice() else { panic!("{what}: expected: one entry, found: {news:?}") };
    assert_eq!((entry.act.as_str(), &entry.outcome), (case.on_record(), &Outcome::Refused(code.clone())), "{what}");
    assert_eq!((&entry.who, entry.source.as_str()), (&colleague.who, "127.0.0.1"), "{what}");
    assert_eq!(entry.request, (case.of == Of::Requests).then_some(RequestId(thing.id)), "{what}");
    // the role is judged before anybody looks whose it is; who is invited depends on the request, so that it is looked up first
    let invites = case.act == "invitations" && ["help-desk", "issuance-officer"].contains(&colleague.role);
    let is_looked_up = case.may(colleague.role) || invites;
    assert_eq!(entry.on_behalf_of, thing.user.filter(|_| is_looked_up), "{what}");
    for member in ["found", "required"] {
        assert_eq!(entry.details[member], problem[member], "{what}: {}", entry.details);
    }
    if case.of != Of::Requests {
        assert!(entry.details.to_string().contains(&thing.id.to_string()), "{what}: of what? {}", entry.details);
    }
    false
}

/// A refusal says what was found and what is required, in words for a person.
fn refusal(what: &str, reply: &Reply, code: &str, found: &str) -> Value {
    let status = match code {
        "not-permitted" => 403,
        "unknown" => 404,
        "wrong-mode" => 422,
        _ => 409,
    };
    let no = No::read(what, reply).is(what, status, code, &["found: ", "required: "]);
    let told = no.problem["found"].as_str().unwrap_or_else(|| panic!("{what}: nothing found: {}", no.problem));
    assert!(told.contains(found), "{what}: the state found is not told: expected: {found}, found: {told}");
    for member in ["found", "required"] {
        let text = no.problem[member].as_str().unwrap_or_else(|| panic!("{what}: no {member}: {}", no.problem));
        assert!((2..200).contains(&text.len()), "{what}: {member}: {text:?}");
        assert!(!text.contains(['{', '}', '(', '_', '"']) && !text.contains("::"), "{what}: for a program, not for a person: {text:?}");
    }
    no.problem
}

/// What is new on the audit log.
pub struct Log<'l> {
    live: &'l Live,
    seen: i64,
}

impl<'l> Log<'l> {
    pub async fn from_now_on(live: &'l Live) -> Self {
        let seen = live.audit().await.last().map_or(0, |entry| entry.seq);
        Self { live, seen }
    }

    pub async fn news(&mut self) -> Vec<AuditLine> {
        let news = self.live.world().store.audit(self.seen, 100).await.unwrap();
        self.seen = news.last().map_or(self.seen, |entry| entry.seq);
        news
    }
}

/// A device is bound that is blank stock of the right kind, and no other.
#[tokio::test]
async fn only_blank_cards_are_bound() {
    let live = Scene::stage().await;
    let scene = Scene::set(&live).await;
    let officer = Colleague::hired(&live, "Ivo", [Role::IssuanceOfficer]).await;
    let request = scene.request("local").await;
    let bound = scene.request("bound").await;
    for (name, found) in [
        ("assigned", "an assigned device"),
        ("active", "a device in use"),
        ("suspended", "a device in use"),
        ("stand-in", "a device in use"),
        ("terminated", "a terminated device"),
        ("enrolling", "a mobile-smart-card"),
    ] {
        let device = scene.device(name).await;
        let before = live.record().await;
        let mut log = Log::from_now_on(&live).await;
        for (act, thing) in [("bind", &request), ("unbind", &bound)] {
            let body = json!({ "device": device.id.to_string() });
            let reply = officer.desk.post_json(&format!("/api/requests/{}/{act}", thing.id), &body).await.unwrap();
            let found = if act == "bind" { found.to_owned() } else { device.id.to_string() };
            refusal(&format!("{act} {name}"), &reply, "not-available", &found);
            let news = log.news().await;
            assert_eq!((news.len(), news[0].outcome.clone()), (1, Outcome::Refused("not-available".to_owned())), "{act} {name}");
        }
        assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "{name}");
    }
    for act in ["bind", "unbind"] {
        let body = json!({ "device": scene.request("nothing").await.id.to_string() });
        let reply = officer.desk.post_json(&format!("/api/requests/{}/{act}", bound.id), &body).await.unwrap();
        refusal(act, &reply, "unknown", "no such device");
    }
    live.stop().await;
}

/// Who has asked for something does not approve it, in whatever second role; neither does anybody for themselves.
#[tokio::test]
async fn nobody_approves_their_own() {
    let live = Live::with_policy(|policy| policy.replace("validate_initial = false", "validate_initial = true")).await;
    let scene = Scene::set(&live).await;
    let both = Colleague::hired(&live, "Beate", [Role::HelpDesk, Role::ValidationOfficer]).await;
    let officer = Colleague::hired(&live, "Vera", [Role::ValidationOfficer]).await;
    let user = scene.person().await;
    let asked = json!({ "kind": "smart-card", "mode": "local" });
    let reply = both.desk.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap();
    let opened: Value = reply.json().unwrap();
    assert_eq!((reply.status, opened["request"]["state"].as_str()), (201, Some("awaiting-approval")), "{opened}");
    let path = |act: &str| format!("/api/requests/{}/{act}", opened["request"]["id"].as_str().unwrap());
    let mut log = Log::from_now_on(&live).await;
    for act in ["approve", "reject"] {
        let reply = both.desk.post_json(&path(act), &json!({})).await.unwrap();
        No::read(act, &reply).is(act, 403, "own-request", &["found: the requester", "required: an officer whom it does not concern"]);
        let news = log.news().await;
        assert_eq!((news.len(), news[0].outcome.clone()), (1, Outcome::Refused("own-request".to_owned())), "{act}");
    }
    assert_eq!(officer.desk.post(&path("approve")).await.unwrap().status, 200);
    let reply = both.desk.post(&path("approve")).await.unwrap();
    No::read("too late, and still their own", &reply).is("", 403, "own-request", &[]);
    live.stop().await;
}

/// The user and the validation officer are one person.
#[tokio::test]
async fn nobody_approves_what_concerns_themselves() {
    let live = Live::with_policy(|policy| policy.replace("validate_initial = false", "validate_initial = true")).await;
    let scene = Scene::set(&live).await;
    let user = scene.person().await;
    let request = scene.initial(user, CARD, Mode::Local).await;
    let officer = Colleague::hired(&live, "Vera", [Role::ValidationOfficer]).await;
    let (person, record) = (live.literal(user.0), live.literal(officer.operator.id.0));
    live.sql(&format!("UPDATE operators SET user_id = {person} WHERE id = {record}")).await;
    for act in ["approve", "reject"] {
        let reply = officer.desk.post_json(&format!("/api/requests/{request}/{act}"), &json!({})).await.unwrap();
        No::read(act, &reply).is(act, 403, "own-request", &["found: the user concerned"]);
    }
    live.stop().await;
}

/// What begins at the desk, and stock, by everybody.
#[tokio::test]
async fn what_begins_at_the_desk_is_for_its_role() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let colleagues = Colleague::one_of_each(&live).await;
    let user = scene.person().await;
    let new = |name: &str| json!({ "name": name, "email": format!("{name}@example.org"), "upn": format!("{name}@example.org") });
    let card = |serial: &str| json!({ "kind": "smart-card", "serial": serial });
    let csv = |serial: &str| post("/api/stock/import", None).with_body("text/csv", format!("kind,serial\nsmart-card,{serial}\n"));
    for colleague in &colleagues {
        let role = colleague.role;
        let calls = [
            ("create-user", "help-desk", post("/api/users", Some(&new(role)))),
            (
                "request-initial",
                "help-desk",
                post(&format!("/api/users/{user}/initial-issuances"), Some(&json!({ "kind": CARD.as_str(), "mode": "local" }))),
            ),
            ("add-stock", "issuance-officer", post("/api/stock", Some(&card(&format!("{role}-1"))))),
            ("import-stock", "issuance-officer", csv(&format!("{role}-2"))),
        ];
        for (act, needed, call) in calls {
            let what = format!("{role}: {act}");
            let before = live.record().await;
            let mut log = Log::from_now_on(&live).await;
            let reply = colleague.desk.send(call).await.unwrap();
            let news = log.news().await;
            assert_eq!((news.len(), news[0].act.as_str(), &news[0].who), (1, act, &colleague.who), "{what}");
            if role == needed {
                assert_eq!((reply.status, &news[0].outcome), (201, &Outcome::Done), "{what}: {}", reply.text());
                continue;
            }
            refusal(&what, &reply, "not-permitted", colleague.described());
            assert_eq!(news[0].outcome, Outcome::Refused("not-permitted".to_owned()), "{what}");
            assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "{what}");
        }
    }
    live.stop().await;
}

/// Looking leaves no trace; whoever may not look is on the record.
#[tokio::test]
async fn reading_leaves_no_trace() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let colleagues = Colleague::one_of_each(&live).await;
    let request = scene.request("bound").await;
    let user = request.user.unwrap();
    let before = live.record().await;
    let mut log = Log::from_now_on(&live).await;
    for path in [
        "/api/users?q=ana".to_owned(),
        format!("/api/users/{user}"),
        "/api/requests?open=true".to_owned(),
        format!("/api/requests/{}", request.id),
        "/api/stock".to_owned(),
    ] {
        for colleague in &colleagues {
            let reply = colleague.desk.get(&path).await.unwrap();
            let may = ["help-desk", "validation-officer", "issuance-officer"].contains(&colleague.role);
            assert_eq!(reply.status, if may { 200 } else { 403 }, "{} {path}: {}", colleague.role, reply.text());
            assert_eq!(log.news().await.len(), usize::from(!may), "{} {path}", colleague.role);
        }
    }
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

/// A question that is not well formed is not taken for another: least of all a preview for the act.
#[tokio::test]
async fn a_preview_that_is_misspelt_does_nothing() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let clerk = Colleague::hired(&live, "Cleo", [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]).await;
    let mut calls = Vec::new();
    for row in rows() {
        let done = row.iter().find(|case| case.expected == Expected::Done && case.thing != "lapsed original");
        if let Some(case) = done {
            calls.push(case.call(&case.make(&scene).await));
        }
    }
    let user = scene.person().await;
    calls.push((format!("/api/users/{user}/initial-issuances"), Some(json!({ "kind": "smart-card", "mode": "local" }))));
    calls.push(("/api/stock".to_owned(), Some(json!({ "kind": "smart-card", "serial": "1" }))));
    calls.push(("/api/users".to_owned(), Some(json!({ "name": "Eve", "email": "eve@example.org", "upn": "eve@example.org" }))));
    let before = live.record().await;
    let mut log = Log::from_now_on(&live).await;
    for (path, body) in &calls {
        for question in [
            "preview=maybe",
            "preview=",
            "preview",
            "preview=1",
            "preview=TRUE",
            "Preview=true",
            "previwe=true",
            "preview=true&preview=false",
        ] {
            let what = format!("{path}?{question}");
            let reply = clerk.desk.send(post(&what, body.as_ref())).await.unwrap();
            No::read(&what, &reply).is(&what, 400, "malformed", &[]);
        }
        for method in ["GET", "PUT", "PATCH", "DELETE"] {
            let call = mobile_sim::wire::Request::new(method.parse().unwrap(), path.as_str());
            let reply = clerk.desk.send(call).await.unwrap();
            let is_list = method == "GET" && (path == "/api/stock" || path == "/api/users");
            assert!(is_list || reply.status == 405, "{method} {path}: {}", reply.text());
        }
    }
    let reply = clerk.desk.send(post("/api/users?preview=true", calls.last().unwrap().1.as_ref())).await.unwrap();
    No::read("a user", &reply).is("a user", 400, "malformed", &["preview"]);
    assert_eq!(log.news().await, []);
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

/// Bodies that are not what they must be, and ids that are none.
#[tokio::test]
async fn a_call_that_is_not_well_formed_is_no_act() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let clerk = Colleague::hired(&live, "Cleo", [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]).await;
    let request = scene.request("local").await;
    let awaiting = scene.request("awaiting").await;
    let device = scene.device("active").await;
    let before = live.record().await;
    let mut log = Log::from_now_on(&live).await;
    let long = "x".repeat(65);
    let bind = format!("/api/requests/{}/bind", request.id);
    let terminate = format!("/api/devices/{}/terminate", device.id);
    let reject = format!("/api/requests/{}/reject", awaiting.id);
    for (path, body, words) in [
        (&bind, json!({}), "missing field `device`"),
        (&bind, json!({ "device": "card-9" }), "device id: found: \"card-9\", expected: a UUID"),
        (&bind, json!({ "device": request.card.to_string(), "force": true }), "unknown field `force`"),
        (&bind, json!({ "device": 7 }), "expected a string"),
        (&bind, json!([request.card.to_string()]), "expected: a JSON object"),
        (&terminate, json!({}), "missing field `reason`"),
        (&terminate, json!({ "reason": "expired" }), "expected one of: retired, damaged, lost, stolen"),
        (&terminate, json!({ "reason": "forgotten" }), "expected one of: retired, damaged, lost, stolen"),
        (&terminate, json!({ "reason": "Lost" }), "expected one of: retired, damaged, lost, stolen"),
        (&terminate, json!({ "reason": "lost", "by": "me" }), "unknown field `by`"),
        (&reject, json!({ "because": "" }), "because: found: 0 characters"),
        (&reject, json!({ "because": long }), "because: found: 65 characters"),
        (&reject, json!({ "because": "no\nway" }), "because: "),
        (&reject, json!({ "reason": "no" }), "unknown field `reason`"),
    ] {
        let what = format!("{path} {body}");
        let reply = clerk.desk.post_json(path, &body).await.unwrap();
        No::read(&what, &reply).is(&what, 400, "malformed", &[words]);
    }
    for path in [&bind, &terminate, &reject] {
        for media_type in ["text/plain", "text/csv", "application/x-www-form-urlencoded"] {
            let reply = clerk.desk.send(post(path, None).with_body(media_type, "{}")).await.unwrap();
            No::read(path, &reply).is(path, 415, "wrong-media-type", &["expected: application/json"]);
        }
        let large = json!({ "device": "x".repeat(70_000) });
        No::read(path, &clerk.desk.post_json(path, &large).await.unwrap()).is(path, 413, "too-large", &["65536"]);
    }
    for id in ["17", "%20", "%ff", "..%2f..", &device.id.to_string()[1..]] {
        for (place, act) in [
            ("requests", "approve"),
            ("requests", "invitations"),
            ("devices", "suspend"),
            ("devices", "returned"),
            ("credentials", "resume"),
        ] {
            let path = format!("/api/{place}/{id}/{act}");
            let reply = clerk.desk.post(&path).await.unwrap();
            No::read(&path, &reply).is(&path, 400, "malformed", &["expected: a UUID"]);
        }
    }
    assert_eq!(log.news().await, []);
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}
