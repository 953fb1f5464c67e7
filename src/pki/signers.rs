//! What the issuing CA signs for the house itself, when the house is made and when that is renewed: the signers of OCSP answers and of deliveries, and the TLS server.
//!
//! Serials are drawn first and put on record by the caller; only then keys are certified. So no certificate of the issuing CA exists whose
//! serial was not on record before.

use std::fs;
use std::net::IpAddr;
use std::path::Path;

use const_oid::db::rfc5280::{ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH};
use der::asn1::{Ia5String, OctetString};
use jiff::Timestamp;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::RdnSequence;

use super::authority::{Authority, certificate_path};
use super::certificate::{Ca, CertifyError, Draft, Period};
use super::hierarchy::{HierarchyError, Naming, check_status_url};
use super::key::{Entropy, SigningKey, Spki, random};
use super::keystore::{KeyName, KeyStoreError};
use super::{durable, extension, name};
use crate::lifecycle::ids::Serial;

/// The common name of the certificate that signs receipts, keys on their way and checkpoints. No user gets it.
pub const DELIVERY_SIGNER: &str = "Remint delivery signer";

/// Our choice: short enough that losing one is bounded, long enough that nobody is woken by it; below the 825 days that phones accept
/// of a TLS server.
const DAYS: u16 = 2 * 365;

/// A certificate of the issuing CA that is about to exist.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub name: &'static str,
    pub serial: Serial,
    pub period: Period,
}

/// The certificates with all their serials, before anything is signed.
pub struct Signers {
    /// The part of every name that is not its own.
    base: RdnSequence,
    hosts: Vec<GeneralName>,
    status_pointers: [Extension; 2],
    ocsp: Recorded,
    delivery: Recorded,
    server: Recorded,
}

impl Signers {
    /// Checks the naming and draws the serials. None is good beyond `limit`, when the issuing CA ends.
    pub(super) fn draw(
        base: RdnSequence,
        naming: &Naming,
        now: Timestamp,
        limit: Timestamp,
        entropy: &dyn Entropy,
    ) -> Result<Self, HierarchyError> {
        check_status_url(&naming.status_url)?;
        let period = Period::of_days(now, DAYS, limit);
        let recorded = |name| Recorded { name, serial: Serial::from_random(random(entropy)), period };
        Ok(Self {
            base,
            hosts: hosts(&naming.hosts)?,
            status_pointers: extension::status_pointers(&naming.status_url, None).map_err(CertifyError::from)?,
            ocsp: recorded("Remint OCSP signer"),
            delivery: recorded(DELIVERY_SIGNER),
            server: recorded("Remint server"),
        })
    }

    /// What the issuing CA will sign: to be put on record before [`certify`](Self::certify).
    pub fn recorded(&self) -> [&Recorded; 3] {
        [&self.ocsp, &self.delivery, &self.server]
    }

    /// Takes what an earlier attempt put on record: its serial, when it was reserved, and its end.
    pub fn take_up(&mut self, name: &str, serial: Serial, reserved_at: Timestamp, not_after: Timestamp) {
        let period = Period { not_before: super::certificate::whole_second(reserved_at), not_after };
        let recorded = [&mut self.ocsp, &mut self.delivery, &mut self.server].into_iter().find(|recorded| recorded.name == name);
        if let Some(recorded) = recorded {
            *recorded = Recorded { name: recorded.name, serial, period };
        }
    }

    /// Signs them all and keeps them in `dir/ca`. One that is there already, from an attempt that was cut short, stays.
    pub(super) fn certify(
        &self,
        dir: &Path,
        issuing: &Ca,
        key: impl Fn(KeyName) -> Result<SigningKey, KeyStoreError>,
    ) -> Result<(), HierarchyError> {
        for (name, recorded, extensions) in self.all()? {
            let path = certificate_path(dir, name);
            if !path.exists() {
                keep(&path, &[&self.sign(issuing, recorded, key(name)?.spki(), extensions)?])?;
            }
        }
        Ok(())
    }

    /// Signs them all for the keys that the authority has, and puts each in the place of the one before.
    pub(super) fn certify_anew(&self, dir: &Path, authority: &Authority) -> Result<(), HierarchyError> {
        for ((name, recorded, extensions), key) in self.all()?.into_iter().zip(authority.signer_keys()) {
            let path = certificate_path(dir, name);
            let text = pem(&[&self.sign(authority.issuing_ca(), recorded, key.spki(), extensions)?])?;
            durable::replace(&path, durable::PUBLIC, text.as_bytes()).map_err(|source| KeyStoreError::file("replace", &path, source))?;
        }
        Ok(())
    }

    /// In the order of [`Authority::signer_keys`].
    fn all(&self) -> der::Result<[(KeyName, &Recorded, Vec<Extension>); 3]> {
        Ok([
            (KeyName::Ocsp, &self.ocsp, ocsp_extensions()?),
            (KeyName::Delivery, &self.delivery, self.delivery_extensions()?),
            (KeyName::Server, &self.server, self.server_extensions()?),
        ])
    }

    fn sign(&self, issuing: &Ca, recorded: &Recorded, spki: &Spki, extensions: Vec<Extension>) -> Result<Vec<u8>, CertifyError> {
        let subject = name::below(&self.base, recorded.name)?;
        issuing.sign(Draft { serial: recorded.serial, subject, spki, period: recorded.period, extensions })
    }

    /// No purpose is listed: CMS and JWS signatures have none that fits, and without client-auth our own listeners refuse it.
    fn delivery_extensions(&self) -> der::Result<Vec<Extension>> {
        let mut extensions = vec![extension::key_usage(KeyUsages::DigitalSignature)?];
        extensions.extend(self.status_pointers.clone());
        Ok(extensions)
    }

    fn server_extensions(&self) -> der::Result<Vec<Extension>> {
        let mut extensions = vec![
            extension::key_usage(KeyUsages::DigitalSignature)?,
            extension::purposes(vec![ID_KP_SERVER_AUTH], false)?,
            extension::alternative_names(self.hosts.clone())?,
        ];
        extensions.extend(self.status_pointers.clone());
        Ok(extensions)
    }
}

fn ocsp_extensions() -> der::Result<Vec<Extension>> {
    Ok(vec![
        extension::key_usage(KeyUsages::DigitalSignature)?,
        extension::purposes(vec![ID_KP_OCSP_SIGNING], false)?,
        extension::ocsp_no_check()?,
    ])
}

/// Writes certificates (DER) as PEM, one behind the other, into a file that did not exist. Its folder is made where there is none.
pub(super) fn keep(path: &Path, certificates: &[&[u8]]) -> Result<(), HierarchyError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(|source| KeyStoreError::file("create", folder, source))?;
    }
    durable::create(path, durable::PUBLIC, pem(certificates)?.as_bytes()).map_err(|source| KeyStoreError::file("create", path, source))?;
    Ok(())
}

fn pem(certificates: &[&[u8]]) -> Result<String, CertifyError> {
    let mut text = String::new();
    for certificate in certificates {
        text.push_str(&der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate).map_err(der::Error::from)?);
    }
    Ok(text)
}

/// The hosts of a TLS server, each once, and always the loopback ones.
fn hosts(given: &[String]) -> Result<Vec<GeneralName>, HierarchyError> {
    let mut names = Vec::new();
    for host in given.iter().map(String::as_str).chain(["localhost", "127.0.0.1", "::1"]) {
        let name = host_name(host)?;
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Ok(names)
}

/// iPAddress or dNSName (RFC 5280 §4.2.1.6), the latter in its ASCII form.
fn host_name(host: &str) -> Result<GeneralName, HierarchyError> {
    let encoding = |error: der::Error| HierarchyError::from(CertifyError::from(error));
    if let Ok(address) = host.parse::<IpAddr>() {
        let octets = match address {
            IpAddr::V4(address) => OctetString::new(address.octets()),
            IpAddr::V6(address) => OctetString::new(address.octets()),
        };
        return Ok(GeneralName::IpAddress(octets.map_err(encoding)?));
    }
    let is_label = |label: &str| {
        let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        (1..=63).contains(&label.len()) && letters && !label.starts_with('-') && !label.ends_with('-')
    };
    if host.len() > 253 || !host.split('.').all(is_label) {
        return Err(HierarchyError::Host { found: host.to_owned() });
    }
    Ok(GeneralName::DnsName(Ia5String::new(&host.to_ascii_lowercase()).map_err(encoding)?))
}
