//! Ask for the private encryption keys of a user (issuance officer; never the user concerned). Nothing is handed over before another
//! officer has approved it.

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::credential::{Credential, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, RecoveryId, Serial};
use crate::lifecycle::recovery::{LIFETIME, Recovery, RecoveryState};
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// An officer asks.
#[derive(Clone, Debug)]
pub struct AskRecovery {
    pub id: RecoveryId,
    pub actor: Actor,
    /// The `enc` certificates whose keys are wanted; every one that was ever issued to the user, if none is named.
    pub serials: Vec<Serial>,
    pub because: String,
    /// DER SubjectPublicKeyInfo of the key that they are to be encrypted to.
    pub recipient: Vec<u8>,
}

/// The recovery, awaiting approval.
pub fn ask_recovery(holdings: &Holdings, act: &AskRecovery, now: Timestamp) -> Result<Recovery, Refusal> {
    let officer = act.actor.operator(Role::IssuanceOfficer)?;
    let encs = wanted(holdings, &act.serials)?;
    if officer.user == Some(holdings.user.id) {
        return Err(Refusal::new(RefusalCode::OwnRequest, "the user concerned", "an officer whom it does not concern"));
    }
    if encs.is_empty() {
        return Err(Refusal::new(RefusalCode::WrongState, "a user without an encryption credential", "one to whom an enc was issued"));
    }
    Ok(Recovery {
        id: act.id,
        user: holdings.user.id,
        encs,
        because: act.because.clone(),
        recipient: act.recipient.clone(),
        asked_by: officer.id,
        asked_as: officer.user,
        asked_at: now,
        expires_at: now + LIFETIME,
        state: RecoveryState::AwaitingApproval,
    })
}

/// What is wanted of what was ever issued, revoked or not, newest first.
fn wanted(holdings: &Holdings, serials: &[Serial]) -> Result<Vec<CredentialId>, Refusal> {
    let mut issued: Vec<&Credential> =
        holdings.credentials.values().filter(|each| each.slot == Slot::Enc && each.issued_at().is_some()).collect();
    issued.sort_by_key(|each| std::cmp::Reverse((each.issued_at(), each.id)));
    for serial in serials {
        if !issued.iter().any(|each| each.serial == *serial) {
            let found = format!("no such encryption credential of this user: {serial}");
            return Err(Refusal::new(RefusalCode::Unknown, found, "the serial of an enc that was issued to the user"));
        }
    }
    let is_wanted = |each: &&Credential| serials.is_empty() || serials.contains(&each.serial);
    Ok(issued.into_iter().filter(is_wanted).map(|each| each.id).collect())
}
