//! Audit checkpoints: signed statements about the audit log at one instant. A compact JWS by the delivery signer, as receipts are, but of a
//! type of its own, so that neither passes for the other.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::Value;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::above;
use super::authority::Authority;
use super::key::KeyError;
use super::signers::DELIVERY_SIGNER;

/// `typ` in the header (RFC 7515 §4.1.9).
const TYPE: &str = "remint-checkpoint";
/// A longer chain is not looked at.
const MOST_LINKS: usize = 8;

/// Why a checkpoint is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointFault {
    #[error("not a checkpoint")]
    Malformed,
    #[error("not signed by the delivery signer below this root")]
    ForeignSigner,
    #[error("a signature that does not verify")]
    BadSignature,
}

impl Authority {
    /// Signs what a checkpoint states.
    pub fn sign_checkpoint(&self, claims: &Value) -> Result<String, KeyError> {
        self.jws(Some(TYPE), claims)
    }
}

/// What a checkpoint states, if the delivery signer of this root signed it. Times are not looked at: a checkpoint is kept for years.
pub fn read_checkpoint(jws: &str, root: &[u8]) -> Result<Value, CheckpointFault> {
    let malformed = || CheckpointFault::Malformed;
    let (signed, signature) = jws.trim().rsplit_once('.').ok_or_else(malformed)?;
    let (header, claims) = signed.split_once('.').ok_or_else(malformed)?;
    let bytes = |part: &str| URL_SAFE_NO_PAD.decode(part).map_err(|_| CheckpointFault::Malformed);
    let json = |part: &str| serde_json::from_slice::<Value>(&bytes(part)?).map_err(|_| CheckpointFault::Malformed);
    let header = json(header)?;
    if header["typ"] != TYPE || header["alg"] != "ES256" {
        return Err(CheckpointFault::Malformed);
    }
    let x5c: Option<Vec<Vec<u8>>> =
        header["x5c"].as_array().into_iter().flatten().map(|text| STANDARD.decode(text.as_str()?).ok()).collect();
    let point = signer_below(&x5c.ok_or_else(malformed)?, root).ok_or(CheckpointFault::ForeignSigner)?;
    verify(&point, signed.as_bytes(), &bytes(signature)?)?;
    json(claims)
}

/// The public key of the signer, whose certificate is below the root and names the delivery signer. Users and operators
/// have certificates of the same issuing CA: theirs name a person, or are for clients.
fn signer_below(x5c: &[Vec<u8>], root: &[u8]) -> Option<Vec<u8>> {
    let [signer, .., top] = x5c else { return None };
    if top != root || x5c.len() > MOST_LINKS {
        return None;
    }
    for pair in x5c.windows(2) {
        let [below, above] = pair else { return None };
        let (_, authority) = X509Certificate::from_der(above).ok()?;
        if !authority.is_ca() || !above::has_signed(above, below) {
            return None;
        }
    }
    let (_, signer) = X509Certificate::from_der(signer).ok()?;
    let is_signer = signer.subject().iter_common_name().any(|name| name.as_str() == Ok(DELIVERY_SIGNER));
    let is_nobodys = signer.subject_alternative_name().ok()?.is_none();
    let is_no_client = !signer.extended_key_usage().ok()?.is_some_and(|usage| usage.value.client_auth);
    (is_signer && is_nobodys && is_no_client).then(|| signer.public_key().subject_public_key.data.to_vec())
}

fn verify(point: &[u8], message: &[u8], signature: &[u8]) -> Result<(), CheckpointFault> {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).map_err(|_| CheckpointFault::BadSignature)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::testing::Workshop;
    use serde_json::json;

    #[test]
    fn a_checkpoint_is_believed_below_its_root_only() {
        let (shop, other) = (Workshop::new(), Workshop::new());
        let claims = json!({ "number": 1 });
        let jws = shop.authority.sign_checkpoint(&claims).unwrap();
        assert_eq!(read_checkpoint(&jws, shop.authority.root_certificate()), Ok(claims.clone()));
        assert_eq!(read_checkpoint(&jws, other.authority.root_certificate()), Err(CheckpointFault::ForeignSigner));
        let receipt = shop.authority.receipt(&claims).unwrap();
        assert_eq!(read_checkpoint(&receipt, shop.authority.root_certificate()), Err(CheckpointFault::Malformed));
        let (signed, signature) = jws.rsplit_once('.').unwrap();
        let (header, _) = signed.split_once('.').unwrap();
        let forged = format!("{header}.{}.{signature}", URL_SAFE_NO_PAD.encode(json!({ "number": 2 }).to_string()));
        assert_eq!(read_checkpoint(&forged, shop.authority.root_certificate()), Err(CheckpointFault::BadSignature));
    }
}
