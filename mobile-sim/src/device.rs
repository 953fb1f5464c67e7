//! What a device says about itself, and the names of its slots.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The kinds of device that the server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum DeviceKind {
    SmartCard,
    MobileSmartCard,
    MobileApp,
}

impl fmt::Display for DeviceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SmartCard => "smart card",
            Self::MobileSmartCard => "mobile smart card",
            Self::MobileApp => "mobile app",
        })
    }
}

/// What M2 says about the device. The texts are 1 to 64 printable characters; the server judges that.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceFacts {
    pub kind: DeviceKind,
    pub model: String,
    pub serial: String,
    pub name: String,
}

/// The name of a slot, such as `auth`. It becomes part of paths and file names, so it is held to lower-case letters, digits and
/// hyphens, and starts with a letter.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot(String);

impl Slot {
    /// The slot whose certificate the device shows to the server from the confirmation on.
    pub fn auth() -> Self {
        Self("auth".to_owned())
    }

    /// The slot of the shared encryption key.
    pub fn enc() -> Self {
        Self("enc".to_owned())
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Slot {
    type Err = &'static str;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let fits = name.len() <= 32
            && name.starts_with(|c: char| c.is_ascii_lowercase())
            && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
        if fits { Ok(Self(name.to_owned())) } else { Err("not the name of a slot") }
    }
}

impl TryFrom<String> for Slot {
    type Error = &'static str;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        name.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.0
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
