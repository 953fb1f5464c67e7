//! Users: the people who hold devices, as the directory names them.

use super::directory::Attributes;
use super::ids::UserId;

/// The person who holds devices (the cardholder). These are the only names that ever reach a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: String,
    /// User principal name: what they log on with.
    pub upn: String,
    pub attributes: Attributes,
}
