//! Recovery by officers: an issuance officer asks for the private encryption keys of a user, with a reason; a validation officer, who is
//! somebody else, decides; then the first collects them, once, encrypted to a key of theirs. The user is written to when that happens.

use serde_json::json;

use super::create_user::is_plain;
use super::deliver_encryption_key::Delivery;
use super::enroll_credential::certificate;
use super::escrow::withdraw;
use super::failure::{Failure, broken};
use super::letters::{recovered_letter, recovery_asked_letter};
use super::world::{Caller, World, retrying};
use crate::lifecycle::actor::Role;
use crate::lifecycle::acts::ask_recovery::{AskRecovery, ask_recovery};
use crate::lifecycle::acts::collect_recovery::collect_recovery;
use crate::lifecycle::acts::decide_recovery::{approve_recovery, refuse_recovery};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, RecoveryId, Serial, UserId};
use crate::lifecycle::recovery::{Recovery, RecoveryState};
use crate::lifecycle::refusal::Refusal;
use crate::pki::cms;
use crate::pki::key::{Spki, hex, sha256};
use crate::pki::request::Request as Csr;
use crate::store::Loaded;
use crate::store::audit::Entry;
use crate::store::commit::Write;

/// How long a reason is, in characters: an officer who decides must be able to judge it.
const REASON: std::ops::RangeInclusive<usize> = 10..=500;
/// How many keys one recovery names.
const SERIALS: usize = 100;

/// What an officer asks for.
#[derive(Clone, Debug)]
pub struct NewRecovery {
    pub user: UserId,
    pub because: String,
    /// DER request, signed by the key to which the keys are to be encrypted.
    pub recipient: Vec<u8>,
    /// Which keys; all, if none is named.
    pub serials: Vec<Serial>,
}

/// A recovery, with the serials of its keys.
#[derive(Clone, Debug)]
pub struct RecoveryTold {
    pub recovery: Recovery,
    pub serials: Vec<Serial>,
}

/// Asks for a recovery (issuance officer).
pub async fn ask(world: &World, caller: &Caller, new: &NewRecovery) -> Result<RecoveryTold, Failure> {
    let mut entry = caller.entry("ask-recovery", world.now());

    // 1 who may, before the user is looked up
    world.unless_refused(caller.actor.must_be(Role::IssuanceOfficer), &entry).await?;

    // 2 a reason, and a key whose possession is proven
    is_reason(&new.because)?;
    if new.serials.len() > SERIALS {
        return Err(Failure::invalid("malformed", format!("serials: found: {}, expected: at most {SERIALS}", new.serials.len())));
    }
    let recipient = Csr::read(&new.recipient).map_err(|bad| Failure::invalid("bad-csr", format!("recipient: {bad}")))?.spki;
    entry.on_behalf_of = Some(new.user);
    entry.details = json!({ "because": new.because, "recipient": fingerprint(recipient.as_der()) });

    retrying(|| async {
        // 3 load and decide
        let loaded = world.load(new.user).await?;
        let act = AskRecovery {
            id: RecoveryId(world.fresh_id()),
            actor: caller.actor.clone(),
            serials: new.serials.clone(),
            because: new.because.clone(),
            recipient: recipient.as_der().to_vec(),
        };
        let decided = ask_recovery(&loaded.holdings, &act, world.now());
        let recovery = world.unless_refused(decided, &entry).await?;

        // 4 keep, and write to the officers
        let told = told(&loaded.holdings, recovery.clone())?;
        let mut entry = entry.clone();
        entry.details = details(&told, &recovery.because);
        let mut writes = vec![Write::Recovery(recovery)];
        writes.extend(recovery_asked_letter(world, &loaded.holdings)?);
        world.keep("ask-recovery", &loaded, writes, entry).await?;
        Ok(told)
    })
    .await
}

/// Approves a recovery (validation officer, not the one who asked).
pub async fn approve(world: &World, caller: &Caller, id: RecoveryId) -> Result<RecoveryTold, Failure> {
    retrying(|| async {
        let found = found(world, caller, "approve-recovery", Role::ValidationOfficer, id).await?;
        let decided = approve_recovery(&found.told.recovery, &caller.actor, found.entry.at);
        let to = world.unless_refused(decided, &found.entry).await?;
        found.keep(world, "approve-recovery", to, Vec::new()).await
    })
    .await
}

/// Refuses a recovery (validation officer, not the one who asked).
pub async fn refuse(world: &World, caller: &Caller, id: RecoveryId, because: Option<&str>) -> Result<RecoveryTold, Failure> {
    retrying(|| async {
        let mut found = found(world, caller, "refuse-recovery", Role::ValidationOfficer, id).await?;
        if let Some(because) = because {
            found.entry.details["refused_because"] = json!(because);
        }
        let decided = refuse_recovery(&found.told.recovery, &caller.actor, found.entry.at);
        let to = world.unless_refused(decided, &found.entry).await?;
        found.keep(world, "refuse-recovery", to, Vec::new()).await
    })
    .await
}

/// Collects the keys (the issuance officer who asked), once: what is kept first is that they were handed over.
pub async fn collect(world: &World, caller: &Caller, id: RecoveryId) -> Result<(RecoveryTold, Vec<Delivery>), Failure> {
    retrying(|| async {
        // 1 decide
        let found = found(world, caller, "collect-recovery", Role::IssuanceOfficer, id).await?;
        let decided = collect_recovery(&found.told.recovery, &caller.actor, found.entry.at);
        let to = world.unless_refused(decided, &found.entry).await?;

        // 2 open every key and encrypt it to the officer: one that does not open stops all
        let mut keys = Vec::with_capacity(found.told.recovery.encs.len());
        for enc in &found.told.recovery.encs {
            keys.push(recovered(world, &found, *enc).await?);
        }

        // 3 keep, and write to the user
        let letter = recovered_letter(world, &found.loaded.holdings, keys.len())?;
        let told = found.keep(world, "collect-recovery", to, vec![letter]).await?;
        Ok((told, keys))
    })
    .await
}

async fn recovered(world: &World, found: &Found, enc: CredentialId) -> Result<Delivery, Failure> {
    let held = &found.loaded.holdings;
    let credential = held.credentials.get(&enc).ok_or_else(|| broken("an enc credential"))?;
    let recipient = Spki::from_der(&found.told.recovery.recipient).ok_or_else(|| broken("the recipient of a recovery"))?;
    let private_key = withdraw(world, held.user.id, credential).await?;
    let (signer, signer_cert) = world.authority.delivery_signer();
    let enveloped = cms::recover_key(&private_key, &recipient, signer_cert, signer, world.entropy.as_ref())?;
    Ok(Delivery { serial: credential.serial, certificate: certificate(world, enc).await?, enveloped })
}

/// One recovery, for an officer.
pub async fn look_up(world: &World, caller: &Caller, id: RecoveryId) -> Result<RecoveryTold, Failure> {
    officers_only(world, caller).await?;
    let recovery = world.store.recovery(id).await?.ok_or(Failure::missing("recovery"))?;
    let held = world.load(recovery.user).await?.holdings;
    told(&held, recovery)
}

/// Recoveries, newest first, for an officer; of one user, or of all.
pub async fn list(
    world: &World,
    caller: &Caller,
    of: Option<UserId>,
    after: Option<RecoveryId>,
    limit: u32,
) -> Result<Vec<RecoveryTold>, Failure> {
    officers_only(world, caller).await?;
    let mut list = Vec::new();
    for recovery in world.store.recoveries(of, after, limit).await? {
        let held = world.load(recovery.user).await?.holdings;
        list.push(told(&held, recovery)?);
    }
    Ok(list)
}

/// A reason may be delicate: only those who ask and decide read it here.
async fn officers_only(world: &World, caller: &Caller) -> Result<(), Failure> {
    if [Role::IssuanceOfficer, Role::ValidationOfficer].into_iter().any(|role| caller.actor.must_be(role).is_ok()) {
        return Ok(());
    }
    let refusal = caller.actor.not_permitted("issuance-officer or validation-officer");
    world.unless_refused(Err(refusal), &caller.entry("list-recoveries", world.now())).await
}

/// A recovery that somebody acts on, with all that its user holds.
struct Found {
    told: RecoveryTold,
    loaded: Loaded,
    entry: Entry,
}

/// The role, before the recovery is looked up; then the recovery, and its user.
async fn found(world: &World, caller: &Caller, act: &'static str, role: Role, id: RecoveryId) -> Result<Found, Failure> {
    let mut entry = caller.entry(act, world.now());
    entry.details = json!({ "recovery": id.to_string() });
    world.unless_refused(caller.actor.must_be(role), &entry).await?;
    let Some(recovery) = world.store.recovery(id).await? else {
        return world.unless_refused(Err(Refusal::unknown("recovery")), &entry).await;
    };
    let loaded = world.load(recovery.user).await?;
    let told = told(&loaded.holdings, recovery)?;
    entry.on_behalf_of = Some(told.recovery.user);
    entry.details = details(&told, &told.recovery.because);
    Ok(Found { told, loaded, entry })
}

impl Found {
    /// Keeps what was decided; gives the recovery as it is then.
    async fn keep(&self, world: &World, name: &'static str, to: RecoveryState, letters: Vec<Write>) -> Result<RecoveryTold, Failure> {
        let mut told = self.told.clone();
        let mut writes = vec![Write::RecoveryMoved { recovery: told.recovery.id, to }];
        writes.extend(letters);
        world.keep(name, &self.loaded, writes, self.entry.clone()).await?;
        told.recovery.state = to;
        Ok(told)
    }
}

fn told(held: &Holdings, recovery: Recovery) -> Result<RecoveryTold, Failure> {
    let serial = |enc: &CredentialId| held.credentials.get(enc).map(|enc| enc.serial).ok_or_else(|| broken("an enc credential"));
    let serials = recovery.encs.iter().map(serial).collect::<Result<_, _>>()?;
    Ok(RecoveryTold { recovery, serials })
}

/// What the audit log tells of a recovery.
fn details(told: &RecoveryTold, because: &str) -> serde_json::Value {
    json!({
        "recovery": told.recovery.id.to_string(),
        "because": because,
        "serials": told.serials.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "recipient": fingerprint(&told.recovery.recipient),
    })
}

/// Which key it is: SHA-256 of its DER SubjectPublicKeyInfo, lower-case hexadecimal.
pub fn fingerprint(spki: &[u8]) -> String {
    hex(&sha256(spki))
}

fn is_reason(because: &str) -> Result<(), Failure> {
    let length = because.chars().count();
    if !REASON.contains(&length) || because.chars().any(char::is_control) {
        let (least, most) = (REASON.start(), REASON.end());
        let detail = format!("because: found: {length} characters, expected: {least} to {most} printable ones");
        return Err(Failure::invalid("malformed", detail));
    }
    is_plain("because", because)
}
