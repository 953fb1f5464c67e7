//! The keys in a token: ECDSA on P-256 for signatures, AES-256-GCM for what is sealed. Each is found by its label, can not be taken out, and
//! is generated inside.

use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::aead::GcmParams;
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::Session;
use zeroize::Zeroizing;

use super::{Fault, Token, TokenFault};
use crate::pki::encoding::der_of_ecdsa;
use crate::pki::key::{Spki, sha256};

/// OBJECT IDENTIFIER prime256v1 (RFC 5480 §2.1.1.1), as CKA_EC_PARAMS has it.
const P256: [u8; 10] = [0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const POINT_LENGTH: usize = 65;
const TAG_BITS: u64 = 128;

impl Token {
    /// Generates a key pair of this label; a label that is taken is refused.
    pub fn generate(&self, key: &str) -> Result<Spki, TokenFault> {
        self.work(|session| {
            self.must_be_free(session, ObjectClass::PRIVATE_KEY, key)?;
            let named = [Attribute::Token(true), Attribute::Label(key.into()), Attribute::Id(key.into())];
            let public = [Attribute::Private(false), Attribute::Verify(true), Attribute::EcParams(P256.to_vec())];
            let private = [Attribute::Private(true), Attribute::Sensitive(true), Attribute::Extractable(false), Attribute::Sign(true)];
            let (public, private) = ([&named[..], &public].concat(), [&named[..], &private].concat());
            session.generate_key_pair(&Mechanism::EccKeyPairGen, &public, &private)?;
            Ok(())
        })?;
        self.public_half(key)
    }

    /// The public half of a key that the token holds.
    pub fn public_half(&self, key: &str) -> Result<Spki, TokenFault> {
        self.work(|session| {
            self.find(session, ObjectClass::PRIVATE_KEY, key)?;
            let object = self.find(session, ObjectClass::PUBLIC_KEY, key)?;
            let found = session.get_attributes(object, &[AttributeType::EcPoint])?;
            let point = found.iter().find_map(|attribute| match attribute {
                // an OCTET STRING around the point; some modules leave it out (PKCS#11 §2.3.3)
                Attribute::EcPoint(point) => point.get(point.len().checked_sub(POINT_LENGTH)?..),
                _ => None,
            });
            let spki = point.and_then(Spki::from_point);
            spki.ok_or_else(|| {
                Fault::Told(TokenFault::Refused { label: self.label(), found: format!("{key}: found: another key, expected: P-256") })
            })
        })
    }

    /// Whether it holds a key pair of this label.
    pub fn has(&self, key: &str) -> Result<bool, TokenFault> {
        told(self.public_half(key))
    }

    /// Signs `message`: ECDSA with SHA-256, DER.
    pub fn sign(&self, key: &str, message: &[u8]) -> Result<Vec<u8>, TokenFault> {
        let digest = sha256(message);
        let raw = self.work(|session| {
            let object = self.find(session, ObjectClass::PRIVATE_KEY, key)?;
            Ok(session.sign(&Mechanism::Ecdsa, object, &digest)?)
        })?;
        der_of_ecdsa(&raw).ok_or_else(|| TokenFault::Refused { label: self.label(), found: "a signature that is not r and s".to_owned() })
    }

    /// Generates a key that seals; a label that is taken is refused.
    pub fn generate_sealing(&self, key: &str) -> Result<(), TokenFault> {
        self.work(|session| {
            self.must_be_free(session, ObjectClass::SECRET_KEY, key)?;
            let template = [
                Attribute::Token(true),
                Attribute::Label(key.into()),
                Attribute::Id(key.into()),
                Attribute::Class(ObjectClass::SECRET_KEY),
                Attribute::KeyType(KeyType::AES),
                Attribute::ValueLen(32.into()),
                Attribute::Private(true),
                Attribute::Sensitive(true),
                Attribute::Extractable(false),
                Attribute::Encrypt(true),
                Attribute::Decrypt(true),
            ];
            session.generate_key(&Mechanism::AesKeyGen, &template)?;
            Ok(())
        })
    }

    /// Whether it holds a key of this label that seals.
    pub fn has_sealing(&self, key: &str) -> Result<bool, TokenFault> {
        told(self.work(|session| self.find(session, ObjectClass::SECRET_KEY, key)))
    }

    /// AES-256-GCM: the ciphertext and, behind it, the tag.
    pub fn seal(&self, key: &str, nonce: [u8; 12], associated: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, TokenFault> {
        self.work(|session| {
            let object = self.find(session, ObjectClass::SECRET_KEY, key)?;
            let mut nonce = nonce;
            let parameters = GcmParams::new(&mut nonce, associated, TAG_BITS.into())?;
            Ok(session.encrypt(&Mechanism::AesGcm(parameters), object, plaintext)?)
        })
    }

    /// Opens what [`seal`](Self::seal) made.
    pub fn unseal(&self, key: &str, nonce: [u8; 12], associated: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, TokenFault> {
        use cryptoki::error::{Error, RvError};
        self.work(|session| {
            let object = self.find(session, ObjectClass::SECRET_KEY, key)?;
            let mut nonce = nonce;
            let parameters = GcmParams::new(&mut nonce, associated, TAG_BITS.into())?;
            match session.decrypt(&Mechanism::AesGcm(parameters), object, sealed) {
                Ok(plaintext) => Ok(Zeroizing::new(plaintext)),
                // SoftHSM says that the function failed; the others say what
                Err(Error::Pkcs11(
                    RvError::EncryptedDataInvalid | RvError::EncryptedDataLenRange | RvError::GeneralError | RvError::FunctionFailed,
                    cryptoki::context::Function::Decrypt,
                )) => Err(Fault::Told(TokenFault::NotOpened { label: self.label() })),
                Err(error) => Err(error.into()),
            }
        })
    }

    fn find(&self, session: &Session, class: ObjectClass, key: &str) -> Result<ObjectHandle, Fault> {
        let place = format!("{class}:{key}");
        if let Some(object) = self.found().get(&place) {
            return Ok(*object);
        }
        let objects = session.find_objects(&[Attribute::Class(class), Attribute::Label(key.into()), Attribute::Token(true)])?;
        match objects[..] {
            [object] => {
                self.found().insert(place, object);
                Ok(object)
            }
            [] => Err(Fault::Told(TokenFault::NoKey { label: self.label(), key: key.to_owned() })),
            _ => Err(Fault::Told(TokenFault::Taken { label: self.label(), key: format!("{key}, several times") })),
        }
    }

    fn must_be_free(&self, session: &Session, class: ObjectClass, key: &str) -> Result<(), Fault> {
        match self.find(session, class, key) {
            Err(Fault::Told(TokenFault::NoKey { .. })) => Ok(()),
            Ok(_) => Err(Fault::Told(TokenFault::Taken { label: self.label(), key: key.to_owned() })),
            Err(fault) => Err(fault),
        }
    }
}

/// Whether a search found it.
fn told<T>(found: Result<T, TokenFault>) -> Result<bool, TokenFault> {
    match found {
        Ok(_) => Ok(true),
        Err(TokenFault::NoKey { .. }) => Ok(false),
        Err(fault) => Err(fault),
    }
}
