//! M5 and M5h: the server recovers or makes the user's shared encryption key and encrypts it to the device's transport key. The key is
//! opened only for this, encrypted afresh each time, and every release is on the audit log.

use serde_json::json;
use zeroize::Zeroizing;

use super::enroll_credential::{certificate, certify};
use super::escrow::{deposit, withdraw};
use super::failure::{Failure, broken, key_seen_before};
use super::session::{At, AtWork};
use super::world::{World, changes, retrying};
use crate::lifecycle::acts::collect::{Collect, Collection, collect, collected, may_receive};
use crate::lifecycle::credential::{Certified, Credential};
use crate::lifecycle::ids::{CredentialId, Serial, SessionId};
use crate::lifecycle::request::EncPlan;
use crate::lifecycle::user::User;
use crate::pki::cms;
use crate::pki::key::{SigningKey, Spki};
use crate::pki::request::Request as Csr;
use crate::store::commit::Write;
use crate::store::session::{Opened, Session};

/// How often one session is handed keys. A phone repeats a lost message a few times; nobody needs this many.
const RELEASES: u32 = 50;

/// An encryption key on its way to a device.
#[derive(Debug)]
pub struct Delivery {
    pub serial: Serial,
    /// DER certificate of the key.
    pub certificate: Vec<u8>,
    /// CMS EnvelopedData to the transport key.
    pub enveloped: Vec<u8>,
}

/// Delivers the key that is to be the device's current `enc`. `csr` is signed by the transport key.
pub async fn deliver_encryption_key(world: &World, device: &AtWork, csr: &[u8]) -> Result<Delivery, Failure> {
    // 1 read and verify the request of the transport key
    let csr = Csr::read(csr).map_err(|bad| Failure::invalid("bad-csr", bad.to_string()))?;
    let expected = csr.spki.subject_key_identifier();
    if csr.decrypt_key_identifier.as_deref() != Some(expected.as_slice()) {
        let found = if csr.decrypt_key_identifier.is_some() { "another identifier" } else { "none" };
        let detail = format!("asymmDecryptKeyIdentifier: found: {found}, expected: the subject key identifier of the transport key");
        return Err(Failure::invalid("bad-csr", detail));
    }
    retrying(|| attempt(world, device, &csr.spki)).await
}

async fn attempt(world: &World, device: &AtWork, transport_key: &Spki) -> Result<Delivery, Failure> {
    // 2 the session, and which key it is to get
    let At { loaded, session, request } = device.at_own(world).await?;
    may_be_handed_more(&session)?;
    let writes = bind_transport_key(&session, transport_key)?;
    let act = Collect { request: request.id, session: session.id, new: world.fresh_credential() };
    match collect(&loaded.holdings, &world.policy, &act, world.now())? {
        Collection::Reserve(reserve) => {
            let entry = device.entry(world, "reserve-enc", &session);
            world.keep("reserve-enc", &loaded, changes(reserve), entry).await?;
            Err(Failure::Conflict) // the holdings have moved on by our own hand: start again from load
        }
        Collection::Make { credential, history } => {
            let made = make_key(world, &loaded.holdings.user, &credential, &session)?;
            let plan = EncPlan { current: credential.id, history };
            release(world, device, transport_key, At { loaded, session, request }, plan, Some(made), writes).await
        }
        Collection::Deliver(plan) => release(world, device, transport_key, At { loaded, session, request }, plan, None, writes).await,
    }
}

/// A key that was just made for a credential whose serial was on record.
struct Made {
    credential: CredentialId,
    certified: Certified,
    certificate: Vec<u8>,
    private_key: Zeroizing<Vec<u8>>,
}

/// The first transport key of a session is its only one. It is no key of a certificate (the store refuses that), nor the session key.
fn bind_transport_key(session: &Session, transport_key: &Spki) -> Result<Vec<Write>, Failure> {
    match &session.transport_key {
        Some(bound) if bound == transport_key.as_der() => Ok(Vec::new()),
        Some(_) => {
            Err(Failure::invalid("transport-key-changed", "found: another transport key, expected: the one that this session began with"))
        }
        None if matches!(&session.opened, Opened::ByTicket { session_key, .. } if session_key == transport_key.as_der()) => {
            Err(key_seen_before())
        }
        None => Ok(vec![Write::TransportKey { session: session.id, spki: transport_key.as_der().to_vec() }]),
    }
}

fn make_key(world: &World, user: &User, credential: &Credential, session: &Session) -> Result<Made, Failure> {
    let key = SigningKey::generate()?;
    let (certified, certificate) = certify(world, user, credential, session.device, key.spki(), false)?;
    Ok(Made { credential: credential.id, certified, certificate, private_key: key.to_pkcs8()? })
}

/// Keeps what was made and that it was released, then encrypts it to the device.
async fn release(
    world: &World,
    device: &AtWork,
    transport_key: &Spki,
    at: At,
    plan: EncPlan,
    made: Option<Made>,
    mut writes: Vec<Write>,
) -> Result<Delivery, Failure> {
    writes.push(Write::Release { session: at.session.id });
    let At { loaded, session, request } = at;
    let user = &loaded.holdings.user;
    let current = loaded.holdings.credentials.get(&plan.current).ok_or_else(|| broken("an enc credential"))?.clone();
    let signed = made.as_ref().map(|made| (made.credential, made.certified));
    writes.extend(changes(collected(&loaded.holdings, request.id, session.id, plan, signed)?));

    // 3 the key: made now and sealed, or recovered from escrow
    let (certificate, private_key) = match made {
        Some(made) => {
            let sealed = deposit(world, user.id, &current, &made.private_key).await?;
            writes.push(Write::Certificate { credential: made.credential, der: made.certificate.clone() });
            writes.push(sealed);
            (made.certificate, made.private_key)
        }
        None => (certificate(world, current.id).await?, withdraw(world, user.id, &current).await?),
    };

    // 4 keep that it was released, then encrypt it
    let mut entry = device.entry(world, "release-enc", &session);
    entry.details = json!({ "serial": current.serial.to_string(), "to": session.device.to_string() });
    world.keep("release-enc", &loaded, writes, entry).await?;
    let enveloped = envelop(world, &private_key, transport_key)?;
    Ok(Delivery { serial: current.serial, certificate, enveloped })
}

/// Delivers the older keys, newest first: those that the device collected with its current one.
pub async fn deliver_history(world: &World, device: &AtWork, session: SessionId) -> Result<Vec<Delivery>, Failure> {
    retrying(|| history(world, device, session)).await
}

async fn history(world: &World, device: &AtWork, session: SessionId) -> Result<Vec<Delivery>, Failure> {
    let At { loaded, session, request } = device.at(world, session).await?;
    may_be_handed_more(&session)?;
    let (_, issuing) = may_receive(&loaded.holdings, request.id, session.id)?;
    let transport_key = session.transport_key.as_deref().and_then(Spki::from_der);
    let (Some(collected), Some(transport_key)) = (&issuing.collected, transport_key) else {
        return Err(Failure::invalid("transport-key-required", "found: no transport key in this session, expected: serverkeygen first"));
    };
    let mut deliveries = Vec::with_capacity(collected.history.len());
    for id in &collected.history {
        let credential = loaded.holdings.credentials.get(id).ok_or_else(|| broken("an enc credential"))?;
        let private_key = withdraw(world, loaded.holdings.user.id, credential).await?;
        let enveloped = envelop(world, &private_key, &transport_key)?;
        deliveries.push(Delivery { serial: credential.serial, certificate: certificate(world, *id).await?, enveloped });
    }
    if !deliveries.is_empty() {
        let serials: Vec<_> = deliveries.iter().map(|delivery| delivery.serial.to_string()).collect();
        let mut entry = device.entry(world, "release-history", &session);
        entry.details = json!({ "serials": serials, "to": session.device.to_string() });
        world.keep("release-history", &loaded, vec![Write::Release { session: session.id }], entry).await?;
    }
    Ok(deliveries)
}

/// Every release is kept on the audit log, which a device must not be able to fill.
fn may_be_handed_more(session: &Session) -> Result<(), Failure> {
    if session.releases < RELEASES {
        return Ok(());
    }
    Err(Failure::invalid("too-many-requests", format!("found: keys were handed to this session {RELEASES} times, expected: fewer")))
}

fn envelop(world: &World, private_key: &[u8], transport_key: &Spki) -> Result<Vec<u8>, Failure> {
    let (signer, certificate) = world.authority.delivery_signer();
    Ok(cms::deliver_key(private_key, transport_key, certificate, signer, world.entropy.as_ref())?)
}
