//! The server dies, as by `kill -9`, at a statement of a commit: before the first, between two, after the last, and when everything is kept and
//! nobody has heard of it. It is started again, everybody goes on, and in the end there is one new phone.

use mobile_sim::{Faults, Outcome};
use serde_json::json;

use crate::random::Dice;
use crate::support::outcome::{Aftermath, device_of};
use crate::support::stage::{Handset, Invited, Person, Stage, done, is_aborted};

/// The commits of a replacement, from the operator's submit to the tablet's update, and how many statements are counted of each; who dies after
/// more than there are dies after the last.
const COMMITS: [(&str, u64); 8] = [
    ("submit", 10),
    ("open-session", 12),
    ("enroll", 4),
    ("release-enc", 3),
    ("release-history", 2),
    ("issue", 16),
    ("update", 5),
    ("publish-crl", 5),
];
/// What a tablet needs whose encryption key was revoked before it had collected it. Otherwise the serial is on record with the session.
const RARE: [(&str, u64); 1] = [("reserve-enc", 4)];
/// How many deaths the ordinary run dies; the seed of the day is printed with each.
const DEATHS: usize = 8;
const RARE_DEATHS: usize = 2;

/// `REMINT_ALL_BOUNDARIES=1` dies at each.
fn boundaries(commits: &[(&str, u64)], deaths: usize) -> Vec<String> {
    let all = commits.iter().flat_map(|(commit, statements)| {
        let between = (0..=*statements).map(move |after| format!("{commit} dies {after}"));
        between.chain([format!("{commit} dies-kept")])
    });
    let mut all: Vec<String> = all.collect();
    if std::env::var("REMINT_ALL_BOUNDARIES").is_err() {
        let mut dice = Dice(7);
        while all.len() > deaths {
            all.swap_remove(usize::try_from(dice.roll(all.len() as u64)).unwrap());
        }
    }
    all
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_at_any_statement_goes_on() {
    let stage = Stage::open().await;
    let mut ended = Vec::new();
    let mut deaths = 0;
    for trouble in boundaries(&COMMITS, DEATHS) {
        let person = stage.person().await;
        order(&stage, &trouble);
        let invited = submit(&stage, &person, &mut deaths).await;
        let phone = person.new_phone();
        issue(&stage, &phone, &invited, &mut deaths).await;
        update(&stage, &person.tablet, &mut deaths).await;
        revive(&stage, &mut deaths); // where the CRL was published last
        ended.push((person, phone, invited));
    }
    assert_eq!(deaths, ended.len(), "each dies once");
    if stage.installation.is_down() {
        stage.installation.start();
    }
    let aftermath = Aftermath::checked(&stage.installation).await;
    for (person, phone, invited) in &ended {
        aftermath.is_one_new_phone(person, phone, invited).await;
        aftermath.is_updated(person, phone).await;
        assert_eq!(aftermath.times_done("issue", &invited.request).await, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_dies_while_it_reserves_another_encryption_key_goes_on() {
    let stage = Stage::open().await;
    let mut ended = Vec::new();
    let mut deaths = 0;
    for trouble in boundaries(&RARE, RARE_DEATHS) {
        let person = stage.newcomer().await;
        let first = stage.first_invitation(&person).await;
        issue(&stage, &person.phone, &first, &mut deaths).await;
        let invited = stage.ticket_for_the_tablet_of(&person).await;
        is_aborted(person.tablet.issue_in_a_process(&invited, "--die-before-sending=m5"));
        let path = format!("/api/devices/{}/terminate", device_of(&person.phone));
        done(&stage.desk.post_json(&path, &json!({ "reason": "lost" })).await.unwrap());
        order(&stage, &trouble);
        issue(&stage, &person.tablet, &invited, &mut deaths).await;
        ended.push((person, invited));
    }
    assert_eq!(deaths, ended.len(), "each dies once");
    let aftermath = Aftermath::checked(&stage.installation).await;
    for (person, invited) in &ended {
        aftermath.is_the_tablet_alone(person).await;
        assert_eq!(aftermath.times_done("issue", &invited.request).await, 1);
    }
}

/// From now on the server meets this trouble.
fn order(stage: &Stage, trouble: &str) {
    println!("{trouble}");
    assert!(stage.installation.stop().success());
    stage.installation.start_with(&[("REMINT_TROUBLE", trouble)]);
}

/// Starts the server again where it has died.
fn revive(stage: &Stage, deaths: &mut usize) {
    if stage.installation.has_died() {
        *deaths += 1;
        stage.installation.start();
    }
}

/// The operator, who asks again when nobody answers. What was done before is found, and a new invitation is made.
async fn submit(stage: &Stage, person: &Person, deaths: &mut usize) -> Invited {
    loop {
        let desk = stage.installation.desk("hana");
        if let Ok(reply) = person.try_to_submit(&desk).await {
            if reply.status < 300 {
                return stage.invited(&done(&reply));
            }
            assert_eq!(reply.status, 409, "{}", reply.text());
            return stage.invited_again(&desk, person).await.unwrap();
        }
        revive(stage, deaths);
    }
}

async fn issue(stage: &Stage, phone: &Handset, invited: &Invited, deaths: &mut usize) {
    loop {
        match phone.issue(invited, &Faults::default()).await {
            Ok(Outcome::Issued | Outcome::AlreadyIssued) => return,
            Err(error) if error.is_transient() => revive(stage, deaths),
            other => panic!("{other:?}"),
        }
    }
}

async fn update(stage: &Stage, tablet: &Handset, deaths: &mut usize) {
    loop {
        match tablet.sync(&Faults::default()).await {
            Ok(_) => return,
            Err(error) if error.is_transient() => revive(stage, deaths),
            Err(error) => panic!("{error:?}"),
        }
    }
}
