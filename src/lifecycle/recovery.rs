//! Recoveries: officers get at the private encryption keys of a user, for mail that must be read although its reader is gone. It takes two
//! of them and a reason, and it changes nothing of what the user holds.
//!
//! ```text
//! ask (issuance officer) ─► awaiting-approval ─┬─ approve (validation officer) ─► approved ─ collect (who asked) ─► collected
//!                                  │           └─ refuse  (validation officer) ─► refused      │
//!                                  └──────────────────── after seven days ─► [expired] ◄───────┘
//! ```

use jiff::{SignedDuration, Timestamp};

use super::ids::{CredentialId, OperatorId, RecoveryId, UserId};
use super::words::words;

/// How long a recovery may take from being asked to being collected. Our choice: long enough for a colleague who is away, short enough that
/// nobody collects what everybody has forgotten.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(7 * 24);

/// A recovery of private encryption keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovery {
    pub id: RecoveryId,
    /// Whose keys.
    pub user: UserId,
    /// Which keys, newest first, as they were when it was asked: what is approved is what is handed over.
    pub encs: Vec<CredentialId>,
    /// Why, in the words of who asked.
    pub because: String,
    /// DER SubjectPublicKeyInfo of the key that they are encrypted to.
    pub recipient: Vec<u8>,
    pub asked_by: OperatorId,
    /// The same person as a user, if they are one: who has two records is still one person.
    pub asked_as: Option<UserId>,
    pub asked_at: Timestamp,
    pub expires_at: Timestamp,
    pub state: RecoveryState,
}

/// What has become of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RecoveryState {
    AwaitingApproval,
    Approved { decided: Decided },
    Refused { decided: Decided },
    Collected { decided: Decided, at: Timestamp },
}

/// Who decided on it, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decided {
    pub by: OperatorId,
    pub at: Timestamp,
}

words! {
    /// How a recovery stands now.
    pub enum RecoveryStatus {
        AwaitingApproval = "awaiting-approval",
        Approved = "approved",
        Refused = "refused",
        Collected = "collected",
        /// Read off the clock, never stored.
        Expired = "expired",
    }
}

impl Recovery {
    /// How it stands at `now`.
    pub fn status(&self, now: Timestamp) -> RecoveryStatus {
        match self.state {
            RecoveryState::Refused { .. } => RecoveryStatus::Refused,
            RecoveryState::Collected { .. } => RecoveryStatus::Collected,
            RecoveryState::AwaitingApproval | RecoveryState::Approved { .. } if now >= self.expires_at => RecoveryStatus::Expired,
            RecoveryState::AwaitingApproval => RecoveryStatus::AwaitingApproval,
            RecoveryState::Approved { .. } => RecoveryStatus::Approved,
        }
    }
}
