//! The audit log: what happens to it is found. A house is kept with a small history and checkpoints; then somebody who has the database
//! file alters it, as only they could, and the real program verifies it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::house::House;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::ids::{DeviceId, UserId};
use remint::lifecycle::request::Mode;
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::checkpoint_audit::checkpoint_audit;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::carry_out;
use remint::workflows::failure::Failure;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::suspend::Suspend;
use remint::workflows::world::{Caller, World};
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

/// A data folder that nobody serves, and the checkpoints that were kept elsewhere.
struct Kept {
    folder: TempDir,
    checkpoints: PathBuf,
    log: PathBuf,
}

async fn desk(world: &World) -> Caller {
    let hired = add_operator(world, "hana", BTreeSet::from([Role::HelpDesk]), None).await.unwrap().operator;
    let who = Who::Operator { id: hired.id, fingerprint: "AB".to_owned() };
    Caller { actor: Actor::Operator(hired), who, source: "127.0.0.1".to_owned(), session: None }
}

async fn somebody(world: &World, name: &str) -> UserId {
    let new = NewUser {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        upn: format!("{name}@corp.example.org"),
        attributes: Attributes::default(),
    };
    create_user(world, &administrator(), new).await.unwrap().id
}

/// Two users with a history each, a refusal, and three checkpoints, the last one before the last two entries.
async fn kept() -> Kept {
    let house = House::new(7, |_| {}).await;
    let world = &house.world;
    let hana = desk(world).await;
    let (ana, bo) = (somebody(world, "ana").await, somebody(world, "bo").await);
    let mut checkpoints = String::new();
    for round in 0..4 {
        for user in [ana, bo] {
            let errand = RequestInitialIssuance { user, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
            let request = carry_out(world, &hana, &errand).await.unwrap().request.unwrap();
            carry_out(world, &hana, &CancelRequest { request }).await.unwrap();
            let again = carry_out(world, &hana, &CancelRequest { request }).await;
            assert!(matches!(again, Err(Failure::Refused(_))));
        }
        if round < 3 {
            let made = checkpoint_audit(world).await.unwrap().expect("something was added");
            assert_eq!(checkpoint_audit(world).await.unwrap(), None, "nothing was added");
            checkpoints = format!("{checkpoints}{}\n", made.jws);
        }
    }
    world.store.close().await;
    let folder = house.folder;
    let (file, log) = (folder.path().join("checkpoints"), folder.path().join("log.jsonl"));
    std::fs::write(&file, checkpoints).unwrap();
    let kept = Kept { folder, checkpoints: file, log };
    let exported = kept.remint(&["audit", "export", "--data", &kept.data(), "--out", &kept.log.display().to_string()]);
    assert!(exported.status.success(), "{exported:?}");
    kept
}

impl Kept {
    fn data(&self) -> String {
        self.folder.path().join("house").display().to_string()
    }

    fn remint(&self, words: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_remint")).args(words).output().unwrap()
    }

    fn verify(&self) -> (bool, String) {
        told(&self.remint(&["audit", "verify", "--data", &self.data()]))
    }

    fn verify_with_what_was_kept(&self) -> (bool, String) {
        told(&self.remint(&["audit", "verify", "--data", &self.data(), "--checkpoint", &self.checkpoints.display().to_string()]))
    }

    fn verify_log(&self) -> (bool, String) {
        let ca = format!("{}/ca/root.pem", self.data());
        let (log, checkpoints) = (self.log.display().to_string(), self.checkpoints.display().to_string());
        told(&self.remint(&["audit", "verify", "--log", &log, "--ca", &ca, "--checkpoint", &checkpoints]))
    }

    /// Somebody who has the file opens it without us, and takes the triggers away first.
    async fn tamper(&self, statements: &[&str]) {
        let path = Path::new(&self.data()).join("remint.db");
        let mut database: SqliteConnection = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
        let triggers: Vec<String> =
            sqlx::query_scalar("SELECT name FROM sqlite_schema WHERE type = 'trigger'").fetch_all(&mut database).await.unwrap();
        for trigger in triggers {
            sqlx::raw_sql(AssertSqlSafe(format!("DROP TRIGGER {trigger}"))).execute(&mut database).await.unwrap();
        }
        for statement in statements {
            let done = sqlx::raw_sql(AssertSqlSafe((*statement).to_owned())).execute(&mut database).await.unwrap();
            assert!(done.rows_affected() > 0, "it hit nothing: {statement}");
        }
    }
}

fn told(output: &Output) -> (bool, String) {
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    (output.status.success(), String::from_utf8(output.stdout.clone()).unwrap())
}

/// A chain with more than one entry behind it, somewhere in the middle.
const IN_THE_MIDDLE: &str = "(SELECT seq FROM audit WHERE act = 'cancel' AND outcome = 'done' ORDER BY seq LIMIT 1)";

#[tokio::test]
async fn a_log_that_nobody_touched_is_clean() {
    let kept = kept().await;
    for (is_clean, text) in [kept.verify(), kept.verify_with_what_was_kept(), kept.verify_log()] {
        assert!(is_clean && text.contains("no fault found") && text.contains("attested by a checkpoint: up to entry"), "{text}");
    }
}

#[tokio::test]
async fn an_altered_entry_is_found_whatever_was_altered() {
    for (column, value) in [
        ("at", "at + 1"),
        ("who", "'system', who_id = NULL, who_fingerprint = NULL"),
        ("who_fingerprint", "'CD'"),
        ("act", "'submit'"),
        ("request_id", "NULL"),
        ("outcome", "'refused', refusal = 'unknown'"),
        ("details", "'{\"forged\":true}'"),
        ("source", "'10.0.0.1'"),
        ("user_id", "NULL"),
    ] {
        let kept = kept().await;
        kept.tamper(&[&format!("UPDATE audit SET {column} = {value} WHERE seq = {IN_THE_MIDDLE}")]).await;
        let (is_clean, text) = kept.verify();
        assert!(!is_clean && text.contains("altered"), "{column}: {text}");
    }
}

#[tokio::test]
async fn a_removed_entry_is_found() {
    let kept = kept().await;
    kept.tamper(&[&format!("DELETE FROM audit WHERE seq = {IN_THE_MIDDLE}")]).await;
    let (is_clean, text) = kept.verify();
    assert!(!is_clean && text.contains("entries are missing") && text.contains("removed or put in"), "{text}");
}

#[tokio::test]
async fn an_inserted_entry_is_found() {
    let kept = kept().await;
    // a copy of an entry, put at the end of its chain with a true position and the hash of the one before it
    kept.tamper(&[
        "INSERT INTO audit (at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source, chain, position, previous, hash) \
         SELECT at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source, chain, position + 1, hash, hash \
         FROM audit WHERE seq = (SELECT max(seq) FROM audit)",
        "UPDATE audit_chains SET length = length + 1 WHERE chain = (SELECT chain FROM audit WHERE seq = (SELECT max(seq) FROM audit))",
    ])
    .await;
    let (is_clean, text) = kept.verify();
    assert!(!is_clean && text.contains("altered"), "{text}");
}

#[tokio::test]
async fn an_audit_log_with_its_tail_cut_is_found() {
    let kept = kept().await;
    kept.tamper(&["DELETE FROM audit WHERE seq > (SELECT max(seq) FROM audit) - 2"]).await;
    let (is_clean, text) = kept.verify();
    assert!(!is_clean && text.contains("its end was cut off or replaced"), "{text}");
}

/// Whoever also sets the ends of the chains back is found by the checkpoint that was made after what they cut off; and whoever removes that
/// one too, by the copy that was kept elsewhere.
#[tokio::test]
async fn a_tail_that_is_cut_with_the_ends_of_its_chains_is_found_by_a_checkpoint() {
    const CUT: &str = "DELETE FROM audit WHERE seq > 9";
    const SET_BACK: &str = "UPDATE audit_chains SET (length, head) = (SELECT position, hash FROM audit WHERE audit.chain = audit_chains.chain \
        ORDER BY position DESC LIMIT 1)";
    let kept = kept().await;
    kept.tamper(&[CUT, SET_BACK]).await;
    let (is_clean, text) = kept.verify();
    assert!(!is_clean && text.contains("its end was cut off"), "{text}");
    kept.tamper(&["DELETE FROM audit_checkpoints"]).await;
    let (is_clean, text) = kept.verify();
    assert!(is_clean && text.contains("attested by a checkpoint: nothing"), "nothing is left that could tell: {text}");
    let (is_clean, text) = kept.verify_with_what_was_kept();
    assert!(!is_clean && text.contains("its end was cut off"), "{text}");
}

#[tokio::test]
async fn a_whole_chain_that_was_removed_is_found() {
    let kept = kept().await;
    kept.tamper(&[
        "DELETE FROM audit_chains WHERE chain = (SELECT id FROM users WHERE name = 'ana')",
        "DELETE FROM audit WHERE chain = (SELECT id FROM users WHERE name = 'ana')",
    ])
    .await;
    let (is_clean, text) = kept.verify();
    assert!(!is_clean && text.contains("entries are missing") && text.contains("is not what it was then"), "{text}");
}

#[tokio::test]
async fn a_checkpoint_that_was_removed_or_altered_is_found() {
    let removed = kept().await;
    removed.tamper(&["DELETE FROM audit_checkpoints WHERE number = 2"]).await;
    let (is_clean, text) = removed.verify_log();
    assert!(is_clean, "the copy is whole: {text}");
    let (is_clean, text) = removed.verify();
    assert!(!is_clean && text.contains("checkpoint 2: it was removed or replaced"), "{text}");
    let altered = kept().await;
    altered.tamper(&["UPDATE audit_checkpoints SET jws = (SELECT jws FROM audit_checkpoints WHERE number = 1) WHERE number = 3"]).await;
    let (is_clean, text) = altered.verify();
    assert!(!is_clean && text.contains("checkpoint 3: it was removed or replaced"), "{text}");
    let forged = kept().await;
    forged.tamper(&["UPDATE audit_checkpoints SET jws = replace(jws, '.', '.A') WHERE number = 3"]).await;
    let (is_clean, text) = forged.verify();
    assert!(!is_clean && text.contains("a checkpoint"), "{text}");
}

#[tokio::test]
async fn an_exported_log_is_verified_without_us() {
    let kept = kept().await;
    let script = r#"
import hashlib, json, sys
ends = {}
for line in open(sys.argv[1], encoding="utf-8"):
    entry_text = line.rstrip("\n").split(',"entry":', 1)[1][:-1]
    outer, entry = json.loads(line), json.loads(entry_text)
    position, last = ends.get(entry["chain"], (0, "0" * 64))
    assert hashlib.sha256(entry_text.encode()).hexdigest() == outer["hash"], outer["seq"]
    assert (entry["position"], entry["previous"]) == (position + 1, last), outer["seq"]
    ends[entry["chain"]] = (entry["position"], outer["hash"])
print(len(ends), "chains")
"#;
    let judged = Command::new("python3").args(["-c", script]).arg(&kept.log).output().expect("python3: install the package python3");
    assert!(judged.status.success(), "{}", String::from_utf8_lossy(&judged.stderr));
    assert_eq!(String::from_utf8_lossy(&judged.stdout).trim(), "3 chains");
    // an altered copy is found, and a copy that was cut off
    let text = std::fs::read_to_string(&kept.log).unwrap();
    std::fs::write(&kept.log, text.replacen("hana", "mona", 1).replacen("127.0.0.1", "127.0.0.2", 1)).unwrap();
    assert!(!kept.verify_log().0);
    let cut: String = text.lines().take(12).map(|line| format!("{line}\n")).collect();
    std::fs::write(&kept.log, cut).unwrap();
    let (is_clean, told) = kept.verify_log();
    assert!(!is_clean && told.contains("its end was cut off"), "{told}");
}

/// If the entry cannot be written, the act does not happen.
#[tokio::test]
async fn without_its_entry_nothing_is_done() {
    let house = House::new(8, |_| {}).await;
    let world = &house.world;
    let hana = desk(world).await;
    let ana = somebody(world, "ana").await;
    let before = world.store.holdings(ana).await.unwrap();
    let path = house.folder.path().join("house/remint.db");
    let mut database = SqliteConnectOptions::new().filename(path).connect().await.unwrap();
    let full = "CREATE TRIGGER full BEFORE INSERT ON audit BEGIN SELECT raise(ABORT, 'the disk is full'); END";
    sqlx::raw_sql(full).execute(&mut database).await.unwrap();
    let errand = RequestInitialIssuance { user: ana, kind: DeviceKind::MobileApp, mode: Mode::SelfEnrollment };
    assert!(matches!(carry_out(world, &hana, &errand).await, Err(Failure::Unavailable(_))));
    // a refusal that cannot be recorded is no refusal that we give
    let what = remint::lifecycle::hold::Held::Device(DeviceId(uuid::Uuid::nil()));
    assert!(matches!(carry_out(world, &hana, &Suspend { what }).await, Err(Failure::Unavailable(_))));
    assert_eq!(world.store.holdings(ana).await.unwrap(), before);
    sqlx::raw_sql("DROP TRIGGER full").execute(&mut database).await.unwrap();
    carry_out(world, &hana, &errand).await.unwrap();
}

/// Acts on different users, and refusals, at once: every chain is whole, and nobody was told to come again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crowd_leaves_whole_chains() {
    let house = House::new(9, |_| {}).await;
    let world = &house.world;
    let hana = desk(world).await;
    let mut users = Vec::new();
    for n in 0..6 {
        users.push(somebody(world, &format!("user{n}")).await);
    }
    let work = users.iter().cycle().take(72).map(|user| async {
        let errand = RequestInitialIssuance { user: *user, kind: DeviceKind::MobileApp, mode: Mode::SelfEnrollment };
        match carry_out(world, &hana, &errand).await {
            Ok(_) => {}
            Err(failure) => assert_eq!(failure.code(), "limit-reached"),
        }
    });
    futures_util::future::join_all(work).await;
    let root = world.authority.root_certificate().to_vec();
    let verdict = remint::workflows::verify_audit::verify_database(&world.store, &root, &[]).await.unwrap();
    assert_eq!(verdict.faults, Vec::<String>::new());
    assert!(verdict.entries > 60, "{verdict:?}");
}
