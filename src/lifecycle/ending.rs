//! Endings: as what a device ends, and how what it carries is revoked. Table 2 of lifecycle.md for the target of a replacement; what the
//! operator says for a device that is terminated; nothing but its time for a stand-in that lapses.

use super::credential::RevocationReason;
use super::device::Device;
use super::policy::Policy;
use super::reason::{EncFate, EndReason, Reason, Termination};

/// How a device ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    pub reason: EndReason,
    /// For what is its alone: `auth`, `sign`, `card-auth`.
    pub own: RevocationReason,
    /// For every `enc` that it carries, history too; none where they are kept.
    pub encs: Option<RevocationReason>,
}

impl Ending {
    /// The target of a permanent replacement, by table 2 [seed: table of reasons]. A temporary replacement ends nothing.
    pub fn of_target(policy: &Policy, target: &Device, reason: Reason) -> Option<Self> {
        let encs = match policy.enc_fate(target.kind, reason) {
            EncFate::Renewed(revocation) => Some(revocation),
            EncFate::Kept | EncFate::Lent => None,
        };
        let own = own_revocation(target, reason.exposes_keys(), reason.revokes_own_with());
        reason.ends_with().map(|end| Self { reason: end, own, encs })
    }

    /// A device that an operator terminates, where no replacement of it is open.
    pub fn of_terminated(device: &Device, said: Termination) -> Self {
        let (reason, own) = match said {
            Termination::Retired => (EndReason::Retired, RevocationReason::CessationOfOperation),
            Termination::Damaged => (EndReason::Damaged, RevocationReason::Superseded),
            Termination::Lost => (EndReason::Lost, RevocationReason::KeyCompromise),
            Termination::Stolen => (EndReason::Stolen, RevocationReason::KeyCompromise),
        };
        let encs = reason.exposes_keys().then_some(RevocationReason::KeyCompromise);
        Self { reason, own: own_revocation(device, reason.exposes_keys(), own), encs }
    }

    /// A stand-in whose time is up; by the reason of an open permanent replacement of it where that is worse.
    pub fn of_lapsed(policy: &Policy, stand_in: &Device, open: Option<Reason>) -> Self {
        let lapsed = Self { reason: EndReason::Lapsed, own: RevocationReason::CessationOfOperation, encs: None };
        let worse = open.filter(|reason| reason.exposes_keys());
        worse.and_then(|reason| Self::of_target(policy, stand_in, reason)).unwrap_or(lapsed)
    }

    /// Another device of the line, which was not exposed: a permanent one (an original).
    pub const ORIGINAL_REPLACED: Self = Self { reason: EndReason::Replaced, own: RevocationReason::Superseded, encs: None };

    /// Another device of the line, which was not exposed: a stand-in.
    pub const STAND_IN_REPLACED: Self = Self { reason: EndReason::Replaced, own: RevocationReason::CessationOfOperation, encs: None };
}

/// A stand-in's own credentials are always revoked `cessationOfOperation`, unless it was exposed.
fn own_revocation(device: &Device, is_exposed: bool, by_table: RevocationReason) -> RevocationReason {
    if device.stand_in().is_some() && !is_exposed { RevocationReason::CessationOfOperation } else { by_table }
}
