//! Approve or refuse a recovery (validation officer). Never the officer who asked, also not under another record, and never the user
//! concerned: no single person gets at the keys of another.

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Operator, Role};
use crate::lifecycle::recovery::{Decided, Recovery, RecoveryState, RecoveryStatus};
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// The keys may be collected from now on.
pub fn approve_recovery(recovery: &Recovery, actor: &Actor, now: Timestamp) -> Result<RecoveryState, Refusal> {
    Ok(RecoveryState::Approved { decided: decide(recovery, actor, now)? })
}

/// Nobody will collect them.
pub fn refuse_recovery(recovery: &Recovery, actor: &Actor, now: Timestamp) -> Result<RecoveryState, Refusal> {
    Ok(RecoveryState::Refused { decided: decide(recovery, actor, now)? })
}

fn decide(recovery: &Recovery, actor: &Actor, now: Timestamp) -> Result<Decided, Refusal> {
    let officer = actor.operator(Role::ValidationOfficer)?;
    not_their_own(recovery, officer)?;
    match recovery.status(now) {
        RecoveryStatus::AwaitingApproval => Ok(Decided { by: officer.id, at: now }),
        status => Err(Refusal::new(RefusalCode::WrongState, status.as_str(), RecoveryStatus::AwaitingApproval.as_str())),
    }
}

fn not_their_own(recovery: &Recovery, officer: &Operator) -> Result<(), Refusal> {
    let own = |found: &str| Err(Refusal::new(RefusalCode::OwnRequest, found, "an officer whom it does not concern"));
    if officer.id == recovery.asked_by || (officer.user.is_some() && officer.user == recovery.asked_as) {
        return own("the officer who asked");
    }
    if officer.user == Some(recovery.user) {
        return own("the user concerned");
    }
    Ok(())
}
