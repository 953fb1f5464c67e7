//! Mail to the holder of a card, as a mail program writes it: CMS EnvelopedData to the encryption certificate (RFC 8551 §3.3).
//!
//! It is there for demonstrations and tests: what was written before a phone was lost must stay readable on the next one. It makes
//! the CMS object alone, without MIME around it, and asks nobody whether the certificate is still good: a sender does that before,
//! with [`crate::RelyingParty`].

use aws_lc_rs::cipher::{AES_256, DecryptionContext, PaddedBlockEncryptingKey, UnboundCipherKey};
use aws_lc_rs::digest::SHA256;
use aws_lc_rs::key_wrap::{self, AesKek, KeyWrap};
use aws_lc_rs::rand;
use cms::cert::IssuerAndSerialNumber;
use cms::content_info::{CmsVersion, ContentInfo};
use cms::enveloped_data::{
    EncryptedContentInfo, EnvelopedData, KeyAgreeRecipientIdentifier, KeyAgreeRecipientInfo, OriginatorIdentifierOrKey,
    OriginatorPublicKey, RecipientEncryptedKey, RecipientInfo, RecipientInfos,
};
use const_oid::db::rfc5911::{ID_AES_256_CBC, ID_AES_256_WRAP, ID_DATA, ID_ENVELOPED_DATA};
use const_oid::db::rfc5912::ID_EC_PUBLIC_KEY;
use der::asn1::{BitString, OctetString};
use der::{Any, Decode, Encode};
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::cms::{DH_SINGLE_PASS_SHA256_KDF, shared_info, x963_kdf};
use crate::key::Key;

const KEY_BYTES: u32 = 32;

/// Why no mail can be made.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum MailError {
    #[error("not a certificate that mail can be encrypted to: {0}")]
    Recipient(&'static str),
    #[error("the cryptographic library refused")]
    Refused,
}

/// Encrypts a text to the holder of a certificate; the result is a DER ContentInfo. What comes out differs every time.
pub fn encrypt_mail(certificate: &Certificate, text: &[u8]) -> Result<Vec<u8>, MailError> {
    if !certificate.allows_key_agreement() {
        return Err(MailError::Recipient("its key usage lacks keyAgreement"));
    }
    let content_key = ContentKey::draw()?;
    let encrypted_content = content_key.encrypt(text)?;
    let recipient = content_key.wrap_to(certificate)?;
    let assembled = || {
        let enveloped = EnvelopedData {
            // RFC 5652 §6.1: 2, since there is a KeyAgreeRecipientInfo.
            version: CmsVersion::V2,
            originator_info: None,
            recip_infos: RecipientInfos::try_from(vec![RecipientInfo::Kari(recipient)])?,
            encrypted_content,
            unprotected_attrs: None,
        };
        ContentInfo { content_type: ID_ENVELOPED_DATA, content: Any::encode_from(&enveloped)? }.to_der()
    };
    assembled().map_err(unwritable)
}

/// The key of one mail.
struct ContentKey(Zeroizing<[u8; KEY_BYTES as usize]>);

impl ContentKey {
    fn draw() -> Result<Self, MailError> {
        let mut key = Zeroizing::new([0; KEY_BYTES as usize]);
        rand::fill(key.as_mut()).map_err(refused)?;
        Ok(Self(key))
    }

    /// AES-256 in CBC mode with PKCS#7 padding (RFC 3565 §2.3).
    fn encrypt(&self, text: &[u8]) -> Result<EncryptedContentInfo, MailError> {
        let key = UnboundCipherKey::new(&AES_256, self.0.as_ref()).map_err(refused)?;
        let mut content = text.to_vec();
        let context = PaddedBlockEncryptingKey::cbc_pkcs7(key).and_then(|key| key.encrypt(&mut content)).map_err(refused)?;
        let DecryptionContext::Iv128(iv) = context else { return Err(MailError::Refused) };
        let iv: &[u8; 16] = iv.as_ref();
        let assembled = || {
            Ok(EncryptedContentInfo {
                content_type: ID_DATA,
                content_enc_alg: algorithm(ID_AES_256_CBC, Some(Any::encode_from(&OctetString::new(*iv)?)?)),
                encrypted_content: Some(OctetString::new(content)?),
            })
        };
        assembled().map_err(unwritable)
    }

    /// Wraps the key under what a fresh key and the recipient's agree on (RFC 5753 §3.1.1).
    fn wrap_to(&self, certificate: &Certificate) -> Result<KeyAgreeRecipientInfo, MailError> {
        let not_p256 = |_| MailError::Recipient("its key is not on P-256");
        let ephemeral = Key::generate().map_err(|_| MailError::Refused)?;
        let point = certificate.point().map_err(|_| MailError::Recipient("it has no key"))?;
        let secret = ephemeral.agree(&point).map_err(not_p256)?;
        let wrap = algorithm(ID_AES_256_WRAP, None);
        let shared = shared_info(wrap.clone(), None, KEY_BYTES).map_err(unwritable)?;
        let wrapping_key = x963_kdf(&SHA256, &secret, &shared, KEY_BYTES);
        let mut wrapped = [0; KEY_BYTES as usize + 8];
        let kek = AesKek::new(&key_wrap::AES_256, &wrapping_key).map_err(refused)?;
        kek.wrap(self.0.as_ref(), &mut wrapped).map_err(refused)?;
        let assembled = || {
            Ok(KeyAgreeRecipientInfo {
                version: CmsVersion::V3,
                originator: OriginatorIdentifierOrKey::OriginatorKey(OriginatorPublicKey {
                    algorithm: algorithm(ID_EC_PUBLIC_KEY, None),
                    public_key: BitString::from_bytes(ephemeral.point())?,
                }),
                ukm: None,
                key_enc_alg: algorithm(DH_SINGLE_PASS_SHA256_KDF, Some(Any::encode_from(&wrap)?)),
                recipient_enc_keys: vec![RecipientEncryptedKey { rid: named(certificate)?, enc_key: OctetString::new(wrapped)? }],
            })
        };
        assembled().map_err(unwritable)
    }
}

/// By issuer and serial, as mail programs name a recipient.
fn named(certificate: &Certificate) -> der::Result<KeyAgreeRecipientIdentifier> {
    let read = x509_cert::Certificate::from_der(certificate.der())?;
    let (issuer, serial_number) = (read.tbs_certificate().issuer().clone(), read.tbs_certificate().serial_number().clone());
    Ok(KeyAgreeRecipientIdentifier::IssuerAndSerialNumber(IssuerAndSerialNumber { issuer, serial_number }))
}

fn algorithm(oid: const_oid::ObjectIdentifier, parameters: Option<Any>) -> AlgorithmIdentifierOwned {
    AlgorithmIdentifierOwned { oid, parameters }
}

fn refused(_: aws_lc_rs::error::Unspecified) -> MailError {
    MailError::Refused
}

fn unwritable(_: der::Error) -> MailError {
    MailError::Recipient("it cannot be named in CMS")
}

#[cfg(test)]
mod tests {
    use std::path::Path;
    use std::process::Command;

    use rcgen::{CertificateParams, DnType, KeyUsagePurpose};

    use super::*;
    use crate::cms::{self, EnvelopeError, Recipient};
    use crate::state::Credential;

    fn credential(usage: KeyUsagePurpose) -> Credential {
        let key = Key::generate().expect("random");
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, "Ana Horvat");
        params.key_usages = vec![usage];
        let certificate = Certificate::from_der(params.self_signed(&key).expect("signed").der().to_vec()).expect("certificate");
        Credential { certificate, key }
    }

    fn openssl_decrypts(holder: &Credential, sealed: &[u8]) -> Option<Vec<u8>> {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        let write = |name: &str, content: &[u8]| std::fs::write(at(name), content).expect("written");
        write("ana.pem", holder.certificate.pem().as_bytes());
        write("ana.key", crate::certificate::pem("PRIVATE KEY", holder.key.pkcs8().expect("here")).as_bytes());
        write("mail.der", sealed);
        let opened = openssl(folder.path(), "cms -decrypt -binary -inform DER -in mail.der -recip ana.pem -inkey ana.key");
        opened.status.success().then_some(opened.stdout)
    }

    fn openssl(folder: &Path, arguments: &str) -> std::process::Output {
        let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
        output.expect("install the Debian package openssl")
    }

    #[test]
    fn openssl_and_the_card_open_what_is_sent_to_them_and_nobody_else_does() {
        let (ana, eva) = (credential(KeyUsagePurpose::KeyAgreement), credential(KeyUsagePurpose::KeyAgreement));
        for text in [&b"Dear Ana"[..], b"", &[7; 4096]] {
            let sealed = encrypt_mail(&ana.certificate, text).expect("made");
            assert_eq!(openssl_decrypts(&ana, &sealed).as_deref(), Some(text));
            assert_eq!(openssl_decrypts(&eva, &sealed), None);
            assert_eq!(cms::open(&sealed, &[Recipient::credential(&ana)]).expect("opened").as_slice(), text);
            assert_eq!(cms::open(&sealed, &[Recipient::credential(&eva)]), Err(EnvelopeError::NotForUs));
        }
    }

    #[test]
    fn the_content_key_is_not_wrapped_under_zeroes() {
        let ana = credential(KeyUsagePurpose::KeyAgreement);
        let key = ContentKey::draw().expect("random");
        let info = key.wrap_to(&ana.certificate).expect("wrapped");
        let wrapped = info.recipient_enc_keys[0].enc_key.as_bytes();
        let unwrap = |kek: &[u8]| {
            let mut content_key = [0; 40];
            AesKek::new(&key_wrap::AES_256, kek).expect("key").unwrap(wrapped, &mut content_key).is_ok()
        };
        assert!(!unwrap(&[0; 32]));
        // The judge can tell: under the right key it opens.
        let OriginatorIdentifierOrKey::OriginatorKey(originator) = &info.originator else { panic!("ephemeral") };
        let secret = ana.key.agree(originator.public_key.raw_bytes()).expect("agrees");
        let shared = shared_info(algorithm(ID_AES_256_WRAP, None), None, KEY_BYTES).expect("der");
        assert!(unwrap(&x963_kdf(&SHA256, &secret, &shared, KEY_BYTES)));
    }

    #[test]
    fn a_signing_certificate_receives_no_mail() {
        let ana = credential(KeyUsagePurpose::DigitalSignature);
        assert_eq!(encrypt_mail(&ana.certificate, b"x"), Err(MailError::Recipient("its key usage lacks keyAgreement")));
    }
}
