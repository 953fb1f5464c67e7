//! M6: the device proves that it holds every key, and in one transaction the world changes: it is active, the old one has ended.
//!
//! A plain EST client knows no M6. It confirms by coming with the `auth` that it was given to enroll its last slot, or any again: that it
//! holds `auth` is proved by TLS, and the other keys by its requests.

use serde_json::json;

use super::failure::{Failure, broken};
use super::identify::{Bearer, wrong};
use super::session::{At, AtWork, credential_in, plan};
use super::world::{World, after, changes, retrying};
use crate::lifecycle::acts::issue::{Issue, issue};
use crate::lifecycle::credential::Slot;
use crate::lifecycle::device::{Device, DeviceStatus};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, Serial, SessionId};
use crate::lifecycle::request::{EncPlan, Request};
use crate::pki::certificate::spki_of;
use crate::pki::key::Spki;
use crate::store::Loaded;
use crate::store::commit::Write;
use crate::store::session::Session;

/// What a device sends, parsed.
#[derive(Clone, Debug)]
pub struct Confirm {
    pub session: SessionId,
    pub slots: Vec<ProvedSlot>,
    /// By the transport key, where the session has one.
    pub transport_signature: Option<Vec<u8>>,
}

/// A slot with the proof that the device holds its key.
#[derive(Clone, Debug)]
pub struct ProvedSlot {
    pub slot: Slot,
    pub serial: Serial,
    /// ECDSA, SHA-256, DER, over [`signed_message`].
    pub signature: Vec<u8>,
}

/// What the device is answered.
#[derive(Debug)]
pub struct Confirmed {
    pub device: DeviceId,
    pub state: DeviceStatus,
    pub temporary_until: Option<jiff::Timestamp>,
    pub receipt: String,
}

/// What every key of a device signs to confirm.
pub fn signed_message(challenge: &[u8; 32]) -> Vec<u8> {
    [b"msc1 confirm".as_slice(), challenge].concat()
}

/// Confirms a session. The same again gives the same receipt.
pub async fn confirm_issuance(world: &World, device: &AtWork, message: &Confirm) -> Result<Confirmed, Failure> {
    retrying(|| attempt(world, device, message)).await
}

/// Confirms the session of a plain client, if it is one, comes with its `auth`, and lacks nothing.
pub async fn confirm_plain_session(world: &World, device: &AtWork) -> Result<(), Failure> {
    match device.bearer {
        Bearer::Session { .. } => Ok(()),
        Bearer::Auth { .. } => retrying(|| attempt_plainly(world, device)).await,
    }
}

async fn attempt_plainly(world: &World, device: &AtWork) -> Result<(), Failure> {
    let at = device.at_own(world).await?;
    if !at.session.opened.is_plain() || at.session.receipt.is_some() {
        return Ok(());
    }
    let signed = |slot: &Slot| {
        let credential = credential_in(&at.loaded.holdings, &at.request, &at.session, *slot)?;
        credential.certified().map(|_| ConfirmedSlot { slot: *slot, serial: credential.serial, credential: credential.id })
    };
    let Some(confirmed) = plan(&world.policy, &at.request).iter().map(signed).collect::<Option<Vec<_>>>() else {
        return Ok(()); // slots are missing
    };
    finish(world, device, &at, &confirmed).await.map(|_| ())
}

/// A slot whose key the device holds.
struct ConfirmedSlot {
    slot: Slot,
    serial: Serial,
    credential: CredentialId,
}

async fn attempt(world: &World, device: &AtWork, message: &Confirm) -> Result<Confirmed, Failure> {
    if let Bearer::Session { .. } = device.bearer {
        return Err(wrong("a bootstrap certificate", "the auth of this session, which its confirmation proves to be held"));
    }
    let at = device.at(world, message.session).await?;
    if let Some(receipt) = &at.session.receipt {
        return confirmed(&at.loaded.holdings, at.session.device, receipt.clone());
    }

    // 1 verify every proof
    let proved = verify(world, &at.loaded, &at.request, &at.session, message).await?;
    finish(world, device, &at, &proved).await
}

async fn finish(world: &World, device: &AtWork, at: &At, proved: &[ConfirmedSlot]) -> Result<Confirmed, Failure> {
    let (At { loaded, session, request }, now) = (at, world.now());

    // 2 decide
    let act = Issue { request: request.id, session: session.id, confirmed: proved.iter().map(|slot| slot.credential).collect() };
    let mut writes = changes(issue(&loaded.holdings, &world.policy, &act, now)?);

    // 3 keep, with the receipt: from here on the new status is what OCSP says
    let holdings = after(&loaded.holdings, &writes);
    let receipt = world.authority.receipt(&claims(request, session, &holdings, proved, now))?;
    writes.push(Write::Receipt { session: session.id, receipt: receipt.clone() });
    let mut entry = device.entry(world, "issue", session);
    entry.details = json!({ "device": session.device.to_string(), "purpose": request.purpose_word(),
        "serials": proved.iter().map(|slot| slot.serial.to_string()).collect::<Vec<_>>() });
    world.keep("issue", loaded, writes, entry).await?;
    confirmed(&holdings, session.device, receipt)
}

fn confirmed(holdings: &Holdings, device: DeviceId, receipt: String) -> Result<Confirmed, Failure> {
    let device = holdings.devices.get(&device).ok_or_else(|| broken("the device of a session"))?;
    let temporary_until = Device::stand_in(device).map(|stand_in| stand_in.until);
    Ok(Confirmed { device: device.id, state: holdings.device_status(device), temporary_until, receipt })
}

/// Every signature is by the key of the credential that this session made, or collected, for the slot. Gives the proved credentials.
async fn verify(
    world: &World,
    loaded: &Loaded,
    request: &Request,
    session: &Session,
    message: &Confirm,
) -> Result<Vec<ConfirmedSlot>, Failure> {
    let signed = signed_message(&session.challenge);
    // what is no signed credential of this session is passed over: for the act, the slot is missing
    let named = message.slots.iter().filter_map(|slot| {
        let credential = credential_in(&loaded.holdings, request, session, slot.slot)?;
        (credential.serial == slot.serial && credential.certified().is_some()).then_some((slot, credential.id))
    });
    let named: Vec<(&ProvedSlot, CredentialId)> = named.collect();
    let proved: Vec<CredentialId> = named.iter().map(|(_, credential)| *credential).collect();
    let certificates = world.store.certificates(&proved).await?;
    for (slot, credential) in &named {
        let certificate = certificates.get(credential).ok_or_else(|| broken("the certificate of a signed credential"))?;
        let key = spki_of(certificate).ok_or_else(|| broken("a certificate on P-256"))?;
        if !key.verifies(&signed, &slot.signature) {
            return Err(wrong_signature(slot.slot.as_str()));
        }
    }
    if let Some(transport_key) = session.transport_key.as_deref().and_then(Spki::from_der) {
        let is_proved = message.transport_signature.as_ref().is_some_and(|signature| transport_key.verifies(&signed, signature));
        if !is_proved {
            return Err(wrong_signature("transport"));
        }
    }
    Ok(named.into_iter().map(|(proved, credential)| ConfirmedSlot { slot: proved.slot, serial: proved.serial, credential }).collect())
}

fn wrong_signature(slot: &str) -> Failure {
    Failure::invalid(
        "wrong-signature",
        format!(
            "slot: {slot}, found: none, or a signature that is not its key's, expected: one by its key over the challenge of this session"
        ),
    )
}

/// What the receipt says (docs/protocol.md, M6).
fn claims(request: &Request, session: &Session, holdings: &Holdings, proved: &[ConfirmedSlot], now: jiff::Timestamp) -> serde_json::Value {
    let history = request.issuing().and_then(|issuing| issuing.collected.as_ref()).map_or(&[][..], |plan: &EncPlan| &plan.history);
    let history = history.iter().filter_map(|id| holdings.credentials.get(id)).map(|enc| enc.serial.to_string());
    json!({
        "session": session.id.to_string(),
        "device": session.device.to_string(),
        "request": request.id.to_string(),
        "user": session.user.to_string(),
        "slots": proved.iter()
            .map(|slot| json!({ "slot": slot.slot.as_str(), "serial": slot.serial.to_string() })).collect::<Vec<_>>(),
        "history": history.collect::<Vec<_>>(),
        "confirmed_at": now.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::vectors::{b64, b64u, vectors};

    #[test]
    fn what_is_signed_to_confirm_is_what_the_published_vector_says() {
        let vector = &vectors()["confirm"];
        let challenge: [u8; 32] = b64u(vector, "challenge").try_into().unwrap();
        let (message, key) = (signed_message(&challenge), Spki::from_der(&b64(vector, "key_spki")).unwrap());
        assert_eq!(message, b64u(vector, "message"));
        assert!(key.verifies(&message, &b64u(vector, "signature")));
        assert!(!key.verifies(&message, &b64u(vector, "signature_of_the_bare_challenge")));
    }
}
