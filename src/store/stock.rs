//! Stock: devices that are known before anybody owns them.

use super::Store;
use super::device::{self, columns};
use super::error::StoreError;
use super::script::Script;
use super::sql::query;
use crate::lifecycle::device::{Device, DeviceKind};
use crate::lifecycle::ids::DeviceId;

impl Store {
    /// The device of a kind that comes from stock, by its maker's serial number, whosever it is now.
    pub async fn device_of_serial(&self, kind: DeviceKind, serial: &str) -> Result<Option<Device>, StoreError> {
        let found = query(concat!("SELECT ", columns!(), " FROM devices WHERE kind = ? AND serial = ?"))
            .bind(kind)
            .bind(serial)
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.as_ref().map(device::read).transpose()?)
    }

    /// What is in stock, by kind and serial number, after the device that the page before ended with, wherever that is now.
    pub async fn stock(&self, after: Option<DeviceId>, limit: u32) -> Result<Vec<Device>, StoreError> {
        let found = query(concat!(
            "SELECT ",
            columns!(),
            " FROM devices WHERE state = 'available' \
             AND (kind, serial) > (coalesce((SELECT kind FROM devices WHERE id = ?1), ''), coalesce((SELECT serial FROM devices WHERE id = ?1), '')) \
             ORDER BY kind, serial LIMIT ?2"
        ))
        .bind(after)
        .bind(limit)
        .fetch_all(&self.readers)
        .await?;
        Ok(found.iter().map(device::read).collect::<Result<_, _>>()?)
    }
}

/// A device becomes known. One of the same kind and serial number is a duplicate.
pub(super) fn add(script: &mut Script, added: &Device) {
    script
        .run("INSERT INTO devices (id, kind, serial, model, name, state) VALUES (?, ?, ?, ?, ?, 'available')")
        .bind(added.id)
        .bind(added.kind)
        .bind(&added.serial)
        .bind(&added.model)
        .bind(&added.name);
}
