//! M4: a device shows a key that it generated, and receives a certificate for it, on hold until it confirms.

use jiff::SignedDuration;
use serde_json::{Value, json};

use super::confirm_issuance::confirm_plain_session;
use super::failure::{Failure, broken};
use super::session::{At, AtWork};
use super::world::{World, changes, retrying};
use crate::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, signed};
use crate::lifecycle::credential::{Certified, Credential, KeyId, Slot};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId};
use crate::lifecycle::policy::EvidenceRule;
use crate::lifecycle::refusal::RefusalCode;
use crate::lifecycle::user::User;
use crate::pki::attestation::{EvidenceFault, Proven};
use crate::pki::authority::Certify;
use crate::pki::certificate::Period;
use crate::pki::key::Spki;
use crate::pki::name::Holder;
use crate::pki::request::Request as Csr;
use crate::store::commit::Write;

/// Clocks of phones and relying parties differ a little: certificates are valid from so long before now.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// Enrolls one slot of the session; gives the DER certificate. The same key again: the same certificate.
pub async fn enroll_credential(world: &World, device: &AtWork, slot: Slot, csr: &[u8]) -> Result<Vec<u8>, Failure> {
    // 1 read and verify the request
    let csr = Csr::read(csr).map_err(|bad| Failure::invalid("bad-csr", bad.to_string()))?;
    let certificate = retrying(|| attempt(world, device, slot, &csr)).await?;
    confirm_plain_session(world, device).await?;
    Ok(certificate)
}

async fn attempt(world: &World, device: &AtWork, slot: Slot, csr: &Csr) -> Result<Vec<u8>, Failure> {
    // 2 the slot of the plan, its serial on record
    let At { loaded, session, request } = device.at_own(world).await?;
    names_the_user(csr, &loaded.holdings.user, &session.id.to_string())?;
    let act = Enroll { request: request.id, session: session.id, slot, key: csr.spki.key_id() };
    let credential = match enroll(&loaded.holdings, &act) {
        Ok(Enrollment::Already(credential)) => return certificate(world, credential).await,
        Ok(Enrollment::Sign(credential)) => credential,
        // a plain client knows no receipt: it repeats what it sent last
        Err(refusal) if refusal.code == RefusalCode::AlreadyConfirmed && session.opened.is_plain() => {
            let carried = issued(&loaded.holdings, session.device, slot, csr.spki.key_id()).ok_or(refusal)?;
            return certificate(world, carried).await;
        }
        Err(refusal) => return Err(refusal.into()),
    };

    // 3 what vouches for the key
    let evidence = judge(world, request.kind, csr, &session.challenge)?;

    // 4 sign
    let is_proven = matches!(evidence, Some(Ok(_)));
    let (certified, der) = certify(world, &loaded.holdings.user, &credential, session.device, &csr.spki, is_proven)?;

    // 5 keep; a key that was seen before is refused here
    let mut entry = device.entry(world, "enroll", &session);
    entry.details = json!({ "slot": slot.as_str(), "serial": credential.serial.to_string() });
    if let Some(evidence) = &evidence {
        entry.details["evidence"] = told(evidence);
    }
    let mut writes = changes(signed(credential.id, certified));
    writes.push(Write::Certificate { credential: credential.id, der: der.clone() });
    world.keep("enroll", &loaded, writes, entry).await?;
    Ok(der)
}

/// What the device showed for its key, judged as far as the policy asks for it; nothing where it asks for nothing.
pub(super) fn judge(
    world: &World,
    kind: DeviceKind,
    csr: &Csr,
    challenge: &[u8],
) -> Result<Option<Result<Proven, EvidenceFault>>, Failure> {
    let rule = world.policy.kinds.get(&kind).map_or(EvidenceRule::None, |kind| kind.evidence);
    let judged = || match &csr.evidence {
        Some(chain) => world.evidence.judge(chain, &csr.spki, challenge, world.now()),
        None => Err(EvidenceFault { found: "no evidence".to_owned(), expected: "an Android key attestation in the request" }),
    };
    match (rule, judged) {
        (EvidenceRule::None, _) => Ok(None),
        (EvidenceRule::Recorded, judged) => Ok(Some(judged())),
        (EvidenceRule::Required, judged) => match judged() {
            Ok(proven) => Ok(Some(Ok(proven))),
            Err(fault) => Err(Failure::invalid("evidence-refused", format!("evidence: {fault}"))),
        },
    }
}

/// The same for the audit log.
fn told(evidence: &Result<Proven, EvidenceFault>) -> Value {
    match evidence {
        Ok(proven) => json!({ "level": proven.level.as_str(), "patch_level": proven.patch_level }),
        Err(fault) => json!({ "level": "none", "reason": fault.to_string() }),
    }
}

/// The issued credential of a slot of a device, if it is for this key.
fn issued(holdings: &Holdings, device: DeviceId, slot: Slot, key: KeyId) -> Option<CredentialId> {
    let mut carried = holdings.carried_by(device).map(|(credential, _)| credential).filter(|credential| credential.slot == slot);
    carried.find(|credential| credential.certified().is_some_and(|certified| certified.key == key)).map(|credential| credential.id)
}

/// Signs the certificate of a credential whose serial is on record; the names are the directory's.
pub(super) fn certify(
    world: &World,
    user: &User,
    credential: &Credential,
    device: DeviceId,
    spki: &Spki,
    is_proven: bool,
) -> Result<(Certified, Vec<u8>), Failure> {
    let profile = world.profiles.get(credential.slot);
    let Period { not_before, not_after } = world.authority.period(profile, world.now() - BACKDATED);
    let holder = Holder::from(user);
    let der = world.authority.certify(&Certify {
        profile,
        spki,
        holder: &holder,
        device_urn: Some(device.0),
        is_proven,
        serial: credential.serial,
        not_before,
        not_after,
    })?;
    Ok((Certified { key: spki.key_id(), not_before, not_after }, der))
}

pub(super) async fn certificate(world: &World, credential: CredentialId) -> Result<Vec<u8>, Failure> {
    let mut found = world.store.certificates(&[credential]).await?;
    found.remove(&credential).ok_or_else(|| broken("the certificate of a signed credential"))
}

/// A request may be silent about the name; if it speaks, it names the user (docs/protocol.md, M4).
pub(super) fn names_the_user(csr: &Csr, user: &User, own: &str) -> Result<(), Failure> {
    match csr.common_name.as_deref() {
        None | Some("") => Ok(()),
        Some(name) if [user.name.as_str(), &user.email, &user.upn, own].contains(&name) => Ok(()),
        Some(name) => {
            let found: String = name.chars().take(80).collect();
            Err(Failure::invalid("bad-csr", format!("subject: found: CN={found}, expected: the user's name, or none")))
        }
    }
}
