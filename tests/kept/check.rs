//! `remint check`: a clean house passes; every kind of divergence, put into a real database by hand, is found and told.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use crate::support::live::Live;
use crate::support::relying_party::plain_get;
use crate::support::stage::Stage;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::Mode;
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::check_house::{InProcess, check_house};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::carry_out;
use remint::workflows::publish_crl::publish_crl;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::world::Caller;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{AssertSqlSafe, ConnectOptions};
use tempfile::TempDir;

/// A house in which Ana's phone was lost and replaced, and the new one is reported lost in its turn; the CRL is of that moment.
async fn furnished() -> House {
    let house = House::new(23, |_| {}).await;
    let world = &house.world;
    let hired = add_operator(world, "hana", BTreeSet::from([Role::HelpDesk]), None).await.unwrap().operator;
    let who = Who::Operator { id: hired.id, fingerprint: "AB".to_owned() };
    let hana = Caller { actor: Actor::Operator(hired), who, source: "test".to_owned(), session: None };
    let new = NewUser {
        name: "Ana".to_owned(),
        email: "ana@example.org".to_owned(),
        upn: "ana@corp.example.org".to_owned(),
        attributes: Attributes::default(),
    };
    let user = create_user(world, &administrator(), new).await.unwrap().id;
    let initial = RequestInitialIssuance { user, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote };
    let mut done = carry_out(world, &hana, &initial).await.unwrap();
    for name in ["phone-1", "phone-2"] {
        let facts =
            DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "m".to_owned(), serial: name.to_owned(), name: name.to_owned() };
        let mut phone = Device::new(facts);
        phone.open(world, &Secret::of(done.invitation.as_ref().unwrap())).await.unwrap();
        phone.provision(world).await.unwrap();
        phone.confirm(world).await.unwrap();
        let target = phone.session.as_ref().unwrap().device;
        let lost = SubmitReplacement { target, reason: Reason::Lost, mode: Mode::Remote };
        done = carry_out(world, &hana, &lost).await.unwrap();
    }
    publish_crl(world).await.unwrap();
    house
}

/// The folder of a house that nobody serves any more.
async fn closed() -> TempDir {
    let house = furnished().await;
    house.world.store.close().await;
    house.folder
}

fn check(folder: &Path) -> (Option<i32>, String) {
    let data = folder.join("house").display().to_string();
    let checked = Command::new(env!("CARGO_BIN_EXE_remint")).args(["check", "--data", &data]).output().unwrap();
    (checked.status.code(), String::from_utf8(checked.stdout).unwrap() + &String::from_utf8(checked.stderr).unwrap())
}

/// Changes the database behind the product's back.
async fn tamper(folder: &Path, statements: &[&str]) {
    let options = SqliteConnectOptions::new().filename(folder.join("house/remint.db")).foreign_keys(false);
    let mut database: SqliteConnection = options.connect().await.unwrap();
    sqlx::raw_sql("PRAGMA ignore_check_constraints = on").execute(&mut database).await.unwrap();
    for statement in statements {
        let done = sqlx::raw_sql(AssertSqlSafe((*statement).to_owned())).execute(&mut database).await.unwrap();
        assert!(done.rows_affected() > 0, "it hit nothing: {statement}");
    }
}

/// The clock of these houses stood still a while ago; the real program's CRL would be too old. So they are checked as of then.
async fn report_of(house: &House) -> Vec<String> {
    check_house(&house.world, &InProcess::alone(&house.world)).await.unwrap().divergences
}

#[tokio::test]
async fn a_house_as_it_should_be_is_clean() {
    let house = furnished().await;
    let report = check_house(&house.world, &InProcess::alone(&house.world)).await.unwrap();
    assert_eq!(report.divergences, Vec::<String>::new());
    assert!(report.users == 1 && report.devices == 2 && report.certificates > 8 && report.audit_entries > 10, "{report:?}");
}

#[tokio::test]
async fn what_is_broken_is_found_and_told() {
    const ON_THE_PHONE: &str = "WHERE slot = 'auth' AND state = 'issued'";
    let issued = format!("(SELECT id FROM credentials {ON_THE_PHONE})");
    for (statements, told) in [
        (vec!["DELETE FROM holds WHERE credential_id IS NOT NULL"], "the CRL"),
        (vec!["DELETE FROM holds WHERE device_id IS NOT NULL"], "invariant 2"),
        (vec!["DELETE FROM holds WHERE credential_id IN (SELECT id FROM credentials WHERE slot = 'sign')"], "which holds the device"),
        (vec!["UPDATE credentials SET serial = x'0102' WHERE slot = 'sign' AND state = 'issued'"], "a row cannot be read"),
        (vec!["UPDATE requests SET state = 'canceled', device_id = NULL, closed_at = 1 WHERE state = 'approved'"], "invariant 2"),
        (
            vec![
                "UPDATE credentials SET state = 'issued', revoked_at = NULL, revocation_reason = NULL WHERE slot = 'enc' AND state = 'revoked'",
            ],
            "invariant 10",
        ),
        (vec!["UPDATE carries SET carried = 'current' WHERE carried = 'history'"], "invariant 6"),
        (vec!["DELETE FROM escrow"], "is not in escrow"),
        (vec!["UPDATE devices SET state = 'issued', terminated_at = NULL, end_reason = NULL WHERE state = 'terminated'"], "invariant 7"),
        (vec!["DELETE FROM devices WHERE state = 'terminated'"], "refers to a row of devices that is not there"),
        (vec!["UPDATE crls SET der = (SELECT der FROM certificates LIMIT 1)"], "the CRL: it cannot be read"),
        (vec!["UPDATE crls SET delta = der"], "the delta: found: base none"),
        (vec!["UPDATE crls SET delta = NULL"], "no delta CRL"),
        (vec!["UPDATE credentials SET key_id = zeroblob(32) WHERE slot = 'sign' AND state = 'issued'"], "invariant 9"),
    ] {
        let house = furnished().await;
        tamper(house.folder.path(), &statements).await;
        let found = report_of(&house).await;
        assert!(found.iter().any(|line| line.contains(told)), "{statements:?}: {found:#?}");
    }
    // a certificate in the place of another's
    let house = furnished().await;
    let swapped = format!(
        "UPDATE certificates SET der = (SELECT der FROM certificates WHERE credential_id <> {issued} LIMIT 1) WHERE credential_id = {issued}"
    );
    tamper(house.folder.path(), &[&swapped]).await;
    let found = report_of(&house).await;
    assert!(found.iter().any(|line| line.contains("invariant 9") && line.contains("another serial")), "{found:#?}");
    // an entry of the audit log
    let house = furnished().await;
    tamper(house.folder.path(), &["DROP TRIGGER audit_is_not_rewritten; UPDATE audit SET source = 'x' WHERE seq = 3"]).await;
    let found = report_of(&house).await;
    assert!(found.iter().any(|line| line.contains("invariant 8") && line.contains("altered")), "{found:#?}");
}

#[tokio::test]
async fn the_program_says_what_it_found_and_ends_with_it() {
    let folder = closed().await;
    tamper(folder.path(), &["DELETE FROM escrow"]).await;
    let (status, text) = check(folder.path());
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("no server runs") && text.contains("DIVERGENCE") && text.contains("divergences found"), "{text}");
    let nowhere = tempfile::tempdir().unwrap();
    let (status, text) = check(nowhere.path());
    assert_eq!(status, Some(2), "{text}");
}

/// The program asks the running server, while phones are issued to: no false alarm; then the health page and the metrics.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_busy_server_is_clean_as_it_is_served() {
    let stage = Stage::open().await;
    let data = stage.installation.data();
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    let folder = data.parent().unwrap().to_owned();
    let checking = tokio::task::spawn_blocking(move || check(&folder));
    person.new_phone().issue(&invited, &mobile_sim::Faults::default()).await.unwrap();
    let (status, text) = checking.await.unwrap();
    assert_eq!(status, Some(0), "{text}");
    assert!(text.contains("asked of the running server") && text.contains("no divergence found"), "{text}");

    let health: serde_json::Value = serde_json::from_slice(&plain_get(&stage.installation.status_address(), "/health").await).unwrap();
    assert_eq!(health["status"], "ok");
    assert!(health["crl"]["number"].as_i64().unwrap() > 0 && health["letters"]["failed"] == 0, "{health}");
    let metrics = String::from_utf8(plain_get(&stage.installation.metrics_address(), "/metrics").await).unwrap();
    for name in [
        "remint_commits_total{name=\"issue\",outcome=\"kept\"}",
        "remint_http_answers_total",
        "remint_crl_number",
        "remint_ocsp_answers_total",
    ] {
        assert!(metrics.contains(name), "{name}: {metrics}");
    }
}

#[tokio::test]
async fn a_server_that_finds_a_divergence_says_so_on_its_health_page() {
    let live = Live::start().await;
    let user = live.create_user("ana").await;
    live.phone_of(&user, mobile_sim::DeviceKind::MobileSmartCard).await;
    let address = live.config.status.url.strip_prefix("http://").unwrap().to_owned();
    let health = async || -> serde_json::Value { serde_json::from_slice(&plain_get(&address, "/health").await).unwrap() };
    remint::server::check::check_once(live.world()).await;
    assert_eq!(health().await["last_check"]["divergences"], 0);
    let options = SqliteConnectOptions::new().filename(live.folder.path().join("house/remint.db"));
    let mut database = options.connect().await.unwrap();
    sqlx::raw_sql("DELETE FROM escrow").execute(&mut database).await.unwrap();
    remint::server::check::check_once(live.world()).await;
    let found = health().await;
    assert!(found["status"] == "divergence" && found["last_check"]["divergences"] == 1, "{found}");
    live.stop().await;
}
