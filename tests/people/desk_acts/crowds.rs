//! Several at the desk do the same thing at once: one of them does it, and the others are told what stands in the way.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join_all;
use mobile_sim::wire::Reply;
use remint::lifecycle::actor::Role;
use remint::lifecycle::device::DeviceState;
use remint::lifecycle::request::Mode;
use remint::store::audit::Outcome;
use serde_json::{Value, json};
use tokio::sync::Barrier;

use super::colleague::Colleague;
use super::refusals::Log;
use super::scene::{CARD, Scene};
use crate::support::live::{Live, text};

/// Nothing here takes so long, however slow the machine: it would be a deadlock.
const PATIENCE: Duration = Duration::from_secs(240);

pub async fn in_the_end<T>(what: &str, all: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, all).await.unwrap_or_else(|_| panic!("it does not end: {what}"))
}

/// The code of a reply that says no; `done` else. Whoever comes too late is told by 409.
pub fn verdict(what: &str, reply: &Reply) -> String {
    if reply.status < 300 {
        return "done".to_owned();
    }
    let problem: Value = reply.json().unwrap_or_else(|_| panic!("{what}: {} {}", reply.status, reply.text()));
    assert_eq!(reply.status, 409, "{what}: {problem}");
    let code = text(&problem["code"]);
    assert_eq!(reply.header("retry-after").is_some(), code == "conflict", "{what}: {problem}");
    code
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_card_has_one_owner() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let officers = join_all((0..6).map(|at| {
        let live = &live;
        async move { Colleague::hired(live, &format!("Ivo{at}"), [Role::IssuanceOfficer]).await }
    }))
    .await;
    for round in 0..10 {
        let card = scene.blank().await;
        // six requests of three people
        let people = [scene.person().await, scene.person().await, scene.person().await];
        let mut requests = Vec::new();
        for user in people.iter().chain(&people) {
            requests.push(scene.initial(*user, CARD, Mode::Local).await);
        }
        let mut log = Log::from_now_on(&live).await;
        let start = Barrier::new(officers.len());
        let binding = officers.iter().zip(&requests).map(|(officer, request)| {
            let (start, path) = (&start, format!("/api/requests/{request}/bind"));
            async move {
                start.wait().await;
                officer.desk.post_json(&path, &json!({ "device": card.to_string() })).await.unwrap()
            }
        });
        let replies = in_the_end("bind one card", join_all(binding)).await;
        let verdicts: Vec<String> = replies.iter().map(|reply| verdict("bind", reply)).collect();
        assert_eq!(verdicts.iter().filter(|code| *code == "done").count(), 1, "round {round}: {verdicts:?}");
        assert!(verdicts.iter().all(|code| ["done", "not-available", "conflict"].contains(&code.as_str())), "{verdicts:?}");
        assert_eq!(log.news().await.iter().filter(|entry| entry.outcome == Outcome::Done).count(), 1, "round {round}");

        let winner = requests[verdicts.iter().position(|code| code == "done").unwrap()];
        let device = live.world().store.device(card).await.unwrap().unwrap();
        assert_eq!(device.state, DeviceState::Assigned { request: winner });
        // a loser tries again, with another card
        let loser = verdicts.iter().position(|code| code != "done").unwrap();
        let other = json!({ "device": scene.blank().await.to_string() });
        let again = officers[loser].desk.post_json(&format!("/api/requests/{}/bind", requests[loser]), &other).await.unwrap();
        assert_eq!(again.status, 200, "{}", again.text());
    }
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_validation_officers_one_decides() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let vera = Colleague::hired(&live, "Vera", [Role::ValidationOfficer]).await;
    let viktor = Colleague::hired(&live, "Viktor", [Role::ValidationOfficer]).await;
    let user = scene.person().await;
    let card = scene.card_of(user).await;
    for round in 0..12 {
        let request = scene.report(user, card, Mode::Local).await;
        let mut log = Log::from_now_on(&live).await;
        let start = Barrier::new(2);
        let decide = async |officer: &Colleague, act: &'static str| {
            start.wait().await;
            officer.desk.post_json(&format!("/api/requests/{request}/{act}"), &json!({})).await.unwrap()
        };
        let acts = if round % 3 == 0 { ["approve", "approve"] } else { ["approve", "reject"] };
        let (one, other) = in_the_end("decide", async { tokio::join!(decide(&vera, acts[0]), decide(&viktor, acts[1])) }).await;
        let verdicts = [verdict(acts[0], &one), verdict(acts[1], &other)];
        assert!(verdicts.contains(&"done".to_owned()) && verdicts.contains(&"wrong-state".to_owned()), "{verdicts:?}");
        let lost = if verdicts[0] == "done" { &other } else { &one };
        let found = lost.json::<Value>().unwrap()["found"].clone();
        let decided = if verdicts[0] == "done" { acts[0] } else { acts[1] };
        let state = if decided == "approve" { "approved" } else { "rejected" };
        assert_eq!(found, state, "the later is told what the earlier decided");
        let status = if decided == "approve" { "invalid" } else { "active" };
        assert_eq!(live.lookup(&user.to_string()).await["devices"][0]["status"], status, "nothing is left pending");
        let outcomes: BTreeSet<_> = log.news().await.into_iter().map(|entry| format!("{:?}", entry.outcome)).collect();
        assert_eq!(outcomes, BTreeSet::from(["Done".to_owned(), "Refused(\"wrong-state\")".to_owned()]));
        if decided == "approve" {
            live.cancel(&request.to_string()).await;
        }
    }
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}
