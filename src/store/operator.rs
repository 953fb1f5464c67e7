//! Operators: the people at the desk, with the roles that their record gives them.

use jiff::Timestamp;

use crate::lifecycle::actor::Operator;

/// An operator's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRecord {
    pub operator: Operator,
    /// When the record was closed; nobody acts under it any more.
    pub ended_at: Option<Timestamp>,
}
