//! Issue: the device confirms that it holds every key of the plan. Only this changes the world (lifecycle.md §4, issue).

use jiff::{SignedDuration, Timestamp};

use super::collect::may_receive;
use super::enroll::is_generated_on_device;
use crate::lifecycle::change::{Carried, Change};
use crate::lifecycle::credential::{CredentialState, RevocationReason, Slot};
use crate::lifecycle::device::StandIn;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::enc::{CurrentEnc, wanted_encs};
use crate::lifecycle::ending::Ending;
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, RequestId, SessionId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{EncPlan, Issuing, Line, Purpose, Request, RequestState};

/// A device confirms.
#[derive(Clone, Debug)]
pub struct Issue {
    pub request: RequestId,
    pub session: SessionId,
    /// The credentials whose keys it has proved to hold.
    pub confirmed: Vec<CredentialId>,
}

/// Makes the device active, and everything that follows from it, in one list of changes.
pub fn issue(holdings: &Holdings, policy: &Policy, act: &Issue, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let (request, issuing) = may_receive(holdings, act.request, act.session)?;
    let own = confirmed_own(holdings, policy, request, issuing, &act.confirmed)?;
    let encs = confirmed_encs(holdings, policy, request, issuing, act, now)?;

    let mut draft = Draft::on(holdings, policy, now);
    for credential in own {
        draft.make(Change::CredentialIssued { credential, at: now });
        draft.make(Change::CarriedAs { device: issuing.device, credential, carried: Carried::Current });
    }
    if let Some(encs) = &encs {
        take_encs(&mut draft, issuing.device, encs);
    }
    draft.drop_unconfirmed(issuing.device);
    match &request.purpose {
        Purpose::Initial { .. } => draft.make(Change::DeviceIssued { device: issuing.device, at: now, stand_in: None }),
        Purpose::Update { .. } => {}
        Purpose::Replacement { reason, line, .. } => replace(&mut draft, request, issuing.device, *reason, line),
    }
    draft.move_request(request.id, RequestState::Issued { device: issuing.device, at: now });
    draft.end_orphans();
    draft.open_updates(request.id.0);
    Ok(draft.finish())
}

/// The new credential of every slot whose key the device generates; refused while one is missing.
fn confirmed_own(
    holdings: &Holdings,
    policy: &Policy,
    request: &Request,
    issuing: &Issuing,
    confirmed: &[CredentialId],
) -> Result<Vec<CredentialId>, Refusal> {
    if matches!(request.purpose, Purpose::Update { .. }) {
        return Ok(Vec::new());
    }
    let slots = policy.slots(request.kind).iter().filter(|slot| is_generated_on_device(**slot));
    slots
        .map(|slot| {
            let signed = holdings
                .unconfirmed_for(issuing.device)
                .find(|credential| credential.slot == *slot && matches!(credential.state, CredentialState::Signed { .. }));
            signed.map(|credential| credential.id).filter(|id| confirmed.contains(id)).ok_or_else(|| missing(*slot))
        })
        .collect()
}

/// The `enc` credentials that the device is to carry as of now; refused unless they are those that it has collected and confirmed.
fn confirmed_encs(
    holdings: &Holdings,
    policy: &Policy,
    request: &Request,
    issuing: &Issuing,
    act: &Issue,
    now: Timestamp,
) -> Result<Option<EncPlan>, Refusal> {
    let Some(wanted) = wanted_encs(holdings, policy, request, now) else {
        return Ok(None);
    };
    let Some(collected) = &issuing.collected else {
        return Err(missing(Slot::Enc));
    };
    let is_current = match wanted.current {
        CurrentEnc::Existing(current) => collected.current == current,
        CurrentEnc::New => holdings.unconfirmed_for(issuing.device).any(|credential| credential.id == collected.current),
    };
    if !is_current || collected.history != wanted.history {
        return Err(Refusal::new(RefusalCode::KeysChanged, "encryption keys that were collected earlier", "those of this moment"));
    }
    if !act.confirmed.contains(&collected.current) {
        return Err(missing(Slot::Enc));
    }
    Ok(Some(collected.clone()))
}

fn missing(slot: Slot) -> Refusal {
    Refusal::new(RefusalCode::SlotMissing, format!("no confirmed credential in {slot}"), "one in every slot of the plan")
}

/// The device carries its current `enc`, and every other that was ever issued to the user as history.
fn take_encs(draft: &mut Draft, device: DeviceId, encs: &EncPlan) {
    if draft.holdings.credentials.get(&encs.current).is_some_and(|enc| enc.is_unconfirmed()) {
        draft.make(Change::CredentialIssued { credential: encs.current, at: draft.now });
    }
    draft.make(Change::CarriedAs { device, credential: encs.current, carried: Carried::Current });
    for credential in &encs.history {
        draft.make(Change::CarriedAs { device, credential: *credential, carried: Carried::History });
    }
}

fn replace(draft: &mut Draft, request: &Request, device: DeviceId, reason: Reason, line: &Line) {
    let target = draft.holdings.devices.get(&line.target);
    match target.and_then(|target| Ending::of_target(draft.policy, target, reason)) {
        None => {
            let until = end_of_stand_in(draft.now, draft.policy.stand_in_lifetime);
            let stand_in = StandIn { original: line.target, arrangement: request.id, until };
            draft.make(Change::DeviceIssued { device, at: draft.now, stand_in: Some(stand_in) });
            lend(draft, request.id, device);
        }
        Some(ending) => {
            draft.make(Change::DeviceIssued { device, at: draft.now, stand_in: None });
            end_line(draft, ending, line);
            draft.lift_holds_of(Cause::Replacement(request.id), |_| true);
        }
    }
}

fn end_of_stand_in(now: Timestamp, lifetime: SignedDuration) -> Timestamp {
    now.checked_add(lifetime).unwrap_or(Timestamp::MAX)
}

/// The target stays invalid; this request's hold is lifted from every `enc` that the stand-in carries, history too.
fn lend(draft: &mut Draft, request: RequestId, stand_in: DeviceId) {
    let lent = draft.encs_of(stand_in);
    draft.lift_holds_of(Cause::Replacement(request), |held| match held {
        Held::Credential(credential) => lent.contains(credential),
        Held::Device(_) => false,
    });
}

/// A permanent replacement ends the target, the original behind it and the stand-in before it, as far as they are still in use
/// [seed: rule 4]. What the target carries is treated by table 2, also when the target was terminated before.
fn end_line(draft: &mut Draft, ending: Ending, line: &Line) {
    supersede_expired(draft, line.target);
    draft.end_device(line.target, ending);
    if let Some(original) = line.original {
        draft.end_device(original, Ending::ORIGINAL_REPLACED);
    }
    if let Some(stand_in) = line.stand_in {
        draft.end_device(stand_in, Ending::STAND_IN_REPLACED);
    }
}

/// An `enc` that is kept, if it has not expired itself; else it is renewed (lifecycle.md §2, expired): the one that it was is revoked, so that
/// every device that carries it is brought up to date.
fn supersede_expired(draft: &mut Draft, target: DeviceId) {
    let has_expired = |enc: &CredentialId| draft.holdings.credentials.get(enc).is_some_and(|enc| enc.has_expired(draft.now));
    let expired: Vec<_> = draft.encs_of(target).into_iter().filter(has_expired).collect();
    for enc in expired {
        draft.revoke(enc, RevocationReason::Superseded);
    }
}
