//! Writes the CMS messages of EST (RFC 5652): certificates alone, and private keys for one recipient. It reads no CMS.

mod delivery;

use cms::content_info::CmsVersion;
use cms::signed_data::{DigestAlgorithmIdentifiers, SignerInfos};
use const_oid::ObjectIdentifier;
use const_oid::db::rfc5911::{ID_DATA, ID_SIGNED_DATA};
use der::asn1::{AnyRef, OctetStringRef, SetOfVec};
use der::{Decode, Encode, Sequence, Tag, TagNumber, Tagged};

pub use delivery::{CmsError, deliver_key, recover_key};

use super::key::KeyError;

/// RFC 5652 §3, borrowing its content.
#[derive(Sequence)]
struct ContentInfo<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0")]
    content: AnyRef<'a>,
}

/// RFC 5652 §5.1, borrowing its content, which may be secret, and its certificates, which must stay as they were signed.
#[derive(Sequence)]
struct SignedData<'a> {
    version: CmsVersion,
    digest_algorithms: DigestAlgorithmIdentifiers,
    content: EncapsulatedContent<'a>,
    certificates: AnyRef<'a>,
    signers: SignerInfos,
}

/// RFC 5652 §5.2.
#[derive(Sequence)]
struct EncapsulatedContent<'a> {
    kind: ObjectIdentifier,
    #[asn1(context_specific = "0", optional = "true")]
    content: Option<&'a OctetStringRef>,
}

/// Degenerate SignedData: `certs` (DER) in the order given, and nothing signed (RFC 7030 §4.1.3).
pub fn certs_only(certs: &[&[u8]]) -> Result<Vec<u8>, KeyError> {
    let certs = concatenate(certs)?;
    let signed = SignedData {
        version: CmsVersion::V1,
        digest_algorithms: SetOfVec::new(),
        content: EncapsulatedContent { kind: ID_DATA, content: None },
        certificates: certificate_set(&certs)?,
        signers: SignerInfos(SetOfVec::new()),
    };
    Ok(content_info(ID_SIGNED_DATA, &signed.to_der()?)?)
}

/// Certificates one behind the other, each checked to be one SEQUENCE.
fn concatenate(certs: &[&[u8]]) -> der::Result<Vec<u8>> {
    for cert in certs {
        AnyRef::from_der(cert)?.tag().assert_eq(Tag::Sequence)?;
    }
    Ok(certs.concat())
}

/// `certificates [0] IMPLICIT CertificateSet`. Its members are not sorted as DER would have it: devices expect the issuing CA
/// first, and RFC 5652 asks for BER only. OpenSSL does the same.
fn certificate_set(certs: &[u8]) -> der::Result<AnyRef<'_>> {
    let tag = Tag::ContextSpecific { constructed: true, number: TagNumber(0) };
    AnyRef::new(tag, certs)
}

fn content_info(kind: ObjectIdentifier, content: &[u8]) -> der::Result<Vec<u8>> {
    ContentInfo { kind, content: AnyRef::from_der(content)? }.to_der()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::judge::{Court, TestAuthority, serial};
    use crate::pki::key::SigningKey;

    #[test]
    fn openssl_prints_the_certificates_in_the_order_given() {
        let authority = TestAuthority::new();
        let users = [0x7f, 0x41].map(|number| authority.certify("Ana", serial(number), SigningKey::generate().unwrap().spki(), &[]));
        let order = [&authority.certificate[..], &users[0], &users[1]];
        let court = Court::new();
        for (name, order) in [("a", order), ("b", [order[2], order[1], order[0]])] {
            court.file("certs.p7", &certs_only(&order).unwrap());
            let words = court.accepts("pkcs7 -in certs.p7 -inform DER -print_certs");
            let expected: Vec<String> = order.iter().map(|cert| crate::pki::judge::pem("CERTIFICATE", cert)).collect();
            let found: String =
                words.lines().filter(|line| !line.contains('=') || line.ends_with('=')).map(|line| format!("{line}\n")).collect();
            let found = found.replace("\n\n", "\n");
            assert_eq!(found.trim(), expected.concat().trim(), "{name}");
        }
        court.accepts("cms -cmsout -print -in certs.p7 -inform DER -noout");
    }

    #[test]
    fn what_is_not_a_certificate_is_not_written() {
        assert!(certs_only(&[b"not a certificate"]).is_err());
        assert!(certs_only(&[&[0x30, 0x00, 0x00]]).is_err());
        assert!(certs_only(&[&[0x04, 0x00]]).is_err());
    }
}
