//! A certificate as the phone needs it: whose it is, whose key it names, and whether another certificate signed it.
//!
//! It keeps the DER as it came and reads it anew on each question, so that what is stored is exactly what was received.

use std::fmt;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use serde::{Deserialize, Serialize};
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::{ASN1Time, FromDer, X509Certificate};

use crate::encoding::{as_b64, b64, hex};
use crate::error::Distrust;
use crate::key::{Key, identifier_of};

const PIV_FASC_N: &str = "2.16.840.1.101.3.6.6";

/// A certificate that has been parsed at least once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Certificate {
    der: Vec<u8>,
}

impl Certificate {
    /// Takes one DER certificate, with nothing behind it.
    pub fn from_der(der: impl Into<Vec<u8>>) -> Result<Self, Distrust> {
        let der = der.into();
        match X509Certificate::from_der(&der) {
            Ok(([], _)) => Ok(Self { der }),
            Ok(_) => Err(Distrust::because("bytes behind a certificate")),
            Err(_) => Err(Distrust::because("not an X.509 certificate")),
        }
    }

    /// Takes every certificate of a PEM text, or the one of a DER file.
    pub fn read_all(pem_or_der: &[u8]) -> Result<Vec<Self>, Distrust> {
        if pem_or_der.first() == Some(&0x30) {
            return Ok(vec![Self::from_der(pem_or_der)?]);
        }
        let certificates: Vec<_> =
            CertificateDer::pem_slice_iter(pem_or_der).collect::<Result<_, _>>().map_err(|_| Distrust::because("not PEM"))?;
        if certificates.is_empty() {
            return Err(Distrust::because("no certificate in it"));
        }
        certificates.into_iter().map(|der| Self::from_der(der.to_vec())).collect()
    }

    /// Whether this certificate is about the public half of `key`.
    pub fn names_key_of(&self, key: &Key) -> bool {
        self.point().is_ok_and(|point| point == key.point())
    }

    pub fn der(&self) -> &[u8] {
        &self.der
    }

    pub fn pem(&self) -> String {
        pem("CERTIFICATE", &self.der)
    }

    pub(crate) fn read(&self) -> Result<X509Certificate<'_>, Distrust> {
        X509Certificate::from_der(&self.der).map(|(_, read)| read).map_err(|_| Distrust::because("not an X.509 certificate"))
    }

    /// The subject as RFC 4514 likes it, for people.
    pub fn subject(&self) -> String {
        self.read().map(|read| read.subject().to_string()).unwrap_or_default()
    }

    /// The first common name of the subject.
    pub fn common_name(&self) -> Option<String> {
        let read = self.read().ok()?;
        read.subject().iter_common_name().next()?.as_str().ok().map(str::to_owned)
    }

    /// The first e-mail address among the alternative names (RFC 5280 §4.2.1.6).
    pub fn email(&self) -> Option<String> {
        self.alternative_name(|name| match name {
            GeneralName::RFC822Name(address) => Some((*address).to_owned()),
            _ => None,
        })
    }

    /// The card UUID, as the alternative names have it: `urn:uuid:…` (SP 800-73-5 part 1 §3.4.1).
    pub fn card_uuid(&self) -> Option<[u8; 16]> {
        let written = self.alternative_name(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix("urn:uuid:").map(str::to_owned),
            _ => None,
        })?;
        let digits: Vec<u8> = written.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
        let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
        bytes.try_into().ok()
    }

    /// The FASC-N among the alternative names (FIPS 201-3 §4.2.2.1), 25 bytes.
    pub fn fasc_n(&self) -> Option<[u8; 25]> {
        self.alternative_name(|name| match name {
            GeneralName::OtherName(kind, value) if kind.to_id_string() == PIV_FASC_N => value.last_chunk().copied(),
            _ => None,
        })
    }

    /// What is taken of the first alternative name that has it.
    fn alternative_name<T>(&self, take: impl Fn(&GeneralName<'_>) -> Option<T>) -> Option<T> {
        let read = self.read().ok()?;
        let names = read.subject_alternative_name().ok()??;
        names.value.general_names.iter().find_map(take)
    }

    /// Whether it has a subject alternative name, or something in its place that cannot be read.
    pub(crate) fn has_alternative_names(&self) -> bool {
        self.read().is_ok_and(|read| !matches!(read.subject_alternative_name(), Ok(None)))
    }

    /// The serial number as the protocol writes it: 40 upper-case hexadecimal digits.
    pub fn serial(&self) -> String {
        let digits = self.read().map(|read| hex(&read.serial.to_bytes_be())).unwrap_or_default();
        format!("{digits:0>40}")
    }

    /// First and last second of the validity, RFC 3339.
    pub fn validity(&self) -> (String, String) {
        let written = |time: ASN1Time| {
            let t = time.to_datetime();
            format!("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", t.year(), u8::from(t.month()), t.day(), t.hour(), t.minute(), t.second())
        };
        self.read().map(|read| (written(read.validity().not_before), written(read.validity().not_after))).unwrap_or_default()
    }

    /// The DER of the SubjectPublicKeyInfo, exactly as it is in the certificate.
    pub fn spki(&self) -> Result<Vec<u8>, Distrust> {
        Ok(self.read()?.public_key().raw.to_vec())
    }

    /// The bits of the public key; for elliptic curves, the point.
    pub fn point(&self) -> Result<Vec<u8>, Distrust> {
        Ok(self.read()?.public_key().subject_public_key.data.to_vec())
    }

    /// The subject key identifier: what the certificate says, else SHA-1 of the key (RFC 5280 §4.2.1.2).
    pub fn key_identifier(&self) -> Result<Vec<u8>, Distrust> {
        use x509_parser::extensions::ParsedExtension::SubjectKeyIdentifier;
        let read = self.read()?;
        let said = read.extensions().iter().find_map(|extension| match extension.parsed_extension() {
            SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        });
        Ok(said.unwrap_or_else(|| identifier_of(&read.public_key().subject_public_key.data).to_vec()))
    }

    /// DER of the issuer's name, and the serial's bytes without leading zeros: what CMS calls the issuer and serial number.
    pub fn issuer_and_serial(&self) -> Result<(Vec<u8>, Vec<u8>), Distrust> {
        let read = self.read()?;
        Ok((read.issuer().as_raw().to_vec(), read.serial.to_bytes_be()))
    }

    /// Whether the key may be used to agree on another: the key usage says so, or there is none (RFC 5280 §4.2.1.3).
    pub(crate) fn allows_key_agreement(&self) -> bool {
        self.read().is_ok_and(|read| read.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.key_agreement())))
    }

    /// Whether `authority` signed this certificate, and may (RFC 5280 §6.1.3 (a) and §6.1.4 (k), (n)).
    pub fn is_signed_by(&self, authority: &Self) -> bool {
        let (Ok(this), Ok(above)) = (self.read(), authority.read()) else {
            return false;
        };
        let may_sign = match above.key_usage() {
            Ok(usage) => above.is_ca() && usage.is_none_or(|usage| usage.value.key_cert_sign()),
            Err(_) => false,
        };
        may_sign && this.issuer().as_raw() == above.subject().as_raw() && this.verify_signature(Some(above.public_key())).is_ok()
    }

    /// Whether the clock of this machine is within the validity.
    pub fn is_in_time(&self) -> bool {
        self.read().is_ok_and(|read| read.validity().is_valid())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Certificate({}, {})", self.serial(), self.subject())
    }
}

/// Text armour around DER (RFC 7468).
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let body = b64(der);
    let lines: Vec<&str> = body.as_bytes().chunks(64).filter_map(|line| std::str::from_utf8(line).ok()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct Stored(#[serde(with = "as_b64")] Vec<u8>);

impl TryFrom<Stored> for Certificate {
    type Error = Distrust;

    fn try_from(stored: Stored) -> Result<Self, Self::Error> {
        Self::from_der(stored.0)
    }
}

impl From<Certificate> for Stored {
    fn from(certificate: Certificate) -> Self {
        Self(certificate.der)
    }
}
