//! Who acts, and in which role. Whether somebody is who they say was settled before; here only what they may.

use std::collections::BTreeSet;

use super::ids::{OperatorId, UserId};
use super::refusal::{Refusal, RefusalCode};
use super::words::words;

words! {
    /// What an operator may do (lifecycle.md §5). One person may hold several roles.
    pub enum Role {
        HelpDesk = "help-desk",
        ValidationOfficer = "validation-officer",
        IssuanceOfficer = "issuance-officer",
        Auditor = "auditor",
    }
}

/// Somebody at the desk, with the roles of their record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operator {
    pub id: OperatorId,
    pub name: String,
    pub roles: BTreeSet<Role>,
    /// The same person as a user, if they are one: nobody approves what concerns themselves.
    pub user: Option<UserId>,
}

/// Who acts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Actor {
    Operator(Operator),
    User(UserId),
    /// Timed work.
    System,
}

impl Actor {
    /// The operator, if they have this role; everybody else is refused.
    pub fn operator(&self, role: Role) -> Result<&Operator, Refusal> {
        match self {
            Self::Operator(operator) if operator.roles.contains(&role) => Ok(operator),
            Self::Operator(_) | Self::User(_) | Self::System => Err(self.not_permitted(role.as_str())),
        }
    }

    /// Refuses everybody but an operator with this role.
    pub fn must_be(&self, role: Role) -> Result<(), Refusal> {
        self.operator(role).map(|_| ())
    }

    /// Refuses everybody but timed work.
    pub fn must_be_system(&self) -> Result<(), Refusal> {
        match self {
            Self::System => Ok(()),
            Self::Operator(_) | Self::User(_) => Err(self.not_permitted("the system")),
        }
    }

    /// The refusal of an act that this actor may not do.
    pub fn not_permitted(&self, required: &str) -> Refusal {
        Refusal::new(RefusalCode::NotPermitted, self.described(), required)
    }

    fn described(&self) -> String {
        match self {
            Self::Operator(operator) if operator.roles.is_empty() => "an operator without a role".to_owned(),
            Self::Operator(operator) => operator.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", "),
            Self::User(_) => "user".to_owned(),
            Self::System => "system".to_owned(),
        }
    }
}
