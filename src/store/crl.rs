//! Published CRLs: their numbers only ever rise. With the last one is kept what a delta list needs: its bases, and what changed since.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
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
    /// The delta list of the same number.
    pub delta: Option<Vec<u8>>,
}

/// Which CRL it is, and how long it may be relied upon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlEdition {
    pub number: i64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
}

/// The number of a full list that a delta may count from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CrlBase {
    pub number: i64,
    pub this_update: Timestamp,
}

/// What became of the entry of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlChange {
    pub serial: Serial,
    /// DER; nothing where it is listed no longer.
    pub entry: Option<Vec<u8>>,
}

/// A CRL with what it leaves for the deltas after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CrlIssue {
    pub crl: Crl,
    /// The oldest base that is still needed.
    pub oldest_base: i64,
    /// Whether this list is a base.
    pub is_base: bool,
    /// What changed since the list before.
    pub changes: Vec<CrlChange>,
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
        let latest = query("SELECT number, this_update, next_update, der, delta FROM crls ORDER BY number DESC LIMIT 1");
        Ok(latest.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }

    /// Which that is, without its bytes: there may be many.
    pub async fn latest_crl_edition(&self) -> Result<Option<CrlEdition>, StoreError> {
        let latest = query("SELECT number, this_update, next_update FROM crls ORDER BY number DESC LIMIT 1");
        Ok(latest.fetch_optional(&self.readers).await?.as_ref().map(read_edition).transpose()?)
    }

    /// The bases, oldest first.
    pub async fn crl_bases(&self) -> Result<Vec<CrlBase>, StoreError> {
        let bases = query("SELECT number, this_update FROM crl_bases ORDER BY number").fetch_all(&self.readers).await?;
        let base = |row: &Row| Ok::<_, sqlx::Error>(CrlBase { number: row.try_get("number")?, this_update: time(row, "this_update")? });
        Ok(bases.iter().map(base).collect::<Result<_, _>>()?)
    }

    /// What changed after the list `base`.
    pub async fn crl_changes(&self, base: i64) -> Result<Vec<CrlChange>, StoreError> {
        let changes =
            query("SELECT serial, entry FROM crl_changes WHERE number > ? ORDER BY serial").bind(base).fetch_all(&self.readers).await?;
        let change = |row: &Row| Ok::<_, sqlx::Error>(CrlChange { serial: row.try_get("serial")?, entry: row.try_get("entry")? });
        Ok(changes.iter().map(change).collect::<Result<_, _>>()?)
    }
}

/// Keeps a CRL; one that does not rise above the last is a conflict. It takes the place of the one before: several a second may be published.
pub(super) fn publish(script: &mut Script, issue: &CrlIssue) {
    let crl = &issue.crl;
    script
        .hit(
            "INSERT INTO crls (number, this_update, next_update, der, delta) \
             SELECT ?, ?, ?, ?, ? WHERE NOT EXISTS (SELECT 1 FROM crls WHERE number >= ?)",
        )
        .bind(crl.number)
        .bind(Millis(crl.this_update))
        .bind(Millis(crl.next_update))
        .bind(&crl.der)
        .bind(&crl.delta)
        .bind(crl.number);
    script.run("DELETE FROM crls WHERE number < ?").bind(crl.number);
    script.run("DELETE FROM crl_bases WHERE number < ?").bind(issue.oldest_base);
    script.run("DELETE FROM crl_changes WHERE number <= ?").bind(issue.oldest_base);
    if issue.is_base {
        script.run("INSERT INTO crl_bases (number, this_update) VALUES (?, ?)").bind(crl.number).bind(Millis(crl.this_update));
    }
    for change in &issue.changes {
        script
            .run(
                "INSERT INTO crl_changes (serial, number, entry) VALUES (?, ?, ?) \
                 ON CONFLICT (serial) DO UPDATE SET number = excluded.number, entry = excluded.entry",
            )
            .bind(change.serial)
            .bind(crl.number)
            .bind(&change.entry);
    }
}

fn read_edition(row: &Row) -> Result<CrlEdition, sqlx::Error> {
    Ok(CrlEdition { number: row.try_get("number")?, this_update: time(row, "this_update")?, next_update: time(row, "next_update")? })
}

fn read(row: &Row) -> Result<Crl, sqlx::Error> {
    let CrlEdition { number, this_update, next_update } = read_edition(row)?;
    Ok(Crl { number, this_update, next_update, der: row.try_get("der")?, delta: row.try_get("delta")? })
}
