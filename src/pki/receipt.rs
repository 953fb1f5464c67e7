//! Receipts: what a device keeps as proof of what was confirmed, signed by the delivery signer.
//!
//! A compact JWS (RFC 7515) with the chain inside, so that anybody who trusts the root can check it, without us and years later.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use der::Decode;
use serde_json::{Value, json};

use super::authority::Authority;
use super::encoding::EcdsaSignature;
use super::key::KeyError;

impl Authority {
    /// Signs `claims`: ES256, `x5c` = delivery signer, issuing CA, what is above it, root.
    pub fn receipt(&self, claims: &Value) -> Result<String, KeyError> {
        self.jws(None, claims)
    }

    /// The same with a type in the header, for other statements.
    pub(super) fn jws(&self, typ: Option<&str>, claims: &Value) -> Result<String, KeyError> {
        let (key, certificate) = self.delivery_signer();
        // RFC 7515 §4.1.6: x5c is base64 with padding, unlike all else in a JWS.
        let x5c: Vec<String> =
            [certificate].into_iter().chain(self.chain().iter().map(Vec::as_slice)).map(|der| STANDARD.encode(der)).collect();
        let mut header = json!({ "alg": "ES256", "x5c": x5c });
        if let Some(typ) = typ {
            header["typ"] = typ.into();
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&header), part(claims));
        let signature = concatenated(&key.sign(signed.as_bytes())?).ok_or(KeyError::Signing)?;
        Ok(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}

/// The signature as JWS wants it: r ‖ s, 32 bytes each (RFC 7518 §3.4).
fn concatenated(der: &[u8]) -> Option<[u8; 64]> {
    let signature = EcdsaSignature::from_der(der).ok()?;
    let mut bytes = [0; 64];
    for (half, number) in bytes.chunks_exact_mut(32).zip([signature.r, signature.s]) {
        let number = number.as_bytes();
        let start = half.len().checked_sub(number.len())?;
        half[start..].copy_from_slice(number);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::Workshop;

    #[test]
    fn a_receipt_verifies_with_the_certificate_inside_it() {
        let shop = Workshop::new();
        // Often enough that numbers with a leading zero byte occur.
        for round in 0..300 {
            let claims = json!({ "session": round, "history": [] });
            let receipt = shop.authority.receipt(&claims).unwrap();
            let (signed, signature) = receipt.rsplit_once('.').unwrap();
            let (header, body) = signed.split_once('.').unwrap();
            let part = |text: &str| -> Value { serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).unwrap()).unwrap() };
            assert_eq!(part(body), claims);
            let header = part(header);
            assert_eq!(header["alg"], "ES256");
            let x5c: Vec<_> =
                header["x5c"].as_array().unwrap().iter().map(|text| STANDARD.decode(text.as_str().unwrap()).unwrap()).collect();
            assert_eq!(x5c[0], shop.authority.delivery_signer().1);
            assert_eq!(x5c[1..], *shop.authority.chain());
            let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
            let spki = shop.authority.delivery_signer().0.spki();
            assert!(verifies_raw(spki.point(), signed.as_bytes(), &signature), "round {round}");
            if round == 0 {
                shop.verify(&x5c[0], &[]).unwrap();
            }
        }
    }

    fn verifies_raw(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
    }

    #[test]
    fn short_numbers_are_padded_in_front() {
        let der = [0x30, 0x06, 0x02, 0x01, 0x07, 0x02, 0x01, 0x09];
        let bytes = concatenated(&der).unwrap();
        assert_eq!((bytes[31], bytes[63]), (7, 9));
        assert_eq!(bytes.iter().filter(|byte| **byte == 0).count(), 62);
        assert_eq!(concatenated(b"nonsense"), None);
    }
}
