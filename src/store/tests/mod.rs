//! What the store is held to. `House` is a store in a temporary folder with one user, Ana, and one operator; whatever is done to Ana's
//! holdings is done in memory and in the store, and the two are compared.

mod commits;
mod credentials;
mod escrow;
mod round_trip;
mod schema;
mod sessions;
mod story;
mod views;
mod writer;

use std::collections::BTreeSet;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sqlx::{Connection, PgConnection};
use tempfile::TempDir;
use uuid::Uuid;

use super::audit::{Entry, Outcome, Who};
use super::commit::{Commit, Guard, Write};
use super::operator::OperatorRecord;
use super::session::{Opened, Session};
use super::sql::query;
use super::{Place, Store, StoreError};
use crate::lifecycle::actor::{Operator, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::{Certified, Credential, CredentialState, KeyId, Slot};
use crate::lifecycle::device::{Device, DeviceKind, DeviceState};
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, OperatorId, RecoveryId, RequestId, Serial, SessionId, TicketId, UserId};
use crate::lifecycle::request::{Mode, Purpose, Request, RequestState, Requester};
use crate::lifecycle::user::User;

const ANA: UserId = UserId(Uuid::from_u128(0xa9a));
const OLGA: OperatorId = OperatorId(Uuid::from_u128(0x019a));

/// `minutes` after the beginning of all tests.
fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000).unwrap() + SignedDuration::from_mins(minutes)
}

fn device_id(n: u128) -> DeviceId {
    DeviceId(Uuid::from_u128(0xde00_0000 + n))
}

fn credential_id(n: u128) -> CredentialId {
    CredentialId(Uuid::from_u128(0xc000_0000 + n))
}

fn request_id(n: u128) -> RequestId {
    RequestId(Uuid::from_u128(0x5e00_0000 + n))
}

fn ticket_id(n: u128) -> TicketId {
    TicketId(Uuid::from_u128(0x71c0_0000 + n))
}

fn session_id(n: u128) -> SessionId {
    SessionId(Uuid::from_u128(0x5e55_0000 + n))
}

fn serial(n: u128) -> Serial {
    let mut bytes = [0; 20];
    bytes[4..].copy_from_slice(&n.to_be_bytes());
    Serial::from_random(bytes)
}

fn certified(n: u128) -> Certified {
    let mut key = [0; 32];
    key[16..].copy_from_slice(&n.to_be_bytes());
    Certified { key: KeyId(key), not_before: at(0), not_after: at(1_000_000) }
}

fn user(id: UserId, name: &str) -> User {
    User {
        id,
        name: name.to_owned(),
        email: format!("{}@example.org", name.to_lowercase()),
        upn: format!("{}@corp.example.org", name.to_lowercase()),
        attributes: Attributes::default(),
    }
}

fn request(n: u128, state: RequestState) -> Request {
    Request {
        id: request_id(n),
        kind: DeviceKind::MobileSmartCard,
        purpose: Purpose::Initial { mode: Mode::Remote },
        requester: Requester::Operator(OLGA),
        opened_at: at(0),
        state,
    }
}

/// A phone that enrolls under request `request`.
fn phone(n: u128, request: u128) -> Device {
    Device {
        id: device_id(n),
        kind: DeviceKind::MobileSmartCard,
        serial: format!("SERIAL-{n}"),
        model: "Pixel 11".to_owned(),
        name: format!("phone-{n}"),
        state: DeviceState::Assigned { request: request_id(request) },
    }
}

fn reserved(n: u128, device: u128, slot: Slot) -> Credential {
    Credential {
        id: credential_id(n),
        slot,
        serial: serial(n),
        made_for: device_id(device),
        state: CredentialState::Reserved { at: at(1) },
    }
}

fn session(n: u128, request: u128, device: u128, ticket: u128) -> Session {
    Session {
        id: session_id(n),
        user: ANA,
        request: request_id(request),
        device: device_id(device),
        opened: Opened::ByTicket {
            ticket: ticket_id(ticket),
            session_key: format!("session key {n}").into_bytes(),
            bootstrap: serial(0xb000 + n),
            is_plain: false,
        },
        challenge: [7; 32],
        opened_at: at(1),
        expires_at: at(100),
        transport_key: None,
        receipt: None,
        releases: 0,
    }
}

fn entry(act: &'static str) -> Entry {
    Entry {
        at: at(0),
        who: Who::Administrator,
        act,
        on_behalf_of: Some(ANA),
        request: None,
        outcome: Outcome::Done,
        details: serde_json::json!({}),
        source: "local".to_owned(),
    }
}

/// A commit of `writes` without a guard.
fn unguarded(writes: Vec<Write>) -> Commit {
    Commit { name: "test", guard: None, writes, audit: None }
}

/// A commit of `writes` on the holdings of Ana in `version`.
fn guarded(version: i64, writes: Vec<Write>) -> Commit {
    Commit { guard: Some(Guard { user: ANA, version }), ..unguarded(writes) }
}

fn changes(changes: Vec<Change>) -> Vec<Write> {
    changes.into_iter().map(Write::Change).collect()
}

/// A file in the folder; or, where `REMINT_TEST_POSTGRES` names a server, a schema of its own there.
async fn place(folder: &Path) -> Place {
    let Ok(server) = std::env::var("REMINT_TEST_POSTGRES") else { return Place::File(folder.join("remint.db")) };
    let schema = format!("store_{}", folder.file_name().unwrap().to_string_lossy().trim_start_matches('.').to_lowercase());
    let mut connection = PgConnection::connect(&server).await.unwrap();
    sqlx::query(sqlx::AssertSqlSafe(format!("CREATE SCHEMA {schema}"))).execute(&mut connection).await.unwrap();
    Place::parse(&format!("{server}&options[search_path]={schema}"), folder).unwrap()
}

/// A store with Ana and Olga, and what Ana should hold.
struct House {
    store: Store,
    place: Place,
    #[allow(dead_code, reason = "it is gone when this goes")]
    dir: TempDir,
    held: Holdings,
    version: i64,
}

impl House {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = place(dir.path()).await;
        Store::migrate(&place).await.unwrap();
        let store = Store::open(&place).await.unwrap();
        let ana = user(ANA, "Ana");
        let olga = OperatorRecord {
            operator: Operator { id: OLGA, name: "Olga".to_owned(), roles: BTreeSet::from([Role::HelpDesk, Role::Auditor]), user: None },
            ended_at: None,
        };
        let people = vec![Write::User { user: ana.clone(), at: at(0) }, Write::Operator { operator: olga, at: at(0) }];
        store.commit(unguarded(people)).await.unwrap();
        Self { store, place, dir, held: Holdings::of(ana), version: 1 }
    }

    /// Tries to keep changes and more, guarded.
    async fn try_keep(&mut self, made: Vec<Change>, more: Vec<Write>) -> Result<(), StoreError> {
        let mut writes = changes(made.clone());
        writes.extend(more);
        self.store.commit(guarded(self.version, writes)).await?;
        self.version += 1;
        for change in &made {
            self.held.apply(change);
        }
        Ok(())
    }

    /// Keeps changes, and sees that the store holds what they make in memory.
    async fn keep(&mut self, made: Vec<Change>) {
        self.keep_with(made, Vec::new()).await;
    }

    async fn keep_with(&mut self, made: Vec<Change>, more: Vec<Write>) {
        self.try_keep(made, more).await.unwrap();
        self.agrees().await;
    }

    /// What is remembered and what is on disk are both what the changes make.
    async fn agrees(&self) {
        let remembered = self.store.holdings(ANA).await.unwrap().unwrap();
        self.store.recent.forget();
        let on_disk = self.store.holdings(ANA).await.unwrap().unwrap();
        assert_eq!(on_disk.holdings, self.held);
        assert_eq!(on_disk.version, self.version);
        assert_eq!(remembered, on_disk);
    }

    /// A phone that is being provisioned under request 1, with its four credentials reserved.
    async fn with_phone(&mut self) {
        let slots = [Slot::Auth, Slot::Sign, Slot::Enc, Slot::CardAuth];
        let mut made = vec![Change::RequestOpened(request(1, RequestState::Approved)), Change::DeviceAssigned { device: phone(1, 1) }];
        made.extend((1..).zip(slots).map(|(n, slot)| Change::CredentialReserved(reserved(n, 1, slot))));
        self.keep(made).await;
    }

    /// Reads a table directly.
    async fn count(&self, table: &'static str) -> i64 {
        let count = format!("SELECT count(*) FROM {table}").leak();
        query(&*count).cell(&self.store.readers).await.unwrap().unwrap()
    }
}
