//! The world that workflows act in: what remembers, what signs, what the administrator decided, the time and chance. The last two are
//! handed in, so that a test can hold them still.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::Semaphore;
use uuid::Uuid;

use super::budget::Budget;
use super::deeds::Deeds;
use super::deliver_letters::Mail;
use super::failure::Failure;
use super::letters::letters_of;
use super::limits::Limits;
use super::publish_shard::ShardLists;
use super::second_step::SecondStep;
use super::settle_dues::{is_settled, settle};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::invite::NewTicket;
use crate::lifecycle::acts::redeem::NewCredential;
use crate::lifecycle::change::Change;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, RequestId, Serial, TicketId, UserId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::Refusal;
use crate::pki::attestation::EvidenceRules;
use crate::pki::authority::Authority;
use crate::pki::escrow::Escrow;
use crate::pki::key::{Entropy, random};
use crate::pki::profile::Profiles;
use crate::pki::seal::SealingKey;
use crate::store::audit::{Entry, Outcome, Who};
use crate::store::commit::{Commit, Guard, Write};
use crate::store::{Loaded, Store};

/// What time it is: whole milliseconds, UTC.
pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
}

/// When a server last checked its house, and how much diverged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LastCheck {
    pub at: Timestamp,
    pub divergences: usize,
}

/// Everything that a workflow needs.
pub struct World {
    pub store: Store,
    pub authority: Authority,
    pub profiles: Profiles,
    pub policy: Policy,
    /// What is asked of key evidence.
    pub evidence: EvidenceRules,
    /// Seals the keys of tickets and what letters say.
    pub master: Arc<SealingKey>,
    /// Seals the private keys of `enc` credentials.
    pub escrow: Escrow,
    /// `host:port` of the listener that invitations lead to.
    pub devices_address: String,
    /// How long caches on the way may answer OCSP in our place, in seconds.
    pub ocsp_cache_s: u32,
    /// How many strangers at the desk are recorded: what anybody can do without a right must not fill the audit log.
    pub strangers: Budget,
    /// How often a source, a user or an invitation may ask.
    pub limits: Limits,
    pub mail: Mail,
    /// What signing in at the portal takes beside the password.
    pub second_step: SecondStep,
    /// How many passwords are stretched at once: each takes 19 MiB.
    pub stretching: Arc<Semaphore>,
    /// What the buttons of pages led to.
    pub deeds: Deeds,
    /// The CRLs of shards that were asked for, of the newest number.
    pub shards: ShardLists,
    /// What the last check of this server found.
    pub last_check: Mutex<Option<LastCheck>>,
    /// The data folder: for what is written beside the database.
    pub folder: PathBuf,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
}

/// Who asks, as settled at the edge, and from where.
#[derive(Clone, Debug)]
pub struct Caller {
    pub actor: Actor,
    pub who: Who,
    pub source: String,
    /// Of a user who is signed in at the portal: the session, by the hash of its token.
    pub session: Option<[u8; 32]>,
}

impl Caller {
    /// Timed work.
    pub fn system() -> Self {
        Self { actor: Actor::System, who: Who::System, source: "local".to_owned(), session: None }
    }

    /// The start of an audit entry for something that this caller does; `Done` until said otherwise.
    pub fn entry(&self, act: &'static str, at: Timestamp) -> Entry {
        Entry {
            at,
            who: self.who.clone(),
            act,
            on_behalf_of: None,
            request: None,
            outcome: Outcome::Done,
            details: Value::Null,
            source: self.source.clone(),
        }
    }
}

/// How often a workflow starts again from load when somebody else was quicker. Of those who act on one user at the same moment one wins
/// each time, so that as many as this come through without being told to come again.
const ATTEMPTS: usize = 32;

/// Runs an attempt until it meets no conflict.
pub async fn retrying<T, F: Future<Output = Result<T, Failure>>>(attempt: impl Fn() -> F) -> Result<T, Failure> {
    for _ in 1..ATTEMPTS {
        match attempt().await {
            Err(Failure::Conflict) => {}
            settled => return settled,
        }
    }
    attempt().await
}

impl World {
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// All that a user holds, or `Missing`. What is due by now has been settled: nobody sees a stand-in whose time is up.
    pub async fn load(&self, user: UserId) -> Result<Loaded, Failure> {
        let loaded = self.load_unsettled(user).await?;
        if is_settled(self, &loaded.holdings) {
            return Ok(loaded);
        }
        settle(self, &loaded.holdings).await?;
        self.load_unsettled(user).await
    }

    /// All that a user holds, as it was kept last.
    pub async fn load_unsettled(&self, user: UserId) -> Result<Loaded, Failure> {
        self.store.holdings(user).await?.ok_or(Failure::missing("user"))
    }

    /// Keeps what was decided on `loaded`, with its audit entry and the letters to those who must hear of it, in one transaction.
    pub async fn keep(&self, name: &'static str, loaded: &Loaded, mut writes: Vec<Write>, mut audit: Entry) -> Result<(), Failure> {
        writes.extend(letters_of(self, &loaded.holdings, &writes)?);
        let user = loaded.holdings.user.id;
        audit.on_behalf_of = Some(user);
        tell(&audit, &writes);
        let guard = Guard { user, version: loaded.version };
        self.store.commit(Commit { name, guard: Some(guard), writes, audit: Some(audit) }).await?;
        Ok(())
    }

    /// Another server checks from now on.
    pub fn forget_check(&self) {
        *self.last_check.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Remembers what a check found.
    pub fn remember_check(&self, check: LastCheck) {
        metrics::gauge!("remint_check_divergences").set(u32::try_from(check.divergences).unwrap_or(u32::MAX));
        metrics::gauge!("remint_check_time_seconds").set(seconds(check.at));
        *self.last_check.lock().unwrap_or_else(PoisonError::into_inner) = Some(check);
    }

    /// What the last check found, once there was one.
    pub fn last_check(&self) -> Option<LastCheck> {
        *self.last_check.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What was decided, if it was not refused; a refusal goes on the audit log.
    pub async fn unless_refused<T>(&self, decided: Result<T, Refusal>, audit: &Entry) -> Result<T, Failure> {
        match decided {
            Ok(decided) => Ok(decided),
            Err(refusal) => Err(self.refused(audit.clone(), refusal).await),
        }
    }

    /// Writes on the audit log that an act was refused, and gives the refusal back.
    pub(super) async fn refused(&self, mut audit: Entry, refusal: Refusal) -> Failure {
        audit.outcome = Outcome::Refused(refusal.code.as_str().to_owned());
        metrics::counter!("remint_refusals_total", "act" => audit.act, "code" => refusal.code.as_str()).increment(1);
        // what was asked for stays beside what was found
        let said = [("found", &refusal.found), ("required", &refusal.required)];
        match &mut audit.details {
            Value::Object(asked) => asked.extend(said.map(|(word, text)| (word.to_owned(), json!(text)))),
            details => *details = said.map(|(word, text)| (word.to_owned(), json!(text))).into_iter().collect(),
        }
        tell(&audit, &[]);
        let commit = Commit { name: "refusal", guard: None, writes: Vec::new(), audit: Some(audit) };
        match self.store.commit(commit).await {
            Ok(()) => Failure::Refused(refusal),
            Err(error) => error.into(),
        }
    }

    /// A fresh id that sorts by the time it was made (RFC 9562 §5.7).
    pub fn fresh_id(&self) -> Uuid {
        let millis = u64::try_from(self.now().as_millisecond()).unwrap_or_default();
        uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>(self.entropy.as_ref())).into_uuid()
    }

    pub fn fresh_request(&self) -> RequestId {
        RequestId(self.fresh_id())
    }

    /// A fresh ticket: its id is all random, as it goes over the wire as the invitation.
    pub fn fresh_ticket(&self) -> NewTicket {
        NewTicket { id: TicketId(Uuid::from_bytes(random::<16>(self.entropy.as_ref()))) }
    }

    pub fn fresh_serial(&self) -> Serial {
        Serial::from_random(random::<20>(self.entropy.as_ref()))
    }

    pub fn fresh_credential(&self) -> NewCredential {
        NewCredential { id: CredentialId(self.fresh_id()), serial: self.fresh_serial() }
    }
}

/// For the log and for traces: which request of the lifecycle the work at hand is about.
fn tell(audit: &Entry, writes: &[Write]) {
    if let Some(incident) = audit.request {
        let opens = writes.iter().any(|write| matches!(write, Write::Change(Change::RequestOpened(request)) if request.id == incident));
        tracing::info!(act = audit.act, %incident, opens, "to be kept");
    }
}

/// Unix time, for a gauge.
#[expect(clippy::cast_precision_loss, reason = "seconds since 1970 fit for many thousand years")]
pub fn seconds(at: Timestamp) -> f64 {
    at.as_second() as f64
}

/// The writes of a list of changes.
pub fn changes(changes: Vec<Change>) -> Vec<Write> {
    changes.into_iter().map(Write::Change).collect()
}

/// What `changes` make of `holdings`.
pub fn after(holdings: &Holdings, writes: &[Write]) -> Holdings {
    let mut after = holdings.clone();
    for write in writes {
        if let Write::Change(change) = write {
            after.apply(change);
        }
    }
    after
}
