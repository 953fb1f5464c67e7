//! The audit chain: an entry takes its place after the last of its chain, in the transaction that it is about. The task that writes reads
//! the end of the chain inside that transaction, so that nobody ever comes too late, and no two users wait for each other.

use aws_lc_rs::digest::{SHA256, digest};
use jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::audit::{self, Entry, Outcome, Who};
use super::column::time;
use super::error::StoreError;
use super::script::Script;
use super::sql::{Readers, Row, Snapshot, query};
use super::{Store, postgres};
use crate::lifecycle::ids::{RequestId, UserId};

/// SHA-256 of an entry.
pub type Hash = [u8; 32];

/// The end of a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The user whom the chain is about; nil for the chain of what concerns no user.
    pub chain: Uuid,
    pub length: u64,
    pub hash: Hash,
}

/// A line of the log, as it is exported.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub seq: i64,
    /// Absent for an entry from before there was a chain.
    pub hash: Option<Hash>,
    /// The entry as JSON, byte for byte what is hashed.
    pub entry: String,
}

impl Line {
    /// `{"seq":…,"hash":…,"entry":{…}}`.
    pub fn text(&self) -> String {
        let hash = self.hash.map_or(Value::Null, |hash| hex(&hash).into());
        format!("{{\"seq\":{},\"hash\":{hash},\"entry\":{}}}", self.seq, self.entry)
    }
}

/// SHA-256 of the JSON of an entry.
pub fn hash_of(entry: &str) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, entry.as_bytes()).as_ref());
    hash
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An entry's place in its chain.
struct Place {
    chain: Uuid,
    position: u64,
    previous: Hash,
}

/// What is written of an entry, in the order in which it is hashed. `details` is JSON already.
struct Facts<'a> {
    at: Timestamp,
    who: &'a Who,
    act: &'a str,
    user: Option<UserId>,
    request: Option<RequestId>,
    outcome: &'a Outcome,
    details: &'a str,
    source: &'a str,
}

impl Facts<'_> {
    /// The JSON that is hashed and exported: members in this order, no blanks (docs/audit.md).
    fn json(&self, place: Option<&Place>) -> String {
        let text = |text: Option<&str>| text.map_or(Value::Null, Into::into).to_string();
        let id = |id: Option<Uuid>| text(id.map(|id| id.to_string()).as_deref());
        let (who, who_id, fingerprint) = audit::who_columns(self.who);
        let (outcome, refusal) = audit::outcome_columns(self.outcome);
        let members = [
            ("chain", id(place.map(|place| place.chain))),
            ("position", place.map_or_else(|| "null".to_owned(), |place| place.position.to_string())),
            ("previous", text(place.map(|place| hex(&place.previous)).as_deref())),
            ("at", text(Some(&self.at.to_string()))),
            ("who", text(Some(who))),
            ("who_id", id(who_id)),
            ("fingerprint", text(fingerprint)),
            ("act", text(Some(self.act))),
            ("user", id(self.user.map(|user| user.0))),
            ("request", id(self.request.map(|request| request.0))),
            ("outcome", text(Some(outcome))),
            ("refusal", text(refusal)),
            ("details", self.details.to_owned()),
            ("source", text(Some(self.source))),
        ];
        let members: Vec<String> = members.iter().map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// Which chain an entry belongs to.
pub(super) fn chain_of(entry: &Entry) -> Uuid {
    entry.on_behalf_of.map_or(Uuid::nil(), |user| user.0)
}

/// The end of a chain.
pub(super) const HEAD: &str = "SELECT chain, length, head FROM audit_chains WHERE chain = ?";

/// The end that was found, or the beginning of a chain that has no entry yet.
pub(super) fn head_or_first(found: Option<&Row>, chain: Uuid) -> Result<Head, StoreError> {
    Ok(found.map(read_head).transpose()?.unwrap_or(Head { chain, length: 0, hash: [0; 32] }))
}

/// Adds an entry to the script, after the last of its chain as it is in this transaction.
pub(super) fn enter(script: &mut Script, entry: &Entry, head: Head) {
    let chain = head.chain;
    let place = Place { chain, position: head.length + 1, previous: head.hash };
    let details = entry.details.to_string();
    // as it is kept: whole milliseconds
    let at = Timestamp::from_millisecond(entry.at.as_millisecond()).unwrap_or(entry.at);
    let facts = Facts {
        at,
        who: &entry.who,
        act: entry.act,
        user: entry.on_behalf_of,
        request: entry.request,
        outcome: &entry.outcome,
        details: &details,
        source: &entry.source,
    };
    let hash = hash_of(&facts.json(Some(&place)));
    let position = i64::try_from(place.position).unwrap_or(i64::MAX);
    audit::enter(script, entry, &details).bind(chain).bind(position).bind(place.previous).bind(hash);
    script
        .run(
            "INSERT INTO audit_chains (chain, length, head) VALUES (?, ?, ?) \
             ON CONFLICT (chain) DO UPDATE SET length = excluded.length, head = excluded.head",
        )
        .bind(chain)
        .bind(position)
        .bind(hash);
}

impl Store {
    /// The last entry before which none will appear any more: whoever has read the log up to here and asks for what comes after misses nothing.
    pub(super) async fn audit_end(&self) -> Result<i64, StoreError> {
        last_entry(&mut self.quiet().await?).await
    }

    /// A moment at which no entry of the log is between its number and its commit.
    async fn quiet(&self) -> Result<Snapshot, StoreError> {
        match &self.readers {
            Readers::Sqlite(_) => self.readers.snapshot().await,
            Readers::Postgres(pool) => postgres::quiet(pool).await,
        }
    }

    /// The log as it is exported, oldest first, after the entry `after_seq` (0 for all).
    pub async fn audit_lines(&self, after_seq: i64, limit: u32) -> Result<Vec<Line>, StoreError> {
        let found = query(
            "SELECT seq, at, who, who_id, who_fingerprint, act, user_id, request_id, outcome, refusal, details, source, \
             chain, position, previous, hash FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq LIMIT ?",
        );
        let found = found.bind(after_seq).bind(self.audit_end().await?).bind(limit).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_line).collect::<Result<_, _>>()?)
    }

    /// The last entry, and the ends of all chains by their ids, as of one instant.
    pub async fn audit_heads(&self) -> Result<(i64, Vec<Head>), StoreError> {
        let mut reading = self.quiet().await?;
        let seq = last_entry(&mut reading).await?;
        let heads = query("SELECT chain, length, head FROM audit_chains ORDER BY chain").fetch_all(&mut reading).await?;
        Ok((seq, heads.iter().map(read_head).collect::<Result<_, _>>()?))
    }

    /// The checkpoints after a number, in their order.
    pub async fn audit_checkpoints(&self, after: i64) -> Result<Vec<(i64, String)>, StoreError> {
        let found = query("SELECT number, jws FROM audit_checkpoints WHERE number > ? ORDER BY number");
        let found = found.bind(after).fetch_all(&self.readers).await?;
        Ok(found.iter().map(read_checkpoint).collect::<Result<_, _>>()?)
    }

    /// The newest checkpoint.
    pub async fn last_audit_checkpoint(&self) -> Result<Option<(i64, String)>, StoreError> {
        let found = query("SELECT number, jws FROM audit_checkpoints ORDER BY number DESC LIMIT 1");
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read_checkpoint).transpose()?)
    }
}

async fn last_entry(reading: &mut Snapshot) -> Result<i64, StoreError> {
    let seq: Option<Option<i64>> = query("SELECT max(seq) FROM audit").cell(reading).await?;
    Ok(seq.flatten().unwrap_or(0))
}

/// A number that is taken is a conflict: somebody else has made a checkpoint in the same moment.
pub(super) fn keep_checkpoint(script: &mut Script, number: i64, jws: &str) {
    script.hit("INSERT INTO audit_checkpoints (number, jws) VALUES (?, ?) ON CONFLICT DO NOTHING").bind(number).bind(jws);
}

fn read_checkpoint(row: &Row) -> Result<(i64, String), sqlx::Error> {
    Ok((row.try_get("number")?, row.try_get("jws")?))
}

fn read_head(row: &Row) -> Result<Head, sqlx::Error> {
    let length: i64 = row.try_get("length")?;
    Ok(Head { chain: row.try_get("chain")?, length: u64::try_from(length).unwrap_or_default(), hash: row.try_get("head")? })
}

fn read_line(row: &Row) -> Result<Line, sqlx::Error> {
    let chain: Option<Uuid> = row.try_get("chain")?;
    let place = match chain {
        None => None,
        Some(chain) => {
            let position: i64 = row.try_get("position")?;
            let previous = row.try_get("previous")?;
            Some(Place { chain, position: u64::try_from(position).unwrap_or_default(), previous })
        }
    };
    let (who, outcome) = (audit::read_who(row)?, audit::read_outcome(row)?);
    let facts = Facts {
        at: time(row, "at")?,
        who: &who,
        act: row.word("act")?,
        user: row.try_get("user_id")?,
        request: row.try_get("request_id")?,
        outcome: &outcome,
        details: row.word("details")?,
        source: row.word("source")?,
    };
    Ok(Line { seq: row.try_get("seq")?, hash: row.try_get("hash")?, entry: facts.json(place.as_ref()) })
}
