//! Delivers a private key that the server made (RFC 7030 §4.4.2): signed by the delivery signer, encrypted to an ephemeral-static
//! ECDH secret (RFC 5753), every plaintext on the way wiped.
//!
//! The key agreement is written out here because a library's builder was found to wrap the content key under an all-zero key.

use aws_lc_rs::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use aws_lc_rs::cipher::{AES_256 as AES_256_CIPHER, EncryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest;
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::iv::FixedLength;
use aws_lc_rs::key_wrap::{AES_256, AesKek, KeyWrap};
use aws_lc_rs::rand::SystemRandom;
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::CmsVersion;
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, OriginatorIdentifierOrKey,
    OriginatorPublicKey, RecipientEncryptedKey, RecipientInfo, RecipientInfos, RecipientKeyIdentifier,
};
use cms::signed_data::{SignerIdentifier, SignerInfo, SignerInfos};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{
    ID_AES_256_CBC, ID_AES_256_WRAP, ID_CONTENT_TYPE, ID_DATA, ID_ENVELOPED_DATA, ID_MESSAGE_DIGEST, ID_SIGNED_DATA,
};
use const_oid::db::rfc5912::{ID_EC_PUBLIC_KEY, ID_SHA_256};
use der::asn1::{Any, AnyRef, BitString, OctetString, OctetStringRef, SetOfVec};
use der::{Decode, Encode, EncodeValue, Sequence, Tag, Tagged};
use x509_cert::Certificate;
use x509_cert::attr::{Attribute, Attributes};
use x509_cert::ext::pkix::SubjectKeyIdentifier;
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use super::{EncapsulatedContent, SignedData, certificate_set, content_info};
use crate::pki::encoding::{ecdsa_with_sha256, plain};
use crate::pki::key::{Entropy, KeyError, SigningKey, Spki, random, sha256};

/// id-ct-KP-aKeyPackage (RFC 5958 §2).
const KEY_PACKAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.2.1.2.78.5");
/// dhSinglePass-stdDH-sha256kdf-scheme (RFC 5753 §7.1.4).
const STD_DH_SHA256_KDF: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.1.11.1");

const KEK_BITS: u32 = 256;
const AES_BLOCK_BYTES: usize = 16;

/// A key that could not be delivered.
#[derive(Debug, thiserror::Error)]
pub enum CmsError {
    #[error("the key to deliver could not be read, or its envelope not be signed")]
    Key(#[from] KeyError),
    #[error("the recipient's public key is not a point on P-256")]
    Recipient,
    #[error("the envelope could not be encrypted")]
    Encryption,
    #[error("the envelope could not be encoded")]
    Encoding(#[from] der::Error),
}

impl From<Unspecified> for CmsError {
    fn from(_: Unspecified) -> Self {
        Self::Encryption
    }
}

/// RFC 5753 §7.2.
#[derive(Sequence)]
struct EccCmsSharedInfo {
    key_wrap: AlgorithmIdentifierOwned,
    #[asn1(context_specific = "2")]
    kek_bits: OctetString,
}

/// Delivers the private key `pkcs8` to the holder of `recipient` (RFC 7030 §4.4.2): EnvelopedData of SignedData, by `signer`
/// and its certificate (DER), of an AsymmetricKeyPackage with that one key. The same key is encrypted afresh each time.
pub fn deliver_key(
    pkcs8: &[u8],
    recipient: &Spki,
    signer_cert: &[u8],
    signer: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, CmsError> {
    SigningKey::from_pkcs8(pkcs8)?;
    let package = key_package(pkcs8)?;
    // RFC 5652 §5.1: version 3, because the content is not id-data
    let signed = sign(CmsVersion::V3, KEY_PACKAGE, &package, signer_cert, signer)?;
    envelop(ID_SIGNED_DATA, signed, recipient, entropy)
}

/// Hands the private key `pkcs8` to somebody who has openssl and no app of ours: EnvelopedData of plain data, which is a CMS message of its
/// own, SignedData by `signer` of the PKCS#8 itself. So the one command decrypts, and the next verifies what the first left.
pub fn recover_key(
    pkcs8: &[u8],
    recipient: &Spki,
    signer_cert: &[u8],
    signer: &SigningKey,
    entropy: &dyn Entropy,
) -> Result<Vec<u8>, CmsError> {
    SigningKey::from_pkcs8(pkcs8)?;
    let signed = sign(CmsVersion::V1, ID_DATA, pkcs8, signer_cert, signer)?;
    let message = Zeroizing::new(content_info(ID_SIGNED_DATA, &signed)?);
    envelop(ID_DATA, message, recipient, entropy)
}

/// AsymmetricKeyPackage (RFC 5958 §2). A PrivateKeyInfo of PKCS#8 is a OneAsymmetricKey of version 1.
fn key_package(pkcs8: &[u8]) -> der::Result<Zeroizing<Vec<u8>>> {
    AnyRef::new(Tag::Sequence, pkcs8)?.to_der().map(Zeroizing::new)
}

/// SignedData, itself and not in a ContentInfo: so it is enveloped (RFC 5652 §6.3).
fn sign(
    version: CmsVersion,
    kind: ObjectIdentifier,
    content: &[u8],
    signer_cert: &[u8],
    signer: &SigningKey,
) -> Result<Zeroizing<Vec<u8>>, CmsError> {
    let signed = SignedData {
        version,
        digest_algorithms: SetOfVec::try_from([plain(ID_SHA_256)])?,
        content: EncapsulatedContent { kind, content: Some(OctetStringRef::new(content)?) },
        certificates: certificate_set(signer_cert)?,
        signers: SignerInfos(SetOfVec::try_from([signer_info(kind, content, signer_cert, signer)?])?),
    };
    Ok(Zeroizing::new(signed.to_der()?))
}

fn signer_info(kind: ObjectIdentifier, content: &[u8], signer_cert: &[u8], signer: &SigningKey) -> Result<SignerInfo, CmsError> {
    let certificate = Certificate::from_der(signer_cert)?;
    let attributes: Attributes =
        SetOfVec::try_from([attribute(ID_CONTENT_TYPE, &kind)?, attribute(ID_MESSAGE_DIGEST, &OctetString::new(sha256(content))?)?])?;
    // RFC 5652 §5.4: what is signed is the attributes' own DER, tagged SET OF
    let signature = signer.sign(&attributes.to_der()?)?;
    Ok(SignerInfo {
        version: CmsVersion::V1,
        sid: SignerIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber {
            issuer: certificate.tbs_certificate().issuer().clone(),
            serial_number: certificate.tbs_certificate().serial_number().clone(),
        }),
        digest_alg: plain(ID_SHA_256),
        signed_attrs: Some(attributes),
        signature_algorithm: ecdsa_with_sha256(),
        signature: OctetString::new(signature)?,
        unsigned_attrs: None,
    })
}

fn attribute(oid: ObjectIdentifier, value: &(impl Tagged + EncodeValue)) -> der::Result<Attribute> {
    let values = SetOfVec::try_from([Any::encode_from(value)?])?;
    Ok(Attribute { oid, values })
}

/// EnvelopedData of one content for one recipient, in a ContentInfo. Chance that gives nothing but zeros is broken: nothing leaves under
/// a content key that anybody knows.
fn envelop(kind: ObjectIdentifier, content: Zeroizing<Vec<u8>>, recipient: &Spki, entropy: &dyn Entropy) -> Result<Vec<u8>, CmsError> {
    let content_key = Zeroizing::new(random::<32>(entropy));
    if *content_key == [0; 32] {
        return Err(CmsError::Encryption);
    }
    let enveloped = EnvelopedData {
        // RFC 5652 §6.1: 2, because of the key agreement
        version: CmsVersion::V2,
        originator_info: None,
        recip_infos: RecipientInfos::try_from(vec![RecipientInfo::Kari(agree_on(&content_key, recipient)?)])?,
        encrypted_content: encrypt(kind, content, &content_key, entropy)?,
        unprotected_attrs: None,
    };
    Ok(content_info(ID_ENVELOPED_DATA, &enveloped.to_der()?)?)
}

/// Wraps the content key under a secret that only the recipient shares: ephemeral-static ECDH (RFC 5753 §3.1).
fn agree_on(content_key: &[u8; 32], recipient: &Spki) -> Result<KeyAgreeRecipientInfo, CmsError> {
    let key_wrap = plain(ID_AES_256_WRAP);
    let ephemeral = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let ephemeral_public = ephemeral.compute_public_key()?;
    let peer = UnparsedPublicKey::new(&ECDH_P256, recipient.point());
    let wrapped = agree_ephemeral(ephemeral, peer, CmsError::Recipient, |shared| {
        let kek = key_encryption_key(shared, &key_wrap)?;
        wrap(content_key, &kek)
    })?;
    Ok(KeyAgreeRecipientInfo {
        version: CmsVersion::V3,
        originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
            // RFC 5753 §3.1.1: the curve is the recipient's, the parameters are absent
            algorithm: plain(ID_EC_PUBLIC_KEY),
            public_key: BitString::from_bytes(ephemeral_public.as_ref())?,
        }),
        ukm: None,
        key_enc_alg: AlgorithmIdentifierOwned { oid: STD_DH_SHA256_KDF, parameters: Some(Any::encode_from(&key_wrap)?) },
        recipient_enc_keys: vec![RecipientEncryptedKey {
            rid: KeyAgreeRecipientIdentifier::RKeyId(RecipientKeyIdentifier {
                subject_key_identifier: SubjectKeyIdentifier(OctetString::new(recipient.subject_key_identifier())?),
                date: None,
                other: None,
            }),
            enc_key: OctetString::new(wrapped)?,
        }],
    })
}

/// The X9.63 KDF with SHA-256 (RFC 5753 §7.2, SEC 1 §3.6.1). The key is as long as one hash: the counter stays at 1.
fn key_encryption_key(shared: &[u8], key_wrap: &AlgorithmIdentifierOwned) -> der::Result<Zeroizing<[u8; 32]>> {
    let shared_info = EccCmsSharedInfo { key_wrap: key_wrap.clone(), kek_bits: OctetString::new(KEK_BITS.to_be_bytes())? };
    let mut hash = digest::Context::new(&digest::SHA256);
    hash.update(shared);
    hash.update(&1u32.to_be_bytes());
    hash.update(&shared_info.to_der()?);
    let mut key = Zeroizing::new([0; 32]);
    key.copy_from_slice(hash.finish().as_ref());
    Ok(key)
}

/// AES-256 key wrap (RFC 3394).
fn wrap(content_key: &[u8; 32], kek: &[u8; 32]) -> Result<Vec<u8>, CmsError> {
    let mut wrapped = vec![0; content_key.len() + 8];
    AesKek::new(&AES_256, kek)?.wrap(content_key, &mut wrapped)?;
    Ok(wrapped)
}

/// AES-256-CBC, padded as RFC 5652 §6.3 says, in place.
fn encrypt(
    kind: ObjectIdentifier,
    plain: Zeroizing<Vec<u8>>,
    content_key: &[u8; 32],
    entropy: &dyn Entropy,
) -> Result<EncryptedContentInfo, CmsError> {
    let iv = random::<AES_BLOCK_BYTES>(entropy);
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(UnboundCipherKey::new(&AES_256_CIPHER, content_key)?)?;
    // room for the padding, so that growing does not leave the plaintext behind
    let mut content = Zeroizing::new(Vec::with_capacity(plain.len() + AES_BLOCK_BYTES));
    content.extend_from_slice(&plain);
    key.less_safe_encrypt(&mut *content, EncryptionContext::Iv128(FixedLength::from(iv)))?;
    Ok(EncryptedContentInfo {
        content_type: kind,
        content_enc_alg: AlgorithmIdentifierOwned { oid: ID_AES_256_CBC, parameters: Some(Any::encode_from(&OctetString::new(iv)?)?) },
        encrypted_content: Some(OctetString::new(content.as_slice())?),
    })
}

#[cfg(test)]
mod tests;
