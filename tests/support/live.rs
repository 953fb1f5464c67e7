//! A running server in a temporary folder, reached through real TLS on free ports. Its clock is that of the machine, which a test may
//! set ahead; its chance is real.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use mobile_sim::certificate::Certificate;
use mobile_sim::key::Key;
use mobile_sim::wire::{Client, Connection, Reply, tls_config};
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Identity, Invitation, Outcome, Phone};
use remint::lifecycle::actor::Role;
use remint::server::clock::{SystemClock, SystemEntropy};
use remint::server::config::Config;
use remint::server::house::open_with;
use remint::server::init::{Foundation, Ports, init};
use remint::server::policy::Delivered;
use remint::server::{Server, Sockets};
use remint::store::Place;
use remint::store::views::AuditLine;
use remint::workflows::add_operator::{OperatorIdentity, add_operator};
use remint::workflows::world::{Clock, World};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use super::database::{self, Beside};
use super::portal::Browser;
use super::process::until;
use super::record::Record;

/// The clock of the machine, set ahead by as much as the test has said.
struct ClockAhead(AtomicI64);

impl Clock for ClockAhead {
    fn now(&self) -> Timestamp {
        SystemClock.now() + SignedDuration::from_secs(self.0.load(Ordering::Relaxed))
    }
}

/// A server that runs until [`Live::stop`].
pub struct Live {
    /// Gone when this goes.
    pub folder: TempDir,
    pub config: Config,
    /// The root certificate, PEM.
    pub root: String,
    /// A help desk operator.
    pub desk: Client,
    server: Server,
    clock: Arc<ClockAhead>,
}

/// Sets what signing in at the portal takes beside the password.
pub fn second_step(dir: &Path, from: &str, to: &str) {
    let path = dir.join("remint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let line = |word: &str| format!("second_step = \"{word}\"");
    assert!(text.contains(&line(from)), "{text}");
    std::fs::write(&path, text.replace(&line(from), &line(to))).unwrap();
}

/// A line of `[limits]` in `remint.toml` becomes another.
pub fn limit(dir: &Path, name: &str, value: u32) {
    let path = dir.join("remint.toml");
    let text = std::fs::read_to_string(&path).unwrap();
    let changed = text.lines().map(|line| if line.starts_with(name) { format!("{name} = {value}") } else { line.to_owned() });
    let changed = changed.collect::<Vec<_>>().join("\n");
    assert_ne!(changed, text.trim_end(), "no {name}: {text}");
    std::fs::write(path, changed).unwrap();
}

/// What the desk is answered when a request is opened: shown once.
pub struct Invited {
    /// The id of the request.
    pub request: String,
    pub uri: String,
    pub code: Option<String>,
}

impl Invited {
    pub fn invitation(&self) -> Invitation {
        self.uri.parse().unwrap()
    }
}

impl Live {
    pub async fn start() -> Self {
        Self::with_policy(|policy| policy).await
    }

    /// `edit` changes the text of `certs/policy.toml` before the server reads it.
    pub async fn with_policy(edit: impl FnOnce(String) -> String) -> Self {
        Self::with_house(|house| {
            let policy = house.join("certs/policy.toml");
            std::fs::write(&policy, edit(std::fs::read_to_string(&policy).unwrap())).unwrap();
        })
        .await
    }

    /// `edit` changes the data folder before the server reads it.
    pub async fn with_house(edit: impl FnOnce(&Path)) -> Self {
        Self::founded(async |dir, foundation| {
            init(dir, foundation, None, &SystemClock, &SystemEntropy).await.unwrap();
            second_step(dir, "mailed-code", "none"); // most tests are about something else
            edit(dir);
        })
        .await
    }

    /// `found` makes the data folder, by whatever way.
    pub async fn founded(found: impl AsyncFnOnce(&Path, &Foundation)) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().join("house");
        let (sockets, ports) = free_sockets().await;
        let foundation = Foundation {
            organization: "Example Org".to_owned(),
            host: "localhost".to_owned(),
            bind: "127.0.0.1".to_owned(),
            ports,
            policy: Delivered::Default,
            database: database::section().await,
            hsm: None,
        };
        found(&dir, &foundation).await;

        let config = Config::load(&dir).unwrap();
        let clock = Arc::new(ClockAhead(AtomicI64::new(0)));
        let world = open_with(&dir, &config, clock.clone(), Arc::new(SystemEntropy)).await.unwrap();
        let server = Server::serve(world, &config, sockets).unwrap();
        let root = std::fs::read_to_string(dir.join("ca/root.pem")).unwrap();
        let identity = hire(&server.world, "Omar", [Role::HelpDesk]).await;
        let desk = Client::new(&config.desk.address, &root, Some(identity)).unwrap();
        Self { folder, config, root, desk, server, clock }
    }

    /// Lets open requests end, and closes the database.
    pub async fn stop(self) {
        self.server.stop().await;
    }

    pub fn world(&self) -> &World {
        &self.server.world
    }

    /// For whoever goes on with it alone.
    pub fn shared_world(&self) -> Arc<World> {
        Arc::clone(&self.server.world)
    }

    /// From now on it is so much later for the server.
    pub fn advance(&self, by: SignedDuration) {
        self.clock.0.fetch_add(by.as_secs(), Ordering::Relaxed);
    }

    /// Somebody on the `devices` listener.
    pub fn device(&self, identity: Option<Identity>) -> Client {
        Client::new(&self.config.devices.address, &self.root, identity).unwrap()
    }

    /// One connection to the `devices` listener, without a client certificate.
    pub async fn connect(&self) -> Connection {
        Connection::open(&self.config.devices.address, tls_config(&self.root, None).unwrap()).await.unwrap()
    }

    /// Somebody on the `desk` listener.
    pub fn at_desk(&self, identity: Option<Identity>) -> Client {
        Client::new(&self.config.desk.address, &self.root, identity).unwrap()
    }

    /// A further operator.
    pub async fn operator<const N: usize>(&self, name: &str, roles: [Role; N]) -> Client {
        self.at_desk(Some(self.hire(name, roles).await))
    }

    /// The certificate and key of a further operator.
    pub async fn hire<const N: usize>(&self, name: &str, roles: [Role; N]) -> Identity {
        hire(self.world(), name, roles).await
    }

    /// A user of this first name; gives the id.
    pub async fn create_user(&self, name: &str) -> String {
        let address = name.to_lowercase();
        let user = json!({ "name": format!("{name} Ruiz"), "email": format!("{address}@example.org"),
            "upn": format!("{address}@corp.example.org") });
        text(&created(self.desk.post_json("/api/users", &user).await.unwrap())["id"])
    }

    /// Requests an initial issuance.
    pub async fn initial(&self, user: &str, kind: DeviceKind) -> Invited {
        let mode = if kind == DeviceKind::MobileApp { "self-enrollment" } else { "remote" };
        let asked = json!({ "kind": kind, "mode": mode });
        let body = created(self.desk.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap());
        match body["invitation"].is_null() {
            true => invited(&self.browser_of(user).await.ticket(&text(&body["request"]["id"])).await), // self-enrollment: the user's
            false => invited(&body),
        }
    }

    /// The user at the portal, with a password of their own.
    pub async fn browser_of(&self, user: &str) -> Browser {
        let login = text(&self.lookup(user).await["user"]["email"]);
        Browser::of(&self.portal_address(), &self.root, &self.desk, user, &login).await
    }

    /// A statement on the database itself, beside the server.
    pub async fn sql(&self, statement: &str) -> u64 {
        let database = Beside::open(&self.place()).await;
        let hit = database.execute(statement).await;
        database.close().await;
        hit
    }

    /// An id, as a statement spells it.
    pub fn literal(&self, id: uuid::Uuid) -> String {
        match self.place() {
            Place::File(_) => format!("x'{}'", id.simple()),
            Place::Server(_) => format!("'{id}'"),
        }
    }

    /// Where its database is.
    pub fn place(&self) -> Place {
        self.config.place(&self.folder.path().join("house")).unwrap()
    }

    /// Somebody on the `portal` listener who shows a certificate.
    pub fn at_portal(&self, identity: Identity) -> Client {
        Client::new(self.portal_address(), &self.root, Some(identity)).unwrap()
    }

    /// Every letter that was delivered, newest last.
    pub fn letters(&self) -> Vec<String> {
        let Ok(folder) = std::fs::read_dir(self.folder.path().join("house/mail")) else { return Vec::new() };
        let mut found: Vec<_> =
            folder.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "eml")).collect();
        found.sort(); // their ids say when they were written
        found.iter().map(|path| std::fs::read_to_string(path).unwrap()).collect()
    }

    /// The code of the next letter after so many, that lets somebody sign in.
    pub async fn sign_in_code(&self, after: usize) -> String {
        until("a letter with a code", async || {
            let letters = self.letters();
            let letter = letters.iter().skip(after).find(|letter| letter.contains("Subject: Your code for signing in"))?;
            letter.lines().map(str::trim).find(|line| line.len() == 6 && line.bytes().all(|b| b.is_ascii_digit())).map(str::to_owned)
        })
        .await
    }

    pub fn portal_address(&self) -> String {
        self.config.portal.as_ref().unwrap().address.clone()
    }

    /// Submits a remote replacement.
    pub async fn submit(&self, target: &str, reason: &str) -> Invited {
        let asked = json!({ "target": target, "reason": reason, "mode": "remote" });
        invited(&created(self.desk.post_json("/api/replacements", &asked).await.unwrap()))
    }

    pub async fn cancel(&self, request: &str) {
        let reply = self.desk.post(&format!("/api/requests/{request}/cancel")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    /// An act of the help desk on a device: `suspend`, `resume`.
    pub async fn act_on_device(&self, device: &str, act: &str) {
        let reply = self.desk.post(&format!("/api/devices/{device}/{act}")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
    }

    pub async fn invite_again(&self, request: &str) -> Invited {
        invited(&created(self.desk.post(&format!("/api/requests/{request}/invitations")).await.unwrap()))
    }

    /// A user with all that they hold, as the desk sees it.
    pub async fn lookup(&self, user: &str) -> Value {
        let reply = self.desk.get(&format!("/api/users/{user}")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        reply.json().unwrap()
    }

    /// The real phone takes the invitation up, as far as `faults` let it; gives the phone.
    pub async fn issue_until(&self, invited: &Invited, kind: DeviceKind, faults: &Faults) -> (Phone, Outcome) {
        let mut phone = Phone::in_memory();
        let outcome = phone.issue(&invited.invitation(), invited.code.as_deref(), &facts(kind), faults).await.unwrap();
        (phone, outcome)
    }

    /// A phone of a user, issued.
    pub async fn phone_of(&self, user: &str, kind: DeviceKind) -> Phone {
        let invited = self.initial(user, kind).await;
        let (phone, outcome) = self.issue_until(&invited, kind, &Faults::default()).await;
        assert_eq!(outcome, Outcome::Issued);
        phone
    }

    /// The audit log, oldest first.
    pub async fn audit(&self) -> Vec<AuditLine> {
        self.world().store.audit(0, 10_000).await.unwrap()
    }

    /// Everything that is kept, but the audit log and the published CRLs.
    pub async fn record(&self) -> Record {
        Record::of(&self.place()).await
    }

    /// The broken invariants of every user: there are none.
    pub async fn faults(&self) -> Vec<String> {
        let (world, mut found) = (self.world(), Vec::new());
        for user in world.store.find_users("", None, 10_000).await.unwrap() {
            let held = world.store.holdings(user.id).await.unwrap().unwrap().holdings;
            found.extend(held.faults(&world.policy, world.now()).iter().map(ToString::to_string));
        }
        found
    }
}

/// What a phone says of itself.
pub fn facts(kind: DeviceKind) -> DeviceFacts {
    DeviceFacts { kind, model: "Pixel 11".to_owned(), serial: "R5CT30ABCDE".to_owned(), name: "Ana's phone".to_owned() }
}

/// The id of the device that a phone is.
pub fn device_of(phone: &Phone) -> String {
    phone.card().standing.expect("an issued phone").device
}

/// A member of an answer that is a string.
pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("not a string: {value}")).to_owned()
}

async fn free_sockets() -> (Sockets, Ports) {
    let free = || TcpListener::bind("127.0.0.1:0");
    let (devices, desk) = (free().await.unwrap(), free().await.unwrap());
    let (portal, status) = (free().await.unwrap(), free().await.unwrap());
    let port = |listener: &TcpListener| listener.local_addr().unwrap().port();
    let ports = Ports { devices: port(&devices), desk: port(&desk), portal: port(&portal), status: port(&status), metrics: None };
    (Sockets { devices, desk, portal: Some(portal), status, metrics: None }, ports)
}

/// Adds an operator, as `remint operator add` does, and takes the key and certificate without the file.
async fn hire<const N: usize>(world: &World, name: &str, roles: [Role; N]) -> Identity {
    identity_of(world, &add_operator(world, name, BTreeSet::from(roles), None).await.unwrap())
}

/// What an operator signs in with.
pub fn identity_of(world: &World, hired: &OperatorIdentity) -> Identity {
    let chain: Vec<_> = world.authority.chain().iter().map(|link| Certificate::from_der(link.clone()).unwrap()).collect();
    let key = Key::from_pkcs8(&hired.key.to_pkcs8().unwrap()).unwrap();
    Identity::new(&Certificate::from_der(hired.certificate.clone()).unwrap(), &key, &chain)
}

fn created(reply: Reply) -> Value {
    assert_eq!(reply.status, 201, "{}", reply.text());
    reply.json().unwrap()
}

fn invited(body: &Value) -> Invited {
    let invitation = &body["invitation"];
    Invited { request: text(&body["request"]["id"]), uri: text(&invitation["uri"]), code: invitation["code"].as_str().map(str::to_owned) }
}
