//! Stock: devices that are known before anybody owns them. An issuance officer adds one, or imports a list.

use std::collections::HashSet;

use serde_json::json;

use super::create_user::is_plain;
use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::Role;
use crate::lifecycle::device::{Device, DeviceKind, DeviceState};
use crate::lifecycle::ids::DeviceId;
use crate::store::StoreError;
use crate::store::audit::Entry;
use crate::store::commit::{Commit, Write};

/// A device that is put into stock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewStock {
    pub kind: DeviceKind,
    /// The maker's serial number.
    pub serial: String,
    pub model: String,
}

/// How many devices one list may bring.
pub const LIST: usize = 5_000;

/// Adds one device to stock. A rehearsal checks everything and keeps nothing.
pub async fn add_stock(world: &World, caller: &Caller, new: NewStock, is_rehearsal: bool) -> Result<Device, Failure> {
    let mut entry = caller.entry("add-stock", world.now());

    // 1 who may
    may(world, &entry, caller, is_rehearsal).await?;

    // 2 a device that comes from stock, and that is not known yet
    check(&new)?;
    if world.store.device_of_serial(new.kind, &new.serial).await?.is_some() {
        return Err(known_already(&new));
    }
    let device = blank(world, new);
    if is_rehearsal {
        return Ok(device);
    }

    // 3 keep
    entry.details = json!({ "kind": device.kind.as_str(), "serial": device.serial, "model": device.model });
    let writes = vec![Write::Stock(device.clone())];
    world.store.commit(Commit { name: "add-stock", guard: None, writes, audit: Some(entry) }).await?;
    Ok(device)
}

/// Imports a list: a header line, then a line a device. All of it, or nothing and the first line that is wrong. Gives how many devices
/// there were; a rehearsal checks everything and keeps nothing.
pub async fn import_stock(world: &World, caller: &Caller, csv: &str, is_rehearsal: bool) -> Result<usize, Failure> {
    let mut entry = caller.entry("import-stock", world.now());

    // 1 who may
    may(world, &entry, caller, is_rehearsal).await?;

    // 2 every line is right, and brings a device that is not known yet
    let lines = read_list(csv)?;
    are_new(world, csv, &lines).await?;
    if is_rehearsal {
        return Ok(lines.len());
    }

    // 3 keep, all or nothing
    entry.details = json!({ "devices": lines.len(),
        "serials": lines.iter().map(|(_, new)| new.serial.as_str()).collect::<Vec<_>>() });
    let writes = lines.iter().map(|(_, new)| Write::Stock(blank(world, new.clone()))).collect();
    let kept = world.store.commit(Commit { name: "import-stock", guard: None, writes, audit: Some(entry) }).await;
    if let Err(StoreError::Duplicate { .. }) = kept {
        are_new(world, csv, &lines).await?; // somebody else was quicker with one of them: which
    }
    kept?;
    Ok(lines.len())
}

/// An issuance officer. Others are refused, on the record unless it was a rehearsal.
async fn may(world: &World, entry: &Entry, caller: &Caller, is_rehearsal: bool) -> Result<(), Failure> {
    let decided = caller.actor.must_be(Role::IssuanceOfficer);
    if is_rehearsal { Ok(decided?) } else { world.unless_refused(decided, entry).await }
}

/// A line of a list: where it begins, in bytes, and what it brings.
pub type Line = (usize, NewStock);

async fn are_new(world: &World, csv: &str, lines: &[Line]) -> Result<(), Failure> {
    for (at, new) in lines {
        if world.store.device_of_serial(new.kind, &new.serial).await?.is_some() {
            return Err(bad_line(csv, *at, &known_already(new).to_string()));
        }
    }
    Ok(())
}

fn blank(world: &World, new: NewStock) -> Device {
    let NewStock { kind, serial, model } = new;
    Device { id: DeviceId(world.fresh_id()), kind, name: serial.clone(), serial, model, state: DeviceState::Available }
}

fn check(new: &NewStock) -> Result<(), Failure> {
    if !new.kind.is_stock() {
        let detail = format!("kind: found: {}, expected: smart-card, as a phone or tablet is bound by enrolling", new.kind);
        return Err(Failure::invalid("malformed", detail));
    }
    for (field, text) in [("serial", &new.serial), ("model", &new.model)] {
        let length = text.chars().count();
        if !(1..=64).contains(&length) || text.chars().any(char::is_control) {
            let detail = format!("{field}: found: {length} characters, expected: 1 to 64 printable ones");
            return Err(Failure::invalid("malformed", detail));
        }
        is_plain(field, text)?;
    }
    Ok(())
}

fn known_already(new: &NewStock) -> Failure {
    Failure::invalid("duplicate", format!("serial: found: {:?}, a {} that is known already, expected: a new one", new.serial, new.kind))
}

/// The error that names the line at `at`, as an editor counts: an empty line counts too, and so does one inside quotes.
fn bad_line(csv: &str, at: usize, what: &str) -> Failure {
    let rest = csv.get(at..).unwrap_or_default();
    let begins = csv.len() - rest.trim_start_matches(['\r', '\n']).len();
    let before = csv.get(..begins).unwrap_or_default().replace("\r\n", "\n");
    let number = 1 + before.matches(['\r', '\n']).count();
    Failure::invalid("bad-line", format!("line {number}: {what}; nothing was imported"))
}

/// Reads RFC 4180 CSV with the columns kind, serial and, if wanted, model.
pub fn read_list(text: &str) -> Result<Vec<Line>, Failure> {
    let start = if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(&text.as_bytes()[start..]);
    let place = |position: Option<&csv::Position>| start + position.map_or(0, |at| usize::try_from(at.byte()).unwrap_or_default());
    let bad = |error: csv::Error| {
        let what = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("found: {len} fields, expected: {expected_len}"),
            _ => "found: no CSV, expected: kind,serial or kind,serial,model".to_owned(),
        };
        bad_line(text, place(error.position()), &what)
    };
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
    let has_model = match header.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["kind", "serial"] => false,
        ["kind", "serial", "model"] => true,
        _ => return Err(bad_line(text, start, "found: another header, expected: kind,serial or kind,serial,model")),
    };
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(bad)? {
        let at = place(record.position());
        let whole = text.get(at..place(Some(reader.position()))).unwrap_or_default();
        if whole.matches('"').count() % 2 == 1 {
            return Err(bad_line(text, at, "found: a quote that is not closed, expected: quotes in pairs"));
        }
        let new = one_line(&record, has_model).map_err(|failure| bad_line(text, at, &failure.to_string()))?;
        if !seen.insert((new.kind, new.serial.clone())) {
            return Err(bad_line(text, at, &format!("serial: found: {:?} for the second time, expected: each once", new.serial)));
        }
        if lines.len() == LIST {
            return Err(bad_line(text, at, &format!("found: more than {LIST} devices, expected: at most so many in one list")));
        }
        lines.push((at, new));
    }
    if lines.is_empty() {
        return Err(bad_line(text, text.len(), "found: no device, expected: one a line"));
    }
    Ok(lines)
}

/// What some programs begin a file in UTF-8 with.
const BYTE_ORDER_MARK: char = '\u{feff}';

fn one_line(record: &csv::StringRecord, has_model: bool) -> Result<NewStock, Failure> {
    let field = |index: usize| record.get(index).unwrap_or_default().to_owned();
    // no other kind comes from stock, so no other is told of
    let none =
        || Failure::invalid("malformed", format!("kind: found: {:?}, expected: smart-card", field(0).chars().take(60).collect::<String>()));
    let kind = field(0).parse().map_err(|_| none())?;
    let model = if has_model { field(2) } else { String::new() };
    let new = NewStock { kind, serial: field(1), model: if model.is_empty() { "card".to_owned() } else { model } };
    check(&new)?;
    Ok(new)
}
