//! The request for the issuing CA's certificate (PKCS#10, RFC 2986), for the authority that the organization has already.

use der::asn1::SetOfVec;
use der::{Decode, Encode};
use x509_cert::attr::Attribute;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::name::{Name, RdnSequence};
use x509_cert::request::{CertReq, CertReqInfo, ExtensionReq, Version};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::certificate::CertifyError;
use super::key::{SigningKey, Spki};
use super::{encoding, extension};

/// How many authorities the issuing CA may have below itself: it certifies no other.
pub(super) const BELOW: u8 = 0;

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    pub subject: RdnSequence,
    pub spki: Spki,
}

impl Asked {
    /// Signs the request of `key` under the name `subject`, DER: an authority that signs certificates and CRLs, and has no other below it.
    pub fn request(subject: &RdnSequence, key: &SigningKey) -> Result<Vec<u8>, CertifyError> {
        let extensions = vec![extension::authority(BELOW)?, extension::key_usage(KeyUsages::KeyCertSign | KeyUsages::CRLSign)?];
        let mut attributes = SetOfVec::<Attribute>::new();
        attributes.insert(ExtensionReq(extensions).try_into()?)?;
        let content = CertReqInfo {
            version: Version::V1,
            subject: Name::from_der(&subject.to_der()?)?,
            public_key: SubjectPublicKeyInfoOwned::from_der(key.spki().as_der())?,
            attributes,
        };
        Ok(encoding::sign(&content.to_der()?, key)?)
    }

    /// Reads a request that this file wrote; `None` for anything else.
    pub fn read(der: &[u8]) -> Option<Self> {
        let CertReqInfo { subject, public_key, .. } = CertReq::from_der(der).ok()?.info;
        Some(Self { subject: RdnSequence::from(subject), spki: Spki::from_der(&public_key.to_der().ok()?)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::distinguished_name::of_text;
    use crate::pki::judge::Court;

    #[test]
    fn openssl_reads_the_request_verifies_it_and_finds_what_is_asked() {
        let (key, court) = (SigningKey::generate().unwrap(), Court::new());
        let subject = of_text("CN=Remint issuing CA,OU=Devices,OU=Security,DC=corp,DC=example,DC=org").unwrap();
        let request = Asked::request(&subject, &key).unwrap();
        assert_eq!(Asked::read(&request), Some(Asked { subject, spki: key.spki().clone() }));
        court.file("request.der", &request);
        let said = court.accepts("req -in request.der -inform DER -verify -noout -text -nameopt RFC2253");
        for expected in [
            "Subject: CN=Remint issuing CA,OU=Devices,OU=Security,DC=corp,DC=example,DC=org",
            "X509v3 Basic Constraints: critical\n                    CA:TRUE, pathlen:0\n",
            "X509v3 Key Usage: critical\n                    Certificate Sign, CRL Sign\n",
            "NIST CURVE: P-256",
        ] {
            assert!(said.contains(expected), "{expected} in {said}");
        }
        let types = court.accepts("req -in request.der -inform DER -noout -subject -nameopt RFC2253,show_type");
        assert!(types.contains("CN=UTF8STRING:Remint issuing CA") && types.contains("DC=IA5STRING:org"), "{types}");
    }
}
