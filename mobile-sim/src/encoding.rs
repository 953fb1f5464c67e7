//! Bytes as text: base64 for bodies, base64url for JSON members, hexadecimal for serials.
//!
//! The three submodules are for `#[serde(with = …)]`. Decoding never repeats the input in an error: it may be a secret.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// The text is not what its encoding allows.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("not {0}")]
pub struct Malformed(pub &'static str);

/// base64 with padding, on one line (RFC 4648 §4).
pub fn b64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// base64url without padding (RFC 4648 §5).
pub fn b64u(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64; white space is ignored, as RFC 8951 §3.1 asks of EST bodies.
pub fn from_b64(text: &[u8]) -> Result<Vec<u8>, Malformed> {
    let dense: Vec<u8> = text.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(dense).map_err(|_| Malformed("base64"))
}

/// Reads base64url without padding.
pub fn from_b64u(text: &str) -> Result<Vec<u8>, Malformed> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Malformed("base64url without padding"))
}

/// Reads base64url of exactly `N` bytes.
pub fn array_from_b64u<const N: usize>(text: &str) -> Result<[u8; N], Malformed> {
    from_b64u(text)?.try_into().map_err(|_| Malformed("of the right length"))
}

/// Upper-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Reads hexadecimal digits of either case; an odd number of them lacks its leading zero.
pub fn from_hex(digits: &str) -> Result<Vec<u8>, Malformed> {
    let bad = Malformed("hexadecimal digits");
    let nibbles = digits.chars().map(|digit| digit.to_digit(16).and_then(|nibble| u8::try_from(nibble).ok()));
    let nibbles: Vec<u8> = nibbles.collect::<Option<_>>().filter(|nibbles: &Vec<u8>| !nibbles.is_empty()).ok_or(bad)?;
    let (head, pairs) = nibbles.split_at(nibbles.len() % 2);
    Ok(head.iter().copied().chain(pairs.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1])).collect())
}

/// A byte string as base64 text in JSON.
pub mod as_b64 {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::b64(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
        super::from_b64(String::deserialize(deserializer)?.as_bytes()).map_err(D::Error::custom)
    }
}

/// A byte array of fixed length as base64url text in JSON.
pub mod as_b64u {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer, const N: usize>(bytes: &[u8; N], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&super::b64u(bytes))
    }

    pub fn deserialize<'de, D: Deserializer<'de>, const N: usize>(deserializer: D) -> Result<[u8; N], D::Error> {
        super::array_from_b64u(&String::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}
