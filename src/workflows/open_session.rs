//! M2: a device proves the secret of its invitation, and gets a session and a bootstrap certificate for the session key. A plain EST
//! client (M2′) shows the bare secret instead, where the policy allows it: its session is of lower assurance, and is recorded so.

use std::fmt;

use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::failure::{Failure, broken};
use super::invitation::proof_key;
use super::session::plan;
use super::world::{Caller, World, changes, retrying};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::redeem::{Admission, DeviceFacts, Redeem, admission, redeem};
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::Slot;
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::ids::{DeviceId, SessionId, TicketId};
use crate::lifecycle::policy::PinPolicy;
use crate::lifecycle::request::RequestState;
use crate::lifecycle::ticket::Ticket;
use crate::pki::key::Spki;
use crate::pki::proof::{ProofKey, Transcript};
use crate::pki::request::Request as Csr;
use crate::store::Loaded;
use crate::store::audit::{Entry, Outcome, Who};
use crate::store::commit::Write;
use crate::store::session::{Opened, Session};

/// What a device sends, parsed.
#[derive(Clone, Debug)]
pub struct OpenSession {
    pub invitation: TicketId,
    /// DER PKCS#10 for the session key.
    pub csr: Vec<u8>,
    pub shown: Shown,
    pub source: String,
}

/// How a device shows that it knows the secret, and what it tells of itself.
#[derive(Clone)]
pub enum Shown {
    Proof {
        device: DeviceFacts,
        nonce: [u8; 16],
        proof: [u8; 32],
        /// The exporter of the TLS connection that it came by.
        exporter: [u8; 32],
    },
    /// The secret itself, and the code where there is one. A plain client tells nothing of itself.
    Secret { secret: Zeroizing<[u8; 16]>, code: Option<Zeroizing<String>> },
}

impl fmt::Debug for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Proof { .. } => "Proof",
            Self::Secret { .. } => "Secret(secret)",
        })
    }
}

/// What the device is answered.
#[derive(Debug)]
pub struct SessionOpened {
    pub session: Session,
    pub bootstrap_certificate: Vec<u8>,
    pub plan: Vec<Slot>,
    pub pin_policy: PinPolicy,
    /// The server's proof in return for the device's.
    pub proof: Option<[u8; 32]>,
    /// Whether this message opened it, rather than one before.
    pub is_new: bool,
}

/// Opens the session; the same invitation, the same session key and a valid proof give the same session.
pub async fn open_session(world: &World, message: &OpenSession) -> Result<SessionOpened, Failure> {
    if matches!(message.shown, Shown::Secret { .. }) && !world.policy.invitation.plain_bootstrap {
        return Err(Failure::invalid(
            "not-permitted",
            "found: the bare secret of an invitation, expected: the proof of M2; the policy says plain_bootstrap = false",
        ));
    }
    let csr = Csr::read(&message.csr).map_err(|bad| Failure::invalid("bad-csr", bad.to_string()))?;
    retrying(|| attempt(world, message, &csr.spki)).await
}

async fn attempt(world: &World, message: &OpenSession, session_key: &Spki) -> Result<SessionOpened, Failure> {
    // 1 load the ticket, with all that its user holds
    let (user, key) = proof_key(world, message.invitation).await?;
    let loaded = world.load(user).await?;
    let ticket = loaded.holdings.tickets.get(&message.invitation).ok_or_else(|| broken("a ticket"))?;

    // 2 whether it still opens, and to whom
    let admitted = admission(&loaded.holdings, ticket, world.now())?;

    // 3 the proof
    let Ok(proof) = verify(message, session_key, &key) else {
        return Err(count_wrong_proof(world, &loaded, ticket, &message.source).await?);
    };

    // 4 the session: the one that is there, or a new one
    let (session, is_new) = match admitted {
        Admission::Session(id) => (existing(&loaded, id, session_key)?, false),
        Admission::Anybody => (begin(world, &loaded, message, session_key).await?, true),
    };
    answer(world, &loaded, session, session_key, proof, is_new)
}

/// What was shown is not of this ticket.
struct WrongProof;

/// Whether the device knows the secret; gives the proof in return, where it proved it.
fn verify(message: &OpenSession, session_key: &Spki, key: &ProofKey) -> Result<Option<[u8; 32]>, WrongProof> {
    let invitation = message.invitation.0.as_bytes();
    match &message.shown {
        Shown::Proof { nonce, proof, exporter, .. } => {
            let transcript = Transcript { exporter, invitation, session_key, nonce };
            if key.is_proved(&transcript, proof) { Ok(Some(key.answer(&transcript))) } else { Err(WrongProof) }
        }
        Shown::Secret { secret, code } => {
            let shown = ProofKey::derive(secret, code.as_ref().map(|code| code.as_str()), invitation).map_err(|_| WrongProof)?;
            if key.is(&shown) { Ok(None) } else { Err(WrongProof) }
        }
    }
}

async fn count_wrong_proof(world: &World, loaded: &Loaded, ticket: &Ticket, source: &str) -> Result<Failure, Failure> {
    let attempts_left = ticket.attempts_left.saturating_sub(1);
    let bearer = Caller { actor: Actor::System, who: Who::Stranger { fingerprint: None }, source: source.to_owned(), session: None };
    let mut entry = bearer.entry("open-session", world.now());
    entry.request = Some(ticket.request);
    entry.outcome = Outcome::Refused("wrong-proof".to_owned());
    entry.details = json!({ "attempts_left": attempts_left });
    let writes = changes(vec![Change::TicketMissed { ticket: ticket.id, attempts_left }]);
    world.keep("wrong-proof", loaded, writes, entry).await?;
    Ok(Failure::WrongProof { attempts_left })
}

fn existing(loaded: &Loaded, id: SessionId, session_key: &Spki) -> Result<Session, Failure> {
    let session = loaded.sessions.get(&id).cloned().ok_or_else(|| broken("the session of a ticket"))?;
    match &session.opened {
        Opened::ByTicket { session_key: bound, .. } if bound == session_key.as_der() => Ok(session),
        Opened::ByTicket { .. } | Opened::ByDevice => Err(Failure::invalid(
            "bound-elsewhere",
            "found: another session key, expected: the key that redeemed the invitation; ask for a new invitation",
        )),
    }
}

async fn begin(world: &World, loaded: &Loaded, message: &OpenSession, session_key: &Spki) -> Result<Session, Failure> {
    let now = world.now();
    let ticket = loaded.holdings.tickets.get(&message.invitation).ok_or_else(|| broken("a ticket"))?;
    let request = loaded.holdings.requests.get(&ticket.request).ok_or_else(|| broken("the request of a ticket"))?;
    let facts = facts(message, request.kind, session_key);
    let known = match facts.kind.is_stock() {
        true => world.store.device_of_serial(facts.kind, &facts.serial).await?,
        false => None,
    };
    let act = Redeem {
        ticket: message.invitation,
        session: SessionId(world.fresh_id()),
        device: DeviceId(world.fresh_id()),
        facts: facts.clone(),
        known,
        reserve: Slot::ALL.iter().map(|_| world.fresh_credential()).collect(),
    };
    let decided = redeem(&loaded.holdings, &world.policy, &act, now);
    let decided = world.unless_refused(decided, &refused(world, loaded, message, &facts)).await?;
    let session_key = session_key.as_der().to_vec();
    let is_plain = matches!(message.shown, Shown::Secret { .. });
    let opened = Opened::ByTicket { ticket: ticket.id, session_key, bootstrap: world.fresh_serial(), is_plain };
    let device = decided.iter().find_map(provisioned).ok_or_else(|| broken("the device of a session"))?;
    let session = super::session::begin(world, act.session, request, loaded.holdings.user.id, device, opened);
    let bearer = Caller { actor: Actor::User(session.user), who: Who::Session(session.id), source: message.source.clone(), session: None };
    let mut entry = bearer.entry("open-session", now);
    entry.request = Some(session.request);
    entry.details = told(&facts, is_plain);
    entry.details["device"] = session.device.to_string().into();
    let mut writes = changes(decided);
    writes.push(Write::Session(session.clone()));
    world.keep("open-session", loaded, writes, entry).await?;
    Ok(session)
}

/// The audit entry of a device that knows the secret and is not one that the ticket is for.
fn refused(world: &World, loaded: &Loaded, message: &OpenSession, facts: &DeviceFacts) -> Entry {
    let bearer = Caller { actor: Actor::System, who: Who::Stranger { fingerprint: None }, source: message.source.clone(), session: None };
    let mut entry = bearer.entry("open-session", world.now());
    entry.on_behalf_of = Some(loaded.holdings.user.id);
    entry.request = loaded.holdings.tickets.get(&message.invitation).map(|ticket| ticket.request);
    entry.details = told(facts, matches!(message.shown, Shown::Secret { .. }));
    entry
}

/// What a device tells of itself; of a plain client, what can be said of it.
fn facts(message: &OpenSession, kind: DeviceKind, session_key: &Spki) -> DeviceFacts {
    match &message.shown {
        Shown::Proof { device, .. } => device.clone(),
        Shown::Secret { .. } => {
            let id: String = session_key.key_id().0[..8].iter().map(|byte| format!("{byte:02X}")).collect();
            DeviceFacts { kind, model: "EST client".to_owned(), serial: format!("EST-{id}"), name: "EST client".to_owned() }
        }
    }
}

/// The same for the audit log, with the assurance where it is lower.
fn told(facts: &DeviceFacts, is_plain: bool) -> Value {
    let mut told = json!({ "kind": facts.kind.as_str(), "model": facts.model, "serial": facts.serial });
    if is_plain {
        told["assurance"] = "plain".into();
    }
    told
}

/// The device that a session begins to provision: a new one, or the card that it was found to be.
fn provisioned(change: &Change) -> Option<DeviceId> {
    match change {
        Change::RequestMoved { to: RequestState::Issuing(issuing), .. } => Some(issuing.device),
        _ => None,
    }
}

/// The same session is always answered alike: its bootstrap certificate is signed again over the same facts, under the serial on record.
fn answer(
    world: &World,
    loaded: &Loaded,
    session: Session,
    session_key: &Spki,
    proof: Option<[u8; 32]>,
    is_new: bool,
) -> Result<SessionOpened, Failure> {
    let Opened::ByTicket { bootstrap, .. } = session.opened else {
        return Err(broken("the bootstrap serial of a session"));
    };
    let bootstrap_certificate =
        world.authority.certify_session(session_key, session.id, bootstrap, session.opened_at, session.expires_at)?;
    let request = loaded.holdings.requests.get(&session.request).ok_or_else(|| broken("the request of a session"))?;
    let pin_policy = world.policy.kinds.get(&request.kind).map(|kind| kind.pin).ok_or_else(|| broken("the policy of a kind"))?;
    let plan = plan(&world.policy, request);
    Ok(SessionOpened { bootstrap_certificate, plan, pin_policy, proof, session, is_new })
}
