//! Reads the certification requests of devices: untrusted bytes in, a P-256 key whose possession is proven out.
//!
//! Of a request only the key, the common name (which the workflow compares with the directory) and the identifier of the key to
//! encrypt to are read. Everything else a request may ask for, names and extensions, is never looked at, so it cannot be copied.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use const_oid::ObjectIdentifier;
use const_oid::db::DB;
use const_oid::db::rfc4519::COMMON_NAME;
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1, SECP_521_R_1};
use der::asn1::{AnyRef, BitStringRef, OctetStringRef, UintRef};
use der::{Decode, Encode, Sequence};
use x509_cert::attr::Attributes;
use x509_cert::name::Name;
use x509_cert::request::CertReqInfo;
use x509_cert::spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned};

use super::attestation::{self, Malformed};
use super::key::Spki;

/// The longest request that is read, in bytes of DER. With a P-256 key it takes about 300; the rest is room for extensions.
pub const MAX_REQUEST_BYTES: usize = 16 * 1024;

/// id-aa-asymmDecryptKeyID (RFC 7030 §4.4.1.2).
const ASYMM_DECRYPT_KEY_IDENTIFIER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.9.16.2.54");
const ID_AA_EVIDENCE: ObjectIdentifier = ObjectIdentifier::new_unwrap(attestation::ID_AA_EVIDENCE);

/// What a device asked for, its possession of the private key proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub spki: Spki,
    /// Absent when the subject is empty.
    pub common_name: Option<String>,
    /// The key to encrypt a server-generated key to, named by its subject key identifier.
    pub decrypt_key_identifier: Option<Vec<u8>>,
    /// The certificates that vouch for the key, leaf first, DER each; not verified here.
    pub evidence: Option<Vec<Vec<u8>>>,
}

/// A request that is refused: its sender must make another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    #[error("found: {found} bytes, expected: at most {MAX_REQUEST_BYTES}")]
    TooLong { found: usize },
    #[error("found: a body that is not base64, expected: the base64 of a PKCS#10 request")]
    NotBase64,
    #[error("found: bytes that are not PKCS#10, expected: one certification request, DER, and nothing behind it")]
    NotPkcs10,
    #[error("found: {found}, expected: EC P-256")]
    Key { found: String },
    #[error("found: {found}, expected: ecdsa-with-SHA256")]
    SignatureAlgorithm { found: String },
    #[error("found: a signature that does not verify, expected: a signature by the key in the request")]
    Signature,
    #[error("found: {found}, expected: an empty subject, or one with one common name")]
    Subject { found: &'static str },
    #[error("found: {found}, expected: at most one, with one OCTET STRING")]
    DecryptKeyIdentifier { found: &'static str },
    #[error("evidence: found: {found}, expected: at most one bundle with one Android key attestation")]
    Evidence { found: &'static str },
}

/// The outer shape of a request (RFC 2986 §4.2), what is signed kept as it came.
#[derive(Sequence)]
struct CertificationRequest<'a> {
    info: AnyRef<'a>,
    algorithm: AlgorithmIdentifierOwned,
    signature: BitStringRef<'a>,
}

impl Request {
    /// Reads a PKCS#10 request in DER (RFC 2986) and verifies that its sender holds the private key.
    pub fn read(body_der: &[u8]) -> Result<Self, BadRequest> {
        if body_der.len() > MAX_REQUEST_BYTES {
            return Err(BadRequest::TooLong { found: body_der.len() });
        }
        let request = CertificationRequest::from_der(body_der).map_err(|_| BadRequest::NotPkcs10)?;
        let info: CertReqInfo = request.info.decode_as().map_err(|_| BadRequest::NotPkcs10)?;
        let spki = p256_key(&info.public_key)?;
        expect_ecdsa_with_sha256(&request.algorithm)?;
        let signed = request.info.to_der().map_err(|_| BadRequest::NotPkcs10)?;
        let signature = request.signature.as_bytes().ok_or(BadRequest::Signature)?;
        if !spki.verifies(&signed, signature) {
            return Err(BadRequest::Signature);
        }
        Ok(Self {
            spki,
            common_name: common_name(&info.subject)?,
            decrypt_key_identifier: decrypt_key_identifier(&info.attributes)?,
            evidence: evidence(&info.attributes)?,
        })
    }
}

fn p256_key(found: &SubjectPublicKeyInfoOwned) -> Result<Spki, BadRequest> {
    let der = found.to_der().map_err(|_| BadRequest::NotPkcs10)?;
    Spki::from_der(&der).ok_or_else(|| BadRequest::Key { found: describe_key(found) })
}

/// A key that is not ours to certify, in the words of the field: `RSA 2048`, `EC P-384`.
fn describe_key(key: &SubjectPublicKeyInfoOwned) -> String {
    match key.algorithm.oid {
        RSA_ENCRYPTION => match rsa_bits(key.subject_public_key.raw_bytes()) {
            Some(bits) => format!("RSA {bits}"),
            None => "an RSA key that cannot be read".to_owned(),
        },
        ID_EC_PUBLIC_KEY => match key.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as().ok()) {
            Some(SECP_256_R_1) => "EC P-256, its point not uncompressed".to_owned(),
            Some(SECP_384_R_1) => "EC P-384".to_owned(),
            Some(SECP_521_R_1) => "EC P-521".to_owned(),
            Some(curve) => format!("EC {}", name_of(&curve)),
            None => "EC without a named curve".to_owned(),
        },
        other => name_of(&other),
    }
}

fn rsa_bits(public_key: &[u8]) -> Option<usize> {
    /// RFC 8017 §A.1.1.
    #[derive(Sequence)]
    struct RsaPublicKey<'a> {
        modulus: UintRef<'a>,
        exponent: UintRef<'a>,
    }
    let key = RsaPublicKey::from_der(public_key).ok()?;
    let modulus = key.modulus.as_bytes();
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

const SECP_256_K_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.10");
const ECDSA_WITH_SHA_1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.4.1");

/// The name of an algorithm or curve, or its digits where it has no name that we know.
fn name_of(oid: &ObjectIdentifier) -> String {
    match *oid {
        SECP_256_K_1 => "secp256k1".to_owned(),
        ECDSA_WITH_SHA_1 => "ecdsa-with-SHA1".to_owned(),
        _ => DB.by_oid(oid).map_or_else(|| oid.to_string(), |name| name.trim_start_matches("id-").to_owned()),
    }
}

/// The parameters must be absent (RFC 5758 §3.2).
fn expect_ecdsa_with_sha256(found: &AlgorithmIdentifierOwned) -> Result<(), BadRequest> {
    match (found.oid, &found.parameters) {
        (ECDSA_WITH_SHA_256, None) => Ok(()),
        (ECDSA_WITH_SHA_256, Some(_)) => Err(BadRequest::SignatureAlgorithm { found: "ecdsa-with-SHA256 with parameters".to_owned() }),
        (other, _) => Err(BadRequest::SignatureAlgorithm { found: name_of(&other) }),
    }
}

fn common_name(subject: &Name) -> Result<Option<String>, BadRequest> {
    if subject.is_empty() {
        return Ok(None);
    }
    match subject.iter().filter(|attribute| attribute.oid == COMMON_NAME).count() {
        0 => Err(BadRequest::Subject { found: "a subject without a common name" }),
        1 => match subject.common_name() {
            Ok(name) => Ok(name.map(|name| name.value().into_owned())),
            Err(_) => Err(BadRequest::Subject { found: "a common name that is not text" }),
        },
        _ => Err(BadRequest::Subject { found: "several common names" }),
    }
}

fn decrypt_key_identifier(attributes: &Attributes) -> Result<Option<Vec<u8>>, BadRequest> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == ASYMM_DECRYPT_KEY_IDENTIFIER);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(attribute), None) => match attribute.values.as_ref() {
            [value] => match value.decode_as::<&OctetStringRef>() {
                Ok(identifier) => Ok(Some(identifier.as_bytes().to_vec())),
                Err(_) => Err(BadRequest::DecryptKeyIdentifier { found: "asymmDecryptKeyIdentifier of another type" }),
            },
            _ => Err(BadRequest::DecryptKeyIdentifier { found: "asymmDecryptKeyIdentifier without one value" }),
        },
        (Some(_), Some(_)) => Err(BadRequest::DecryptKeyIdentifier { found: "several asymmDecryptKeyIdentifier" }),
    }
}

fn evidence(attributes: &Attributes) -> Result<Option<Vec<Vec<u8>>>, BadRequest> {
    let mut found = attributes.iter().filter(|attribute| attribute.oid == ID_AA_EVIDENCE);
    let Some(attribute) = found.next() else { return Ok(None) };
    let ([value], None) = (attribute.values.as_ref(), found.next()) else {
        return Err(BadRequest::Evidence { found: "several" });
    };
    let bundle = value.to_der().map_err(|_| BadRequest::NotPkcs10)?;
    attestation::read_bundle(&bundle).map(Some).map_err(|Malformed(found)| BadRequest::Evidence { found })
}

/// Decodes the body of an EST enrollment: base64, white space ignored (RFC 8951 §3.1). The armor lines of a PEM request are
/// ignored too, since clients send them.
pub fn est_base64(body: &[u8]) -> Result<Vec<u8>, BadRequest> {
    let text = std::str::from_utf8(body).map_err(|_| BadRequest::NotBase64)?;
    let digits: Vec<u8> =
        text.lines().filter(|line| !is_armor(line.trim())).flat_map(str::bytes).filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(digits).map_err(|_| BadRequest::NotBase64)
}

/// RFC 7468 §7, and the label that older tools write.
fn is_armor(line: &str) -> bool {
    matches!(
        line,
        "-----BEGIN CERTIFICATE REQUEST-----"
            | "-----END CERTIFICATE REQUEST-----"
            | "-----BEGIN NEW CERTIFICATE REQUEST-----"
            | "-----END NEW CERTIFICATE REQUEST-----"
    )
}

#[cfg(test)]
mod tests;
