//! Names of things. Ids are made outside (randomness is not ours) and handed in; an id never says anything about its thing,
//! except that the id of an update is derived from what caused it, so that a preview and its execution name it alike.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, Self::Err> {
                Uuid::parse_str(text).map(Self)
            }
        }
    };
}

id!(
    /// A user: the person who holds devices.
    UserId
);
id!(
    /// A device, from the day it is known until long after its end.
    DeviceId
);
id!(
    /// A credential: one certificate and its private key.
    CredentialId
);
id!(
    /// A request to issue or update one device.
    RequestId
);
id!(
    /// A ticket. Its 128 bits are the invitation id on the wire.
    TicketId
);
id!(
    /// One provisioning session: the life of one redeemed ticket, or of one update.
    SessionId
);
id!(
    /// An operator: somebody who acts at the desk.
    OperatorId
);
id!(
    /// A recovery of a user's encryption keys by officers.
    RecoveryId
);

impl RequestId {
    /// The id of the update that `cause` opens for `device`: the same two always give the same id (RFC 9562 §5.5).
    pub fn of_update(cause: Uuid, device: DeviceId) -> Self {
        Self(Uuid::new_v5(&cause, device.0.as_bytes()))
    }
}

/// The serial number of a certificate: 20 random bytes, the first bit clear and not all of the first byte zero,
/// so that the DER INTEGER is positive and always 20 bytes long (RFC 5280 §4.1.2.2).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial([u8; 20]);

impl Serial {
    /// Makes a serial of 20 random bytes; the top two bits are set to `01`.
    pub fn from_random(mut bytes: [u8; 20]) -> Self {
        bytes[0] = (bytes[0] & 0x7f) | 0x40;
        Self(bytes)
    }

    /// Reads the bytes of a DER INTEGER; `None` unless they have the form that we give to serials.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 20] = bytes.try_into().ok()?;
        (bytes[0] & 0xc0 == 0x40).then_some(Self(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 20] {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Serial({self})")
    }
}

impl FromStr for Serial {
    type Err = NotASerial;
    fn from_str(text: &str) -> Result<Self, NotASerial> {
        let digit = |digit: u8| char::from(digit).to_digit(16).map(|value| value as u8).ok_or(NotASerial);
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(NotASerial) };
        let mut bytes = [0; 20];
        if pairs.len() != bytes.len() {
            return Err(NotASerial);
        }
        for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
            *byte = digit(*high)? << 4 | digit(*low)?;
        }
        Self::from_bytes(&bytes).ok_or(NotASerial)
    }
}

/// Text that is not the serial of a certificate of ours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a serial: expected 40 hexadecimal digits, the first from 4 to 7")]
pub struct NotASerial;
