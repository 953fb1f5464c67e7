//! Holds: on what each stands, and what placed it.

use jiff::Timestamp;

use super::column::{Millis, time, unreadable};
use super::script::Script;
use super::sql::Row;
use crate::lifecycle::hold::{Cause, Held, Hold};
use crate::lifecycle::ids::UserId;

pub(super) const OF_USER: &str = "SELECT device_id, credential_id, cause_request, cause_device, cause_credential, since FROM holds \
     WHERE user_id = ?1";

/// Places a hold; one that stands already keeps its time.
pub(super) fn place(script: &mut Script, user: UserId, hold: &Hold, since: Timestamp) {
    let (device, credential) = match hold.on {
        Held::Device(device) => (Some(device), None),
        Held::Credential(credential) => (None, Some(credential)),
    };
    let (request, suspended_device, suspended_credential) = match hold.cause {
        Cause::Replacement(request) => (Some(request), None, None),
        Cause::HelpDeskDevice(device) => (None, Some(device), None),
        Cause::HelpDeskCredential(credential) => (None, None, Some(credential)),
    };
    script
        .run(
            "INSERT INTO holds (user_id, device_id, credential_id, cause_request, cause_device, cause_credential, since) \
             VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(user)
        .bind(device)
        .bind(credential)
        .bind(request)
        .bind(suspended_device)
        .bind(suspended_credential)
        .bind(Millis(since));
}

pub(super) fn lift(script: &mut Script, user: UserId, hold: &Hold) {
    let on = match hold.on {
        Held::Device(device) => device.0,
        Held::Credential(credential) => credential.0,
    };
    let cause = match hold.cause {
        Cause::Replacement(request) => request.0,
        Cause::HelpDeskDevice(device) => device.0,
        Cause::HelpDeskCredential(credential) => credential.0,
    };
    script
        .hit(
            "DELETE FROM holds WHERE coalesce(device_id, credential_id) = ? \
             AND coalesce(cause_request, cause_device, cause_credential) = ? AND user_id = ?",
        )
        .bind(on)
        .bind(cause)
        .bind(user);
}

pub(super) fn read(row: &Row) -> Result<(Hold, Timestamp), sqlx::Error> {
    let on = match (row.try_get("device_id")?, row.try_get("credential_id")?) {
        (Some(device), None) => Held::Device(device),
        (None, Some(credential)) => Held::Credential(credential),
        _ => return Err(unreadable("hold", "not on one thing")),
    };
    let cause = match (row.try_get("cause_request")?, row.try_get("cause_device")?, row.try_get("cause_credential")?) {
        (Some(request), None, None) => Cause::Replacement(request),
        (None, Some(device), None) => Cause::HelpDeskDevice(device),
        (None, None, Some(credential)) => Cause::HelpDeskCredential(credential),
        _ => return Err(unreadable("hold", "not for one cause")),
    };
    Ok((Hold { on, cause }, time(row, "since")?))
}
