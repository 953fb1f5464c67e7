//! Every message of an issuance and of an update, interrupted: its reply is lost, the phone is killed, the server is killed. What comes out
//! in the end is the same, once. It is shown for a lost phone that is replaced, so that there is something to lose; over real TLS, with the
//! server as a process on its real database, and with phones that read everything from disk each time.

use std::process::ExitStatus;
use std::sync::Arc;

use crate::support::outcome::Aftermath;
use crate::support::process::until;
use crate::support::relay::Order;
use crate::support::relying_party::{crl, ocsp};
use crate::support::stage::{Handset, Invited, Person, Stage, is_aborted};
use crate::support::witness::{Bystander, When};
use mobile_sim::{Faults, Message, Outcome, PhoneError, UpdateOutcome};

/// The messages of an issuance, each with one of an update.
const STORIES: [(&str, &str); 6] = [("m2", "m8"), ("m4-auth", "m5"), ("m4-sign", "m5h"), ("m5", "m6"), ("m5h", "m8"), ("m6", "m6")];

/// What happens to a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mishap {
    ReplyLost,
    /// With everything on disk, before it is sent.
    PhoneKilledBefore,
    /// With the reply, of which nothing is on disk.
    PhoneKilledAfter,
    /// The connection is open, and nothing of the message has been sent.
    ServerKilledBefore,
    /// In the middle of whatever it does with the message.
    ServerKilledOn(Order),
    /// After its answer, which the phone does not keep.
    ServerKilledAfter,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_reply_changes_nothing() {
    all_stories(Mishap::ReplyLost).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_killed_before_it_sends_goes_on() {
    all_stories(Mishap::PhoneKilledBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_is_killed_before_it_keeps_the_reply_goes_on() {
    all_stories(Mishap::PhoneKilledAfter).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_before_the_message_goes_on() {
    all_stories(Mishap::ServerKilledBefore).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_with_the_message_in_hand_goes_on() {
    all_stories(Mishap::ServerKilledOn(Order::OnArrival)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_while_it_writes_goes_on() {
    all_stories(Mishap::ServerKilledOn(Order::OnFirstEffect)).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_is_killed_before_its_reply_is_kept_goes_on() {
    all_stories(Mishap::ServerKilledAfter).await;
}

/// Plays every story on one server, then reads what is left.
async fn all_stories(mishap: Mishap) {
    let play = Play { stage: Stage::open().await, mishap };
    let mut ended = Vec::new();
    for (in_issuance, in_update) in STORIES {
        println!("{mishap:?}: {in_issuance} of the issuance, {in_update} of the update");
        ended.push(play.story(&in_issuance.parse().unwrap(), &in_update.parse().unwrap()).await);
    }
    let aftermath = Aftermath::of(&play.stage.installation).await;
    for (person, phone, invited) in &ended {
        aftermath.is_one_new_phone(person, phone, invited).await;
        aftermath.is_updated(person, phone).await;
        assert_eq!(aftermath.times_done("open-session", &invited.request).await, 1);
        assert_eq!(aftermath.times_done("issue", &invited.request).await, 1);
    }
}

/// One mishap, to be had at any message.
struct Play {
    stage: Stage,
    mishap: Mishap,
}

impl Play {
    /// phone-1 is lost and replaced, and the tablet is updated; both are interrupted at one message.
    async fn story(&self, in_issuance: &Message, in_update: &Message) -> (Person, Handset, Invited) {
        let person = self.stage.person().await;
        let shared = person.tablet.card().certificate("enc").cloned();
        let invited = self.stage.replace_the_phone_of(&person).await;
        let phone = person.new_phone();

        let issue = async |faults| phone.issue(&invited, &faults).await.map(drop);
        self.interrupted(in_issuance, issue, |death| phone.issue_in_a_process(&invited, death)).await;
        self.is_told_the_same_again(issue).await;
        assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::AlreadyIssued);
        assert_eq!(phone.read().receipts().len(), 1);
        self.relying_parties_know(&person, &phone).await;

        let sync = async |faults| person.tablet.sync(&faults).await.map(drop);
        self.interrupted(in_update, sync, |death| person.tablet.sync_in_a_process(death)).await;
        self.is_told_the_same_again(sync).await;
        assert_eq!(person.tablet.sync(&Faults::default()).await.unwrap().update, UpdateOutcome::None);
        assert_eq!(person.tablet.card().history.first(), shared.as_ref(), "old mail stays readable");
        self.relying_parties_know(&person, &phone).await;
        assert_eq!(ocsp(&self.stage.installation, &person.tablet.certificates()).await, ["good", "good", "good"]);
        (person, phone, invited)
    }

    /// Runs until the mishap. `run` is the phone in this process, `run_apart` in one of its own.
    async fn interrupted(&self, at: &Message, run: impl AsyncFn(Faults) -> Result<(), PhoneError>, run_apart: impl Fn(&str) -> ExitStatus) {
        let last_crl = crl(&self.stage.installation).await;
        match self.mishap {
            Mishap::ReplyLost => is_cut_at(at, run(Faults::losing([at.clone()])).await),
            Mishap::PhoneKilledBefore => is_aborted(run_apart(&format!("--die-before-sending={at}"))),
            Mishap::PhoneKilledAfter => is_aborted(run_apart(&format!("--die-after={at}"))),
            Mishap::ServerKilledBefore => is_cut_at(at, run(self.killing(When::AboutToSend, at)).await),
            Mishap::ServerKilledAfter => {
                is_cut_at(at, run(self.killing(When::Answered, at).and_losing([at.clone()])).await);
            }
            Mishap::ServerKilledOn(order) => {
                let stage = &self.stage;
                let relay = stage.relay.clone();
                let deed = move || {
                    relay.order(order);
                    async {}
                };
                is_cut_at(at, run(Bystander::who_at(When::AboutToSend, at.clone(), deed).looking_on()).await);
                until("the server dies", async || stage.installation.is_down().then_some(())).await;
            }
        }
        if self.stage.installation.is_down() {
            self.stage.installation.start();
            self.crl_rises(last_crl.expect("a CRL before")).await;
        }
    }

    fn killing(&self, when: When, at: &Message) -> Faults {
        let installation = Arc::clone(&self.stage.installation);
        let deed = move || {
            installation.kill();
            async {}
        };
        Bystander::who_at(when, at.clone(), deed).looking_on()
    }

    /// The numbers of CRLs rise over a restart, and none is used for two lists (RFC 5280 §5.2.3).
    async fn crl_rises(&self, before: (u64, Vec<u8>)) {
        let newest = until("a new CRL", async || {
            let newest = crl(&self.stage.installation).await.filter(|newest| newest.1 != before.1);
            assert!(newest.as_ref().is_none_or(|newest| newest.0 > before.0), "two lists under the number {}", before.0);
            newest
        });
        newest.await;
    }

    /// Goes on to the confirmation, loses the reply to that too, and asks again: the receipt is the same.
    async fn is_told_the_same_again(&self, run: impl AsyncFn(Faults) -> Result<(), PhoneError>) {
        let bystander = Bystander::who_only_looks();
        is_cut_at(&Message::Confirm, run(bystander.looking_on().and_losing([Message::Confirm])).await);
        run(bystander.looking_on()).await.unwrap();
        let answers = bystander.answers(&Message::Confirm);
        assert_eq!(answers.len(), 2);
        assert_eq!(String::from_utf8_lossy(&answers[0]), String::from_utf8_lossy(&answers[1]));
    }

    async fn relying_parties_know(&self, person: &Person, phone: &Handset) {
        assert_eq!(ocsp(&self.stage.installation, &person.phone.certificates()).await, ["keyCompromise"; 3]);
        assert_eq!(ocsp(&self.stage.installation, &phone.certificates()).await, ["good"; 3]);
    }
}

/// The run ended at this message, and says that it may be run again.
fn is_cut_at(at: &Message, run: Result<(), PhoneError>) {
    match run {
        Err(PhoneError::Unreachable { message, .. }) if message == *at => {}
        other => panic!("{at}: expected: no reply, found: {other:?}"),
    }
}
