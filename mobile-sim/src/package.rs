//! What is inside a delivery: SignedData by the delivery signer, in it an AsymmetricKeyPackage with one private key.
//!
//! The signature says that the key comes from the issuing authority; the certificate says which key it must be. Both are checked.

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use cms::content_info::ContentInfo;
use cms::signed_data::{SignedData, SignerIdentifier, SignerInfo};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_CONTENT_TYPE, ID_MESSAGE_DIGEST, ID_SIGNED_DATA};
use const_oid::db::rfc5912::{ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY, ID_SHA_256, SECP_256_R_1};
use der::asn1::{BitStringRef, OctetStringRef};
use der::{Decode, Encode, Sequence};
use x509_cert::attr::Attributes;
use x509_cert::spki::AlgorithmIdentifierOwned;
use zeroize::Zeroizing;

use crate::certificate::Certificate;
use crate::error::Distrust;
use crate::est::certificates_of;
use crate::key::Key;
use crate::trust::Chain;

/// id-ct-KP-aKeyPackage (RFC 5958 §2).
const ID_CT_KP_A_KEY_PACKAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.2.1.2.78.5");

/// The private key in a signed package, which must be the one that `certificate` names.
pub(crate) fn private_key(signed: &[u8], chain: &Chain, certificate: &Certificate) -> Result<Key, Distrust> {
    let package = verified_content(signed, chain)?;
    let malformed = |_| Distrust::because("not an asymmetric key package");
    let package = Vec::<OneAsymmetricKey<'_>>::from_der(&package).map_err(malformed)?;
    let [only] = package.as_slice() else {
        return Err(Distrust::because("not exactly one key in a package"));
    };
    only.check_curve()?;
    let private = EcPrivateKey::from_der(only.private_key.as_bytes()).map_err(malformed)?;
    Key::from_scalar(private.private_key.as_bytes(), &certificate.point()?)
        .map_err(|_| Distrust::because("a delivered key that is not its certificate's"))
}

/// OneAsymmetricKey (RFC 5958 §2).
#[derive(Sequence)]
struct OneAsymmetricKey<'a> {
    version: u8,
    algorithm: AlgorithmIdentifierOwned,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", constructed = "true", optional = "true")]
    attributes: Option<Attributes>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

impl OneAsymmetricKey<'_> {
    fn check_curve(&self) -> Result<(), Distrust> {
        let curve = self.algorithm.parameters.as_ref().and_then(|curve| curve.decode_as::<ObjectIdentifier>().ok());
        if self.algorithm.oid == ID_EC_PUBLIC_KEY && curve == Some(SECP_256_R_1) {
            Ok(())
        } else {
            Err(Distrust::because("a delivered key that is not on P-256"))
        }
    }
}

/// ECPrivateKey (RFC 5915 §3).
#[derive(Sequence)]
struct EcPrivateKey<'a> {
    version: u8,
    private_key: &'a OctetStringRef,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    parameters: Option<ObjectIdentifier>,
    #[asn1(context_specific = "1", tag_mode = "EXPLICIT", optional = "true")]
    public_key: Option<BitStringRef<'a>>,
}

/// The content of SignedData, its signature checked under a certificate of the pinned authority (RFC 5652 §5).
fn verified_content(der: &[u8], chain: &Chain) -> Result<Zeroizing<Vec<u8>>, Distrust> {
    let signed = signed_data(der)?;
    let [signer] = signed.signer_infos.0.as_slice() else {
        return Err(Distrust::because("a package that is not signed exactly once"));
    };
    let certificate = certificates_of(signed.certificates.as_ref())?
        .into_iter()
        .find(|candidate| is_signer(&signer.sid, candidate))
        .ok_or_else(|| Distrust::because("a package without its signer's certificate"))?;
    chain.check_delivery_signer(&certificate)?;
    if signed.encap_content_info.econtent_type != ID_CT_KP_A_KEY_PACKAGE {
        return Err(Distrust::because("a package of another content type"));
    }
    let content = signed.encap_content_info.econtent.as_ref().and_then(|content| content.decode_as::<&OctetStringRef>().ok());
    let content = Zeroizing::new(content.ok_or_else(|| Distrust::because("a package without content"))?.as_bytes().to_vec());
    check_signature(signer, &certificate, &content)?;
    Ok(content)
}

/// RFC 5652 §6.1: the encrypted content is SignedData itself. A ContentInfo around it is understood too, since implementations differ.
fn signed_data(der: &[u8]) -> Result<SignedData, Distrust> {
    let malformed = |_| Distrust::because("a delivery that is not signed");
    match ContentInfo::from_der(der) {
        Ok(wrapped) if wrapped.content_type == ID_SIGNED_DATA => wrapped.content.decode_as().map_err(malformed),
        _ => SignedData::from_der(der).map_err(malformed),
    }
}

fn is_signer(sid: &SignerIdentifier, candidate: &Certificate) -> bool {
    match sid {
        SignerIdentifier::SubjectKeyIdentifier(named) => {
            candidate.key_identifier().is_ok_and(|identifier| identifier == named.0.as_bytes())
        }
        SignerIdentifier::IssuerAndSerialNumber(named) => {
            let serial = named.serial_number.as_bytes();
            let serial = &serial[serial.iter().take_while(|byte| **byte == 0).count()..];
            let own = candidate.issuer_and_serial();
            named.issuer.to_der().is_ok_and(|issuer| own.is_ok_and(|(name, number)| name == issuer && number == serial))
        }
    }
}

/// The signed attributes must be there, since the content is not plain data (RFC 5652 §5.3), and must speak of this content.
fn check_signature(signer: &SignerInfo, certificate: &Certificate, content: &[u8]) -> Result<(), Distrust> {
    let wrong = || Distrust::because("a package whose signature does not hold");
    // RFC 5754 §3.2 writes ecdsa-with-SHA256; some write id-ecPublicKey and leave the hash to digestAlgorithm.
    let known = [ECDSA_WITH_SHA_256, ID_EC_PUBLIC_KEY].contains(&signer.signature_algorithm.oid) && signer.digest_alg.oid == ID_SHA_256;
    let attributes = signer.signed_attrs.as_ref().filter(|_| known).ok_or_else(wrong)?;
    let says = |wanted: ObjectIdentifier| {
        let mut named = attributes.iter().filter(|attribute| attribute.oid == wanted);
        match (named.next().map(|attribute| attribute.values.as_slice()), named.next()) {
            (Some([only]), None) => Some(only),
            _ => None,
        }
    };
    let kind = says(ID_CONTENT_TYPE).and_then(|kind| kind.decode_as::<ObjectIdentifier>().ok());
    let stated = says(ID_MESSAGE_DIGEST).and_then(|stated| stated.decode_as::<&OctetStringRef>().ok());
    if kind != Some(ID_CT_KP_A_KEY_PACKAGE) || stated.map(OctetStringRef::as_bytes) != Some(digest(&SHA256, content).as_ref()) {
        return Err(wrong());
    }
    // Signed is the DER of SET OF, not the implicit tag (RFC 5652 §5.4).
    let signed = attributes.to_der().map_err(|_| wrong())?;
    UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, certificate.point()?).verify(&signed, signer.signature.as_bytes()).map_err(|_| wrong())
}
