//! The audit log: one entry an act, written in the same transaction; refusals too.

use jiff::Timestamp;

use crate::lifecycle::ids::{OperatorId, RequestId, SessionId, UserId};

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    pub who: Who,
    /// The act, in the words of lifecycle.md.
    pub act: &'static str,
    /// Whom it concerns.
    pub on_behalf_of: Option<UserId>,
    pub request: Option<RequestId>,
    pub outcome: Outcome,
    /// What else a reader needs, as JSON without secrets.
    pub details: serde_json::Value,
    /// The network address that asked, or `local` for the command line and timed work.
    pub source: String,
}

/// Who acted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// An operator, by the SHA-256 fingerprint of the certificate.
    Operator {
        id: OperatorId,
        fingerprint: String,
    },
    User(UserId),
    /// A device in a provisioning session: the bearer of a ticket.
    Session(SessionId),
    /// Somebody who showed a certificate that is nobody's, by its fingerprint; or nothing.
    Stranger {
        fingerprint: Option<String>,
    },
    /// The administrator at the command line.
    Administrator,
    System,
}

/// How it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Done,
    /// Refused, with the stable code.
    Refused(String),
}
