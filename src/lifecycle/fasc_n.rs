//! FASC-N: the Federal Agency Smart Credential Number, by which doors of the federal government know a credential.
//!
//! Forty characters of five bits, four of data (the least significant first) and one of odd parity: 25 bytes. The layout is that of the
//! Technical Implementation Guidance for Smart Card Enabled Physical Access Control Systems (TIG SCEPACS).

use std::fmt;
use std::str::FromStr;

/// Start sentinel, field separator, end sentinel.
const START: u8 = 0xb;
const SEPARATOR: u8 = 0xd;
const END: u8 = 0xf;

/// Where the separators stand: agency, system, credential number, credential series, issue, then everything about the person.
const SEPARATORS: [usize; 5] = [5, 10, 17, 19, 21];
const CHARACTERS: usize = 40;

/// A number whose characters, parities and checksum are right.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct FascN([u8; 25]);

impl FascN {
    /// Reads the 25 bytes as they stand on a card.
    pub fn from_bytes(bytes: [u8; 25]) -> Result<Self, NotAFascN> {
        let mut checksum = 0;
        for place in 0..CHARACTERS {
            let (value, is_odd) = character(&bytes, place);
            if !is_odd {
                return Err(NotAFascN::Parity { place });
            }
            checksum ^= value;
            let is_right = match place {
                0 => value == START,
                38 => value == END,
                // all characters up to here, the checksum among them, cancel out
                39 => checksum == 0,
                place if SEPARATORS.contains(&place) => value == SEPARATOR,
                _ => value <= 9,
            };
            if !is_right {
                return Err(NotAFascN::Character { place });
            }
        }
        Ok(Self(bytes))
    }

    pub fn as_bytes(&self) -> &[u8; 25] {
        &self.0
    }
}

/// The four bits of data of the character at a place, the first one sent being the least significant; and whether its parity is odd.
fn character(bytes: &[u8; 25], place: usize) -> (u8, bool) {
    let bit = |index: usize| bytes[index / 8] >> (7 - index % 8) & 1;
    let bits = [0, 1, 2, 3, 4].map(|offset| bit(place * 5 + offset));
    let value = bits[0] | bits[1] << 1 | bits[2] << 2 | bits[3] << 3;
    (value, bits.iter().sum::<u8>() % 2 == 1)
}

/// Fifty hexadecimal digits, as directories keep it.
impl FromStr for FascN {
    type Err = NotAFascN;

    fn from_str(text: &str) -> Result<Self, NotAFascN> {
        if text.len() != 50 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(NotAFascN::Digits { found: text.chars().count() });
        }
        let mut bytes = [0; 25];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            let pair = pair.iter().filter_map(|digit| char::from(*digit).to_digit(16));
            *byte = pair.fold(0, |value, digit| value << 4 | u8::try_from(digit).unwrap_or_default());
        }
        Self::from_bytes(bytes)
    }
}

impl fmt::Display for FascN {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02X}"))
    }
}

impl fmt::Debug for FascN {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FascN({self})")
    }
}

/// What is no FASC-N, and where it goes wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAFascN {
    #[error("found: {found} characters, expected: 50 hexadecimal digits, the 25 bytes of a FASC-N")]
    Digits { found: usize },
    #[error("found: even parity in character {place}, expected: odd parity in each of the {CHARACTERS} characters of a FASC-N")]
    Parity { place: usize },
    #[error(
        "found: a wrong character {place}, expected: SS, agency 4, FS, system 4, FS, credential 6, FS, series, FS, issue, FS, person 10, \
         category, organization 4, association, ES, LRC"
    )]
    Character { place: usize },
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SS 9999 FS 9999 FS 999999 FS 0 FS 1 FS 0000000000 3 0000 1 ES LRC.
    const NON_FEDERAL: &str = "D4E739DA739CED39CE739D836858210842108421C84210C3EB";

    #[test]
    fn a_right_one_is_read_and_written_as_it_came() {
        let read: FascN = NON_FEDERAL.parse().unwrap();
        assert_eq!(read.to_string(), NON_FEDERAL);
        assert_eq!(NON_FEDERAL.to_lowercase().parse(), Ok(read));
        let digits: Vec<u8> = (0..CHARACTERS).map(|place| character(read.as_bytes(), place).0).collect();
        assert_eq!(digits[1..5], [9, 9, 9, 9]);
        assert_eq!(digits[32..38], [3, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let right: FascN = NON_FEDERAL.parse().unwrap();
        for bit in 0..200 {
            let mut bytes = *right.as_bytes();
            bytes[bit / 8] ^= 0x80 >> (bit % 8);
            assert_eq!(FascN::from_bytes(bytes), Err(NotAFascN::Parity { place: bit / 5 }));
        }
    }

    #[test]
    fn two_flipped_bits_of_one_character_break_the_digits_or_the_checksum() {
        let right: FascN = NON_FEDERAL.parse().unwrap();
        for place in 0..CHARACTERS {
            let mut bytes = *right.as_bytes();
            for bit in [place * 5, place * 5 + 1] {
                bytes[bit / 8] ^= 0x80 >> (bit % 8);
            }
            assert!(matches!(FascN::from_bytes(bytes), Err(NotAFascN::Character { .. })), "{place}");
        }
    }

    #[test]
    fn what_is_not_fifty_digits_is_told_so() {
        for text in ["", "D4E7", &"G".repeat(50), &"é".repeat(25)] {
            assert!(matches!(text.parse::<FascN>(), Err(NotAFascN::Digits { .. })), "{text}");
        }
    }
}
