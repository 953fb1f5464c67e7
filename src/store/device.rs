//! Devices: the columns of their states.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, time_if_any, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use super::words;
use crate::lifecycle::device::{Device, DeviceState, StandIn};
use crate::lifecycle::ids::{DeviceId, RequestId, UserId};
use crate::lifecycle::reason::EndReason;

/// The columns of a device, as a literal: statements are put together when they are compiled.
macro_rules! columns {
    () => {
        "id, kind, serial, model, name, state, request_id, issued_at, stand_in_original, stand_in_arrangement, stand_in_until, \
         terminated_at, end_reason"
    };
}
pub(super) use columns;

pub(super) const OF_USER: &str = concat!("SELECT ", columns!(), " FROM devices WHERE user_id = ?1");

/// Whose a device is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// Nobody's.
    Stock,
    User(UserId),
}

impl Store {
    /// Whose a device is; nothing where there is no such device.
    pub async fn owner_of_device(&self, device: DeviceId) -> Result<Option<Owner>, StoreError> {
        let found = query("SELECT user_id FROM devices WHERE id = ?").bind(device);
        let found: Option<Option<UserId>> = found.cell(&self.readers).await?;
        Ok(found.map(|user| user.map_or(Owner::Stock, Owner::User)))
    }

    /// A device, whosever it is.
    pub async fn device(&self, device: DeviceId) -> Result<Option<Device>, StoreError> {
        let found = query(concat!("SELECT ", columns!(), " FROM devices WHERE id = ?")).bind(device);
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }
}

/// A device becomes this user's: a new one by enrolling, or one from stock that nobody has.
pub(super) fn assign(script: &mut Script, user: UserId, device: &Device) {
    let facts = Facts::of(&device.state);
    script
        .hit(
            "INSERT INTO devices (id, user_id, kind, serial, model, name, state, request_id, issued_at, stand_in_original, \
             stand_in_arrangement, stand_in_until, terminated_at, end_reason) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) \
             ON CONFLICT (id) DO UPDATE SET user_id = excluded.user_id, name = excluded.name, state = excluded.state, \
             request_id = excluded.request_id WHERE devices.state = 'available' AND excluded.state = 'assigned'",
        )
        .bind(device.id)
        .bind(facts.is_somebodys.then_some(user))
        .bind(device.kind)
        .bind(&device.serial)
        .bind(&device.model)
        .bind(&device.name)
        .bind(facts.state)
        .bind(facts.request)
        .bind(facts.issued_at.map(Millis))
        .bind(facts.stand_in.map(|stand_in| stand_in.original))
        .bind(facts.stand_in.map(|stand_in| stand_in.arrangement))
        .bind(facts.stand_in.map(|stand_in| Millis(stand_in.until)))
        .bind(facts.terminated.map(|(at, _)| Millis(at)))
        .bind(facts.terminated.map(|(_, reason)| reason));
    if facts.is_somebodys {
        words::enter(script, user, device.id.0, [device.serial.as_str()]);
    }
}

/// A stock device goes back, and forgets what its user called it.
pub(super) fn unbind(script: &mut Script, user: UserId, device: DeviceId) {
    script
        .hit(
            "UPDATE devices SET state = 'available', user_id = NULL, request_id = NULL, name = serial \
             WHERE id = ? AND user_id = ? AND state = 'assigned'",
        )
        .bind(device)
        .bind(user);
    words::leave(script, user, device.0);
}

pub(super) fn issue(script: &mut Script, user: UserId, device: DeviceId, at: Timestamp, stand_in: Option<StandIn>) {
    script
        .hit(
            "UPDATE devices SET state = 'issued', request_id = NULL, issued_at = ?, stand_in_original = ?, stand_in_arrangement = ?, \
             stand_in_until = ? WHERE id = ? AND user_id = ? AND state = 'assigned'",
        )
        .bind(Millis(at))
        .bind(stand_in.map(|stand_in| stand_in.original))
        .bind(stand_in.map(|stand_in| stand_in.arrangement))
        .bind(stand_in.map(|stand_in| Millis(stand_in.until)))
        .bind(device)
        .bind(user);
}

pub(super) fn terminate(script: &mut Script, user: UserId, device: DeviceId, at: Timestamp, reason: EndReason) {
    script
        .hit(
            "UPDATE devices SET state = 'terminated', request_id = NULL, terminated_at = ?, end_reason = ? \
             WHERE id = ? AND user_id = ? AND state <> 'terminated'",
        )
        .bind(Millis(at))
        .bind(reason)
        .bind(device)
        .bind(user);
}

/// A state, spread over its columns.
#[derive(Default)]
struct Facts {
    state: &'static str,
    is_somebodys: bool,
    request: Option<RequestId>,
    issued_at: Option<Timestamp>,
    stand_in: Option<StandIn>,
    terminated: Option<(Timestamp, EndReason)>,
}

impl Facts {
    fn of(state: &DeviceState) -> Self {
        let nothing = Self { is_somebodys: true, ..Self::default() };
        match state {
            DeviceState::Available => Self { state: "available", ..Self::default() },
            DeviceState::Assigned { request } => Self { state: "assigned", request: Some(*request), ..nothing },
            DeviceState::Issued { at, stand_in } => Self { state: "issued", issued_at: Some(*at), stand_in: *stand_in, ..nothing },
            DeviceState::Terminated { at, reason, issued_at, stand_in } => {
                Self { state: "terminated", issued_at: *issued_at, stand_in: *stand_in, terminated: Some((*at, *reason)), ..nothing }
            }
        }
    }
}

pub(super) fn read(row: &Row) -> Result<Device, sqlx::Error> {
    Ok(Device {
        id: row.try_get("id")?,
        kind: row.try_get("kind")?,
        serial: row.try_get("serial")?,
        model: row.try_get("model")?,
        name: row.try_get("name")?,
        state: read_state(row)?,
    })
}

fn read_state(row: &Row) -> Result<DeviceState, sqlx::Error> {
    Ok(match row.word("state")? {
        "available" => DeviceState::Available,
        "assigned" => DeviceState::Assigned { request: row.try_get("request_id")? },
        "issued" => DeviceState::Issued { at: time(row, "issued_at")?, stand_in: read_stand_in(row)? },
        "terminated" => DeviceState::Terminated {
            at: time(row, "terminated_at")?,
            reason: row.try_get("end_reason")?,
            issued_at: time_if_any(row, "issued_at")?,
            stand_in: read_stand_in(row)?,
        },
        other => return Err(unreadable("device state", other)),
    })
}

fn read_stand_in(row: &Row) -> Result<Option<StandIn>, sqlx::Error> {
    let original: Option<DeviceId> = row.try_get("stand_in_original")?;
    original
        .map(|original| Ok(StandIn { original, arrangement: row.try_get("stand_in_arrangement")?, until: time(row, "stand_in_until")? }))
        .transpose()
}
