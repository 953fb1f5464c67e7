//! Which key is meant (SP 800-73-5 part 1 §5.1), and where its certificate lies (§4.3).

use serde::{Deserialize, Serialize};

/// P-256, as SP 800-78-5 calls it.
pub const P256: u8 = 0x11;
/// The PIN, the PUK and the management key.
pub const PIN: u8 = 0x80;
pub const PUK: u8 = 0x81;
pub const MANAGEMENT: u8 = 0x9B;

/// A place for a key pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub enum KeyReference {
    /// 9A: logs its holder in.
    Authentication,
    /// 9C: signs, and wants the PIN each time.
    Signature,
    /// 9D: agrees on keys.
    Management,
    /// 9E: proves the card, and wants no PIN.
    CardAuthentication,
    /// 82 to 95: older keys of 9D, the newest first. 0 to 19.
    Retired(u8),
}

/// When a key may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinRule {
    Never,
    Once,
    /// Right before each use.
    Always,
}

/// How many retired keys a card holds at most.
pub const RETIRED: usize = 20;

impl TryFrom<u8> for KeyReference {
    type Error = &'static str;

    fn try_from(byte: u8) -> Result<Self, Self::Error> {
        Self::from_byte(byte).ok_or("no place for a key")
    }
}

impl From<KeyReference> for u8 {
    fn from(place: KeyReference) -> Self {
        place.byte()
    }
}

impl KeyReference {
    pub fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0x9A => Some(Self::Authentication),
            0x9C => Some(Self::Signature),
            0x9D => Some(Self::Management),
            0x9E => Some(Self::CardAuthentication),
            0x82..=0x95 => Some(Self::Retired(byte - 0x82)),
            _ => None,
        }
    }

    pub fn byte(self) -> u8 {
        match self {
            Self::Authentication => 0x9A,
            Self::Signature => 0x9C,
            Self::Management => 0x9D,
            Self::CardAuthentication => 0x9E,
            Self::Retired(place) => 0x82 + place,
        }
    }

    /// The place of a slot of ours.
    pub fn of_slot(slot: &str) -> Option<Self> {
        match slot {
            "auth" => Some(Self::Authentication),
            "sign" => Some(Self::Signature),
            "enc" => Some(Self::Management),
            "card-auth" => Some(Self::CardAuthentication),
            _ => None,
        }
    }

    /// The data object that holds the certificate.
    pub fn certificate(self) -> u32 {
        match self {
            Self::Authentication => 0x5F_C105,
            Self::Signature => 0x5F_C10A,
            Self::Management => 0x5F_C10B,
            Self::CardAuthentication => 0x5F_C101,
            Self::Retired(place) => 0x5F_C10D + u32::from(place),
        }
    }

    /// Whether the key agrees on others, and does not sign.
    pub fn agrees(self) -> bool {
        matches!(self, Self::Management | Self::Retired(_))
    }

    pub fn pin_rule(self) -> PinRule {
        match self {
            Self::CardAuthentication => PinRule::Never,
            Self::Signature => PinRule::Always,
            Self::Authentication | Self::Management | Self::Retired(_) => PinRule::Once,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn each_byte_names_one_place_and_each_place_has_its_object() {
        let known: Vec<KeyReference> = (0..=255).filter_map(KeyReference::from_byte).collect();
        assert_eq!(known.len(), 4 + RETIRED);
        for place in &known {
            assert_eq!(KeyReference::from_byte(place.byte()), Some(*place));
            let kept = serde_json::to_string(&BTreeMap::from([(place, 1)])).expect("a card keeps a key there");
            assert_eq!(serde_json::from_str::<BTreeMap<KeyReference, u8>>(&kept).expect("read"), BTreeMap::from([(*place, 1)]));
        }
        let mut objects: Vec<u32> = known.iter().map(|place| place.certificate()).collect();
        objects.sort_unstable();
        objects.dedup();
        assert_eq!(objects.len(), known.len());
        assert_eq!((KeyReference::Retired(0).certificate(), KeyReference::Retired(19).certificate()), (0x5F_C10D, 0x5F_C120));
    }
}
