//! The entries of a list as they are signed. They are written and compared as bytes, as there may be a million of them.
//!
//! ```text
//! 30 length { 02 14 serial (20 bytes), revocationDate, 30 0c { 30 0a { 06 03 55 1d 15 (reasonCode), 04 03 { 0a 01 reason } } } }
//! ```

use std::ops::Range;

use der::asn1::AnyRef;
use der::{Decode, Reader, SliceReader, Tag, Tagged};
use jiff::Timestamp;

use super::{CrlEntry, Shard, time};
use crate::lifecycle::ids::Serial;
use crate::pki::key::KeyError;

const SERIAL_BYTES: usize = 20;
/// SEQUENCE, its length, INTEGER, its length.
const BEFORE_SERIAL: usize = 4;
/// The extensions of an entry, up to the reason: reasonCode alone (RFC 5280 §5.3.1).
const BEFORE_REASON: [u8; 13] = [0x30, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x1d, 0x15, 0x04, 0x03, 0x0a, 0x01];
/// In delta lists alone: its hold was released, or it has expired.
const REMOVE_FROM_CRL: u8 = 8;

/// Entries in the order of their serials.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(Vec<u8>);

/// What became of an entry between two lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryChange {
    pub serial: Serial,
    /// DER as it is now; nothing where it is listed no longer.
    pub entry: Option<Vec<u8>>,
}

impl Entries {
    /// Of these certificates, in any order.
    pub fn of(mut entries: Vec<CrlEntry>) -> Result<Self, KeyError> {
        entries.sort_unstable_by_key(|entry| entry.serial);
        let mut der = Vec::with_capacity(entries.len() * 53);
        for entry in entries {
            write(&mut der, entry.serial, &time(entry.since)?, entry.reason.code() as u8);
        }
        Ok(Self(der))
    }

    /// Of a full list that we signed; nothing if it is none. Its bytes become the entries: there may be many.
    pub fn of_list(mut crl: Vec<u8>) -> Option<Self> {
        let place = revoked(&crl).ok()?;
        crl.truncate(place.end);
        crl.drain(..place.start);
        Some(Self(crl)).filter(|entries| entries.iter().all(|entry| entry.is_some()))
    }

    /// Of a delta: what is listed no longer is removed as of `now`.
    pub fn of_changes(mut changes: Vec<EntryChange>, now: Timestamp) -> Result<Self, KeyError> {
        changes.sort_unstable_by_key(|change| change.serial);
        let now = time(now)?;
        let mut der = Vec::with_capacity(changes.len() * 53);
        for change in changes {
            match change.entry {
                Some(entry) => der.extend(entry),
                None => write(&mut der, change.serial, &now, REMOVE_FROM_CRL),
            }
        }
        Ok(Self(der))
    }

    /// What is otherwise in the `later` entries.
    pub fn changes_to(&self, later: &Self) -> Vec<EntryChange> {
        let (mut before, mut after) = (self.iter().flatten().peekable(), later.iter().flatten().peekable());
        let mut changes = Vec::new();
        loop {
            let change = match (before.peek(), after.peek()) {
                (None, None) => return changes,
                (Some((old, _)), Some((new, _))) if old > new => after.next().map(now_listed),
                (Some((old, was)), Some((new, is))) if old == new => {
                    let change = (was != is).then(|| now_listed((*new, is)));
                    (before.next(), after.next(), change).2
                }
                (Some(_), _) => before.next().map(|(serial, _)| EntryChange { serial, entry: None }),
                (None, Some(_)) => after.next().map(now_listed),
            };
            changes.extend(change);
        }
    }

    /// Those of one shard.
    pub fn of_shard(&self, shard: Shard) -> Self {
        let theirs = self.iter().flatten().filter(|(serial, _)| shard.holds(serial));
        Self(theirs.flat_map(|(_, entry)| entry).copied().collect())
    }

    pub(super) fn as_der(&self) -> &[u8] {
        &self.0
    }

    /// Each entry with its serial; `None` where the bytes are no entry of ours, which is the end.
    fn iter(&self) -> impl Iterator<Item = Option<(Serial, &[u8])>> {
        let mut rest = self.0.as_slice();
        std::iter::from_fn(move || {
            if rest.is_empty() {
                return None;
            }
            let first = first(rest);
            rest = first.map_or(&[], |(_, entry)| &rest[entry.len()..]);
            Some(first)
        })
    }
}

fn now_listed((serial, entry): (Serial, &[u8])) -> EntryChange {
    EntryChange { serial, entry: Some(entry.to_vec()) }
}

fn write(der: &mut Vec<u8>, serial: Serial, since: &[u8], reason: u8) {
    let length = 2 + SERIAL_BYTES + since.len() + BEFORE_REASON.len() + 1;
    der.extend([0x30, length as u8, 0x02, SERIAL_BYTES as u8]);
    der.extend(serial.as_bytes());
    der.extend(since);
    der.extend(BEFORE_REASON);
    der.push(reason);
}

/// The entry that `der` begins with.
fn first(der: &[u8]) -> Option<(Serial, &[u8])> {
    let [0x30, length @ 0..0x80, 0x02, 0x14, ..] = der else { return None };
    let entry = der.get(..2 + usize::from(*length))?;
    let serial = entry.get(BEFORE_SERIAL..BEFORE_SERIAL + SERIAL_BYTES)?;
    Some((Serial::from_bytes(serial)?, entry))
}

/// Where revokedCertificates is in a list; nowhere if it has none.
fn revoked(crl: &[u8]) -> der::Result<Range<usize>> {
    let mut list = SliceReader::new(AnyRef::from_der(crl)?.value())?;
    let mut signed = SliceReader::new(AnyRef::decode(&mut list)?.value())?;
    let (_version, _algorithm, _issuer) = (AnyRef::decode(&mut signed)?, AnyRef::decode(&mut signed)?, AnyRef::decode(&mut signed)?);
    let (_this, _next) = (AnyRef::decode(&mut signed)?, AnyRef::decode(&mut signed)?);
    if signed.is_finished() {
        return Ok(0..0);
    }
    let next = AnyRef::decode(&mut signed)?;
    let behind = usize::try_from((list.remaining_len() + signed.remaining_len())?)?;
    let end = crl.len() - behind;
    Ok(if next.tag() == Tag::Sequence { end - next.value().len()..end } else { 0..0 })
}
