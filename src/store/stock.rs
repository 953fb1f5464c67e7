//! Stock: devices that are known before anybody owns them.

use super::Store;
use super::device::{self, columns};
use super::error::StoreError;
use super::script::Script;
use crate::lifecycle::device::{Device, DeviceKind};

impl Store {
    /// The device of a kind that comes from stock, by its maker's serial number, whosever it is now.
    pub async fn device_of_serial(&self, kind: DeviceKind, serial: &str) -> Result<Option<Device>, StoreError> {
        let found = sqlx::query(concat!("SELECT ", columns!(), " FROM devices WHERE kind = ? AND serial = ?"))
            .bind(kind)
            .bind(serial)
            .fetch_optional(&self.readers)
            .await?;
        Ok(found.as_ref().map(device::read).transpose()?)
    }

    /// What is in stock, by kind and serial number, after the one that the page before ended with.
    pub async fn stock(&self, after: Option<(DeviceKind, &str)>, limit: u32) -> Result<Vec<Device>, StoreError> {
        let (kind, serial) = after.map_or(("", ""), |(kind, serial)| (kind.as_str(), serial));
        let found = sqlx::query(concat!(
            "SELECT ",
            columns!(),
            " FROM devices WHERE state = 'available' AND (kind, serial) > (?, ?) ORDER BY kind, serial LIMIT ?"
        ))
        .bind(kind)
        .bind(serial)
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
