//! The CRL: everything that is not good, signed and numbered; and with it the delta list, what changed since a base.
//!
//! The base is old enough that everybody whose full list has not expired can use the delta. What changed is read off the full lists
//! themselves, from each to the next, so a delta says nothing that a full list of its number does not.

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::failure::Failure;
use super::world::{Caller, World, retrying, seconds};
use crate::lifecycle::holdings::Standing;
use crate::pki::crl::{CrlEntry, CrlReason, Edition, Entries, EntryChange, Scope, sign_crl};
use crate::store::audit::Entry;
use crate::store::commit::{Commit, Write};
use crate::store::crl::{Crl, CrlBase, CrlChange, CrlIssue, Listed};

/// How long a CRL may be relied upon. Another is published long before.
pub const LIFETIME: SignedDuration = SignedDuration::from_hours(24);
/// How far apart bases are at least.
const BETWEEN_BASES: SignedDuration = SignedDuration::from_hours(1);
/// A delta of more changes is not worth its name: the list becomes the base itself, and whoever has an older one fetches it.
const MOST_CHANGES: usize = 20_000;

/// Signs a CRL of what is committed now, and keeps it under the next number. Where another process took that number first, the one
/// after it.
pub async fn publish_crl(world: &World) -> Result<Crl, Failure> {
    retrying(|| attempt(world)).await
}

/// Where it is not known which numbers were published, they go on from ten for each second since 1970: nobody publishes as often, so that each time
/// this is done, they are beyond those of every time before, and of an installation that counts from one.
const A_SECOND: i64 = 10;

/// Publishes a list whose number is beyond every one that can have been published, and says so in the audit log: what is on record is older
/// than what was served. No delta leads to it from a list before it.
pub async fn begin_numbers_anew(world: &World, caller: &Caller) -> Result<i64, Failure> {
    retrying(async || {
        let now = world.now();
        let latest = world.store.latest_crl_edition().await?.map_or(0, |latest| latest.number);
        let number = (latest + 1).max(now.as_second() * A_SECOND);
        let crl = signed(world, number, number, now, &not_good(world, now).await?, vec![])?;
        let issue = CrlIssue { crl, oldest_base: number, is_base: true, changes: vec![] };
        let audit = Some(Entry { details: json!({ "crl": number }), ..caller.entry("restore", now) });
        world.store.commit(Commit { name: "restore", guard: None, writes: vec![Write::Crl(issue)], audit }).await?;
        Ok(number)
    })
    .await
}

/// What a list of now has.
async fn not_good(world: &World, now: Timestamp) -> Result<Entries, Failure> {
    Ok(Entries::of(world.store.not_good(now).await?.into_iter().filter_map(|listed| entry(listed, now)).collect())?)
}

/// The full list and its delta.
fn signed(world: &World, number: i64, base: i64, now: Timestamp, entries: &Entries, since_base: Vec<EntryChange>) -> Result<Crl, Failure> {
    let edition = Edition { number: number.unsigned_abs(), this_update: now, next_update: now + LIFETIME };
    let (issuer, key) = (world.authority.issuing_certificate(), world.authority.issuing_key());
    let der = sign_crl(issuer, key, &edition, &Scope::Full { delta_url: Some(world.authority.delta_url()) }, entries)?;
    let delta = sign_crl(issuer, key, &edition, &Scope::Delta { base: base.unsigned_abs() }, &Entries::of_changes(since_base, now)?)?;
    Ok(Crl { number, this_update: now, next_update: edition.next_update, der, delta: Some(delta) })
}

async fn attempt(world: &World) -> Result<Crl, Failure> {
    // 1 what is not good
    let now = world.now();
    let latest = world.store.latest_crl().await?;
    let number = latest.as_ref().map_or(1, |latest| latest.number + 1);
    let entries = not_good(world, now).await?;

    // 2 what changed since the list before, and since the base
    let changes = latest.and_then(|latest| Entries::of_list(latest.der)).map(|before| before.changes_to(&entries));
    let bases = world.store.crl_bases().await?;
    let base = bases.iter().rfind(|base| base.this_update <= now - LIFETIME).or(bases.first());
    let (base, changes, since_base) = match (base, changes) {
        (Some(base), Some(changes)) => (base.number, changes.clone(), merged(world.store.crl_changes(base.number).await?, changes)),
        _ => (number, vec![], vec![]),
    };
    let (base, changes, since_base) = if since_base.len() > MOST_CHANGES { (number, vec![], vec![]) } else { (base, changes, since_base) };

    // 3 sign both
    let crl = signed(world, number, base, now, &entries, since_base)?;

    // 4 keep both
    let is_base = base == number || is_due(&bases, now);
    let changes = changes.into_iter().map(|change| CrlChange { serial: change.serial, entry: change.entry }).collect();
    let issue = CrlIssue { crl: crl.clone(), oldest_base: base, is_base, changes };
    world.store.commit(Commit { name: "publish-crl", guard: None, writes: vec![Write::Crl(issue)], audit: None }).await?;
    metrics::counter!("remint_crl_number").absolute(number.unsigned_abs());
    metrics::gauge!("remint_crl_this_update_seconds").set(seconds(now));
    Ok(crl)
}

/// Whether the last base is long ago; or in the future, where a clock was set back.
fn is_due(bases: &[CrlBase], now: Timestamp) -> bool {
    bases.last().is_none_or(|last| now.duration_since(last.this_update).abs() >= BETWEEN_BASES)
}

/// The last change of each entry.
fn merged(earlier: Vec<CrlChange>, later: Vec<EntryChange>) -> Vec<EntryChange> {
    let superseded: std::collections::BTreeSet<_> = later.iter().map(|change| change.serial).collect();
    let earlier = earlier.into_iter().filter(|change| !superseded.contains(&change.serial));
    earlier.map(|change| EntryChange { serial: change.serial, entry: change.entry }).chain(later).collect()
}

/// The newest CRL, as it was published.
pub async fn latest_crl(world: &World) -> Result<Option<Crl>, Failure> {
    Ok(world.store.latest_crl().await?)
}

fn entry(listed: Listed, now: Timestamp) -> Option<CrlEntry> {
    let (since, reason) = match listed.standing.told_at(now) {
        Standing::Good => return None,
        Standing::OnHold { since } => (since, CrlReason::Hold),
        Standing::Revoked { at, reason } => (at, CrlReason::Revoked(reason)),
    };
    Some(CrlEntry { serial: listed.serial, since, reason })
}
