//! Why a device is replaced, and what follows from it: table 2 of lifecycle.md.

use super::credential::RevocationReason;
use super::words::words;

words! {
    /// The reason of a replacement [seed].
    pub enum Reason {
        Damaged = "damaged",
        Expired = "expired",
        Lost = "lost",
        Stolen = "stolen",
        Forgotten = "forgotten",
    }
}

words! {
    /// Why a device ended.
    pub enum EndReason {
        Damaged = "damaged",
        Expired = "expired",
        Lost = "lost",
        Stolen = "stolen",
        /// An operator retired it.
        Retired = "retired",
        /// It was on the line of another device's permanent replacement.
        Replaced = "replaced",
        /// A stand-in whose time was up.
        Lapsed = "lapsed",
        /// It was being provisioned, and was never issued.
        Unissued = "unissued",
    }
}

words! {
    /// Why an operator terminates a device (lifecycle.md §4, terminate).
    pub enum Termination {
        /// It is no longer wanted.
        Retired = "retired",
        Damaged = "damaged",
        Lost = "lost",
        Stolen = "stolen",
    }
}

/// What happens to the `enc` credentials of the target when its replacement is issued.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncFate {
    /// Recovered onto the new device, and resumed.
    Kept,
    /// Revoked for this reason, recovered as history, a new one made.
    Renewed(RevocationReason),
    /// Recovered onto the stand-in, and resumed while it stands in.
    Lent,
}

impl Reason {
    /// Temporary: the target is expected back.
    pub fn is_temporary(self) -> bool {
        matches!(self, Self::Forgotten)
    }

    /// Somebody else may have the keys.
    pub fn exposes_keys(self) -> bool {
        matches!(self, Self::Lost | Self::Stolen)
    }

    /// The worse of this reason and what an operator says of the same device: lost and stolen are worse than the rest.
    pub fn worse(self, said: Termination) -> Self {
        match said {
            Termination::Lost if !self.exposes_keys() => Self::Lost,
            Termination::Stolen if !self.exposes_keys() => Self::Stolen,
            Termination::Lost | Termination::Stolen | Termination::Damaged | Termination::Retired => self,
        }
    }

    /// How the target's own `auth`, `sign` and `card-auth` are revoked when a permanent replacement is issued [seed: table of reasons].
    pub fn revokes_own_with(self) -> RevocationReason {
        match self {
            Self::Lost | Self::Stolen => RevocationReason::KeyCompromise,
            Self::Damaged | Self::Expired | Self::Forgotten => RevocationReason::Superseded,
        }
    }

    /// Why a target that this reason ends has ended; a temporary replacement ends nothing.
    pub fn ends_with(self) -> Option<EndReason> {
        match self {
            Self::Damaged => Some(EndReason::Damaged),
            Self::Expired => Some(EndReason::Expired),
            Self::Lost => Some(EndReason::Lost),
            Self::Stolen => Some(EndReason::Stolen),
            Self::Forgotten => None,
        }
    }
}

impl EndReason {
    /// Somebody else may have the keys: every `enc` that the device carried is compromised.
    pub fn exposes_keys(self) -> bool {
        matches!(self, Self::Lost | Self::Stolen)
    }
}
