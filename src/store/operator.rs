//! Operators: the people at the desk, with the roles that their record gives them.

use std::collections::BTreeSet;

use jiff::Timestamp;

use super::Store;
use super::certificate::{self, ServiceCertificate};
use super::column::{Millis, time_if_any};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, Text, query};
use crate::lifecycle::actor::{Operator, Role};
use crate::lifecycle::ids::{OperatorId, Serial};

/// An operator's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OperatorRecord {
    pub operator: Operator,
    /// When the record was closed; nobody acts under it any more.
    pub ended_at: Option<Timestamp>,
}

/// The columns of an operator, for the rest of the statement to follow.
macro_rules! operators {
    ($rest:literal) => {
        Text { sqlite: operators!("group_concat(role)", $rest), postgres: operators!("string_agg(role, ',')", $rest) }
    };
    ($roles:literal, $rest:literal) => {
        concat!(
            "SELECT operators.id, operators.name, operators.user_id, operators.ended_at, (SELECT ",
            $roles,
            " FROM operator_roles WHERE operator_roles.operator_id = operators.id) AS roles",
            $rest
        )
    };
}

impl Store {
    pub async fn operator(&self, operator: OperatorId) -> Result<Option<OperatorRecord>, StoreError> {
        let found = query(operators!(" FROM operators WHERE id = ?")).bind(operator);
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }

    pub async fn operator_by_name(&self, name: &str) -> Result<Option<OperatorRecord>, StoreError> {
        let found = query(operators!(" FROM operators WHERE name = ?")).bind(name);
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }

    /// The serials of an operator's certificates that are not revoked.
    pub async fn certificates_of_operator(&self, operator: OperatorId) -> Result<Vec<Serial>, StoreError> {
        let found = query("SELECT serial FROM service_certificates WHERE operator_id = ? AND revoked_at IS NULL").bind(operator);
        Ok(found.column(&self.readers).await?)
    }

    /// The operator whom a certificate identifies, and what is on record of the certificate.
    pub async fn operator_of_certificate(&self, serial: Serial) -> Result<Option<(OperatorRecord, ServiceCertificate)>, StoreError> {
        let found = query(operators!(
            ", serial, service_certificates.name AS subject, operator_id, reserved_at, not_after, revoked_at, revocation_reason \
             FROM service_certificates JOIN operators ON operators.id = operator_id WHERE serial = ?"
        ))
        .bind(serial)
        .fetch_optional(&self.readers)
        .await?;
        let read_both = |row: Row| Ok::<_, sqlx::Error>((read(&row)?, certificate::read(&row)?));
        Ok(found.map(read_both).transpose()?)
    }
}

pub(super) fn add(script: &mut Script, record: &OperatorRecord, at: Timestamp) {
    let operator = &record.operator;
    script
        .run("INSERT INTO operators (id, name, user_id, added_at, ended_at) VALUES (?, ?, ?, ?, ?)")
        .bind(operator.id)
        .bind(&operator.name)
        .bind(operator.user)
        .bind(Millis(at))
        .bind(record.ended_at.map(Millis));
    for role in &operator.roles {
        script.run("INSERT INTO operator_roles (operator_id, role) VALUES (?, ?)").bind(operator.id).bind(role);
    }
}

pub(super) fn end(script: &mut Script, operator: OperatorId, at: Timestamp) {
    script.hit("UPDATE operators SET ended_at = ? WHERE id = ? AND ended_at IS NULL").bind(Millis(at)).bind(operator);
}

fn read(row: &Row) -> Result<OperatorRecord, sqlx::Error> {
    let roles: Option<String> = row.try_get("roles")?;
    let roles: Result<BTreeSet<Role>, _> = roles.iter().flat_map(|roles| roles.split(',')).map(str::parse).collect();
    Ok(OperatorRecord {
        operator: Operator {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            roles: roles.map_err(|error| sqlx::Error::Decode(error.into()))?,
            user: row.try_get("user_id")?,
        },
        ended_at: time_if_any(row, "ended_at")?,
    })
}
