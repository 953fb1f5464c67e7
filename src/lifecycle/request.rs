//! Requests: each asks for one device to be issued or updated.
//!
//! ```text
//! by user ─► awaiting-approval ─┬─ approve ─► approved ─► (bound) ─► issuing ─► issued
//! by operator ──────────────────┼──────────────► ┘ └────────┘ ◄─ abandon ┘
//!                               └─ reject ─► rejected       cancel, anywhere before issued ─► canceled
//! ```

use jiff::Timestamp;

use super::device::DeviceKind;
use super::ids::{CredentialId, DeviceId, OperatorId, RequestId, SessionId, UserId};
use super::reason::Reason;
use super::refusal::{Refusal, RefusalCode};
use super::words::words;

words! {
    /// How a device is provisioned [seed].
    pub enum Mode {
        /// An issuance officer personalizes it.
        Local = "local",
        /// The user enrolls it at the portal.
        SelfEnrollment = "self-enrollment",
        /// The user issues onto the phone, from anywhere.
        Remote = "remote",
    }
}

impl Mode {
    /// The modes that fit a kind: remote is for mobile smart cards only [seed].
    pub fn fitting(kind: DeviceKind) -> &'static [Self] {
        match kind {
            DeviceKind::SmartCard => &[Self::Local, Self::SelfEnrollment],
            DeviceKind::MobileSmartCard => &[Self::Local, Self::SelfEnrollment, Self::Remote],
            DeviceKind::MobileApp => &[Self::SelfEnrollment],
        }
    }
}

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub id: RequestId,
    /// The kind of the device that is issued or updated.
    pub kind: DeviceKind,
    pub purpose: Purpose,
    pub requester: Requester,
    pub opened_at: Timestamp,
    pub state: RequestState,
}

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requester {
    Operator(OperatorId),
    User(UserId),
    /// Updates are opened by the act that makes them necessary.
    System,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purpose {
    Initial { mode: Mode },
    Replacement { mode: Mode, reason: Reason, line: Line },
    Update { device: DeviceId },
}

/// The devices that a replacement is about, fixed when it was submitted: what ends when it is issued does not change with what happens
/// in between (lifecycle.md §4, submit 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The device that the target stands in for, if it was in use.
    pub original: Option<DeviceId>,
    pub target: DeviceId,
    /// The stand-in in use for the target.
    pub stand_in: Option<DeviceId>,
}

impl Line {
    pub fn devices(&self) -> impl Iterator<Item = DeviceId> {
        [self.original, Some(self.target), self.stand_in].into_iter().flatten()
    }
}

/// Where a request is; each state carries its facts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RequestState {
    AwaitingApproval,
    Approved,
    Bound { device: DeviceId },
    Issuing(Issuing),
    Issued { device: DeviceId, at: Timestamp },
    Rejected { at: Timestamp },
    Canceled { at: Timestamp },
}

/// A provisioning session at work on a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issuing {
    pub session: SessionId,
    pub device: DeviceId,
    pub since: Timestamp,
    /// The `enc` credentials that the device has collected in this session, once it has.
    pub collected: Option<EncPlan>,
}

/// Which `enc` credentials a device is to carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncPlan {
    /// To encrypt to.
    pub current: CredentialId,
    /// To read old mail with, newest first.
    pub history: Vec<CredentialId>,
}

impl RequestState {
    /// The word for it, the same in every layer.
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::AwaitingApproval => "awaiting-approval",
            Self::Approved => "approved",
            Self::Bound { .. } => "bound",
            Self::Issuing(_) => "issuing",
            Self::Issued { .. } => "issued",
            Self::Rejected { .. } => "rejected",
            Self::Canceled { .. } => "canceled",
        }
    }

    /// Neither issued, rejected nor canceled.
    pub fn is_open(&self) -> bool {
        match self {
            Self::AwaitingApproval | Self::Approved | Self::Bound { .. } | Self::Issuing(_) => true,
            Self::Issued { .. } | Self::Rejected { .. } | Self::Canceled { .. } => false,
        }
    }
}

impl Request {
    pub fn is_open(&self) -> bool {
        self.state.is_open()
    }

    pub fn mode(&self) -> Option<Mode> {
        match &self.purpose {
            Purpose::Initial { mode } | Purpose::Replacement { mode, .. } => Some(*mode),
            Purpose::Update { .. } => None,
        }
    }

    /// The reason and the line of a replacement.
    pub fn replacement(&self) -> Option<(Reason, &Line)> {
        match &self.purpose {
            Purpose::Replacement { reason, line, .. } => Some((*reason, line)),
            Purpose::Initial { .. } | Purpose::Update { .. } => None,
        }
    }

    /// A user's self-enrollment of a kind that comes from stock needs a device that an officer bound [seed]; an operator's does not.
    pub(super) fn is_bound_if_it_must(&self) -> Result<(), Refusal> {
        let must = self.kind.is_stock() && self.mode() == Some(Mode::SelfEnrollment) && matches!(self.requester, Requester::User(_));
        if must && self.state == RequestState::Approved {
            return Err(Refusal::new(RefusalCode::NotBound, "approved, and no device bound", "a device that an issuance officer bound"));
        }
        Ok(())
    }

    /// The session at work, if one is.
    pub fn issuing(&self) -> Option<&Issuing> {
        match &self.state {
            RequestState::Issuing(issuing) => Some(issuing),
            _ => None,
        }
    }

    /// The word for the purpose.
    pub fn purpose_word(&self) -> &'static str {
        match &self.purpose {
            Purpose::Initial { .. } => "initial",
            Purpose::Replacement { .. } => "replacement",
            Purpose::Update { .. } => "update",
        }
    }
}
