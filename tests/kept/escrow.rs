//! Keys in escrow: bound to their owner and serial, sealed under numbered keys, and sealed anew under the next one by a rotation that may
//! die anywhere and runs beside a server.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::Arc;

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use crate::support::live::Live;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::ids::{CredentialId, DeviceId, UserId};
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::Mode;
use remint::pki::escrow::Owner;
use remint::pki::key::SigningKey;
use remint::server::clock::SystemEntropy;
use remint::server::config::Config;
use remint::server::house::open_with;
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::check_house::{InProcess, check_house};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::carry_out;
use remint::workflows::failure::Failure;
use remint::workflows::publish_crl::publish_crl;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::rotate_escrow::{begin, reseal_batch, rotate_escrow};
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::world::{Caller, World};
use sqlx::ConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};

const PHONE: DeviceKind = DeviceKind::MobileSmartCard;

/// A house with the operator hana, and Ana and Ben with a phone each.
struct Scene {
    house: House,
    hana: Caller,
    ana: (UserId, DeviceId),
    ben: (UserId, DeviceId),
}

impl Scene {
    async fn set(seed: u64) -> Self {
        let house = House::new(seed, |_| {}).await;
        let hired = add_operator(&house.world, "hana", BTreeSet::from([Role::HelpDesk]), None).await.unwrap().operator;
        let who = Who::Operator { id: hired.id, fingerprint: "AB".to_owned() };
        let hana = Caller { actor: Actor::Operator(hired), who, source: "test".to_owned(), session: None };
        let ana = person(&house.world, &hana, "ana").await;
        let ben = person(&house.world, &hana, "ben").await;
        Self { house, hana, ana, ben }
    }

    fn world(&self) -> &World {
        &self.house.world
    }

    async fn database(&self) -> SqliteConnection {
        database(&self.house.folder.path().join("house")).await
    }

    /// Changes the database behind the product's back.
    async fn tamper(&self, statement: &'static str) {
        let done = sqlx::raw_sql(statement).execute(&mut self.database().await).await.unwrap();
        assert!(done.rows_affected() > 0, "it hit nothing: {statement}");
    }

    /// The same house, as a process that is started now opens it.
    async fn opened_again(&self) -> World {
        let dir = self.house.folder.path().join("house");
        open_with(&dir, &Config::load(&dir).unwrap(), self.house.clock.clone(), Arc::new(SystemEntropy)).await.unwrap()
    }

    async fn keys_in_use(&self) -> Vec<(u32, u64)> {
        self.world().store.escrow_keys_in_use().await.unwrap()
    }

    async fn divergences(&self, world: &World) -> Vec<String> {
        publish_crl(world).await.unwrap();
        check_house(world, &InProcess::alone(world)).await.unwrap().divergences
    }

    async fn acts(&self) -> Vec<String> {
        self.world().store.audit(0, 10_000).await.unwrap().into_iter().map(|line| line.act).collect()
    }
}

async fn database(dir: &Path) -> SqliteConnection {
    SqliteConnectOptions::new().filename(dir.join("remint.db")).foreign_keys(false).connect().await.unwrap()
}

async fn person(world: &World, hana: &Caller, name: &str) -> (UserId, DeviceId) {
    let new = NewUser {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        upn: format!("{name}@corp.example.org"),
        attributes: Attributes::default(),
    };
    let user = create_user(world, &administrator(), new).await.unwrap().id;
    let done = carry_out(world, hana, &RequestInitialIssuance { user, kind: PHONE, mode: Mode::Remote }).await.unwrap();
    (user, issue(world, &Secret::of(&done.invitation.unwrap()), name).await.unwrap())
}

async fn issue(world: &World, secret: &Secret, name: &str) -> Result<DeviceId, Failure> {
    let facts = DeviceFacts { kind: PHONE, model: "m".to_owned(), serial: name.to_owned(), name: name.to_owned() };
    let mut device = Device::new(facts);
    device.open(world, secret).await?;
    device.provision(world).await?;
    Ok(device.confirm(world).await?.device)
}

/// The phone is damaged: a new one recovers the keys from escrow.
async fn renew(world: &World, hana: &Caller, target: DeviceId) -> Result<DeviceId, Failure> {
    replace(world, hana, target, Reason::Damaged).await
}

async fn replace(world: &World, hana: &Caller, target: DeviceId, reason: Reason) -> Result<DeviceId, Failure> {
    let done = carry_out(world, hana, &SubmitReplacement { target, reason, mode: Mode::Remote }).await.unwrap();
    issue(world, &Secret::of(&done.invitation.unwrap()), &format!("after {target}")).await
}

fn remint(dir: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_remint")).args(["escrow", "rotate", "--data"]).arg(dir).output().unwrap()
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[tokio::test]
async fn a_sealed_key_that_was_moved_to_another_user_or_serial_does_not_open_and_nothing_is_delivered() {
    const SWAP: &str = "CREATE TEMP TABLE kept AS SELECT * FROM escrow; \
        UPDATE escrow SET sealed = (SELECT sealed FROM kept WHERE kept.credential_id <> escrow.credential_id)";
    for of_one_user in [false, true] {
        let scene = Scene::set(31).await;
        let target = if of_one_user {
            const OF_BEN: &str = "DELETE FROM escrow WHERE credential_id IN \
                (SELECT credentials.id FROM credentials JOIN users ON users.id = user_id WHERE users.name = 'ben')";
            scene.tamper(OF_BEN).await;
            replace(scene.world(), &scene.hana, scene.ana.1, Reason::Lost).await.unwrap() // she has two now
        } else {
            scene.ana.1
        };
        scene.tamper(SWAP).await;
        let before = scene.acts().await.iter().filter(|act| act.starts_with("release")).count();
        let refused = renew(scene.world(), &scene.hana, target).await.unwrap_err();
        let Failure::Unavailable(source) = &refused else { panic!("{refused:?}") };
        let words = source.to_string();
        assert!(words.contains("does not open under escrow key 1") && words.contains(&scene.ana.0.to_string()), "{words}");
        assert_eq!(scene.acts().await.iter().filter(|act| act.starts_with("release")).count(), before, "nothing was handed over");
        let found = scene.divergences(scene.world()).await;
        assert!(found.iter().any(|line| line.contains("does not open")), "{found:#?}");
    }
}

/// A database from before there were escrow keys: the master key sealed, under a label that is part of the format.
#[tokio::test]
async fn what_the_master_key_sealed_still_opens_until_it_is_rotated() {
    let scene = Scene::set(32).await;
    let mut database = scene.database().await;
    for (user, _) in [scene.ana, scene.ben] {
        for kept in scene.world().store.escrowed_of(user).await.unwrap() {
            let owner = Owner { user, serial: kept.serial };
            let key = scene.world().escrow.open(kept.key, owner, &kept.sealed).unwrap();
            let label = format!("enc:{user}:{}", kept.serial);
            let sealed = scene.world().master.seal(&SystemEntropy, &label, &key).unwrap();
            let update = sqlx::query("UPDATE escrow SET escrow_key = 0, sealed = ? WHERE credential_id = ?");
            update.bind(sealed).bind(kept.credential.0).execute(&mut database).await.unwrap();
        }
    }
    sqlx::raw_sql("DELETE FROM escrow_keys").execute(&mut database).await.unwrap();
    std::fs::remove_file(scene.house.folder.path().join("house/keys/escrow-1.key")).unwrap();

    let world = scene.opened_again().await;
    let ana = renew(&world, &scene.hana, scene.ana.1).await.unwrap();
    let carla = person(&world, &scene.hana, "carla").await;
    assert_eq!(scene.keys_in_use().await, [(0, 3)]);
    let rotation = rotate_escrow(&world).await.unwrap();
    assert_eq!((rotation.key, rotation.resealed, rotation.is_resumed), (1, 3, false));
    assert_eq!(scene.keys_in_use().await, [(1, 3)]);
    for device in [ana, scene.ben.1, carla.1] {
        renew(&world, &scene.hana, device).await.unwrap();
    }
    assert_eq!(scene.divergences(&world).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_rotation_that_was_cut_short_goes_on_and_then_the_earlier_key_may_be_destroyed() {
    let scene = Scene::set(33).await;
    let begun = begin(scene.world()).await.unwrap();
    assert_eq!((begun.key, begun.is_resumed), (2, false));
    let nothing = CredentialId(uuid::Uuid::nil());
    reseal_batch(scene.world(), 2, nothing, 1).await.unwrap().unwrap();
    assert_eq!(scene.keys_in_use().await, [(1, 1), (2, 1)], "it died in the middle");

    // meanwhile everything opens, and what is new is sealed under the new key
    let world = scene.opened_again().await;
    let ana = renew(&world, &scene.hana, scene.ana.1).await.unwrap();
    let ben = renew(scene.world(), &scene.hana, scene.ben.1).await.unwrap();
    person(scene.world(), &scene.hana, "carla").await;
    assert_eq!(scene.keys_in_use().await, [(1, 1), (2, 2)]);
    assert_eq!(scene.divergences(&world).await, Vec::<String>::new());

    let rotation = rotate_escrow(&world).await.unwrap();
    assert_eq!((rotation.key, rotation.resealed, rotation.is_resumed), (2, 1, true));
    assert_eq!(scene.keys_in_use().await, [(2, 3)]);
    let acts = scene.acts().await;
    let of_rotation: Vec<&str> = acts.iter().map(String::as_str).filter(|act| act.contains("escrow")).collect();
    assert_eq!(of_rotation, ["begin-escrow-rotation", "end-escrow-rotation"]);

    std::fs::remove_file(scene.house.folder.path().join("house/keys/escrow-1.key")).unwrap();
    let world = scene.opened_again().await;
    for device in [ana, ben] {
        renew(&world, &scene.hana, device).await.unwrap();
    }
    assert_eq!(scene.divergences(&world).await, Vec::<String>::new());
    assert_eq!(rotate_escrow(&world).await.unwrap().key, 3, "the next rotation is a new one");
}

#[tokio::test]
async fn a_key_that_does_not_open_is_left_and_told_and_the_rotation_is_finished_when_it_is_restored() {
    let scene = Scene::set(34).await;
    let kept = scene.world().store.escrowed_of(scene.ana.0).await.unwrap().remove(0);
    let put = async |sealed: Vec<u8>| {
        let update = sqlx::query("UPDATE escrow SET sealed = ? WHERE credential_id = ?").bind(sealed).bind(kept.credential.0);
        update.execute(&mut scene.database().await).await.unwrap();
    };
    put([&kept.sealed[..10], b"x", &kept.sealed[11..]].concat()).await;
    let dir = scene.house.folder.path().join("house");
    let output = remint(&dir);
    let words = said(&output);
    assert_eq!(output.status.code(), Some(1), "{words}");
    assert!(words.contains("not complete: 1 keys") && words.contains(&kept.serial.to_string()), "{words}");
    assert_eq!(scene.keys_in_use().await, [(1, 1), (2, 1)]);
    put(kept.sealed.clone()).await;
    let output = remint(&dir);
    assert!(output.status.success() && said(&output).contains("destroy keys/escrow-1.key"), "{}", said(&output));
    assert_eq!(scene.keys_in_use().await, [(2, 2)]);
}

#[tokio::test]
async fn an_escrow_key_that_is_not_there_is_found_by_the_check() {
    let scene = Scene::set(35).await;
    std::fs::remove_file(scene.house.folder.path().join("house/keys/escrow-1.key")).unwrap();
    let found = scene.divergences(&scene.opened_again().await).await;
    assert!(found.iter().any(|line| line.contains("escrow key 1") && line.contains("2 private keys")), "{found:#?}");
}

/// How many keys the killed rotation has before it.
const MANY: usize = 5_000;

/// `kill -9` in the middle of the real program.
#[tokio::test]
async fn a_rotation_that_is_killed_loses_nothing() {
    let scene = Scene::set(36).await;
    let world = scene.world();
    let mut database = scene.database().await;
    let key = SigningKey::generate().unwrap().to_pkcs8().unwrap();
    sqlx::raw_sql("BEGIN").execute(&mut database).await.unwrap();
    for number in 0..MANY {
        let (id, serial) = (uuid::Uuid::from_u128(number as u128 + 1), world.fresh_serial());
        let owner = Owner { user: scene.ben.0, serial };
        let sealed = world.escrow.seal(1, &SystemEntropy, owner, &key).unwrap();
        let credential = sqlx::query(
            "INSERT INTO credentials (id, user_id, slot, serial, made_for, state, revoked_at, revocation_reason) \
             VALUES (?, ?, 'enc', ?, ?, 'revoked', 1, 'superseded')",
        );
        let credential = credential.bind(id).bind(owner.user.0).bind(serial.as_bytes().to_vec()).bind(scene.ben.1.0);
        credential.execute(&mut database).await.unwrap();
        let escrow = sqlx::query("INSERT INTO escrow (credential_id, escrow_key, sealed) VALUES (?, 1, ?)").bind(id).bind(sealed);
        escrow.execute(&mut database).await.unwrap();
    }
    sqlx::raw_sql("COMMIT").execute(&mut database).await.unwrap();

    let dir = scene.house.folder.path().join("house");
    let mut program = Command::new(env!("CARGO_BIN_EXE_remint")).args(["escrow", "rotate", "--data"]).arg(&dir).spawn().unwrap();
    let total = MANY as u64 + 2;
    while scene.keys_in_use().await == [(1, total)] {
        assert_eq!(program.try_wait().unwrap(), None, "it ended before it was killed");
    }
    program.kill().unwrap();
    program.wait().unwrap();
    let [(1, left), (2, done)] = scene.keys_in_use().await[..] else { panic!("not in the middle: {:?}", scene.keys_in_use().await) };
    assert!(left + done == total && done.is_multiple_of(100), "whole batches: {done}");

    let output = remint(&dir);
    let words = said(&output);
    assert!(output.status.success(), "{words}");
    assert!(words.contains("cut short") && words.contains(&format!("this run: {left}")), "{words}");
    assert_eq!(scene.keys_in_use().await, [(2, total)]);
    for kept in world.store.escrowed_of(scene.ben.0).await.unwrap() {
        let owner = Owner { user: scene.ben.0, serial: kept.serial };
        assert!(world.escrow.open(kept.key, owner, &kept.sealed).is_ok());
    }
    renew(world, &scene.hana, scene.ana.1).await.unwrap();
}

/// The server goes on issuing while another process rotates, and finds the new key by itself.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_runs_beside_a_server_that_issues() {
    let live = Live::start().await;
    let dir = live.folder.path().join("house");
    let ana = live.create_user("Ana").await;
    let phone = live.phone_of(&ana, mobile_sim::DeviceKind::MobileSmartCard).await;
    let rotating = tokio::task::spawn_blocking(move || [remint(&dir), remint(&dir), remint(&dir)]);
    let mut users = vec![ana.clone()];
    for name in ["Ben", "Carla", "Dora"] {
        let user = live.create_user(name).await;
        live.phone_of(&user, mobile_sim::DeviceKind::MobileSmartCard).await;
        users.push(user);
    }
    for output in rotating.await.unwrap() {
        assert!(output.status.success(), "{}", said(&output));
    }
    assert_eq!(live.world().store.escrow_keys_in_use().await.unwrap(), [(4, 4)]);
    let damaged = live.submit(&crate::support::live::device_of(&phone), "damaged").await;
    let (new, _) = live.issue_until(&damaged, mobile_sim::DeviceKind::MobileSmartCard, &mobile_sim::Faults::default()).await;
    assert_eq!(new.card().certificate("enc"), phone.card().certificate("enc"), "recovered, under the key that seals now");
    for user in users {
        for kept in live.world().store.escrowed_of(UserId(user.parse().unwrap())).await.unwrap() {
            let owner = Owner { user: kept.user, serial: kept.serial };
            assert!(live.world().escrow.open(kept.key, owner, &kept.sealed).is_ok());
        }
    }
    live.stop().await;
}
