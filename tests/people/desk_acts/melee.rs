//! Many at the desk and many devices act on the same few people and cards at once. Nothing is lost, nothing is done twice, nobody waits for
//! ever; whoever comes too late is told so, and could ask again.
//!
//! What everybody tries is drawn from a seed; who is first is left to chance.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use futures_util::future::join_all;
use mobile_sim::{DeviceKind, Faults, Phone};
use remint::lifecycle::actor::Role;
use remint::lifecycle::device::DeviceState;
use remint::lifecycle::ids::{DeviceId, RequestId, UserId};
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::{Mode, RequestState};
use remint::store::audit::{Outcome, Who};
use remint::workflows::errand::carry_out;
use remint::workflows::failure::Failure;
use remint::workflows::submit_replacement::SubmitReplacement;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::crowds::{in_the_end, verdict};
use super::refusals::Log;
use super::scene::{CARD, PHONE, Scene, TABLET, the_user};
use super::table::post;
use crate::support::live::{Live, facts, text};

/// A generator of choices that repeats itself: xorshift.
struct Choices(u64);

impl Choices {
    fn of_seed(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % u64::try_from(bound).unwrap()).unwrap()
    }

    fn of<'t, T>(&mut self, list: &'t [T]) -> Option<&'t T> {
        if list.is_empty() { None } else { Some(&list[self.below(list.len())]) }
    }
}

/// What must have been done before it is enough.
const ACTS: [&str; 11] = ["submit", "cancel", "bind", "unbind", "invite", "approve", "reject", "suspend", "resume", "terminate", "issue"];

/// Everybody on three people who have a card, a phone and a tablet each, and on ten blank cards.
struct Melee<'l> {
    live: &'l Live,
    people: Vec<UserId>,
    blanks: Vec<DeviceId>,
    /// How often an act was answered so.
    answered: Mutex<BTreeMap<(String, String), usize>>,
    /// Invitations that somebody may take up.
    invitations: Mutex<Vec<(String, Option<String>)>>,
}

impl Melee<'_> {
    /// Everything has been done by somebody, and much has been tried.
    fn has_seen_enough(&self) -> bool {
        let answered = self.answered.lock().unwrap();
        let is_done = |act: &str| answered.contains_key(&(act.to_owned(), "done".to_owned()));
        answered.values().sum::<usize>() > 400 && ACTS.iter().all(|act| is_done(act))
    }

    fn note(&self, act: &str, verdict: String) {
        *self.answered.lock().unwrap().entry((act.to_owned(), verdict)).or_default() += 1;
    }

    /// Somebody at the desk looks a person up, picks something, and does something to it that may be out of date.
    async fn at_the_desk(&self, colleague: &Colleague, choices: &mut Choices) {
        let user = *choices.of(&self.people).unwrap();
        let reply = colleague.desk.get(&format!("/api/users/{user}")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let held: Value = reply.json().unwrap();
        let Some((act, path, body)) = self.idea(&held, choices, &colleague.operator.roles) else { return };
        let reply = colleague.desk.send(post(&path, body.as_ref())).await.unwrap();
        let what = format!("{act} {path}");
        let verdict = verdict(&what, &reply);
        if verdict == "done" {
            let answer: Value = reply.json().unwrap();
            if let Some(uri) = answer["invitation"]["uri"].as_str() {
                let code = answer["invitation"]["code"].as_str().map(str::to_owned);
                self.invitations.lock().unwrap().push((uri.to_owned(), code));
            }
        }
        self.note(&act, verdict);
    }

    /// An act that this role may do, on what there was a moment ago.
    fn idea(&self, held: &Value, choices: &mut Choices, roles: &BTreeSet<Role>) -> Option<(String, String, Option<Value>)> {
        let ids = |list: &Value, is: &dyn Fn(&Value) -> bool| -> Vec<String> {
            list.as_array().unwrap().iter().filter(|one| is(one)).map(|one| text(&one["id"])).collect()
        };
        let in_use = ids(&held["devices"], &|one| one["terminated_at"].is_null() && !one["issued_at"].is_null());
        let open = |mode: &'static str| ids(&held["requests"], &move |one| one["mode"] == mode && is_open(one));
        let act = |act: &str, place: &str, id: &String| (act.to_owned(), format!("/api/{place}/{id}/{}", path_of(act)), None);
        if roles.contains(&Role::ValidationOfficer) {
            let awaiting = ids(&held["requests"], &|one| one["state"] == "awaiting-approval");
            let (approve, body) = (choices.below(3) > 0, Some(json!({})));
            let (name, path, _) = act(if approve { "approve" } else { "reject" }, "requests", choices.of(&awaiting)?);
            return Some((name, path, body));
        }
        if roles.contains(&Role::IssuanceOfficer) {
            let local = [open("local"), open("self-enrollment")].concat();
            let card = choices.of(&self.blanks).unwrap().to_string();
            let bound = held["requests"].as_array().unwrap().iter().find(|one| one["state"] == "bound");
            return match (choices.below(4), bound) {
                (0, Some(bound)) => {
                    let (name, path, _) = act("unbind", "requests", &text(&bound["id"]));
                    Some((name, path, Some(json!({ "device": bound["device"] }))))
                }
                (1, _) => Some(act("invite", "requests", choices.of(&open("local"))?)),
                _ => {
                    let (name, path, _) = act("bind", "requests", choices.of(&local)?);
                    Some((name, path, Some(json!({ "device": card }))))
                }
            };
        }
        let device = choices.of(&in_use)?;
        match choices.below(10) {
            0..=2 => {
                let kind = held["devices"].as_array().unwrap().iter().find(|one| one["id"] == **device)?["kind"].clone();
                let mode = if kind == "mobile-smart-card" {
                    "remote"
                } else if kind == "smart-card" {
                    "local"
                } else {
                    "self-enrollment"
                };
                let reason = Reason::ALL[choices.below(Reason::ALL.len())].as_str();
                let body = json!({ "target": device, "reason": reason, "mode": mode });
                Some(("submit".to_owned(), "/api/replacements".to_owned(), Some(body)))
            }
            3 => Some(act("suspend", "devices", device)),
            4 => Some(act("resume", "devices", device)),
            5 => {
                let (name, path, _) = act("terminate", "devices", device);
                let is_last = in_use.len() < 4;
                (!is_last).then_some((name, path, Some(json!({ "reason": "stolen" }))))
            }
            6 => Some(act("invite", "requests", choices.of(&open("remote"))?)),
            7 => {
                let user = text(&held["user"]["id"]);
                let body = json!({ "kind": "mobile-smart-card", "mode": "remote" });
                let is_full = in_use.len() > 7;
                (!is_full).then_some(("request-initial".to_owned(), format!("/api/users/{user}/initial-issuances"), Some(body)))
            }
            _ => {
                let requests = ids(&held["requests"], &|one| is_open(one) && one["purpose"] != "update");
                Some(act("cancel", "requests", choices.of(&requests)?))
            }
        }
    }

    /// Somebody reports a device of their own.
    async fn at_the_portal(&self, choices: &mut Choices) {
        let user = *choices.of(&self.people).unwrap();
        let held = self.live.world().load(user).await.unwrap().holdings;
        let cards: Vec<_> = held.devices_in_use().filter(|device| device.kind == CARD).map(|device| device.id).collect();
        let Some(target) = choices.of(&cards) else { return };
        let errand = SubmitReplacement { target: *target, reason: Reason::Damaged, mode: Mode::Local };
        match carry_out(self.live.world(), &the_user(user), &errand).await {
            Ok(_) => self.note("submit", "done".to_owned()),
            Err(failure @ (Failure::Refused(_) | Failure::Conflict)) => self.note("submit", failure.code().to_owned()),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    /// Somebody takes up an invitation that was given out, with whatever is at hand.
    async fn with_a_device(&self, choices: &mut Choices) {
        let Some((uri, code)) = self.invitations.lock().unwrap().pop() else {
            return tokio::task::yield_now().await;
        };
        let mut phone = Phone::in_memory();
        let kind = if code.is_some() { DeviceKind::MobileSmartCard } else { DeviceKind::SmartCard };
        let mut facts = facts(kind);
        if kind == DeviceKind::SmartCard {
            let card = *choices.of(&self.blanks).unwrap();
            facts.serial = self.live.world().store.device(card).await.unwrap().unwrap().serial;
        }
        match phone.issue(&uri.parse().unwrap(), code.as_deref(), &facts, &Faults::default()).await {
            Ok(_) => self.note("issue", "done".to_owned()),
            Err(error) => {
                let code = error.code().unwrap_or_else(|| panic!("{error}"));
                let expected =
                    ["invitation-canceled", "invitation-used", "canceled", "not-available", "wrong-certificate", "wrong-state", "conflict"];
                assert!(expected.contains(&code), "{error}");
                self.note("issue", code.to_owned());
            }
        }
    }
}

fn is_open(request: &Value) -> bool {
    ["awaiting-approval", "approved", "bound", "issuing"].contains(&request["state"].as_str().unwrap())
}

fn path_of(act: &str) -> &str {
    if act == "invite" { "invitations" } else { act }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_at_once_on_the_same_people() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let mut people = Vec::new();
    for _ in 0..3 {
        let user = scene.person().await;
        scene.card_of(user).await;
        scene.issue(scene.initial(user, PHONE, Mode::Remote).await).await;
        scene.issue(scene.initial(user, TABLET, Mode::SelfEnrollment).await).await;
        people.push(user);
    }
    let mut blanks = Vec::new();
    for _ in 0..10 {
        blanks.push(scene.blank().await);
    }
    let mut colleagues = Vec::new();
    for (at, role) in [
        Role::HelpDesk,
        Role::HelpDesk,
        Role::HelpDesk,
        Role::ValidationOfficer,
        Role::ValidationOfficer,
        Role::IssuanceOfficer,
        Role::IssuanceOfficer,
    ]
    .into_iter()
    .enumerate()
    {
        colleagues.push(Colleague::hired(&live, &format!("Colleague {at}"), [role]).await);
    }
    let mut log = Log::from_now_on(&live).await;
    let melee = Melee { live: &live, people, blanks, answered: Mutex::default(), invitations: Mutex::default() };

    let at_the_desk = colleagues.iter().zip(1_u64..).map(|(colleague, seed)| {
        let melee = &melee;
        async move {
            let mut choices = Choices::of_seed(seed);
            while !melee.has_seen_enough() {
                melee.at_the_desk(colleague, &mut choices).await;
            }
        }
    });
    let others = (100_u64..104).map(|seed| {
        let melee = &melee;
        async move {
            let mut choices = Choices::of_seed(seed);
            while !melee.has_seen_enough() {
                if seed == 100 {
                    melee.at_the_portal(&mut choices).await;
                } else {
                    melee.with_a_device(&mut choices).await;
                }
            }
        }
    });
    in_the_end("everybody", async { tokio::join!(join_all(at_the_desk), join_all(others)) }).await;

    every_answer_is_on_record(&melee, &mut log).await;
    every_card_has_one_owner(&melee).await;
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}

/// Exactly one entry `done` for each success, and one `refused` for each refusal; a conflict is neither.
async fn every_answer_is_on_record(melee: &Melee<'_>, log: &mut Log<'_>) {
    let mut recorded: BTreeMap<(String, String), usize> = BTreeMap::new();
    loop {
        let news = log.news().await;
        if news.is_empty() {
            break;
        }
        for entry in news {
            let is_the_crowds =
                matches!(entry.who, Who::Operator { .. } | Who::User(_)) || (entry.act == "issue" && entry.outcome == Outcome::Done);
            let verdict = match entry.outcome {
                Outcome::Done => "done".to_owned(),
                Outcome::Refused(code) => code,
            };
            if is_the_crowds {
                *recorded.entry((entry.act, verdict)).or_default() += 1;
            }
        }
    }
    let mut answered = melee.answered.lock().unwrap().clone();
    println!("{answered:#?}");
    // what a device is refused is on the record of its session
    answered.retain(|(act, verdict), _| verdict != "conflict" && (act != "issue" || verdict == "done"));
    assert_eq!(answered, recorded);
    let lost: usize = answered.iter().filter(|((_, verdict), _)| verdict != "done").map(|(_, count)| count).sum();
    assert!(lost > 0, "nobody was ever in another's way: {answered:?}");
}

/// Each card is in stock, or one request's, or was issued once.
async fn every_card_has_one_owner(melee: &Melee<'_>) {
    let mut had: BTreeMap<DeviceId, Vec<RequestId>> = BTreeMap::new();
    for user in &melee.people {
        let held = melee.live.world().store.holdings(*user).await.unwrap().unwrap().holdings;
        for request in held.requests.values() {
            let device = match &request.state {
                RequestState::Bound { device } | RequestState::Issued { device, .. } => *device,
                RequestState::Issuing(issuing) => issuing.device,
                _ => continue,
            };
            if request.kind == CARD && request.mode().is_some() {
                had.entry(device).or_default().push(request.id);
                assert!(held.devices.contains_key(&device), "a card of somebody else: {device}");
            }
        }
    }
    assert!(had.values().all(|requests| requests.len() == 1), "{had:?}");
    for blank in &melee.blanks {
        let device = melee.live.world().store.device(*blank).await.unwrap().unwrap();
        match device.state {
            DeviceState::Available => assert!(!had.contains_key(blank), "in stock, and somebody's: {blank}"),
            DeviceState::Assigned { request } => assert_eq!(had.get(blank), Some(&vec![request])),
            DeviceState::Issued { .. } | DeviceState::Terminated { .. } => {
                assert!(had.contains_key(blank), "issued under no request: {blank}")
            }
        }
    }
}
