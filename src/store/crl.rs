//! Published CRLs: their numbers only ever rise.

use jiff::Timestamp;
use sqlx::Row;
use sqlx::sqlite::SqliteRow;

use super::Store;
use super::column::{Millis, time};
use super::error::StoreError;
use super::script::Script;
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::Serial;

/// A published CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    pub number: i64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    pub der: Vec<u8>,
}

/// What a CRL says of one certificate that is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub serial: Serial,
    pub standing: Standing,
}

/// A service certificate's standing, from whether it was revoked.
pub fn service_standing(revoked: Option<(Timestamp, RevocationReason)>) -> Standing {
    revoked.map_or(Standing::Good, |(at, reason)| Standing::Revoked { at, reason })
}

impl Store {
    /// The CRL that was published last.
    pub async fn latest_crl(&self) -> Result<Option<Crl>, StoreError> {
        let latest = sqlx::query("SELECT number, this_update, next_update, der FROM crls ORDER BY number DESC LIMIT 1");
        Ok(latest.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }
}

/// Keeps a CRL; one that does not rise above the last is a conflict. It takes the place of the one before: several a second may be published.
pub(super) fn publish(script: &mut Script, crl: &Crl) {
    script
        .hit(
            "INSERT INTO crls (number, this_update, next_update, der) \
             SELECT ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM crls WHERE number >= ?)",
        )
        .bind(crl.number)
        .bind(Millis(crl.this_update))
        .bind(Millis(crl.next_update))
        .bind(&crl.der)
        .bind(crl.number);
    script.run("DELETE FROM crls WHERE number < ?").bind(crl.number);
}

fn read(row: &SqliteRow) -> Result<Crl, sqlx::Error> {
    Ok(Crl {
        number: row.try_get("number")?,
        this_update: time(row, "this_update")?,
        next_update: time(row, "next_update")?,
        der: row.try_get("der")?,
    })
}
