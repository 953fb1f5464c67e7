//! Service certificates: what the issuing CA signs that is nobody's credential. Every one is on record, so that OCSP can answer for it.

use jiff::Timestamp;

use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::ids::{OperatorId, Serial};

/// A certificate of the issuing CA that is nobody's credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceCertificate {
    pub serial: Serial,
    /// The common name of its subject.
    pub name: String,
    /// The operator whom it identifies, if it is an operator's.
    pub operator: Option<OperatorId>,
    pub reserved_at: Timestamp,
    pub not_after: Timestamp,
    pub revoked: Option<(Timestamp, RevocationReason)>,
}
