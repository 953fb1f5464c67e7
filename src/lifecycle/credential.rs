//! Credentials: one certificate and its private key, and where it is in its life.
//!
//! ```text
//! reserved ─► signed ─► issued ─► revoked        holds decide active | suspended; the clock decides expired
//!     └──────────┴──────────────────►┘
//! ```
//!
//! *Reserved* means that the serial is on record and nothing else: the certificate may have been signed by a server that died
//! before it could say so. Until a credential is issued, relying parties are shown `certificateHold` for it.

use jiff::Timestamp;

use super::ids::{CredentialId, DeviceId, Serial};
use super::words::words;

words! {
    /// Where a credential sits on a card (SP 800-73-5 part 1 §3.1).
    pub enum Slot {
        /// PIV authentication, 9A. Generated on one device, never leaves it.
        Auth = "auth",
        /// Digital signature, 9C. Generated on one device, never leaves it.
        Sign = "sign",
        /// Key management, 9D: decrypts mail. The only slot whose credential is ever shared, recovered or kept as history.
        Enc = "enc",
        /// Card authentication, 9E: without a PIN. Only where the policy asks for it.
        CardAuth = "card-auth",
    }
}

words! {
    /// Why a credential was revoked, in the words of RFC 5280 §5.3.1 that lifecycle.md uses.
    pub enum RevocationReason {
        KeyCompromise = "key-compromise",
        Superseded = "superseded",
        CessationOfOperation = "cessation-of-operation",
    }
}

words! {
    /// What a credential is for the people who look at it: its state, and for an issued one what the clock and its holds make of it.
    pub enum CredentialStatus {
        Reserved = "reserved",
        Signed = "signed",
        Active = "active",
        /// At least one hold stands on it.
        Suspended = "suspended",
        Expired = "expired",
        Revoked = "revoked",
    }
}

/// SHA-256 of a DER SubjectPublicKeyInfo: which key this is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyId(pub [u8; 32]);

/// One certificate and its private key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    pub id: CredentialId,
    pub slot: Slot,
    pub serial: Serial,
    /// The device for which it was made; others that carry it recovered it later.
    pub made_for: DeviceId,
    pub state: CredentialState,
}

/// Where a credential is in its life; each state carries its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialState {
    /// The serial is on record; no certificate has left the server.
    Reserved { at: Timestamp },
    /// The certificate exists and its device has not yet confirmed it.
    Signed { certified: Certified },
    /// Confirmed by a device: usable while no hold stands on it and it has not expired.
    Issued { certified: Certified, at: Timestamp },
    /// The end. `certified` is absent where nothing had been signed; `issued_at` where nobody ever confirmed it.
    Revoked { certified: Option<Certified>, issued_at: Option<Timestamp>, at: Timestamp, reason: RevocationReason },
}

/// What signing fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Certified {
    pub key: KeyId,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

impl Credential {
    /// What signing fixed, once there is a certificate.
    pub fn certified(&self) -> Option<&Certified> {
        match &self.state {
            CredentialState::Reserved { .. } => None,
            CredentialState::Signed { certified } | CredentialState::Issued { certified, .. } => Some(certified),
            CredentialState::Revoked { certified, .. } => certified.as_ref(),
        }
    }

    /// Usable in the sense of lifecycle.md §4: issued, neither revoked nor expired; holds do not count.
    pub fn is_usable(&self, now: Timestamp) -> bool {
        match &self.state {
            CredentialState::Issued { certified, .. } => now < certified.not_after,
            CredentialState::Reserved { .. } | CredentialState::Signed { .. } | CredentialState::Revoked { .. } => false,
        }
    }

    /// Issued and not revoked, and its time is up.
    pub fn has_expired(&self, now: Timestamp) -> bool {
        matches!(&self.state, CredentialState::Issued { certified, .. } if now >= certified.not_after)
    }

    pub fn is_revoked(&self) -> bool {
        matches!(self.state, CredentialState::Revoked { .. })
    }

    /// Reserved or signed: made for a device that has not confirmed it.
    pub fn is_unconfirmed(&self) -> bool {
        matches!(self.state, CredentialState::Reserved { .. } | CredentialState::Signed { .. })
    }

    /// When a device confirmed it, also if it has been revoked since.
    pub fn issued_at(&self) -> Option<Timestamp> {
        match &self.state {
            CredentialState::Issued { at, .. } => Some(*at),
            CredentialState::Revoked { issued_at, .. } => *issued_at,
            CredentialState::Reserved { .. } | CredentialState::Signed { .. } => None,
        }
    }
}

impl CredentialState {
    /// The state after its device confirmed it; only a signed credential can be.
    pub(super) fn issued(self, at: Timestamp) -> Self {
        match self {
            Self::Signed { certified } => Self::Issued { certified, at },
            other => other,
        }
    }

    /// The state after revocation. The first revocation stands: revoked is final.
    pub(super) fn revoked(self, at: Timestamp, reason: RevocationReason) -> Self {
        match self {
            Self::Reserved { .. } => Self::Revoked { certified: None, issued_at: None, at, reason },
            Self::Signed { certified } => Self::Revoked { certified: Some(certified), issued_at: None, at, reason },
            Self::Issued { certified, at: issued_at } => {
                Self::Revoked { certified: Some(certified), issued_at: Some(issued_at), at, reason }
            }
            revoked @ Self::Revoked { .. } => revoked,
        }
    }
}
