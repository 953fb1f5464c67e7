//! Verifying the audit log: every entry against its hash, every chain against its end, and the whole against signed checkpoints. Works on a
//! data folder, and on an exported log with checkpoints that were kept elsewhere; an entry that was altered, removed, put in or cut off
//! is found.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::checkpoint_audit::{NUMBERS_RISE, root};
use super::failure::Failure;
use crate::pki::checkpoint::read_checkpoint;
use crate::store::Store;
use crate::store::audit_chain::{Hash, Head, Line, hash_of, hex};

/// What was found. Without a fault, the log is what it was.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    pub entries: u64,
    pub chains: usize,
    pub checkpoints: usize,
    /// The last entry that a checkpoint speaks for.
    pub attested: Option<i64>,
    /// Entries from before there was a chain.
    pub unchained: u64,
    /// The first of each chain, and at most [`FAULTS`] in all.
    pub faults: Vec<String>,
}

/// More are not told: after the first the rest mostly follows.
const FAULTS: usize = 100;
/// How many entries are read in one go.
const PAGE: u32 = 1000;

/// A checkpoint, read and believed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stated {
    number: i64,
    seq: i64,
    root: String,
    previous: Option<String>,
    numbers_rise: bool,
    jws: String,
}

/// Goes through a log in its order.
pub struct Verifier {
    verdict: Verdict,
    chains: BTreeMap<Uuid, Head>,
    broken: Vec<Uuid>,
    last_seq: i64,
    /// Whether numbers may be left out.
    may_skip: bool,
    /// By the entry that they were made after.
    checkpoints: BTreeMap<i64, Vec<Stated>>,
    /// The numbers of those that are compared with the log.
    newest: Vec<i64>,
}

/// A line of an export.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Exported<'a> {
    seq: i64,
    hash: Option<String>,
    #[serde(borrow)]
    entry: &'a RawValue,
}

/// Reads a line of an export.
pub fn read_exported(text: &str) -> Option<Line> {
    let Exported { seq, hash, entry } = serde_json::from_str(text).ok()?;
    let hash = match hash {
        None => None,
        Some(text) => Some(unhex(&text)?),
    };
    Some(Line { seq, hash, entry: entry.get().to_owned() })
}

fn unhex(text: &str) -> Option<Hash> {
    let digits = text.as_bytes();
    let mut hash = [0; 32];
    if digits.len() != 64 {
        return None;
    }
    for (byte, pair) in hash.iter_mut().zip(digits.chunks(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(hash)
}

impl Verifier {
    /// With the checkpoints that are to be held against the log, from several places, each a compact JWS; `root` is the root certificate,
    /// DER. The newest of each place is compared with what the log was then; the others only have to lead up to it.
    pub fn new(places: &[&[String]], root: &[u8]) -> Self {
        let mut verifier = Self {
            verdict: Verdict::default(),
            chains: BTreeMap::new(),
            broken: Vec::new(),
            last_seq: 0,
            may_skip: false,
            checkpoints: BTreeMap::new(),
            newest: Vec::new(),
        };
        let mut by_number: BTreeMap<i64, Stated> = BTreeMap::new();
        for place in places {
            let mut newest = None;
            for jws in place.iter().map(|jws| jws.trim()).filter(|jws| !jws.is_empty()) {
                match stated(jws, root) {
                    Err(fault) => verifier.fault(format!("a checkpoint: {fault}")),
                    Ok(stated) => {
                        newest = newest.max(Some(stated.number));
                        verifier.add(&mut by_number, stated);
                    }
                }
            }
            verifier.newest.extend(newest);
        }
        verifier.may_skip = by_number.values().any(|stated| stated.numbers_rise);
        verifier.verdict.checkpoints = by_number.len();
        verifier.follow_each_other(&by_number);
        for stated in by_number.into_values() {
            verifier.checkpoints.entry(stated.seq).or_default().push(stated);
        }
        verifier
    }

    fn add(&mut self, by_number: &mut BTreeMap<i64, Stated>, stated: Stated) {
        match by_number.get(&stated.number) {
            Some(other) if other.jws == stated.jws => {}
            Some(_) => self.fault(format!("checkpoint {}: there are two that differ", stated.number)),
            None => {
                by_number.insert(stated.number, stated);
            }
        }
    }

    /// Each checkpoint names the one before it.
    fn follow_each_other(&mut self, by_number: &BTreeMap<i64, Stated>) {
        for (number, stated) in by_number {
            let before = by_number.get(&(number - 1));
            let named = stated.previous.as_deref();
            let is_wrong = match before {
                Some(before) => named != Some(hex(&hash_of(&before.jws)).as_str()),
                None => (*number == 1) != named.is_none(),
            };
            if is_wrong {
                self.fault(format!("checkpoint {number}: it does not follow checkpoint {}", number - 1));
            }
        }
    }

    /// A database has every checkpoint that was made, each in its row.
    fn has_all(&mut self, numbers: &[i64], own: &[String], root: &[u8]) {
        for ((expected, number), jws) in (1..).zip(numbers).zip(own) {
            let states = stated(jws, root).map(|stated| stated.number);
            if *number != expected || states.is_ok_and(|states| states != expected) {
                return self.fault(format!("checkpoint {expected}: it was removed or replaced"));
            }
        }
    }

    /// The next line of the log.
    pub fn take(&mut self, line: &Line) {
        self.compare_until(line.seq);
        self.verdict.entries += 1;
        let is_next = if self.may_skip { line.seq > self.last_seq } else { line.seq == self.last_seq + 1 };
        if !is_next {
            self.fault(format!("entry {}: found after {}, expected: {}: entries are missing", line.seq, self.last_seq, self.last_seq + 1));
        }
        self.last_seq = line.seq;
        let Some(hash) = line.hash else {
            self.verdict.unchained += 1;
            if !self.chains.is_empty() {
                self.fault(format!("entry {}: it has no hash, and entries before it have", line.seq));
            }
            return;
        };
        let Some((chain, position, previous)) = place(&line.entry) else {
            return self.fault(format!("entry {}: it has no place in a chain", line.seq));
        };
        let before = self.chains.get(&chain).copied().unwrap_or(Head { chain, length: 0, hash: [0; 32] });
        self.chains.insert(chain, Head { chain, length: position, hash });
        if self.broken.contains(&chain) {
            return; // its first fault has been told
        }
        let fault = if hash_of(&line.entry) != hash {
            Some("it is not what was hashed: altered")
        } else if position != before.length + 1 {
            Some("its place in the chain is not the next: an entry before it was removed or put in")
        } else if previous != before.hash {
            Some("it does not follow the entry before it: that one was altered or replaced")
        } else {
            None
        };
        if let Some(fault) = fault {
            self.broken.push(chain);
            self.fault(format!("entry {} (chain {chain}, position {position}): {fault}", line.seq));
        }
    }

    /// The ends of the chains as the database has them, if it is at hand.
    pub fn take_heads(&mut self, heads: &[Head]) {
        for head in heads {
            let found = self.chains.get(&head.chain).copied();
            if found.map(|found| (found.length, found.hash)) != Some((head.length, head.hash)) {
                let length = found.map_or(0, |found| found.length);
                self.fault(format!(
                    "chain {}: found: {length} entries, expected: {}: its end was cut off or replaced",
                    head.chain, head.length
                ));
            }
        }
        let missing: Vec<Uuid> = self.chains.keys().filter(|chain| !heads.iter().any(|head| head.chain == **chain)).copied().collect();
        for chain in missing {
            self.fault(format!("chain {chain}: its end is not on record"));
        }
    }

    /// What was found, when the log is at its end.
    pub fn finish(mut self) -> Verdict {
        self.compare_until(i64::MAX);
        self.verdict.chains = self.chains.len();
        self.verdict
    }

    /// Compares the checkpoints that were made before the entry `seq`.
    fn compare_until(&mut self, seq: i64) {
        while let Some(entry) = self.checkpoints.first_entry().filter(|entry| *entry.key() < seq) {
            let (stated_seq, stated) = entry.remove_entry();
            let is_short = stated_seq > self.last_seq;
            for stated in stated {
                let is_compared = self.newest.contains(&stated.number);
                if is_short {
                    let last = self.last_seq;
                    self.fault(format!(
                        "checkpoint {}: made after entry {stated_seq}, and the log ends at {last}: its end was cut off",
                        stated.number
                    ));
                } else if is_compared && hex(&root(&self.heads())) != stated.root {
                    self.fault(format!("checkpoint {}: the log up to entry {stated_seq} is not what it was then", stated.number));
                } else if is_compared {
                    self.verdict.attested = Some(stated_seq);
                }
            }
        }
    }

    fn heads(&self) -> Vec<Head> {
        self.chains.values().copied().collect()
    }

    fn fault(&mut self, what: String) {
        if self.verdict.faults.len() < FAULTS {
            self.verdict.faults.push(what);
        }
    }
}

fn stated(jws: &str, root: &[u8]) -> Result<Stated, String> {
    let claims = read_checkpoint(jws, root).map_err(|fault| fault.to_string())?;
    let read = || {
        Some(Stated {
            number: claims["number"].as_i64()?,
            seq: claims["seq"].as_i64()?,
            root: claims["root"].as_str()?.to_owned(),
            previous: claims["previous"].as_str().map(str::to_owned),
            numbers_rise: claims["numbers"] == NUMBERS_RISE,
            jws: jws.to_owned(),
        })
    };
    read().ok_or_else(|| "not a checkpoint".to_owned())
}

/// The chain, the position and the hash before, as an entry tells them.
fn place(entry: &str) -> Option<(Uuid, u64, Hash)> {
    let entry: Value = serde_json::from_str(entry).ok()?;
    Some((entry["chain"].as_str()?.parse().ok()?, entry["position"].as_u64()?, unhex(entry["previous"].as_str()?)?))
}

/// Verifies the log of a database, with its own checkpoints and those that were kept elsewhere.
pub async fn verify_database(store: &Store, root: &[u8], kept_elsewhere: &[String]) -> Result<Verdict, Failure> {
    let (numbers, own): (Vec<i64>, Vec<String>) = store.audit_checkpoints(0).await?.into_iter().unzip();
    let mut verifier = Verifier::new(&[&own, kept_elsewhere], root);
    verifier.has_all(&numbers, &own, root);
    verifier.may_skip = store.is_shared();
    let (last, heads) = store.audit_heads().await?;
    let mut after = 0;
    loop {
        let lines = store.audit_lines(after, PAGE).await?;
        // what was added while this reads is not of the instant that the ends were read at
        let Some(end) = lines.last().filter(|_| after < last) else { break };
        after = end.seq;
        lines.iter().filter(|line| line.seq <= last).for_each(|line| verifier.take(line));
    }
    verifier.take_heads(&heads);
    Ok(verifier.finish())
}
