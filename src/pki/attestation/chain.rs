//! The certificates between a key and the maker of the phone. They are on P-256, P-384 or RSA, unlike ours, and some live for days.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_ASN1, ECDSA_P256_SHA384_ASN1, ECDSA_P384_SHA256_ASN1, ECDSA_P384_SHA384_ASN1, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, UnparsedPublicKey, VerificationAlgorithm,
};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5912::{
    ECDSA_WITH_SHA_256, ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, RSA_ENCRYPTION, SECP_256_R_1, SECP_384_R_1, SHA_256_WITH_RSA_ENCRYPTION,
    SHA_384_WITH_RSA_ENCRYPTION, SHA_512_WITH_RSA_ENCRYPTION,
};
use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::x509::SubjectPublicKeyInfo;

use super::description::KeyDescription;
use super::revoked::RevokedKeys;
use super::tlv::{Malformed, Reader, Tag};
use super::{EvidenceFault, LONGEST, fault};

/// The extension in which the hardware speaks.
const KEY_DESCRIPTION: &str = "1.3.6.1.4.1.11129.2.1.17";

/// The key of a root: DER SubjectPublicKeyInfo. The certificate around it may be any, and may have expired.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootKey(Vec<u8>);

impl RootKey {
    /// The key of a certificate, DER.
    pub fn of(certificate: &[u8]) -> Option<Self> {
        let (rest, certificate) = X509Certificate::from_der(certificate).ok()?;
        rest.is_empty().then(|| Self(certificate.public_key().raw.to_vec()))
    }
}

/// A verified chain, leaf first.
pub struct Chain<'a>(Vec<X509Certificate<'a>>);

impl<'a> Chain<'a> {
    /// Verifies each signature up to a root, that each certificate is good at `now`, may do what it did, and is not on the list.
    pub fn verify(der: &'a [Vec<u8>], roots: &[RootKey], revoked: &RevokedKeys, now: Timestamp) -> Result<Self, EvidenceFault> {
        if der.is_empty() || der.len() > LONGEST {
            return Err(fault(format!("{} certificates", der.len()), "one to ten"));
        }
        let certificates = der.iter().map(|der| read(der)).collect::<Result<Vec<_>, _>>()?;
        // the root first: nobody has us verify signatures by a chain of their own
        let (last, last_der) = (certificates.last(), der.last());
        let (Some(last), Some(last_der)) = (last, last_der) else { return Err(fault("no certificate", "a chain")) };
        let is_root = roots.iter().any(|root| root.0 == last.public_key().raw);
        if !is_root && !roots.iter().any(|root| root.signed(last_der)) {
            return Err(fault("a chain that does not lead to a configured root", "one that does"));
        }
        for (below, certificate) in certificates.iter().enumerate() {
            let (Some(next), Some(der)) = (certificates.get(below + 1), der.get(below)) else { continue };
            is_issued_by(der, certificate, next)?;
            may_issue(next, below)?;
        }
        for (index, certificate) in certificates.iter().enumerate() {
            // the key of the root is configured; when its certificate ends says nothing
            if !(is_root && index + 1 == certificates.len()) {
                is_in_time(certificate, now)?;
            }
            if revoked.has(certificate.raw_serial()) {
                return Err(fault("an attestation key that was revoked", "one that is not on the status list"));
            }
        }
        Ok(Self(certificates))
    }

    /// DER SubjectPublicKeyInfo of the attested key.
    pub fn leaf_key(&self) -> &[u8] {
        self.0.first().map_or(&[], |leaf| leaf.public_key().raw)
    }

    /// What the hardware says of the leaf. Of several certificates that carry such a statement only the one next to the root is the hardware's: below
    /// it, whoever holds an attested key may have signed what they like.
    pub fn description(&self) -> Result<KeyDescription, EvidenceFault> {
        let stated = self.0.iter().enumerate().rev().find_map(|(index, certificate)| Some((index, statement(certificate)?)));
        match stated {
            Some((0, statement)) => {
                KeyDescription::read(statement).map_err(|error| fault(format!("an attestation that is {error}"), "a KeyDescription"))
            }
            Some(_) => Err(fault("a certificate that an attested key signed", "one that secure hardware signed")),
            None => Err(fault("no attestation extension", "one in the certificate of the key")),
        }
    }
}

/// The value of the extension in a certificate.
fn statement<'a>(certificate: &X509Certificate<'a>) -> Option<&'a [u8]> {
    certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == KEY_DESCRIPTION).map(|extension| extension.value)
}

fn read(der: &[u8]) -> Result<X509Certificate<'_>, EvidenceFault> {
    let malformed = || fault("bytes that are not an X.509 certificate", "a chain of certificates, DER each");
    let (rest, certificate) = X509Certificate::from_der(der).map_err(|_| malformed())?;
    is_signed_whole(der).map_err(|_| malformed())?;
    let is_sound = rest.is_empty() && certificate.extensions_map().is_ok() && certificate.signature_algorithm == certificate.signature;
    if is_sound { Ok(certificate) } else { Err(malformed()) }
}

/// The outer shape in strict DER (RFC 5280 §4.1.1): it is not signed, and the parser is lenient about it.
fn is_signed_whole(der: &[u8]) -> Result<(), Malformed> {
    let mut outer = Reader::new(der);
    let mut parts = outer.nested(Tag::SEQUENCE)?;
    outer.end()?;
    let mut signed = parts.nested(Tag::SEQUENCE)?;
    let (_version, _serial) = (signed.any()?, signed.expect(Tag::INTEGER)?);
    // RFC 5280 §4.1.1.2: the same algorithm as inside, where it is signed
    if parts.expect(Tag::SEQUENCE)? != signed.expect(Tag::SEQUENCE)? {
        return Err(Malformed("another algorithm outside than inside"));
    }
    let signature = parts.expect(Tag::BITS)?;
    parts.end()?;
    if signature.first() == Some(&0) { Ok(()) } else { Err(Malformed("a signature of unused bits")) }
}

fn is_issued_by(der: &[u8], certificate: &X509Certificate<'_>, issuer: &X509Certificate<'_>) -> Result<(), EvidenceFault> {
    let wrong = || fault("a certificate that the next one did not sign", "a chain in order, the leaf first");
    if certificate.issuer().as_raw() != issuer.subject().as_raw() {
        return Err(wrong());
    }
    if is_signed_by(der, issuer.public_key()) { Ok(()) } else { Err(wrong()) }
}

impl RootKey {
    fn signed(&self, der: &[u8]) -> bool {
        SubjectPublicKeyInfo::from_der(&self.0).is_ok_and(|(_, key)| is_signed_by(der, &key))
    }
}

fn is_signed_by(der: &[u8], key: &SubjectPublicKeyInfo<'_>) -> bool {
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return false };
    let Some(algorithm) = algorithm(&certificate, key) else { return false };
    let signed = certificate.tbs_certificate.as_ref();
    UnparsedPublicKey::new(algorithm, key.subject_public_key.data.as_ref())
        .verify(signed, certificate.signature_value.data.as_ref())
        .is_ok()
}

/// By the signature and the key: P-256 keys sign with SHA-384 too.
fn algorithm(certificate: &X509Certificate<'_>, key: &SubjectPublicKeyInfo<'_>) -> Option<&'static dyn VerificationAlgorithm> {
    let oid = |bytes: &[u8]| ObjectIdentifier::from_bytes(bytes).ok();
    let signature = oid(certificate.signature_algorithm.algorithm.as_bytes())?;
    let kind = oid(key.algorithm.algorithm.as_bytes())?;
    let curve = key.algorithm.parameters.as_ref().and_then(|parameters| oid(parameters.as_oid().ok()?.as_bytes()));
    Some(match (signature, kind, curve) {
        (ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, Some(SECP_256_R_1)) => &ECDSA_P256_SHA256_ASN1,
        (ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, Some(SECP_256_R_1)) => &ECDSA_P256_SHA384_ASN1,
        (ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, Some(SECP_384_R_1)) => &ECDSA_P384_SHA256_ASN1,
        (ECDSA_WITH_SHA_384, ID_EC_PUBLIC_KEY, Some(SECP_384_R_1)) => &ECDSA_P384_SHA384_ASN1,
        (SHA_256_WITH_RSA_ENCRYPTION, RSA_ENCRYPTION, _) => &RSA_PKCS1_2048_8192_SHA256,
        (SHA_384_WITH_RSA_ENCRYPTION, RSA_ENCRYPTION, _) => &RSA_PKCS1_2048_8192_SHA384,
        (SHA_512_WITH_RSA_ENCRYPTION, RSA_ENCRYPTION, _) => &RSA_PKCS1_2048_8192_SHA512,
        _ => return None,
    })
}

/// RFC 5280 §6.1.4 (k) to (n): a CA, within its path length, whose key may sign certificates.
fn may_issue(certificate: &X509Certificate<'_>, below: usize) -> Result<(), EvidenceFault> {
    let wrong = || fault("a certificate that may not issue others", "a CA within its path length");
    let constraints = certificate.basic_constraints().map_err(|_| wrong())?.ok_or_else(wrong)?.value;
    let is_short = constraints.path_len_constraint.is_none_or(|longest| below <= longest as usize);
    let usage = certificate.key_usage().map_err(|_| wrong())?;
    let may_sign = usage.is_none_or(|usage| usage.value.key_cert_sign());
    if constraints.ca && is_short && may_sign { Ok(()) } else { Err(wrong()) }
}

fn is_in_time(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), EvidenceFault> {
    let (validity, now) = (certificate.validity(), now.as_second());
    if now < validity.not_before.timestamp() {
        return Err(fault("a certificate that is not yet good", "a chain of this moment"));
    }
    if now > validity.not_after.timestamp() {
        return Err(fault("a certificate that has expired", "a chain of this moment"));
    }
    Ok(())
}
