//! EST simplereenroll: a device in use replaces a certificate of its own, shortly before it expires. The old certificate says who asks.
//!
//! A client that enrolls by this message what it has not yet (strongSwan sends every request that goes with a client certificate so) is
//! served as M4.

use serde_json::json;

use super::enroll_credential::{certificate, certify, enroll_credential, names_the_user};
use super::failure::{Failure, broken};
use super::identify::{Bearer, wrong};
use super::session::AtWork;
use super::world::{Caller, World, changes, retrying};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::renew::{Renew, Renewal, renew, renewed};
use crate::lifecycle::credential::{CredentialState, Slot};
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::{CredentialId, DeviceId, UserId};
use crate::lifecycle::policy::EvidenceRule;
use crate::lifecycle::request::{Purpose, RequestState};
use crate::pki::request::Request as Csr;
use crate::store::Loaded;
use crate::store::audit::Who;
use crate::store::commit::Write;

/// Renews one slot of the device that asks; gives the DER certificate. The same key again: the same certificate.
pub async fn renew_credential(world: &World, device: &AtWork, slot: Slot, csr: &[u8]) -> Result<Vec<u8>, Failure> {
    let Bearer::Auth { user, device: asking, credential } = device.bearer else {
        return enroll_credential(world, device, slot, csr).await;
    };
    if is_unissued(&world.load(user).await?, asking) {
        return enroll_credential(world, device, slot, csr).await;
    }
    // 1 read and verify the request
    let csr = Csr::read(csr).map_err(|bad| Failure::invalid("bad-csr", bad.to_string()))?;
    let asks = Asks { user, device: asking, shown: credential, source: &device.source };
    retrying(|| attempt(world, &asks, slot, &csr)).await
}

/// Who asks, by which certificate.
struct Asks<'a> {
    user: UserId,
    device: DeviceId,
    shown: CredentialId,
    source: &'a str,
}

/// Whether the device is still being provisioned.
fn is_unissued(loaded: &Loaded, device: DeviceId) -> bool {
    let open = loaded.holdings.requests.values().filter(|request| !matches!(request.purpose, Purpose::Update { .. }));
    let mut issuing = open.filter_map(|request| if let RequestState::Issuing(issuing) = &request.state { Some(issuing) } else { None });
    issuing.any(|issuing| issuing.device == device)
}

async fn attempt(world: &World, asks: &Asks<'_>, slot: Slot, csr: &Csr) -> Result<Vec<u8>, Failure> {
    let loaded = world.load(asks.user).await?;
    let (user, now) = (&loaded.holdings.user, world.now());
    names_the_user(csr, user, &asks.device.to_string())?;

    let kind = loaded.holdings.devices.get(&asks.device).ok_or_else(|| broken("the device of a credential"))?.kind;
    if world.policy.kinds.get(&kind).is_some_and(|kind| kind.evidence == EvidenceRule::Required) {
        return Err(Failure::invalid(
            "evidence-refused",
            "found: a renewal, which no evidence goes with, expected: a replacement; the policy says required",
        ));
    }

    // 2 decide
    let act = Renew { device: asks.device, slot, key: csr.spki.key_id(), new: world.fresh_credential() };
    let decided = renew(&loaded.holdings, &world.policy, &act, now)?;
    if !matches!(decided, Renewal::Already(_)) {
        must_be_good(&loaded, asks.shown)?;
    }
    let caller = Caller { actor: Actor::User(asks.user), who: Who::User(asks.user), source: asks.source.to_owned(), session: None };
    let credential = match decided {
        Renewal::Already(credential) => return certificate(world, credential).await,
        Renewal::Reserve(reserve) => {
            world.keep("reserve-renewal", &loaded, changes(reserve), caller.entry("reserve-renewal", now)).await?;
            return Err(Failure::Conflict); // the holdings have moved on by our own hand: start again from load
        }
        Renewal::Sign(credential) => credential,
    };

    // 3 sign; there is no session whose challenge evidence could be for
    let (certified, der) = certify(world, user, &credential, asks.device, &csr.spki, false)?;

    // 4 keep: from here on the old one is superseded
    let mut entry = caller.entry("renew", now);
    entry.details = json!({ "device": asks.device.to_string(), "slot": slot.as_str(), "serial": credential.serial.to_string() });
    let mut writes = changes(renewed(&loaded.holdings, &world.policy, &credential, certified, now));
    writes.push(Write::Certificate { credential: credential.id, der: der.clone() });
    world.keep("renew", &loaded, writes, entry).await?;
    Ok(der)
}

/// The certificate that the device shows is one that relying parties accept at this moment.
fn must_be_good(loaded: &Loaded, shown: CredentialId) -> Result<(), Failure> {
    let shown = loaded.holdings.credentials.get(&shown).ok_or_else(|| broken("the credential of a certificate"))?;
    let is_issued = matches!(shown.state, CredentialState::Issued { .. });
    if is_issued && loaded.holdings.standing(shown) == Standing::Good {
        return Ok(());
    }
    Err(wrong("an auth certificate that is suspended, revoked or not confirmed", "the auth that the device carries"))
}
