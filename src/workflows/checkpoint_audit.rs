//! Audit checkpoints: at intervals, and when the server stops, a signed statement is made about all chains of the audit log at one
//! instant. Whoever keeps a copy can tell later whether anything of the log is missing, even at its end.

use aws_lc_rs::digest::{Context, SHA256};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::failure::Failure;
use super::world::{World, retrying};
use crate::store::audit_chain::{Hash, Head, hash_of, hex};
use crate::store::commit::{Commit, Write};

/// A checkpoint that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    pub number: i64,
    pub jws: String,
}

/// What a checkpoint says of a log in which numbers may be left out, as PostgreSQL gives them: a number that it gave to a transaction that came
/// to nothing is not given again.
pub const NUMBERS_RISE: &str = "rising";

/// Makes a checkpoint, unless nothing has been added since the last. Where another process makes one at the same moment, the one after it.
pub async fn checkpoint_audit(world: &World) -> Result<Option<Checkpoint>, Failure> {
    retrying(|| attempt(world)).await
}

async fn attempt(world: &World) -> Result<Option<Checkpoint>, Failure> {
    let last = world.store.last_audit_checkpoint().await?;
    let (seq, heads) = world.store.audit_heads().await?;
    let told = last.as_ref().and_then(|(_, jws)| stated_seq(jws));
    if told == Some(seq) {
        return Ok(None);
    }
    let number = last.as_ref().map_or(1, |(number, _)| number + 1);
    let mut claims = json!({
        "number": number,
        "at": world.now().to_string(),
        "seq": seq,
        "chains": heads.len(),
        "root": hex(&root(&heads)),
        "previous": last.map(|(_, jws)| hex(&hash_of(&jws))),
    });
    if world.store.is_shared() {
        claims["numbers"] = NUMBERS_RISE.into();
    }
    let jws = world.authority.sign_checkpoint(&claims)?;
    let writes = vec![Write::AuditCheckpoint { number, jws: jws.clone() }];
    world.store.commit(Commit { name: "checkpoint", guard: None, writes, audit: None }).await?;
    Ok(Some(Checkpoint { number, jws }))
}

/// What all chains come to: SHA-256 over each chain's id, length (eight bytes, the highest first) and last hash, in the order of their ids.
pub fn root(heads: &[Head]) -> Hash {
    let mut context = Context::new(&SHA256);
    for head in heads {
        context.update(head.chain.as_bytes());
        context.update(&head.length.to_be_bytes());
        context.update(&head.hash);
    }
    let mut root = [0; 32];
    root.copy_from_slice(context.finish().as_ref());
    root
}

/// The newest checkpoint's number, and when it was made.
pub async fn last_checkpoint(world: &World) -> Result<Option<(i64, Timestamp)>, Failure> {
    let last = world.store.last_audit_checkpoint().await?;
    Ok(last.and_then(|(number, jws)| Some((number, claims(&jws)?["at"].as_str()?.parse().ok()?))))
}

/// The last entry that a checkpoint of our own tells of.
fn stated_seq(jws: &str) -> Option<i64> {
    claims(jws)?["seq"].as_i64()
}

/// The number of a checkpoint of our own.
pub fn stated_number(jws: &str) -> Option<i64> {
    claims(jws)?["number"].as_i64()
}

/// What a checkpoint of our own says. Its signature is checked by who verifies the log.
fn claims(jws: &str) -> Option<Value> {
    let claims = BASE64_URL_SAFE_NO_PAD.decode(jws.split('.').nth(1)?).ok()?;
    serde_json::from_slice(&claims).ok()
}
