//! Devices: what holds credentials, and where it is in its life.
//!
//! ```text
//! available ⇄ assigned ─► issued ─► terminated      holds decide active | suspended | invalid
//!                 └─────────────────────►┘          (a phone whose provisioning was given up)
//! ```

use jiff::Timestamp;

use super::ids::{DeviceId, RequestId};
use super::reason::EndReason;
use super::words::words;

words! {
    /// What sort of device.
    pub enum DeviceKind {
        SmartCard = "smart-card",
        /// A PIV card that lives in a phone app, managed exactly like a physical card.
        MobileSmartCard = "mobile-smart-card",
        /// A phone or tablet that holds mobile app certificates; no PIN application of its own.
        MobileApp = "mobile-app",
    }
}

impl DeviceKind {
    /// Somebody hands it out, so it is known before anybody owns it. A phone or tablet is bound by enrolling.
    pub fn is_stock(self) -> bool {
        matches!(self, Self::SmartCard)
    }
}

words! {
    /// What a device is for the people who look at it: its state, and for one in use what its holds make of it.
    pub enum DeviceStatus {
        Available = "available",
        Assigned = "assigned",
        Active = "active",
        /// The help desk holds it.
        Suspended = "suspended",
        /// A replacement request holds it [seed].
        Invalid = "invalid",
        Terminated = "terminated",
    }
}

/// A device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: DeviceId,
    pub kind: DeviceKind,
    /// The maker's serial number. Two devices of this list can have the same: a phone that is issued to again is a new device.
    pub serial: String,
    pub model: String,
    /// What its user calls it.
    pub name: String,
    pub state: DeviceState,
}

/// Where a device is in its life; each state carries its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeviceState {
    /// Blank stock, nobody's.
    Available,
    /// Bound to a request: from stock, or by enrolling.
    Assigned {
        request: RequestId,
    },
    Issued {
        at: Timestamp,
        stand_in: Option<StandIn>,
    },
    /// The end. `issued_at` and `stand_in` are what it was before.
    Terminated {
        at: Timestamp,
        reason: EndReason,
        issued_at: Option<Timestamp>,
        stand_in: Option<StandIn>,
    },
}

/// The mark of a temporary device: for whom it stands in, and until when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StandIn {
    pub original: DeviceId,
    /// The temporary request that made it: the *arrangement*.
    pub arrangement: RequestId,
    pub until: Timestamp,
}

impl Device {
    /// Issued and not terminated, also when held.
    pub fn is_in_use(&self) -> bool {
        matches!(self.state, DeviceState::Issued { .. })
    }

    /// For whom this device stands in, or stood in before it ended.
    pub fn stand_in(&self) -> Option<&StandIn> {
        match &self.state {
            DeviceState::Issued { stand_in, .. } | DeviceState::Terminated { stand_in, .. } => stand_in.as_ref(),
            DeviceState::Available | DeviceState::Assigned { .. } => None,
        }
    }
}

impl DeviceState {
    /// The state after its end. The first end stands: terminated is final.
    pub(super) fn terminated(self, at: Timestamp, reason: EndReason) -> Self {
        match self {
            Self::Available | Self::Assigned { .. } => Self::Terminated { at, reason, issued_at: None, stand_in: None },
            Self::Issued { at: issued_at, stand_in } => Self::Terminated { at, reason, issued_at: Some(issued_at), stand_in },
            terminated @ Self::Terminated { .. } => terminated,
        }
    }
}
