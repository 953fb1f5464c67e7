//! Policy: what an administrator decides, within what the rules allow. It is read elsewhere; here are its meaning and its bounds.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;

use super::credential::{RevocationReason, Slot};
use super::device::DeviceKind;
use super::reason::{EncFate, Reason};
use super::words::words;

/// What the rules are told by the administrator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub kinds: BTreeMap<DeviceKind, KindPolicy>,
    pub invitation: InvitationPolicy,
    /// How long a stand-in stands in.
    pub stand_in_lifetime: SignedDuration,
    /// How long a provisioning session may take before it is given up.
    pub session_lifetime: SignedDuration,
    /// How long before its end a device may renew a certificate of its own.
    pub renewal_window: SignedDuration,
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
    pub key: KeyKind,
    pub evidence: EvidenceRule,
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
    /// Whether a plain EST client may redeem a ticket with its bare secret (HTTP Basic): no proof of the connection, lower assurance.
    pub plain_bootstrap: bool,
}

words! {
    /// The kind of key that a slot holds.
    pub enum KeyKind {
        /// ECC on P-256: the only one that the product makes and accepts (SP 800-78-5 allows it for every PIV key).
        P256 = "p-256",
    }
}

words! {
    /// Whether the hardware of a device must vouch for the keys that it generates.
    pub enum EvidenceRule {
        /// Nobody looks.
        None = "none",
        /// What is shown is judged and recorded.
        Recorded = "recorded",
        /// Without good evidence there is no certificate.
        Required = "required",
    }
}

/// A policy that the rules do not allow.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PolicyFault {
    #[error("slot listed twice: {slot}")]
    RepeatedSlot { kind: DeviceKind, slot: Slot },
    #[error("expected: slot auth, with which the device confirms and syncs")]
    NoAuth { kind: DeviceKind },
    #[error("renews enc for: {reason}, expected: damaged or expired, as the rules decide the others")]
    NotRenewable { kind: DeviceKind, reason: Reason },
    #[error("found: {min} to {max} digits, expected: at least 4, at most 16, and the lower first")]
    PinLength { kind: DeviceKind, min: u32, max: u32 },
    #[error("found: 0, expected: more than zero")]
    NotPositive { key: String },
}

impl PolicyFault {
    /// The key of the policy file that is to be changed.
    pub fn key(&self) -> String {
        match self {
            Self::RepeatedSlot { kind, .. } | Self::NoAuth { kind } => format!("kind.{kind}.slots"),
            Self::NotRenewable { kind, .. } => format!("kind.{kind}.enc"),
            Self::PinLength { kind, .. } => format!("kind.{kind}.pin"),
            Self::NotPositive { key } => key.clone(),
        }
    }
}

impl Policy {
    /// Refuses what the rules do not allow. Keeping the `enc` of a lost or stolen device cannot even be written here.
    pub fn check(&self) -> Result<(), PolicyFault> {
        for (kind, policy) in &self.kinds {
            policy.check(*kind)?;
        }
        let positive = [
            ("invitation.lifetime_minutes", self.invitation.lifetime.is_positive()),
            ("invitation.attempts", self.invitation.attempts > 0),
            ("stand_in_days", self.stand_in_lifetime.is_positive()),
            ("renewal_days", self.renewal_window.is_positive()),
            ("session_hours", self.session_lifetime.is_positive()),
            ("escalation_hours", self.escalation.is_none_or(|after| after.is_positive())),
        ];
        match positive.into_iter().find(|(_, is_positive)| !is_positive) {
            Some((key, _)) => Err(PolicyFault::NotPositive { key: key.to_owned() }),
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
        for (name, value) in [("limit", self.limit), ("pin", self.pin.attempts)] {
            if value == 0 {
                return Err(PolicyFault::NotPositive { key: format!("kind.{kind}.{name}") });
            }
        }
        match self.renews_enc.iter().find(|reason| !matches!(reason, Reason::Damaged | Reason::Expired)) {
            Some(reason) => Err(PolicyFault::NotRenewable { kind, reason: *reason }),
            None => Ok(()),
        }
    }
}
