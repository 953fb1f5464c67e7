//! What can go wrong with a phone, sorted by who must act.
//!
//! No message repeats a secret, and text that came from a server is shortened and stripped of control characters before it is shown.

use std::time::Duration;

use crate::message::Message;
use crate::station::CardError;
use crate::wire::WireError;

/// Why a command ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum PhoneError {
    /// The person at the phone must ask for something else: wrong PIN, malformed invitation, a card that is already there.
    #[error("{0}")]
    Usage(String),

    /// The server understood and said no. `code` is the stable word of the protocol, `detail` is for people.
    /// A refusal in the TLS handshake has status 0 and the code `tls-alert`.
    #[error("{message}: refused: {code}: {detail}{}", attempts(*.attempts_left))]
    Refused { message: Message, status: u16, code: String, detail: String, attempts_left: Option<u64> },

    /// The server answers, but not now (429 and 5xx).
    #[error("{message}: the server cannot do this now: {code}: {detail}; run again to continue")]
    Busy { message: Message, status: u16, code: String, detail: String, retry_after_s: Option<u64> },

    /// No complete reply arrived. It is unknown whether the server acted.
    #[error("{message}: {source}; run again to continue")]
    Unreachable { message: Message, source: WireError },

    /// The reply arrived, but what it shows does not hold: a foreign authority, a wrong proof, a key that is not its certificate's.
    #[error("{message}: the server is not to be believed: {reason}")]
    Untrusted { message: Message, reason: String },

    /// The physical card in the reader did not do what it should.
    #[error(transparent)]
    Card(#[from] CardError),

    /// The phone's own storage failed.
    #[error("cannot keep the phone's state: {0}")]
    Storage(#[from] std::io::Error),
}

impl PhoneError {
    /// What it means for the phone that no reply arrived: nobody there, somebody who does not want it, or somebody else.
    pub(crate) fn without_reply(message: Message, source: WireError) -> Self {
        match source {
            WireError::Alert(alert) => {
                let detail = format!("the server does not accept this client certificate: {alert:?}");
                Self::Refused { message, status: 0, code: "tls-alert".to_owned(), detail, attempts_left: None }
            }
            WireError::Tls(error) => Self::Untrusted { message, reason: format!("TLS: {error}") },
            source => Self::Unreachable { message, source },
        }
    }

    /// The protocol's stable word for the refusal, where the server gave one.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::Refused { code, .. } | Self::Busy { code, .. } => Some(code),
            Self::Usage(_) | Self::Unreachable { .. } | Self::Untrusted { .. } | Self::Card(_) | Self::Storage(_) => None,
        }
    }

    /// When the server said that it may be asked again, if it did.
    pub fn wait(&self) -> Option<Duration> {
        match self {
            Self::Busy { retry_after_s, .. } => retry_after_s.map(Duration::from_secs),
            Self::Usage(_)
            | Self::Refused { .. }
            | Self::Unreachable { .. }
            | Self::Untrusted { .. }
            | Self::Card(_)
            | Self::Storage(_) => None,
        }
    }

    /// Whether running the same command again may get further.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Busy { .. } | Self::Unreachable { .. })
    }
}

fn attempts(left: Option<u64>) -> String {
    left.map(|left| format!("; attempts left: {left}")).unwrap_or_default()
}

/// A check on something that the server sent has failed. It becomes [`PhoneError::Untrusted`] where the message is known.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Distrust(pub String);

impl Distrust {
    pub(crate) fn because(reason: impl Into<String>) -> Self {
        Self(reason.into())
    }

    pub(crate) fn at(self, message: Message) -> PhoneError {
        PhoneError::Untrusted { message, reason: self.0 }
    }
}

impl From<crate::encoding::Malformed> for Distrust {
    fn from(error: crate::encoding::Malformed) -> Self {
        Self(error.to_string())
    }
}

/// A foreign text, fit to be shown on one line of a terminal.
pub(crate) fn presentable(text: &str) -> String {
    const LIMIT: usize = 300;
    text.trim().chars().take(LIMIT).map(|c| if c.is_control() { ' ' } else { c }).collect()
}
