//! Collect the keys of a recovery that is approved (the issuance officer who asked), once.

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::recovery::{Recovery, RecoveryState, RecoveryStatus};
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// The keys are handed over.
pub fn collect_recovery(recovery: &Recovery, actor: &Actor, now: Timestamp) -> Result<RecoveryState, Refusal> {
    let officer = actor.operator(Role::IssuanceOfficer)?;
    if officer.id != recovery.asked_by {
        return Err(Refusal::new(RefusalCode::NotPermitted, "another officer", "the officer who asked"));
    }
    match (recovery.state, recovery.status(now)) {
        (RecoveryState::Approved { decided }, RecoveryStatus::Approved) => Ok(RecoveryState::Collected { decided, at: now }),
        (_, status) => Err(Refusal::new(RefusalCode::WrongState, status.as_str(), RecoveryStatus::Approved.as_str())),
    }
}
