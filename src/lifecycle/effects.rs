//! Effects: what an act would do, or did, as people ask for it: each device and credential before and after, which other devices are
//! touched, what the user can still do, and whether and how it can be undone. Read off two holdings and nothing else, so that a preview
//! and its execution cannot differ.

use jiff::Timestamp;

use super::actor::Role;
use super::change::Carried;
use super::credential::{Credential, CredentialStatus, RevocationReason, Slot};
use super::device::{Device, DeviceStatus};
use super::holdings::{Holdings, Standing};
use super::ids::{CredentialId, DeviceId, RequestId};
use super::request::Request;

/// What an act does to one user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Effects {
    /// Every device that the user has before or after, whether it changes or not.
    pub devices: Vec<DeviceEffect>,
    /// Every credential that had been issued, before or after.
    pub credentials: Vec<CredentialEffect>,
    /// What the user can still do with which device afterwards.
    pub remaining: Vec<Remaining>,
    pub undo: Undo,
}

/// A device before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceEffect {
    pub device: DeviceId,
    pub name: String,
    /// None before it was the user's, and after it went back to stock.
    pub before: Option<DeviceStatus>,
    pub after: Option<DeviceStatus>,
    /// Something of it changes: its status, what it carries, or how a credential that it carries stands.
    pub is_touched: bool,
    /// An update is opened for it: it must sync once.
    pub update_opens: bool,
}

/// A credential before and after.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CredentialEffect {
    pub credential: CredentialId,
    pub slot: Slot,
    pub before: Option<CredentialStatus>,
    pub after: Option<CredentialStatus>,
    /// Where it is revoked afterwards: for this reason.
    pub revoked: Option<RevocationReason>,
}

/// What works on a device in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    pub device: DeviceId,
    /// The slots whose current credential may be used.
    pub usable: Vec<Slot>,
}

/// Whether and how an act can be undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undo {
    /// By another act of this role.
    By {
        act: &'static str,
        role: Role,
        until: &'static str,
    },
    Never {
        because: &'static str,
    },
}

impl Effects {
    /// Reads the effects off what the user held before and holds after.
    pub fn between(before: &Holdings, after: &Holdings, undo: Undo, now: Timestamp) -> Self {
        Self {
            devices: devices(before, after),
            credentials: credentials(before, after, now),
            remaining: after.devices_in_use().map(|device| remaining(after, device, now)).collect(),
            undo,
        }
    }
}

fn devices(before: &Holdings, after: &Holdings) -> Vec<DeviceEffect> {
    let gone = before.devices.values().filter(|device| !after.devices.contains_key(&device.id));
    after.devices.values().chain(gone).map(|device| device_effect(before, after, device)).collect()
}

fn device_effect(before: &Holdings, after: &Holdings, device: &Device) -> DeviceEffect {
    let id = device.id;
    let status = |held: &Holdings| held.devices.get(&id).map(|device| held.device_status(device));
    let update = |held: &Holdings| held.open_update_of(id).map(|request: &Request| request.id);
    let update_opens = opens(update(before), update(after));
    let is_touched = update_opens || status(before) != status(after) || carried(before, id) != carried(after, id);
    DeviceEffect { device: id, name: device.name.clone(), before: status(before), after: status(after), is_touched, update_opens }
}

fn opens(before: Option<RequestId>, after: Option<RequestId>) -> bool {
    after.is_some() && before != after
}

/// What a device carries, and how each of it stands.
fn carried(held: &Holdings, device: DeviceId) -> Vec<(CredentialId, Carried, bool, bool)> {
    let standing = |credential: &Credential| (held.standing(credential) == Standing::Good, credential.is_revoked());
    held.carried_by(device)
        .map(|(credential, how)| {
            let (is_good, is_revoked) = standing(credential);
            (credential.id, how, is_good, is_revoked)
        })
        .collect()
}

fn credentials(before: &Holdings, after: &Holdings, now: Timestamp) -> Vec<CredentialEffect> {
    let status = |held: &Holdings, id: CredentialId| held.credentials.get(&id).map(|credential| held.credential_status(credential, now));
    let is_shown = |credential: &&Credential| credential.certified().is_some();
    after
        .credentials
        .values()
        .filter(is_shown)
        .map(|credential| CredentialEffect {
            credential: credential.id,
            slot: credential.slot,
            before: status(before, credential.id),
            after: status(after, credential.id),
            revoked: match after.standing(credential) {
                Standing::Revoked { reason, .. } => Some(reason),
                Standing::Good | Standing::OnHold { .. } => None,
            },
        })
        .collect()
}

fn remaining(held: &Holdings, device: &Device, now: Timestamp) -> Remaining {
    let is_usable = |credential: &Credential| held.credential_status(credential, now) == CredentialStatus::Active;
    let is_active = held.device_status(device) == DeviceStatus::Active;
    let current = held.carried_by(device.id).filter(|(credential, how)| is_active && *how == Carried::Current && is_usable(credential));
    let mut usable: Vec<Slot> = current.map(|(credential, _)| credential.slot).collect();
    usable.sort();
    Remaining { device: device.id, usable }
}
