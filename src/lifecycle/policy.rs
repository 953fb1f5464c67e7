//! Policy: what an administrator decides, within what the rules allow. It is read elsewhere; here are its meaning and its bounds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::credential::{RevocationReason, Slot};
use super::device::DeviceKind;
use super::reason::{EncFate, Reason};

/// What the rules are told by the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub kinds: BTreeMap<DeviceKind, KindPolicy>,
    pub invitation: InvitationPolicy,
    /// How long a stand-in stands in.
    pub stand_in_lifetime: SignedDuration,
    /// How long a provisioning session may take before it is given up.
    pub session_lifetime: SignedDuration,
    /// Whether users themselves may ask for remote issuance (default no).
    pub users_may_issue_remotely: bool,
    /// Whether an initial issuance waits for a validation officer (default no).
    pub validate_initial: bool,
    /// Whether a replacement by an operator waits for a validation officer too (default no: it is approved by being submitted [seed]).
    pub validate_replacements: bool,
    /// Whether who requested a request, or is concerned by it, may not bind or personalize under it (default no).
    pub separate_issuer: bool,
    /// After how long a lost or stolen device is terminated, if its replacement has not been issued; never, if none.
    pub escalation: Option<SignedDuration>,
}

/// What one kind of device carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KindPolicy {
    /// In the order in which a device enrolls them.
    pub slots: Vec<Slot>,
    /// The reasons for which `enc` is renewed although table 2 keeps it. A policy cannot say the opposite.
    pub renews_enc: BTreeSet<Reason>,
    pub pin: PinPolicy,
    /// How many devices of this kind a user may have, in use or requested.
    pub limit: u32,
}

/// What a device demands of the PIN under which it stores its keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PinPolicy {
    pub min_digits: u32,
    pub max_digits: u32,
    pub attempts: u32,
}

/// How tickets are given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvitationPolicy {
    pub lifetime: SignedDuration,
    /// Wrong proofs that are forgiven before the ticket locks.
    pub attempts: u32,
    /// Whether an 8-digit code reaches the user by another way.
    pub second_channel: bool,
    /// Whether invitations are sent by mail; else they are shown on the operator's screen only.
    pub by_mail: bool,
}

/// A policy that the rules do not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    #[error("policy for {kind}: slot listed twice: {slot}")]
    RepeatedSlot { kind: DeviceKind, slot: Slot },
    #[error("policy for {kind}: expected: slot auth, with which the device confirms and syncs")]
    NoAuth { kind: DeviceKind },
    #[error("policy for {kind}: renews enc for: {reason}, expected: damaged or expired, as the rules decide the others")]
    NotRenewable { kind: DeviceKind, reason: Reason },
    #[error("policy for {kind}: pin: found: {min} to {max} digits, expected: at least 4, at most 16, and the lower first")]
    PinLength { kind: DeviceKind, min: u32, max: u32 },
    #[error("policy: {what}: expected: more than zero")]
    NotPositive { what: &'static str },
}

impl Policy {
    /// Refuses what the rules do not allow. Keeping the `enc` of a lost or stolen device cannot even be written here.
    pub fn check(&self) -> Result<(), PolicyFault> {
        for (kind, policy) in &self.kinds {
            policy.check(*kind)?;
        }
        let lifetimes = [
            ("invitation lifetime", self.invitation.lifetime),
            ("lifetime of a stand-in", self.stand_in_lifetime),
            ("lifetime of a session", self.session_lifetime),
        ];
        match lifetimes.into_iter().find(|(_, lifetime)| !lifetime.is_positive()) {
            Some((what, _)) => Err(PolicyFault::NotPositive { what }),
            None if self.invitation.attempts == 0 => Err(PolicyFault::NotPositive { what: "attempts of an invitation" }),
            None => Ok(()),
        }
    }

    /// The slots of a kind, in the order in which a device enrolls them; none where the policy does not issue the kind.
    pub fn slots(&self, kind: DeviceKind) -> &[Slot] {
        self.kinds.get(&kind).map_or(&[], |policy| &policy.slots)
    }

    /// What happens to the `enc` credentials of a target [seed: table of reasons; lifecycle.md §2], where the policy is not stricter.
    pub fn enc_fate(&self, kind: DeviceKind, reason: Reason) -> EncFate {
        let renews = self.kinds.get(&kind).is_some_and(|policy| policy.renews_enc.contains(&reason));
        match reason {
            Reason::Lost | Reason::Stolen => EncFate::Renewed(RevocationReason::KeyCompromise),
            Reason::Damaged | Reason::Expired if renews => EncFate::Renewed(RevocationReason::Superseded),
            Reason::Damaged | Reason::Expired => EncFate::Kept,
            Reason::Forgotten => EncFate::Lent,
        }
    }
}

impl KindPolicy {
    fn check(&self, kind: DeviceKind) -> Result<(), PolicyFault> {
        for (position, slot) in self.slots.iter().enumerate() {
            if self.slots[..position].contains(slot) {
                return Err(PolicyFault::RepeatedSlot { kind, slot: *slot });
            }
        }
        if !self.slots.contains(&Slot::Auth) {
            return Err(PolicyFault::NoAuth { kind });
        }
        let PinPolicy { min_digits: min, max_digits: max, .. } = self.pin;
        if !(4..=max).contains(&min) || max > 16 {
            return Err(PolicyFault::PinLength { kind, min, max });
        }
        match self.renews_enc.iter().find(|reason| !matches!(reason, Reason::Damaged | Reason::Expired)) {
            Some(reason) => Err(PolicyFault::NotRenewable { kind, reason: *reason }),
            None => Ok(()),
        }
    }
}
