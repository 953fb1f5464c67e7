//! The server's signed receipt of M6: a compact JWS (RFC 7515) that says what was confirmed.
//!
//! It is checked when it arrives, and kept, so that the phone can later show what the server said.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
use serde::Deserialize;

use crate::certificate::Certificate;
use crate::encoding::{from_b64, from_b64u};
use crate::error::Distrust;
use crate::trust::Chain;

#[derive(Deserialize)]
struct Header {
    alg: String,
    /// The signer's certificate, then its chain: base64, not base64url (RFC 7515 §4.1.6).
    x5c: Vec<String>,
}

/// What a receipt says, as far as the phone can judge it.
#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct Receipt {
    pub session: String,
    pub device: String,
    pub slots: Vec<ReceiptSlot>,
    pub history: Vec<String>,
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
pub(crate) struct ReceiptSlot {
    pub slot: String,
    pub serial: String,
}

/// Checks the signature, and that it is by the delivery signer of the pinned authority.
pub(crate) fn verify(jws: &str, chain: &Chain) -> Result<Receipt, Distrust> {
    let malformed = || Distrust::because("a receipt that is not a signed JWS");
    let (signed, signature) = jws.rsplit_once('.').ok_or_else(malformed)?;
    let (header, payload) = signed.split_once('.').ok_or_else(malformed)?;
    let header: Header = serde_json::from_slice(&from_b64u(header)?).map_err(|_| malformed())?;
    if header.alg != "ES256" {
        return Err(Distrust::because("a receipt that is not signed with ES256"));
    }
    let signer = Certificate::from_der(from_b64(header.x5c.first().ok_or_else(malformed)?.as_bytes())?)?;
    chain.check_delivery_signer(&signer)?;
    holds(&signer.point()?, signed, &from_b64u(signature)?)?;
    serde_json::from_slice(&from_b64u(payload)?).map_err(|_| malformed())
}

/// ES256: r ‖ s, 32 bytes each (RFC 7518 §3.4).
fn holds(point: &[u8], signed: &str, signature: &[u8]) -> Result<(), Distrust> {
    let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
    key.verify(signed.as_bytes(), signature).map_err(|_| Distrust::because("a receipt whose signature does not hold"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{b64, vectors};

    #[test]
    fn the_signature_of_the_published_receipt_holds_over_what_it_says_and_nothing_else() {
        let vector = &vectors()["receipt"];
        let (signed, signature) = vector["jws"].as_str().expect("a text").rsplit_once('.').expect("a signature");
        let (spki, signature) = (b64(vector, "signer_spki"), from_b64u(signature).expect("base64url"));
        let point = &spki[spki.len() - 65..];
        assert!(holds(point, signed, &signature).is_ok());
        assert!(holds(point, &signed.replacen('e', "f", 1), &signature).is_err());
        let (_, payload) = signed.split_once('.').expect("two parts");
        let claims: serde_json::Value = serde_json::from_slice(&from_b64u(payload).expect("base64url")).expect("JSON");
        assert_eq!(claims, vector["claims"]);
    }
}
