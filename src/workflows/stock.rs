//! Stock: devices that are known before anybody owns them. An issuance officer adds one, or imports a list.

use std::collections::HashSet;

use serde_json::json;

use super::create_user::is_plain;
use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::Role;
use crate::lifecycle::device::{Device, DeviceKind, DeviceState};
use crate::lifecycle::ids::DeviceId;
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

/// Adds one device to stock.
pub async fn add_stock(world: &World, caller: &Caller, new: NewStock) -> Result<Device, Failure> {
    let now = world.now();
    let mut entry = caller.entry("add-stock", now);

    // 1 who may
    world.unless_refused(caller.actor.must_be(Role::IssuanceOfficer), &entry).await?;

    // 2 a device that comes from stock, and that is not known yet
    check(&new)?;
    if world.store.device_of_serial(new.kind, &new.serial).await?.is_some() {
        return Err(known_already(&new));
    }

    // 3 keep
    entry.details = json!({ "kind": new.kind.as_str(), "serial": new.serial, "model": new.model });
    let device = blank(world, new);
    let writes = vec![Write::Stock(device.clone())];
    world.store.commit(Commit { name: "add-stock", guard: None, writes, audit: Some(entry) }).await?;
    Ok(device)
}

/// Imports a list: a header line, then a line a device. All of it, or nothing and the first line that is wrong. Gives how many devices
/// there were; a rehearsal checks everything and keeps nothing.
pub async fn import_stock(world: &World, caller: &Caller, csv: &str, is_rehearsal: bool) -> Result<usize, Failure> {
    let now = world.now();
    let mut entry = caller.entry("import-stock", now);

    // 1 who may
    match is_rehearsal {
        true => caller.actor.must_be(Role::IssuanceOfficer)?,
        false => world.unless_refused(caller.actor.must_be(Role::IssuanceOfficer), &entry).await?,
    }

    // 2 every line is right, and brings a device that is not known yet
    let lines = read(csv)?;
    for (number, new) in &lines {
        if world.store.device_of_serial(new.kind, &new.serial).await?.is_some() {
            return Err(at_line(*number, &known_already(new).to_string()));
        }
    }
    if is_rehearsal {
        return Ok(lines.len());
    }

    // 3 keep, all or nothing
    entry.details = json!({ "devices": lines.len(),
        "serials": lines.iter().map(|(_, new)| new.serial.as_str()).collect::<Vec<_>>() });
    let count = lines.len();
    let writes = lines.into_iter().map(|(_, new)| Write::Stock(blank(world, new))).collect();
    world.store.commit(Commit { name: "import-stock", guard: None, writes, audit: Some(entry) }).await?;
    Ok(count)
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

fn at_line(number: u64, what: &str) -> Failure {
    Failure::invalid("bad-line", format!("line {number}: {what}; nothing was imported"))
}

/// Reads RFC 4180 CSV with the columns kind, serial and, if wanted, model; with the number of each line.
fn read(text: &str) -> Result<Vec<(u64, NewStock)>, Failure> {
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(text.as_bytes());
    let bad = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        let what = match error.kind() {
            csv::ErrorKind::UnequalLengths { expected_len, len, .. } => format!("found: {len} fields, expected: {expected_len}"),
            _ => "found: no CSV, expected: kind,serial or kind,serial,model".to_owned(),
        };
        at_line(line, &what)
    };
    let header: Vec<String> = reader.headers().map_err(bad)?.iter().map(str::to_owned).collect();
    let has_model = match header.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        ["kind", "serial"] => false,
        ["kind", "serial", "model"] => true,
        _ => return Err(at_line(1, "found: another header, expected: kind,serial or kind,serial,model")),
    };
    let mut lines = Vec::new();
    let mut seen = HashSet::new();
    for record in reader.records() {
        let record = record.map_err(bad)?;
        let number = record.position().map_or(0, csv::Position::line);
        let new = one_line(&record, has_model).map_err(|failure| at_line(number, &failure.to_string()))?;
        if !seen.insert((new.kind, new.serial.clone())) {
            return Err(at_line(number, &format!("serial: found: {:?} for the second time, expected: each once", new.serial)));
        }
        if lines.len() == LIST {
            return Err(at_line(number, &format!("found: more than {LIST} devices, expected: at most so many in one list")));
        }
        lines.push((number, new));
    }
    if lines.is_empty() {
        return Err(at_line(2, "found: no device, expected: one a line"));
    }
    Ok(lines)
}

fn one_line(record: &csv::StringRecord, has_model: bool) -> Result<NewStock, Failure> {
    let field = |index: usize| record.get(index).unwrap_or_default().to_owned();
    let kind = field(0).parse().map_err(|error| Failure::invalid("malformed", format!("kind: {error}")))?;
    let model = if has_model { field(2) } else { String::new() };
    let new = NewStock { kind, serial: field(1), model: if model.is_empty() { "card".to_owned() } else { model } };
    check(&new)?;
    Ok(new)
}
