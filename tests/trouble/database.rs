//! A database that is there and does not serve: it takes only reads, takes no more connections, is slow, or its disk is full. What cannot be kept
//! is not done and says so; relying parties are answered; and when it serves again, everything goes on.

use std::process::Command;
use std::sync::Arc;

use mobile_sim::{Faults, Outcome, UpdateOutcome};
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use tempfile::TempDir;

use crate::support::no::No;
use crate::support::outcome::Aftermath;
use crate::support::process::{Installation, until};
use crate::support::relay::Relay;
use crate::support::relying_party::{ocsp, plain_get};
use crate::support::stage::{Handset, Invited, Person, Stage};
use crate::town::Town;

/// An operator submits and a phone asks, while nothing can be kept: both are told to come again, and nothing has changed.
async fn nobody_gets_half_a_thing(stage: &Stage, person: &Person, waiting: (&Handset, &Invited)) {
    let refused = person.submit(&stage.desk).await;
    No::read("a loss", &refused).is("a loss", 503, "unavailable", &["the server cannot do this now, try again"]);
    assert!(refused.header("retry-after").is_some());
    let (phone, invited) = waiting;
    let stopped = phone.issue(invited, &Faults::default()).await.unwrap_err();
    assert!(stopped.is_transient(), "{stopped:?}");
}

/// Where the database can be read, what it says is told.
async fn relying_parties_are_answered(stage: &Stage, person: &Person) {
    assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["good"; 3]);
}

/// Whoever waited goes on.
async fn everything_goes_on(stage: &Stage, people: [&Person; 2], waiting: (&Handset, &Invited)) -> Handset {
    let [first, second] = people;
    let (phone, invited) = waiting;
    phone.issue_at_last(invited).await;
    let invited = stage.replace_the_phone_of(first).await;
    let new = first.new_phone();
    assert_eq!(new.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    for person in [first, second] {
        let statuses = ocsp(&stage.installation, &person.phone.certificates()).await;
        assert!(statuses.iter().all(|status| status != "good"), "{statuses:?}");
        let synced = person.tablet.sync(&Faults::default()).await.unwrap();
        assert!(matches!(synced.update, UpdateOutcome::Done { .. }), "{synced:?}");
    }
    assert_eq!(ocsp(&stage.installation, &new.certificates()).await, ["good"; 3]);
    new
}

/// A town with two people: the phone of the second is being replaced. `trouble` makes the database useless, and gives how to make it good again.
async fn while_the_database<T>(trouble: impl AsyncFnOnce(&Town, &Person) -> T, relief: impl AsyncFnOnce(&Town, T)) {
    let town = Town::of(1).await;
    let [first, second] = [town.stage.person().await, town.stage.person().await];
    let invited = town.stage.replace_the_phone_of(&second).await;
    let phone = second.new_phone();
    let in_trouble = trouble(&town, &first).await;
    nobody_gets_half_a_thing(&town.stage, &first, (&phone, &invited)).await;
    relief(&town, in_trouble).await;
    let new = everything_goes_on(&town.stage, [&first, &second], (&phone, &invited)).await;
    let aftermath = town.close_and_check().await;
    aftermath.is_one_new_phone(&second, &phone, &invited).await;
    aftermath.is_updated(&first, &new).await;
}

async fn readiness(town: &Town) -> String {
    String::from_utf8(plain_get(&town.servers[0].status_address(), "/health/ready").await).unwrap()
}

async fn say(connection: &mut PgConnection, statements: &[&str]) {
    for statement in statements {
        sqlx::query(AssertSqlSafe((*statement).to_owned())).execute(&mut *connection).await.unwrap();
    }
}

/// After a failover the connections lead to a standby, which takes only reads.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_takes_only_reads_keeps_nothing_and_loses_nothing() {
    let set = async |town: &Town, value: &str| {
        let mut connection = PgConnection::connect(&town.cluster.url).await.unwrap();
        let setting = format!("ALTER SYSTEM SET default_transaction_read_only = {value}");
        say(&mut connection, &["SET default_transaction_read_only = off", &setting, "SELECT pg_reload_conf()"]).await;
        until("the setting", async || {
            let mut new = PgConnection::connect(&town.cluster.url).await.unwrap();
            let shown: String = sqlx::query_scalar("SHOW default_transaction_read_only").fetch_one(&mut new).await.unwrap();
            (shown == value).then_some(())
        })
        .await;
    };
    let read_only = async |town: &Town, person: &Person| {
        set(town, "on").await;
        relying_parties_are_answered(&town.stage, person).await;
    };
    while_the_database(read_only, async |town, ()| set(town, "off").await).await;
}

/// Others have taken every connection there is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_without_a_free_connection_is_away_until_it_has_one() {
    let take_all = async |town: &Town, _: &Person| {
        let mut taken = Vec::new();
        loop {
            while let Ok(connection) = PgConnection::connect(&town.cluster.url).await {
                taken.push(connection);
            }
            // the server's own are ended, and whatever becomes free with them is taken before it comes again
            let ended: Vec<bool> = sqlx::query_scalar("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'town'")
                .fetch_all(&mut taken[0])
                .await
                .unwrap();
            if ended.is_empty() && PgConnection::connect(&town.cluster.url).await.is_err() {
                break;
            }
        }
        let said = readiness(town).await;
        assert!(said.contains("database-away"), "{said}");
        taken
    };
    while_the_database(take_all, async |_, taken| drop(taken)).await;
}

/// Somebody holds a table for longer than anybody waits.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_does_not_answer_in_time_is_given_up_and_asked_again() {
    let hold = async |town: &Town, person: &Person| {
        let mut holder = PgConnection::connect(&town.cluster.url.replace("/postgres?", "/town?")).await.unwrap();
        say(&mut holder, &["BEGIN", "LOCK TABLE users IN SHARE MODE"]).await;
        relying_parties_are_answered(&town.stage, person).await;
        holder
    };
    while_the_database(hold, async |_, mut holder| say(&mut holder, &["ROLLBACK"]).await).await;
}

/// A small disk of its own, in memory.
struct SmallDisk {
    folder: TempDir,
}

impl SmallDisk {
    fn mounted() -> Self {
        let folder = tempfile::tempdir().unwrap();
        as_root(&["mount", "-t", "tmpfs", "-o", "size=24m,mode=777", "tmpfs", &folder.path().display().to_string()]);
        Self { folder }
    }

    /// Takes what is left; gives it back with the file.
    fn fill(&self) -> TempDir {
        use std::io::Write;
        let filler = tempfile::tempdir_in(self.folder.path()).unwrap();
        let mut file = std::fs::File::create(filler.path().join("filler")).unwrap();
        let full = std::iter::repeat_with(|| file.write(&[0; 4096])).find_map(Result::err).unwrap();
        assert_eq!(full.kind(), std::io::ErrorKind::StorageFull);
        filler
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        as_root(&["umount", "--lazy", &self.folder.path().display().to_string()]);
    }
}

fn as_root(words: &[&str]) {
    let is_root = rustix::process::getuid().is_root();
    let words = if is_root { words.to_vec() } else { [&["sudo", "-n"], words].concat() };
    let ran = Command::new(words[0]).args(&words[1..]).output().unwrap();
    assert!(ran.status.success(), "{words:?} (it needs root): {}", String::from_utf8_lossy(&ran.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_keeps_nothing_and_loses_nothing() {
    let disk = SmallDisk::mounted();
    let installation = Installation::planned(tempfile::tempdir_in(disk.folder.path()).unwrap(), &[]);
    installation.init(&[]).unwrap();
    installation.hire("hana");
    installation.start();
    let installation = Arc::new(installation);
    let stage = Stage::of(Arc::clone(&installation), Relay::before(&installation).await);
    let [first, second] = [stage.person().await, stage.person().await];
    let invited = stage.replace_the_phone_of(&second).await;
    // what the phone keeps is on another disk
    let elsewhere = tempfile::tempdir().unwrap();
    let phone = second.new_phone_at(elsewhere.path());

    let filler = disk.fill();
    relying_parties_are_answered(&stage, &first).await;
    nobody_gets_half_a_thing(&stage, &first, (&phone, &invited)).await;
    drop(filler);
    let new = everything_goes_on(&stage, [&first, &second], (&phone, &invited)).await;
    let aftermath = Aftermath::checked(&installation).await;
    aftermath.is_one_new_phone(&second, &phone, &invited).await;
    aftermath.is_updated(&first, &new).await;
}
