//! How a command ends when it does not end well: one line for a person, and a status for a script that says who must act.

use std::path::Path;

use mobile_sim::alarm::AlarmError;
use mobile_sim::fleet::FleetError;
use mobile_sim::station::CardError;
use mobile_sim::wire::WireError;
use mobile_sim::{PhoneError, StatusError};

/// Who must act.
#[derive(Clone, Copy)]
pub enum Ending {
    Refused = 1,
    Usage = 2,
    /// Nobody: running the same again may get further.
    NotNow = 3,
    Untrusted = 4,
}

/// A command that did not reach its end.
pub struct Failure {
    pub ending: Ending,
    pub text: String,
}

impl Failure {
    pub fn usage(text: impl Into<String>) -> Self {
        Self { ending: Ending::Usage, text: text.into() }
    }

    pub fn unreadable(file: &Path, error: impl std::fmt::Display) -> Self {
        Self::usage(format!("cannot read {}: {error}", file.display()))
    }

    pub fn unwritable(folder: &Path, error: impl std::fmt::Display) -> Self {
        Self::usage(format!("cannot write to {}: {error}", folder.display()))
    }
}

impl From<PhoneError> for Failure {
    fn from(error: PhoneError) -> Self {
        let ending = match &error {
            PhoneError::Refused { .. } => Ending::Refused,
            PhoneError::Card(CardError::Gone(_)) => Ending::NotNow,
            PhoneError::Usage(_) | PhoneError::Card(_) | PhoneError::Storage(_) => Ending::Usage,
            PhoneError::Busy { .. } | PhoneError::Unreachable { .. } => Ending::NotNow,
            PhoneError::Untrusted { .. } => Ending::Untrusted,
        };
        Self { ending, text: error.to_string() }
    }
}

impl From<FleetError> for Failure {
    fn from(error: FleetError) -> Self {
        let ending = match &error {
            FleetError::Wire(source) => ending_of(source),
            FleetError::Refused { status, .. } if *status == 429 || *status >= 500 => Ending::NotNow,
            FleetError::Refused { .. } => Ending::Refused,
            FleetError::Invitation(_) => Ending::Untrusted,
            FleetError::Worker => Ending::Usage,
        };
        Self { ending, text: error.to_string() }
    }
}

impl From<StatusError> for Failure {
    fn from(error: StatusError) -> Self {
        let ending = match &error {
            StatusError::BadUrl(_) | StatusError::BadAuthorities(_) | StatusError::NotTheirs(_) => Ending::Usage,
            StatusError::Wire(source) => ending_of(source),
            StatusError::Http(_) | StatusError::NoAnswer(_) if error.is_transient() => Ending::NotNow,
            StatusError::Http(_) | StatusError::NoAnswer(_) => Ending::Refused,
            StatusError::Untrusted(_) => Ending::Untrusted,
        };
        Self { ending, text: error.to_string() }
    }
}

impl From<AlarmError> for Failure {
    fn from(error: AlarmError) -> Self {
        match error {
            AlarmError::Desk(error) => error.into(),
            AlarmError::Status(error) => error.into(),
            AlarmError::Unexpected(_) => Self { ending: Ending::Refused, text: error.to_string() },
        }
    }
}

fn ending_of(error: &WireError) -> Ending {
    match error {
        WireError::BadAuthority(_) | WireError::BadRoots | WireError::BadRequest(_) => Ending::Usage,
        WireError::Connect { .. } | WireError::TimedOut | WireError::Broken(_) | WireError::ReplyLost => Ending::NotNow,
        WireError::Alert(_) => Ending::Refused,
        WireError::Tls(_) | WireError::TooLarge(_) | WireError::BadJson(_) => Ending::Untrusted,
    }
}
