//! Opens CMS EnvelopedData that is encrypted to a P-256 key: deliveries of M5, and mail.
//!
//! Key agreement is ephemeral-static ECDH (RFC 5753), the key derivation that of ANSI X9.63 with SHA-1 (what openssl makes by itself) or
//! SHA-2, the wrap AES-128 or AES-256 (RFC 3394), the content AES-128 or AES-256 in CBC. Nothing else is understood. Only the ASN.1
//! types come from a library; EnvelopedData has no integrity of its own, so what it yields must be checked by whoever asked.

use aws_lc_rs::cipher::{AES_128, AES_256, DecryptionContext, PaddedBlockDecryptingKey, UnboundCipherKey};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use cms::content_info::ContentInfo;
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, OriginatorIdentifierOrKey, RecipientInfo,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_AES_128_CBC, ID_AES_128_WRAP, ID_AES_256_CBC, ID_AES_256_WRAP, ID_ENVELOPED_DATA};
use der::asn1::{OctetString, OctetStringRef};
use der::{Any, Decode, Encode, Sequence};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::key::{BadKey, Key};
use crate::state::Credential;

/// dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753 §7.1.4).
pub(crate) const DH_SINGLE_PASS_SHA256_KDF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.1");

/// Why an envelope stays closed.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum EnvelopeError {
    #[error("not CMS EnvelopedData")]
    Malformed,
    #[error("not encrypted to any key of this card")]
    NotForUs,
    #[error("encrypted in a way that is not supported: {0}")]
    Unsupported(String),
    #[error("the content cannot be decrypted")]
    Undecryptable,
}

/// A key that may open an envelope, and the names by which an envelope can mean it.
pub struct Recipient<'a> {
    key: &'a Key,
    identifier: Vec<u8>,
    issuer_and_serial: Option<(Vec<u8>, Vec<u8>)>,
}

impl<'a> Recipient<'a> {
    /// A bare key, known by the identifier of its public key.
    pub fn key(key: &'a Key) -> Self {
        Self { key, identifier: key.identifier().to_vec(), issuer_and_serial: None }
    }

    /// A key with a certificate, known by either name.
    pub(crate) fn credential(credential: &'a Credential) -> Self {
        let certificate: &Certificate = &credential.certificate;
        Self {
            key: &credential.key,
            identifier: certificate.key_identifier().unwrap_or_else(|_| credential.key.identifier().to_vec()),
            issuer_and_serial: certificate.issuer_and_serial().ok(),
        }
    }

    fn is_meant_by(&self, identifier: &KeyAgreeRecipientIdentifier) -> bool {
        match identifier {
            KeyAgreeRecipientIdentifier::RKeyId(named) => named.subject_key_identifier.0.as_bytes() == self.identifier,
            KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(named) => {
                let serial = named.serial_number.as_bytes();
                let serial = &serial[serial.iter().take_while(|byte| **byte == 0).count()..];
                let issuer = named.issuer.to_der();
                issuer.is_ok_and(|issuer| self.issuer_and_serial.as_ref().is_some_and(|(name, number)| *name == issuer && number == serial))
            }
        }
    }
}

/// Opens an envelope (a DER ContentInfo) with the first recipient that it is meant for.
pub fn open(envelope: &[u8], recipients: &[Recipient<'_>]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let content = ContentInfo::from_der(envelope).map_err(|_| EnvelopeError::Malformed)?;
    if content.content_type != ID_ENVELOPED_DATA {
        return Err(EnvelopeError::Malformed);
    }
    let enveloped: EnvelopedData = content.content.decode_as().map_err(|_| EnvelopeError::Malformed)?;
    for info in enveloped.recip_infos.0.iter() {
        let RecipientInfo::Kari(agreement) = info else { continue };
        for wrapped in &agreement.recipient_enc_keys {
            if let Some(recipient) = recipients.iter().find(|recipient| recipient.is_meant_by(&wrapped.rid)) {
                let content_key = unwrap(agreement, wrapped.enc_key.as_bytes(), recipient.key)?;
                return decrypt(&enveloped.encrypted_content, &content_key);
            }
        }
    }
    Err(EnvelopeError::NotForUs)
}

/// Agrees with the originator's ephemeral key and unwraps the content key (RFC 5753 §3.1.3).
fn unwrap(info: &KeyAgreeRecipientInfo, wrapped: &[u8], key: &Key) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let OriginatorIdentifierOrKey::OriginatorKey(originator) = &info.originator else {
        return Err(EnvelopeError::Unsupported("a static originator key".to_owned()));
    };
    let secret = key.agree(originator.public_key.raw_bytes()).map_err(|BadKey| EnvelopeError::Undecryptable)?;
    let hash = derivation(&info.key_enc_alg.oid)?;
    let wrap: AlgorithmIdentifierOwned =
        info.key_enc_alg.parameters.as_ref().ok_or(EnvelopeError::Malformed)?.decode_as().map_err(|_| EnvelopeError::Malformed)?;
    let (cipher, key_bytes) = match wrap.oid {
        ID_AES_128_WRAP => (&key_wrap::AES_128, 16),
        ID_AES_256_WRAP => (&key_wrap::AES_256, 32),
        other => return Err(EnvelopeError::Unsupported(format!("key wrap {other}"))),
    };
    let shared = shared_info(wrap, info.ukm.as_ref(), key_bytes).map_err(|_| EnvelopeError::Malformed)?;
    let wrapping_key = x963_kdf(hash, &secret, &shared, key_bytes);
    let mut content_key = Zeroizing::new(vec![0; wrapped.len()]);
    let kek = AesKek::new(cipher, &wrapping_key).map_err(|_| EnvelopeError::Undecryptable)?;
    let length = kek.unwrap(wrapped, &mut content_key).map_err(|_| EnvelopeError::Undecryptable)?.len();
    content_key.truncate(length);
    Ok(content_key)
}

/// The hash of a `dhSinglePass-stdDH-…kdf-scheme` (RFC 5753 §7.1.4).
fn derivation(scheme: &ObjectIdentifier) -> Result<&'static digest::Algorithm, EnvelopeError> {
    const SHA1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.133.16.840.63.0.2");
    const SHA384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.2");
    const SHA512: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.3");
    match *scheme {
        SHA1 => Ok(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        DH_SINGLE_PASS_SHA256_KDF => Ok(&digest::SHA256),
        SHA384 => Ok(&digest::SHA384),
        SHA512 => Ok(&digest::SHA512),
        other => Err(EnvelopeError::Unsupported(format!("key agreement {other}"))),
    }
}

/// ECC-CMS-SharedInfo (RFC 5753 §7.2).
#[derive(Sequence)]
struct SharedInfo {
    key_info: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    entity_u_info: Option<OctetString>,
    #[asn1(context_specific = "2", tag_mode = "EXPLICIT")]
    supp_pub_info: OctetString,
}

/// What both sides mix into the key derivation, in DER.
pub(crate) fn shared_info(key_info: AlgorithmIdentifierOwned, ukm: Option<&OctetString>, key_bytes: u32) -> der::Result<Vec<u8>> {
    let supp_pub_info = OctetString::new((key_bytes * 8).to_be_bytes())?;
    SharedInfo { key_info, entity_u_info: ukm.cloned(), supp_pub_info }.to_der()
}

/// The key derivation of ANSI X9.63 (SEC 1 §3.6.1): hash(Z ‖ counter ‖ SharedInfo), as often as needed.
pub(crate) fn x963_kdf(hash: &'static digest::Algorithm, secret: &[u8], shared: &[u8], key_bytes: u32) -> Zeroizing<Vec<u8>> {
    let wanted = key_bytes as usize;
    let mut derived = Zeroizing::new(Vec::with_capacity(wanted + hash.output_len()));
    for counter in 1_u32.. {
        if derived.len() >= wanted {
            break;
        }
        let mut context = digest::Context::new(hash);
        context.update(secret);
        context.update(&counter.to_be_bytes());
        context.update(shared);
        derived.extend_from_slice(context.finish().as_ref());
    }
    derived.truncate(wanted);
    derived
}

/// AES in CBC mode with PKCS#7 padding (RFC 3565 §2.3).
fn decrypt(info: &EncryptedContentInfo, content_key: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
    let undecryptable = |_| EnvelopeError::Undecryptable;
    let cipher = match info.content_enc_alg.oid {
        ID_AES_128_CBC => &AES_128,
        ID_AES_256_CBC => &AES_256,
        other => return Err(EnvelopeError::Unsupported(format!("content encryption {other}"))),
    };
    let iv = initialization_vector(info.content_enc_alg.parameters.as_ref()).ok_or(EnvelopeError::Malformed)?;
    let ciphertext = info.encrypted_content.as_ref().ok_or(EnvelopeError::Malformed)?;
    let key = UnboundCipherKey::new(cipher, content_key).map_err(undecryptable)?;
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(key).map_err(undecryptable)?;
    let mut content = Zeroizing::new(ciphertext.as_bytes().to_vec());
    let length = key.decrypt(&mut content, DecryptionContext::Iv128(FixedLength::from(iv))).map_err(undecryptable)?.len();
    content.truncate(length);
    Ok(content)
}

fn initialization_vector(parameters: Option<&Any>) -> Option<[u8; 16]> {
    let octets: &OctetStringRef = parameters?.decode_as().ok()?;
    octets.as_bytes().try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{b64, b64u, vectors};

    #[test]
    fn the_envelope_of_the_published_vectors_opens_by_each_step_that_they_name() {
        let vector = &vectors()["delivery"];
        let key = Key::from_pkcs8(&b64(vector, "transport_key_pkcs8")).expect("a key");
        let ephemeral = Key::from_pkcs8(&b64(vector, "ephemeral_key_pkcs8")).expect("a key");
        let secret = key.agree(ephemeral.point()).expect("agreed");
        assert_eq!(*secret, b64u(vector, "ecdh_secret"));
        let kek = x963_kdf(&digest::SHA256, &secret, &b64(vector, "shared_info_der"), 32);
        assert_eq!(*kek, b64u(vector, "key_encryption_key"));
        let opened = open(&b64(vector, "enveloped_der"), &[Recipient::key(&key)]).expect("opened");
        assert_eq!(*opened, b64(vector, "content"));
        let another = Key::generate().expect("a key");
        assert_eq!(open(&b64(vector, "enveloped_der"), &[Recipient::key(&another)]).err(), Some(EnvelopeError::NotForUs));
    }
}
