//! Holds: why a device or a credential may not be used now. A suspension is the **set** of them, never a flag, so that undoing an act
//! lifts exactly what that act placed, and nothing that somebody else placed (lifecycle.md §3).

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

use super::ids::{CredentialId, DeviceId, RequestId};

/// What a hold stands on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Held {
    Device(DeviceId),
    Credential(CredentialId),
}

impl fmt::Display for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Device(device) => write!(f, "device {device}"),
            Self::Credential(credential) => write!(f, "credential {credential}"),
        }
    }
}

/// Why a hold stands. Each act that places holds has a cause of its own, and lifts only that.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Cause {
    /// A replacement request, from its submission; for a temporary one, until its arrangement is undone.
    Replacement(RequestId),
    /// An operator suspended this device.
    HelpDeskDevice(DeviceId),
    /// An operator suspended this single credential.
    HelpDeskCredential(CredentialId),
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replacement(request) => write!(f, "replacement:{request}"),
            Self::HelpDeskDevice(device) => write!(f, "help-desk:{device}"),
            Self::HelpDeskCredential(credential) => write!(f, "help-desk:{credential}"),
        }
    }
}

/// One reason why one thing may not be used now.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Hold {
    pub on: Held,
    pub cause: Cause,
}

/// All holds of one user's devices and credentials, each with the time since when it stands.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Holds(BTreeMap<Hold, Timestamp>);

impl Holds {
    /// Places a hold; one that stands already keeps its time.
    pub fn place(&mut self, hold: Hold, since: Timestamp) {
        self.0.entry(hold).or_insert(since);
    }

    pub fn lift(&mut self, hold: &Hold) {
        self.0.remove(hold);
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Hold, Timestamp)> {
        self.0.iter().map(|(hold, since)| (hold, *since))
    }

    /// The holds that stand on one thing.
    pub fn on(&self, held: Held) -> impl Iterator<Item = (&Hold, Timestamp)> {
        self.iter().filter(move |(hold, _)| hold.on == held)
    }

    /// The holds of one cause, wherever they stand.
    pub fn of(&self, cause: Cause) -> impl Iterator<Item = &Hold> {
        self.0.keys().filter(move |hold| hold.cause == cause)
    }

    pub fn stands(&self, on: Held, cause: Cause) -> bool {
        self.0.contains_key(&Hold { on, cause })
    }

    /// Since when something has been held: the time of its oldest hold, if any stands.
    pub fn since(&self, held: Held) -> Option<Timestamp> {
        self.on(held).map(|(_, since)| since).min()
    }
}
