//! Service certificates: what the issuing CA signs that is nobody's credential. Every one is on record, so that OCSP can answer for it.

use jiff::Timestamp;

use super::column::{Millis, time, time_if_any};
use super::script::Script;
use super::sql::Row;
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

pub(super) fn reserve(script: &mut Script, certificate: &ServiceCertificate) {
    script
        .run(
            "INSERT INTO service_certificates (serial, name, operator_id, reserved_at, not_after, revoked_at, revocation_reason) \
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(certificate.serial)
        .bind(&certificate.name)
        .bind(certificate.operator)
        .bind(Millis(certificate.reserved_at))
        .bind(Millis(certificate.not_after))
        .bind(certificate.revoked.map(|(at, _)| Millis(at)))
        .bind(certificate.revoked.map(|(_, reason)| reason));
}

/// Revokes it; the first revocation stands.
pub(super) fn revoke(script: &mut Script, serial: Serial, at: Timestamp, reason: RevocationReason) {
    script
        .hit("UPDATE service_certificates SET revoked_at = ?, revocation_reason = ? WHERE serial = ? AND revoked_at IS NULL")
        .bind(Millis(at))
        .bind(reason)
        .bind(serial);
}

/// Reads it off a row in which its name is called `subject`.
pub(super) fn read(row: &Row) -> Result<ServiceCertificate, sqlx::Error> {
    Ok(ServiceCertificate {
        serial: row.try_get("serial")?,
        name: row.try_get("subject")?,
        operator: row.try_get("operator_id")?,
        reserved_at: time(row, "reserved_at")?,
        not_after: time(row, "not_after")?,
        revoked: read_revoked(row)?,
    })
}

/// When and why it was revoked, if it was.
pub(super) fn read_revoked(row: &Row) -> Result<Option<(Timestamp, RevocationReason)>, sqlx::Error> {
    time_if_any(row, "revoked_at")?.map(|at| Ok((at, row.try_get("revocation_reason")?))).transpose()
}
