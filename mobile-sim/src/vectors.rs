//! The published test vectors of the protocol (docs/protocol-vectors.json), which another program made: the phone must agree with them.

use serde_json::Value;

use crate::encoding::{from_b64, from_b64u};

/// The vectors, from the file that app developers get.
pub(crate) fn vectors() -> Value {
    serde_json::from_str(include_str!("../../docs/protocol-vectors.json")).expect("JSON")
}

/// A value in base64url.
pub(crate) fn b64u(vector: &Value, name: &str) -> Vec<u8> {
    from_b64u(vector[name].as_str().expect("a text")).expect("base64url")
}

/// A value in standard base64.
pub(crate) fn b64(vector: &Value, name: &str) -> Vec<u8> {
    from_b64(vector[name].as_str().expect("a text").as_bytes()).expect("base64")
}
