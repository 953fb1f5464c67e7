//! Bodies of EST: base64 around DER, and certificates in a SignedData that signs nothing (RFC 7030 §4.1.3, RFC 8951 §3.1).

use cms::cert::CertificateChoices;
use cms::content_info::ContentInfo;
use cms::signed_data::{CertificateSet, SignedData};
use const_oid::db::rfc5911::ID_SIGNED_DATA;
use der::{Decode, Encode};

use crate::certificate::Certificate;
use crate::encoding::from_b64;
use crate::error::Distrust;

pub(crate) const PKCS10: &str = "application/pkcs10";

/// Every certificate of a base64 certs-only body, in no meaningful order.
pub fn certificates(body: &[u8]) -> Result<Vec<Certificate>, Distrust> {
    let signed = signed_data(&from_b64(body)?)?;
    certificates_of(signed.certificates.as_ref())
}

/// The only certificate of a base64 certs-only body.
pub(crate) fn certificate(body: &[u8]) -> Result<Certificate, Distrust> {
    let mut all = certificates(body)?;
    match (all.pop(), all.is_empty()) {
        (Some(only), true) => Ok(only),
        _ => Err(Distrust::because("not exactly one certificate in a certs-only message")),
    }
}

pub(crate) fn certificates_of(set: Option<&CertificateSet>) -> Result<Vec<Certificate>, Distrust> {
    set.into_iter()
        .flat_map(|set| set.0.iter())
        .map(|choice| match choice {
            CertificateChoices::Certificate(certificate) => {
                Certificate::from_der(certificate.to_der().map_err(|_| Distrust::because("not an X.509 certificate"))?)
            }
            CertificateChoices::Other(_) => Err(Distrust::because("a certificate of a foreign format")),
        })
        .collect()
}

fn signed_data(der: &[u8]) -> Result<SignedData, Distrust> {
    let malformed = |_| Distrust::because("not a certs-only message");
    let content = ContentInfo::from_der(der).map_err(malformed)?;
    if content.content_type != ID_SIGNED_DATA {
        return Err(Distrust::because("not a certs-only message"));
    }
    content.content.decode_as().map_err(malformed)
}
