//! Recovery by officers, over real TLS and with openssl as the officer's tool: a leaver's mail is read by two officers with a reason, who
//! leave their entries and a letter; no single person gets at a key, and nothing that the user holds changes.

use std::collections::BTreeSet;
use std::path::Path;

use crate::support::live::{Live, device_of, text};
use crate::support::no::{No, Untouched};
use crate::support::openssl::{Ran, openssl, try_openssl};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::SignedDuration;
use mobile_sim::wire::Client;
use mobile_sim::{DeviceKind, Phone};
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::ids::{RecoveryId, UserId};
use remint::server::config::Config;
use remint::store::audit::{Outcome, Who};
use remint::workflows::add_operator::add_operator;
use remint::workflows::recover_keys;
use remint::workflows::world::Caller;
use serde_json::{Value, json};
use tempfile::TempDir;

const BECAUSE: &str = "left on 30 November; the contract with Example AG is in her mail (ticket 4711)";
const UNKNOWN: &str = "01890a5d-ac96-774b-bcce-b302099a8057";

/// Ana has a phone; Ivo asks, Vera decides; a folder for what Ivo does with openssl.
struct Scene {
    live: Live,
    user: String,
    phone: Phone,
    ivo: Client,
    vera: Client,
    folder: TempDir,
}

impl Scene {
    async fn set() -> Self {
        let live = Live::with_house(|dir| {
            let mut config = Config::load(dir).unwrap();
            config.mail.officers = Some("officers@example.org".to_owned());
            config.save(dir).unwrap();
        })
        .await;
        let user = live.create_user("Ana").await;
        let phone = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
        let ivo = live.operator("Ivo", [Role::IssuanceOfficer, Role::ValidationOfficer]).await;
        let vera = live.operator("Vera", [Role::ValidationOfficer, Role::IssuanceOfficer]).await;
        Self { live, user, phone, ivo, vera, folder: tempfile::tempdir().unwrap() }
    }

    fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }

    /// Runs openssl on files of the folder, each named `@name`.
    async fn tries(&self, command: &str) -> Ran {
        let words: Vec<String> =
            command.split(' ').map(|word| word.strip_prefix('@').map_or_else(|| word.to_owned(), |name| self.file(name))).collect();
        try_openssl(&words.iter().map(String::as_str).collect::<Vec<_>>(), b"").await
    }

    async fn runs(&self, command: &str) {
        let ran = self.tries(command).await;
        assert!(ran.succeeded, "openssl {command}: {}", ran.text());
    }

    /// A key of Ivo's, and the request that shows it, in base64.
    async fn recipient(&self) -> String {
        let new = "req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=recovery -keyout @recovery.key -outform DER";
        self.runs(&format!("{new} -out @recovery.csr")).await;
        BASE64_STANDARD.encode(std::fs::read(self.file("recovery.csr")).unwrap())
    }

    async fn question(&self) -> Value {
        json!({ "because": BECAUSE, "recipient": self.recipient().await })
    }

    fn path(&self) -> String {
        format!("/api/users/{}/recoveries", self.user)
    }

    /// Ivo asks; gives the id.
    async fn ask(&self) -> String {
        let reply = self.ivo.post_json(&self.path(), &self.question().await).await.unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
        text(&reply.json::<Value>().unwrap()["id"])
    }

    async fn act(&self, who: &Client, id: &str, act: &str) -> Value {
        let reply = who.post(&format!("/api/recoveries/{id}/{act}")).await.unwrap();
        assert_eq!(reply.status, 200, "{act}: {}", reply.text());
        reply.json().unwrap()
    }

    async fn status(&self, id: &str) -> String {
        text(&self.vera.get(&format!("/api/recoveries/{id}")).await.unwrap().json::<Value>().unwrap()["status"])
    }

    async fn letters(&self, kind: &str) -> Vec<String> {
        let letters = self.live.world().store.letters(None, None, 100).await.unwrap();
        letters.into_iter().filter(|letter| letter.kind == kind).map(|letter| letter.recipient).collect()
    }
}

#[tokio::test]
async fn a_leavers_mail_is_read_by_two_officers_with_openssl_and_leaves_its_traces() {
    let scene = Scene::set().await;
    let mail = b"Dear Ana, the contract.";
    scene.write("enc.pem", scene.phone.card().certificate("enc").unwrap().pem());
    scene.write("mail.txt", mail);
    let encrypt = "cms -encrypt -binary -aes-256-cbc -outform DER -in @mail.txt -out @mail.p7m -recip @enc.pem -keyopt";
    scene.runs(&format!("{encrypt} ecdh_kdf_md:sha256")).await;
    let held = scene.live.lookup(&scene.user).await;

    let id = scene.ask().await;
    assert_eq!(scene.letters("approval-needed").await, ["officers@example.org"]);
    assert_eq!(scene.status(&id).await, "awaiting-approval");
    assert_eq!(scene.act(&scene.vera, &id, "approve").await["status"], "approved");
    assert_eq!(scene.letters("recovered").await, [""; 0], "nobody has the keys yet");
    let before = scene.live.record().await;
    let collected = scene.act(&scene.ivo, &id, "collect").await;
    assert_eq!(scene.letters("recovered").await, ["ana@example.org"]);
    assert_eq!(collected["recovery"]["status"], "collected");

    // what the officer does with it: docs/recovery.md
    let [key] = collected["keys"].as_array().unwrap().as_slice() else { panic!("one key: {collected}") };
    let bytes = |member: &str| BASE64_STANDARD.decode(text(&key[member])).unwrap();
    scene.write("key.p7m", bytes("enveloped"));
    let issuing = openssl(&["x509", "-inform", "DER"], &scene.live.world().authority.chain()[0]).await;
    scene.write("ca.pem", [scene.live.root.as_bytes(), &issuing].concat());
    scene.runs("cms -decrypt -inform DER -in @key.p7m -inkey @recovery.key -binary -out @signed.der").await;
    let verify = "cms -verify -inform DER -in @signed.der -CAfile @ca.pem -purpose any -binary -out @ana.der";
    scene.runs(verify).await;
    scene.runs("pkey -in @ana.der -out @ana.key").await;
    scene.runs("cms -decrypt -inform DER -in @mail.p7m -inkey @ana.key -recip @enc.pem -out @read.txt").await;
    assert_eq!(std::fs::read(scene.file("read.txt")).unwrap(), mail);
    assert_eq!(bytes("certificate"), scene.phone.card().certificate("enc").unwrap().der());

    // nobody else's key opens it
    scene.runs("ecparam -name prime256v1 -genkey -noout -out @other.key").await;
    assert!(!scene.tries("cms -decrypt -inform DER -in @key.p7m -inkey @other.key -binary -out @x").await.succeeded);

    // the traces
    let log = scene.live.audit().await;
    let entries: Vec<_> = log.iter().filter(|entry| entry.act.ends_with("-recovery")).collect();
    assert_eq!(
        entries.iter().map(|entry| entry.act.as_str()).collect::<Vec<_>>(),
        ["ask-recovery", "approve-recovery", "collect-recovery"]
    );
    for entry in &entries {
        assert!(entry.on_behalf_of == Some(UserId(scene.user.parse().unwrap())) && entry.outcome == Outcome::Done, "{entry:?}");
        assert_eq!((&entry.details["because"], &entry.details["recovery"]), (&json!(BECAUSE), &json!(id)), "{entry:?}");
        assert_eq!(entry.details["serials"], json!([text(&key["serial"])]));
        assert_eq!(entry.details["recipient"], collected["recovery"]["recipient_sha256"]);
    }
    assert!(entries[0].who == entries[2].who && entries[0].who != entries[1].who);

    // nothing that Ana holds has changed: only the recovery, its letter, and the version of her row
    assert_eq!(scene.live.lookup(&scene.user).await, held);
    let changes = before.changes_to(&scene.live.record().await);
    let is_expected = |change: &String| ["recoveries:", "letters:", "users:"].iter().any(|table| change[2..].starts_with(table));
    assert!(changes.iter().all(is_expected) && changes.len() == 5, "{changes:#?}");
    assert_eq!(scene.live.faults().await, Vec::<String>::new());
    scene.live.stop().await;
}

#[tokio::test]
async fn every_enc_that_was_ever_issued_is_recovered_newest_first_or_those_that_are_named() {
    let scene = Scene::set().await;
    let request = scene.live.submit(&device_of(&scene.phone), "lost").await;
    let (new, _) = scene.live.issue_until(&request, DeviceKind::MobileSmartCard, &mobile_sim::Faults::default()).await;
    let serial = |phone: &Phone| phone.card().certificate("enc").unwrap().serial();
    let (former, current) = (serial(&scene.phone), serial(&new));
    for (named, expected) in [(None, vec![current.clone(), former.clone()]), (Some(former.clone()), vec![former.clone()])] {
        let mut question = scene.question().await;
        if let Some(named) = named {
            question["serials"] = json!([named]);
        }
        let asked: Value = scene.ivo.post_json(&scene.path(), &question).await.unwrap().json().unwrap();
        assert_eq!(asked["serials"], json!(expected));
        let id = text(&asked["id"]);
        scene.act(&scene.vera, &id, "approve").await;
        let collected = scene.act(&scene.ivo, &id, "collect").await;
        let handed: Vec<String> = collected["keys"].as_array().unwrap().iter().map(|key| text(&key["serial"])).collect();
        assert_eq!(handed, expected);
    }
    let list: Value = scene.vera.get(&format!("/api/recoveries?user={}", scene.user)).await.unwrap().json().unwrap();
    assert_eq!(list["recoveries"].as_array().unwrap().len(), 2);
    scene.live.stop().await;
}

/// That a call was refused with this code, which is on the audit log, and that nothing else has changed.
async fn refused(scene: &Scene, who: &Client, path: &str, status: u16, code: &str, words: &[&str]) {
    let before = (scene.live.record().await, scene.live.audit().await.len());
    let reply = who.post(path).await.unwrap();
    No::read(path, &reply).is(path, status, code, words);
    assert_eq!(before.0.changes_to(&scene.live.record().await), Vec::<String>::new(), "{path}");
    let log = scene.live.audit().await;
    assert_eq!(log[before.1..].iter().map(|entry| &entry.outcome).collect::<Vec<_>>(), [&Outcome::Refused(code.to_owned())], "{path}");
}

#[tokio::test]
async fn it_takes_two_officers_each_in_their_role_in_order_and_in_time() {
    let scene = Scene::set().await;
    let id = scene.ask().await;
    let [approve, refuse, collect] = ["approve", "refuse", "collect"].map(|act| format!("/api/recoveries/{id}/{act}"));

    // Ivo has both roles, and is still one person; another certificate of his is still his
    refused(&scene, &scene.ivo, &approve, 403, "own-request", &["found: the officer who asked"]).await;
    refused(&scene, &scene.ivo, &collect, 409, "wrong-state", &["found: awaiting-approval", "required: approved"]).await;
    let desk = &scene.live.desk;
    refused(&scene, desk, &approve, 403, "not-permitted", &["found: help-desk", "required: validation-officer"]).await;
    refused(&scene, desk, &collect, 403, "not-permitted", &["found: help-desk", "required: issuance-officer"]).await;
    refused(&scene, &scene.vera, &collect, 403, "not-permitted", &["found: another officer"]).await;

    scene.act(&scene.vera, &id, "approve").await;
    refused(&scene, &scene.vera, &approve, 409, "wrong-state", &["found: approved"]).await;
    refused(&scene, &scene.vera, &collect, 403, "not-permitted", &["found: another officer", "required: the officer who asked"]).await;
    scene.act(&scene.ivo, &id, "collect").await;
    refused(&scene, &scene.ivo, &collect, 409, "wrong-state", &["found: collected"]).await;

    // refused: nobody collects it
    let second = scene.ask().await;
    let reply = scene.vera.post_json(&refuse.replace(&id, &second), &json!({ "because": "ask the manager first" })).await.unwrap();
    assert_eq!(reply.json::<Value>().unwrap()["status"], "refused", "{}", reply.text());
    refused(&scene, &scene.ivo, &collect.replace(&id, &second), 409, "wrong-state", &["found: refused"]).await;

    // too late: neither approved nor collected
    let (third, fourth) = (scene.ask().await, scene.ask().await);
    scene.act(&scene.vera, &fourth, "approve").await;
    scene.live.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(scene.status(&third).await, "expired");
    refused(&scene, &scene.vera, &approve.replace(&id, &third), 409, "wrong-state", &["found: expired"]).await;
    refused(&scene, &scene.ivo, &collect.replace(&id, &fourth), 409, "wrong-state", &["found: expired"]).await;
    refused(&scene, &scene.ivo, &collect.replace(&id, UNKNOWN), 404, "unknown", &["no such recovery"]).await;
    assert_eq!(scene.letters("recovered").await.len(), 1);
    scene.live.stop().await;
}

/// Somebody with two records is one person, and the user concerned is no officer of it.
#[tokio::test]
async fn one_person_under_two_records_is_one_person_and_nobody_recovers_their_own() {
    let scene = Scene::set().await;
    let world = scene.live.world();
    let ben = UserId(scene.live.create_user("Ben").await.parse().unwrap());
    let ana = UserId(scene.user.parse().unwrap());
    let roles = BTreeSet::from([Role::IssuanceOfficer, Role::ValidationOfficer]);
    let hire = async |name: &str, user: UserId| {
        let operator = add_operator(world, name, roles.clone(), Some(user)).await.unwrap().operator;
        let who = Who::Operator { id: operator.id, fingerprint: "AB".to_owned() };
        Caller { actor: Actor::Operator(operator), who, source: "test".to_owned(), session: None }
    };
    let (first, second, herself) = (hire("Ben-1", ben).await, hire("Ben-2", ben).await, hire("Ana-officer", ana).await);
    let recipient = BASE64_STANDARD.decode(scene.recipient().await).unwrap();
    let new = recover_keys::NewRecovery { user: ana, because: BECAUSE.to_owned(), recipient, serials: Vec::new() };
    assert_eq!(recover_keys::ask(world, &herself, &new).await.unwrap_err().code(), "own-request");
    let asked: RecoveryId = recover_keys::ask(world, &first, &new).await.unwrap().recovery.id;
    for caller in [&first, &second, &herself] {
        assert_eq!(recover_keys::approve(world, caller, asked).await.unwrap_err().code(), "own-request");
        assert_eq!(recover_keys::refuse(world, caller, asked, None).await.unwrap_err().code(), "own-request");
    }
    scene.act(&scene.vera, &asked.to_string(), "approve").await;
    assert!(recover_keys::collect(world, &first, asked).await.is_ok());
    scene.live.stop().await;
}

#[tokio::test]
async fn what_is_asked_is_well_formed() {
    let scene = Scene::set().await;
    let ben = scene.live.create_user("Ben").await;
    let right = scene.question().await;
    scene.runs("req -new -newkey rsa:2048 -nodes -subj /CN=r -keyout @rsa.key -outform DER -out @rsa.csr").await;
    let rsa = BASE64_STANDARD.encode(std::fs::read(scene.file("rsa.csr")).unwrap());
    let mut forged = BASE64_STANDARD.decode(text(&right["recipient"])).unwrap();
    *forged.last_mut().unwrap() ^= 1;
    let house = Untouched::now(&scene.live).await;
    let (long, many) = ("x".repeat(501), vec!["41".repeat(20); 101]);
    for (member, value, code, words) in [
        ("because", json!(""), "malformed", "because: found: 0 characters, expected: 10 to 500"),
        ("because", json!("too short"), "malformed", "found: 9 characters"),
        ("because", json!(long), "malformed", "found: 501 characters"),
        ("because", json!("a reason\nwith a line"), "malformed", "printable"),
        ("because", json!("a reason \u{202e}backwards"), "malformed", "no invisible characters"),
        ("because", json!(7), "malformed", "integer `7`"),
        ("recipient", json!("%%%"), "malformed", "recipient: expected: base64"),
        ("recipient", json!(""), "bad-csr", "recipient: found: bytes that are not PKCS#10"),
        ("recipient", json!(rsa), "bad-csr", "expected: EC P-256"),
        ("recipient", json!(BASE64_STANDARD.encode(&forged)), "bad-csr", "recipient: found: "),
        ("serials", json!(["17"]), "malformed", "serials: not a serial"),
        ("serials", json!(many), "malformed", "serials: found: 101"),
        ("approved", json!(true), "malformed", "unknown field `approved`"),
    ] {
        let mut body = right.clone();
        body[member] = value;
        let reply = scene.ivo.post_json(&scene.path(), &body).await.unwrap();
        house.refuses(&format!("{member} {words}"), &reply, 400, code, &[words]).await;
    }
    for path in ["?preview=true", "?preview=perhaps"] {
        let reply = scene.ivo.post_json(&(scene.path() + path), &right).await.unwrap();
        house.refuses(path, &reply, 400, "malformed", &["preview"]).await;
    }
    let call = async |path: &str, body: &Value| scene.ivo.post_json(path, body).await.unwrap();
    house.refuses("17", &call("/api/users/17/recoveries", &right).await, 400, "malformed", &["user id"]).await;
    house.refuses(UNKNOWN, &call(&format!("/api/users/{UNKNOWN}/recoveries"), &right).await, 404, "unknown", &["no such user"]).await;

    // these are refusals of a rule, and so on the audit log
    let nothing = call(&format!("/api/users/{ben}/recoveries"), &right).await;
    No::read("Ben has no enc", &nothing).is("Ben has no enc", 409, "wrong-state", &["a user without an encryption credential"]);
    let mut foreign = right.clone();
    foreign["serials"] = json!([scene.phone.card().certificate("auth").unwrap().serial()]);
    let foreign = call(&scene.path(), &foreign).await;
    No::read("not an enc", &foreign).is("not an enc", 404, "unknown", &["no such encryption credential"]);
    for path in ["/api/recoveries", &format!("/api/recoveries/{UNKNOWN}")] {
        No::read(path, &scene.live.desk.get(path).await.unwrap()).is(path, 403, "not-permitted", &["found: help-desk"]);
    }
    scene.live.stop().await;
}

/// A key that does not open stops all: the recovery can be collected when the row is restored.
#[tokio::test]
async fn a_moved_key_is_not_handed_over() {
    let scene = Scene::set().await;
    let ben = scene.live.create_user("Ben").await;
    scene.live.phone_of(&ben, DeviceKind::MobileSmartCard).await;
    let id = scene.ask().await;
    scene.act(&scene.vera, &id, "approve").await;
    swap(&scene.live.folder.path().join("house/remint.db")).await;
    let house = Untouched::now(&scene.live).await;
    let collect = format!("/api/recoveries/{id}/collect");
    house.refuses(&collect, &scene.ivo.post(&collect).await.unwrap(), 503, "unavailable", &["try again"]).await;
    assert_eq!(scene.letters("recovered").await, [""; 0]);
    swap(&scene.live.folder.path().join("house/remint.db")).await;
    scene.act(&scene.ivo, &id, "collect").await;
    scene.live.stop().await;
}

/// The two sealed keys change places.
async fn swap(database: &Path) {
    use sqlx::ConnectOptions;
    let mut database = sqlx::sqlite::SqliteConnectOptions::new().filename(database).connect().await.unwrap();
    let swap = "CREATE TEMP TABLE kept AS SELECT * FROM escrow; \
        UPDATE escrow SET sealed = (SELECT sealed FROM kept WHERE kept.credential_id <> escrow.credential_id)";
    sqlx::raw_sql(swap).execute(&mut database).await.unwrap();
}
