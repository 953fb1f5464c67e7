//! The CRL: everything that is not good, signed and numbered.

use jiff::SignedDuration;

use super::failure::Failure;
use super::world::{World, retrying, seconds};
use crate::lifecycle::holdings::Standing;
use crate::pki::crl::{CrlEntry, CrlReason, sign_crl};
use crate::store::commit::{Commit, Write};
use crate::store::crl::{Crl, Listed};

/// How long a CRL may be relied upon. Another is published long before.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(24);

/// Signs a CRL of what is committed now, and keeps it under the next number. Where another process took that number first, the one
/// after it.
pub async fn publish_crl(world: &World) -> Result<Crl, Failure> {
    retrying(|| attempt(world)).await
}

async fn attempt(world: &World) -> Result<Crl, Failure> {
    let now = world.now();
    let number = world.store.latest_crl().await?.map_or(1, |latest| latest.number + 1);
    let entries: Vec<CrlEntry> = world.store.not_good(now).await?.into_iter().filter_map(entry).collect();
    let next_update = now + LIFETIME;
    let (issuer, key) = (world.authority.issuing_certificate(), world.authority.issuing_key());
    let der = sign_crl(issuer, key, u64::try_from(number).unwrap_or_default(), now, next_update, &entries)?;
    let crl = Crl { number, this_update: now, next_update, der };
    world.store.commit(Commit { name: "publish-crl", guard: None, writes: vec![Write::Crl(crl.clone())], audit: None }).await?;
    metrics::counter!("remint_crl_number").absolute(u64::try_from(number).unwrap_or_default());
    metrics::gauge!("remint_crl_this_update_seconds").set(seconds(now));
    Ok(crl)
}

/// The newest CRL, as it was published.
pub async fn latest_crl(world: &World) -> Result<Option<Crl>, Failure> {
    Ok(world.store.latest_crl().await?)
}

fn entry(listed: Listed) -> Option<CrlEntry> {
    let (since, reason) = match listed.standing {
        Standing::Good => return None,
        Standing::OnHold { since } => (since, CrlReason::Hold),
        Standing::Revoked { at, reason } => (at, CrlReason::Revoked(reason)),
    };
    Some(CrlEntry { serial: listed.serial, since, reason })
}
