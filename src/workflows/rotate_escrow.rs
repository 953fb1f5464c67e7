//! The administrator rotates the escrow key: a new one is made, and everything in escrow is sealed anew under it, in batches, each a
//! transaction. It may die anywhere: begun again, it goes on. It may run beside a server: from its first transaction on, nobody keeps
//! anything under an earlier key, and a server finds the new one by itself.

use serde_json::json;

use super::create_user::administrator;
use super::failure::Failure;
use super::world::{World, retrying};
use crate::lifecycle::ids::CredentialId;
use crate::pki::escrow::{EscrowError, MASTER, Owner};
use crate::store::commit::{Commit, Write};
use crate::store::escrow::Escrowed;

/// How many keys one transaction seals anew: others who write wait for it.
const BATCH: u32 = 100;

/// What a rotation came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// The number of the escrow key that seals now.
    pub key: u32,
    /// It had been begun before, and was gone on with.
    pub is_resumed: bool,
    /// How many keys were sealed anew by this run.
    pub resealed: u64,
    /// What does not open, and so is left under its earlier key: the rotation is not complete.
    pub stuck: Vec<String>,
}

/// A rotation that has begun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Begun {
    pub key: u32,
    pub is_resumed: bool,
}

/// A batch that was sealed anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Where the next one begins.
    pub last: CredentialId,
    pub resealed: u64,
    pub stuck: Vec<String>,
}

/// Rotates the escrow key, or goes on with a rotation that was cut short.
pub async fn rotate_escrow(world: &World) -> Result<Rotation, Failure> {
    // 1 the new key, on disk and then on record
    let Begun { key, is_resumed } = retrying(|| begin(world)).await?;

    // 2 everything that is sealed under another, batch by batch
    let mut rotation = Rotation { key, is_resumed, resealed: 0, stuck: Vec::new() };
    let mut after = CredentialId(uuid::Uuid::nil());
    while let Some(batch) = retrying(|| reseal_batch(world, key, after, BATCH)).await? {
        after = batch.last;
        rotation.resealed += batch.resealed;
        rotation.stuck.extend(batch.stuck);
    }

    // 3 nothing is left under an earlier key
    if rotation.stuck.is_empty() {
        finish(world, key, rotation.resealed).await?;
    }
    Ok(rotation)
}

/// Makes the next escrow key, unless the newest one still waits for its rotation to be finished.
pub async fn begin(world: &World) -> Result<Begun, Failure> {
    let newest = world.store.escrow_key().await?;
    let number = newest.map_or(MASTER, |newest| newest.number);
    if newest.is_some_and(|newest| newest.rotated_at.is_none()) {
        world.escrow.must_have(number)?;
        return Ok(Begun { key: number, is_resumed: true });
    }
    let (key, now) = (number + 1, world.now());
    world.escrow.make(key, world.entropy.as_ref())?;
    let mut entry = administrator().entry("begin-escrow-rotation", now);
    entry.details = json!({ "from": number, "to": key });
    let writes = vec![Write::EscrowKey { number: key, at: now }];
    let kept = world.store.commit(Commit { name: "begin-escrow-rotation", guard: None, writes, audit: Some(entry) }).await;
    match kept.map_err(Failure::from) {
        // another run was quicker: go on with its key
        Err(Failure::Invalid { code: "duplicate", .. }) => Err(Failure::Conflict),
        kept => kept.map(|()| Begun { key, is_resumed: false }),
    }
}

/// Seals up to `limit` keys anew, in one transaction; none, if there are no more behind `after`.
pub async fn reseal_batch(world: &World, key: u32, after: CredentialId, limit: u32) -> Result<Option<Batch>, Failure> {
    let page = world.store.escrowed_under_another(key, after, limit).await?;
    let Some(last) = page.last().map(|last| last.credential) else { return Ok(None) };
    let (mut writes, mut stuck) = (Vec::with_capacity(page.len()), Vec::new());
    for kept in &page {
        match resealed(world, kept, key) {
            Ok(write) => writes.push(write),
            // a token that is away comes back: then the rotation goes on
            Err(error @ EscrowError::NotDone { .. }) => return Err(error.into()),
            Err(error) => stuck.push(error.to_string()),
        }
    }
    let resealed = writes.len() as u64;
    if !writes.is_empty() {
        world.store.commit(Commit { name: "reseal-escrow", guard: None, writes, audit: None }).await?;
    }
    Ok(Some(Batch { last, resealed, stuck }))
}

fn resealed(world: &World, kept: &Escrowed, key: u32) -> Result<Write, EscrowError> {
    let owner = Owner { user: kept.user, serial: kept.serial };
    let opened = world.escrow.open(kept.key, owner, &kept.sealed)?;
    let sealed = world.escrow.seal(key, world.entropy.as_ref(), owner, &opened)?;
    Ok(Write::Resealed { credential: kept.credential, from: kept.key, key, sealed })
}

/// Writes down that nothing is left under an earlier key. Another run may have done so already.
async fn finish(world: &World, key: u32, resealed: u64) -> Result<(), Failure> {
    let now = world.now();
    let mut entry = administrator().entry("end-escrow-rotation", now);
    entry.details = json!({ "to": key, "resealed": resealed });
    let writes = vec![Write::EscrowRotated { number: key, at: now }];
    let kept = world.store.commit(Commit { name: "end-escrow-rotation", guard: None, writes, audit: Some(entry) }).await;
    match kept.map_err(Failure::from) {
        Err(Failure::Conflict) if world.store.escrow_key().await?.is_some_and(|newest| newest.rotated_at.is_some()) => Ok(()),
        kept => kept,
    }
}
