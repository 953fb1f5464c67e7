//! Why a workflow did not do what was asked, by who must act: the asker (a rule, the input), nobody but again (a conflict), or us.

use crate::lifecycle::refusal::Refusal;
use crate::pki::certificate::CertifyError;
use crate::pki::cms::CmsError;
use crate::pki::escrow::EscrowError;
use crate::pki::key::KeyError;
use crate::store::StoreError;

/// Why nothing was done.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// A rule forbids it.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// There is no such thing.
    #[error("no such {what}")]
    Missing { code: &'static str, what: &'static str },
    /// The input is not what it must be; the code is stable.
    #[error("{detail}")]
    Invalid { code: &'static str, detail: String },
    /// A wrong proof of an invitation's secret was shown.
    #[error("wrong proof, attempts left: {attempts_left}")]
    WrongProof { attempts_left: u32 },
    /// Too often in a row.
    #[error("found: too many wrong ones in a row, expected: again in {seconds} seconds")]
    Wait { seconds: u32 },
    /// Somebody else changed the same user's holdings at the same moment, again and again.
    #[error("others kept changing the same user's holdings")]
    Conflict,
    /// We cannot; the source is for our log only.
    #[error("unavailable")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Failure {
    pub fn invalid(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Invalid { code, detail: detail.into() }
    }

    pub fn missing(what: &'static str) -> Self {
        Self::Missing { code: "unknown", what }
    }

    /// The stable code, where there is one.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Refused(refusal) => refusal.code.as_str(),
            Self::Missing { code, .. } | Self::Invalid { code, .. } => code,
            Self::WrongProof { .. } => "wrong-proof",
            Self::Wait { .. } => "too-many-requests",
            Self::Conflict => "conflict",
            Self::Unavailable(_) => "unavailable",
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Conflict => Self::Conflict,
            StoreError::Duplicate { what: "key" } => key_seen_before(),
            StoreError::Duplicate { what } => Self::Invalid { code: "duplicate", detail: format!("{what} is taken") },
            error @ (StoreError::Busy | StoreError::Unavailable(_)) => Self::Unavailable(error.into()),
        }
    }
}

impl From<KeyError> for Failure {
    fn from(error: KeyError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<CertifyError> for Failure {
    fn from(error: CertifyError) -> Self {
        match error {
            CertifyError::Name { .. } => Self::invalid("malformed", error.to_string()),
            CertifyError::Lacks { .. } => Self::invalid("directory-incomplete", error.to_string()),
            other => Self::Unavailable(other.into()),
        }
    }
}

impl From<EscrowError> for Failure {
    fn from(error: EscrowError) -> Self {
        Self::Unavailable(error.into())
    }
}

impl From<CmsError> for Failure {
    fn from(error: CmsError) -> Self {
        Self::Unavailable(error.into())
    }
}

/// A key that was shown in another place or by another device.
pub fn key_seen_before() -> Failure {
    Failure::invalid("key-seen-before", "found: a key that has been seen before, expected: a fresh key for each slot")
}

/// A row that our own invariants promise is not there.
pub fn broken(what: &'static str) -> Failure {
    Failure::Unavailable(format!("the database lacks what it must hold: {what}").into())
}
