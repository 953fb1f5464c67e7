//! What relying parties are told: of one certificate for OCSP, and of all that are not good for a CRL.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::column::{Millis, time_if_any};
use super::crl::{Listed, service_standing};
use super::error::StoreError;
use super::{Store, certificate, credential};
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::Serial;

/// A credential with the time of its oldest hold, or a service certificate, by its serial.
pub(super) const OF_SERIAL: &str = "\
    SELECT state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, \
      (SELECT min(since) FROM holds WHERE coalesce(device_id, credential_id) = credentials.id) AS held_since \
    FROM credentials WHERE serial = ?1 \
    UNION ALL \
    SELECT 'service', NULL, NULL, NULL, not_after, NULL, revoked_at, revocation_reason, NULL \
    FROM service_certificates WHERE serial = ?1";

/// Every certificate that is not expired and not good: unconfirmed and revoked credentials, held ones, and revoked service certificates.
/// A serial that was reserved and never signed is no certificate, and never expires: listing it would make the CRL grow for ever.
pub(super) const NOT_GOOD: &str = "\
    SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, NULL AS held_since \
    FROM credentials WHERE state <> 'issued' AND not_after > ?1 \
    UNION ALL \
    SELECT serial, state, reserved_at, key_id, not_before, not_after, issued_at, revoked_at, revocation_reason, min(since) \
    FROM holds CROSS JOIN credentials ON credentials.id = holds.credential_id \
    WHERE state = 'issued' AND not_after > ?1 GROUP BY credentials.id \
    UNION ALL \
    SELECT serial, 'service', NULL, NULL, NULL, not_after, NULL, revoked_at, revocation_reason, NULL \
    FROM service_certificates WHERE revoked_at IS NOT NULL AND not_after > ?1";

impl Store {
    /// The standing of a certificate of ours; nothing where its serial is not on record. An expired one keeps the standing that it had.
    pub async fn standing(&self, serial: Serial) -> Result<Option<Standing>, StoreError> {
        let found = sqlx::query(OF_SERIAL).bind(serial).fetch_optional(&self.readers).await?;
        Ok(found.as_ref().map(read).transpose()?)
    }

    /// Every unexpired certificate whose standing is not good.
    pub async fn not_good(&self, now: Timestamp) -> Result<Vec<Listed>, StoreError> {
        let found = sqlx::query(NOT_GOOD).bind(Millis(now)).fetch_all(&self.readers).await?;
        let listed = found.iter().map(|row| Ok::<_, sqlx::Error>(Listed { serial: row.try_get("serial")?, standing: read(row)? }));
        Ok(listed.collect::<Result<_, _>>()?)
    }
}

fn read(row: &SqliteRow) -> Result<Standing, sqlx::Error> {
    if row.try_get::<&str, _>("state")? == "service" {
        return Ok(service_standing(certificate::read_revoked(row)?));
    }
    Ok(Standing::of(&credential::read_state(row)?, time_if_any(row, "held_since")?))
}
