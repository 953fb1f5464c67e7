//! A PIN or a PUK with its tries (SP 800-73-5 part 2 §2.4.3): eight bytes, compared in constant time, blocked after too many wrong ones.

use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

use super::status::Status;

/// How many wrong ones in a row block it. Our choice: three, as cards come from the factory; FIPS 201-3 §4.3.1 allows an issuer up to ten.
pub const TRIES: u8 = 3;

/// The text is no PIN and no PUK.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BadSecret {
    #[error("a PIN must be six to eight digits")]
    NotAPin,
    #[error("a PUK must be eight letters or digits")]
    NotAPuk,
}

/// Eight bytes that only their owner knows. Wiped when dropped, never shown.
#[derive(Clone)]
pub struct Secret(Zeroizing<[u8; 8]>);

impl Secret {
    /// Six to eight digits, filled up with FF.
    pub fn pin(digits: &str) -> Result<Self, BadSecret> {
        let mut padded = Zeroizing::new([0xFF; 8]);
        padded.get_mut(..digits.len()).ok_or(BadSecret::NotAPin)?.copy_from_slice(digits.as_bytes());
        if is_pin(&padded) { Ok(Self(padded)) } else { Err(BadSecret::NotAPin) }
    }

    /// Eight letters or digits: the standard allows any eight bytes, and people must be able to type it.
    pub fn puk(text: &str) -> Result<Self, BadSecret> {
        let bytes: [u8; 8] = text.as_bytes().try_into().map_err(|_| BadSecret::NotAPuk)?;
        if bytes.iter().all(u8::is_ascii_alphanumeric) { Ok(Self(Zeroizing::new(bytes))) } else { Err(BadSecret::NotAPuk) }
    }

    /// The PIN without what fills it up.
    pub fn digits(&self) -> Zeroizing<String> {
        Zeroizing::new(self.0.iter().filter(|byte| **byte != 0xFF).map(|byte| char::from(*byte)).collect())
    }

    /// As a command carries it.
    pub fn bytes(&self) -> &[u8; 8] {
        &self.0
    }
}

/// Whether eight bytes are six to eight digits, filled up with FF.
fn is_pin(padded: &[u8; 8]) -> bool {
    let digits = padded.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits >= 6 && padded[digits..].iter().all(|byte| *byte == 0xFF)
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

impl Serialize for Secret {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        <[u8; 8]>::deserialize(deserializer).map(|bytes| Self(Zeroizing::new(bytes)))
    }
}

/// A secret that is guarded by its tries.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Guarded {
    secret: Secret,
    tries_left: u8,
}

impl Guarded {
    pub fn new(secret: Secret) -> Self {
        Self { secret, tries_left: TRIES }
    }

    /// As it was left: never more tries than a new one has.
    pub fn with_tries(secret: Secret, tries_left: u8) -> Self {
        Self { secret, tries_left: tries_left.min(TRIES) }
    }

    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    pub fn tries_left(&self) -> u8 {
        self.tries_left
    }

    /// How it stands, as a command that failed or asked says it.
    pub fn standing(&self) -> Status {
        match self.tries_left {
            0 => Status::Blocked,
            left => Status::Tries(left),
        }
    }

    /// One try less, before anybody looks whether it is the right one.
    pub fn spend(&mut self) -> Result<(), Status> {
        self.tries_left = self.tries_left.checked_sub(1).ok_or(Status::Blocked)?;
        Ok(())
    }

    /// Whether this is it.
    pub fn is(&self, shown: &[u8; 8]) -> bool {
        verify_slices_are_equal(self.secret.bytes(), shown).is_ok()
    }

    /// All tries again.
    pub fn forgive(&mut self) {
        self.tries_left = TRIES;
    }

    /// Another secret, with all tries.
    pub fn replace(&mut self, secret: Secret) {
        *self = Self::new(secret);
    }
}

/// A new PIN as a command carries it.
pub fn new_pin(bytes: [u8; 8]) -> Result<Secret, Status> {
    if is_pin(&bytes) { Ok(Secret(Zeroizing::new(bytes))) } else { Err(Status::WrongData) }
}

/// A new PUK as a command carries it.
pub fn new_puk(bytes: [u8; 8]) -> Secret {
    Secret(Zeroizing::new(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_six_to_eight_digits_and_shows_nothing() {
        assert_eq!(Secret::pin("123456").expect("a PIN").bytes(), b"123456\xFF\xFF");
        assert_eq!(Secret::pin("12345678").expect("a PIN").digits().as_str(), "12345678");
        for wrong in ["", "12345", "123456789", "12345a", "١٢٣٤٥٦"] {
            assert_eq!(Secret::pin(wrong).err(), Some(BadSecret::NotAPin), "{wrong}");
        }
        assert_eq!(Secret::puk("1234567").err(), Some(BadSecret::NotAPuk));
        assert_eq!(format!("{:?}", Secret::pin("123456")), "Ok(Secret(…))");
        for wrong in [*b"12345\xFF\xFF\xFF", *b"123456\xFF7", *b"1234567\x00"] {
            assert_eq!(new_pin(wrong).err(), Some(Status::WrongData));
        }
    }

    #[test]
    fn tries_run_out_and_do_not_come_back_by_themselves() {
        let mut guarded = Guarded::new(Secret::pin("123456").expect("a PIN"));
        for left in [2, 1, 0] {
            guarded.spend().expect("a try");
            assert_eq!(guarded.tries_left(), left);
        }
        assert_eq!((guarded.spend(), guarded.standing()), (Err(Status::Blocked), Status::Blocked));
        guarded.forgive();
        assert_eq!(guarded.standing(), Status::Tries(TRIES));
    }
}
