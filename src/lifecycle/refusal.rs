//! Refusals: an act that a rule forbids. Each says what was found and what was required, and changes nothing.

use super::words::words;

words! {
    /// The stable code of a refusal. Where several would fit, the first of this list is given.
    pub enum RefusalCode {
        /// This role may not, or the object is not this user's.
        NotPermitted = "not-permitted",
        Unknown = "unknown",
        /// Approving or rejecting by the requester or the user concerned.
        OwnRequest = "own-request",
        /// The target is not in use, or is not the user's.
        NotReplaceable = "not-replaceable",
        /// The mode does not fit the kind or the requester.
        WrongMode = "wrong-mode",
        /// A temporary replacement over a temporary arrangement.
        StandIn = "stand-in",
        /// Another replacement is open on the line.
        OpenRequest = "open-request",
        NotApproved = "not-approved",
        NotBound = "not-bound",
        /// The object is not in a state that allows the act.
        WrongState = "wrong-state",
        /// Not blank stock of the right kind, or not the device that is bound or being provisioned.
        NotAvailable = "not-available",
        /// The user has as many devices of the kind as the policy allows.
        LimitReached = "limit-reached",
        /// The device is not of the kind that the ticket is for.
        WrongKind = "wrong-kind",
        /// The ticket has expired.
        InvitationExpired = "invitation-expired",
        /// The ticket died with its request, or a newer one took its place.
        InvitationCanceled = "invitation-canceled",
        /// The session of this ticket has ended.
        InvitationUsed = "invitation-used",
        /// Too many wrong proofs.
        InvitationLocked = "invitation-locked",
        /// The session's request was canceled, or the session given up.
        Canceled = "canceled",
        AlreadyConfirmed = "already-confirmed",
        /// A certificate that is not yet to be renewed.
        TooEarly = "too-early",
        /// The slot is not one that this session enrolls.
        UnknownSlot = "unknown-slot",
        /// Another key has been enrolled in the slot.
        SlotTaken = "slot-taken",
        /// A slot of the plan has no confirmed credential.
        SlotMissing = "slot-missing",
        /// The `enc` credentials that the device should carry have changed since it collected them.
        KeysChanged = "keys-changed",
    }
}

/// A rule that forbids an act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: found: {found}, required: {required}")]
pub struct Refusal {
    pub code: RefusalCode,
    pub found: String,
    pub required: String,
}

impl Refusal {
    pub fn new(code: RefusalCode, found: impl Into<String>, required: impl Into<String>) -> Self {
        Self { code, found: found.into(), required: required.into() }
    }

    /// There is no such thing.
    pub fn unknown(what: &str) -> Self {
        Self::new(RefusalCode::Unknown, format!("no such {what}"), format!("a {what}"))
    }
}
