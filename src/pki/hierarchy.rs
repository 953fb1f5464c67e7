//! The hierarchy: made once, by `init`, in two steps.
//!
//! [`Plan::draw`] draws every serial and touches nothing; the caller puts what [`Plan::recorded`] lists on record; [`Plan::create`]
//! makes keys and signs. So no certificate of the issuing CA exists whose serial was not on record before. Renewal is not here yet.
//!
//! ```text
//! root ──► issuing ──► ocsp, delivery, server          enrollment (a root of its own)
//! ```

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

use super::authority::{AuthorityError, certificate_path};
use super::certificate::{Ca, CertifyError, Draft, Period};
use super::key::{Entropy, Spki, random};
use super::keystore::{KeyName, KeyStore, KeyStoreError};
use super::seal::SealingKey;
use super::{durable, extension, name};
use crate::lifecycle::ids::Serial;

/// The common name of the certificate that signs receipts, keys on their way and checkpoints. No user gets it.
pub const DELIVERY_SIGNER: &str = "Remint delivery signer";

/// How the hierarchy names itself, and where it is found.
#[derive(Clone, Debug)]
pub struct Naming {
    /// O of every name; may be empty.
    pub organization: String,
    /// DNS names and IP addresses of the TLS listeners, besides `localhost` and the loopback addresses.
    pub hosts: Vec<String>,
    /// `http://` base of CRL, OCSP and CA certificates.
    pub status_url: String,
}

/// A certificate of the issuing CA that is about to exist.
#[derive(Clone, Debug)]
pub struct Recorded {
    pub name: &'static str,
    pub serial: Serial,
    pub period: Period,
}

/// A hierarchy with all its serials, before anything is signed.
pub struct Plan {
    organization: String,
    hosts: Vec<GeneralName>,
    status_pointers: [Extension; 2],
    root: Serial,
    issuing: Serial,
    enrollment: Serial,
    root_period: Period,
    authority_period: Period,
    ocsp: Recorded,
    delivery: Recorded,
    server: Recorded,
}

const ROOT_DAYS: u16 = 20 * 365 + 5;
const AUTHORITY_DAYS: u16 = 10 * 365 + 2;
/// Our choice: short enough that losing one is bounded, long enough while there is no renewal; below the 825 days that phones accept
/// of a TLS server.
const SIGNER_DAYS: u16 = 2 * 365;

impl Plan {
    /// Checks the naming and draws the serials.
    pub fn draw(naming: &Naming, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, HierarchyError> {
        check_status_url(&naming.status_url)?;
        if !naming.organization.is_empty() {
            name::check_text("organization", &naming.organization, name::COMMON_NAME_MAX)?;
        }
        let serial = || Serial::from_random(random(entropy));
        let recorded = |name| Recorded { name, serial: serial(), period: Period::of_days(now, SIGNER_DAYS, Timestamp::MAX) };
        Ok(Self {
            organization: naming.organization.clone(),
            hosts: hosts(&naming.hosts)?,
            status_pointers: extension::status_pointers(&naming.status_url, None).map_err(CertifyError::from)?,
            root: serial(),
            issuing: serial(),
            enrollment: serial(),
            root_period: Period::of_days(now, ROOT_DAYS, Timestamp::MAX),
            authority_period: Period::of_days(now, AUTHORITY_DAYS, Timestamp::MAX),
            ocsp: recorded("Remint OCSP signer"),
            delivery: recorded(DELIVERY_SIGNER),
            server: recorded("Remint server"),
        })
    }

    /// What the issuing CA will sign: to be put on record before [`create`](Self::create).
    pub fn recorded(&self) -> [&Recorded; 3] {
        [&self.ocsp, &self.delivery, &self.server]
    }

    /// Makes the keys in `dir/keys` and the certificates in `dir/ca`. A folder that already has a part of a hierarchy is refused.
    pub fn create(&self, dir: &Path, master: &SealingKey, entropy: &dyn Entropy) -> Result<(), HierarchyError> {
        let folder = dir.join("ca");
        fs::create_dir_all(&folder).map_err(|source| KeyStoreError::file("create", &folder, source))?;
        let keys = KeyStore::open(dir, master)?;

        let key = keys.create(KeyName::Root, entropy)?;
        let root = Ca::self_signed(key, self.root, self.name("Remint root CA")?, self.root_period, 1)?;
        keep(dir, KeyName::Root, &root.certificate)?;

        let key = keys.create(KeyName::Enrollment, entropy)?;
        let enrollment = Ca::self_signed(key, self.enrollment, self.name("Remint enrollment CA")?, self.authority_period, 0)?;
        keep(dir, KeyName::Enrollment, &enrollment.certificate)?;

        let key = keys.create(KeyName::Issuing, entropy)?;
        let issuing = root.delegate(key, self.issuing, self.name("Remint issuing CA")?, self.authority_period, 0)?;
        keep(dir, KeyName::Issuing, &issuing.certificate)?;

        for (name, recorded, extensions) in [
            (KeyName::Ocsp, &self.ocsp, ocsp_extensions()?),
            (KeyName::Delivery, &self.delivery, self.delivery_extensions()?),
            (KeyName::Server, &self.server, self.server_extensions()?),
        ] {
            let key = keys.create(name, entropy)?;
            keep(dir, name, &issuing.sign(self.signer(recorded, key.spki(), extensions)?)?)?;
        }
        Ok(())
    }

    fn signer<'a>(&self, recorded: &Recorded, spki: &'a Spki, extensions: Vec<Extension>) -> Result<Draft<'a>, CertifyError> {
        Ok(Draft { serial: recorded.serial, subject: self.name(recorded.name)?, spki, period: recorded.period, extensions })
    }

    fn name(&self, common_name: &str) -> der::Result<RdnSequence> {
        name::authority(&self.organization, common_name)
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

fn keep(dir: &Path, name: KeyName, certificate: &[u8]) -> Result<(), HierarchyError> {
    let pem = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, certificate).map_err(der::Error::from);
    let path = certificate_path(dir, name);
    durable::create(&path, durable::PUBLIC, pem.map_err(CertifyError::from)?.as_bytes())
        .map_err(|source| KeyStoreError::file("create", &path, source))?;
    Ok(())
}

/// `http` alone: to fetch a CRL over TLS, one would need a CRL first (RFC 5280 §8).
pub(super) fn check_status_url(url: &str) -> Result<(), AuthorityError> {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(|c| c.is_ascii_graphic()) {
        return Err(AuthorityError::StatusUrl { found: url.to_owned() });
    }
    Ok(())
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

/// A hierarchy that was not made: the administrator of the machine must act.
#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    #[error("not a host, found: {found:?}, expected: an IP address or a DNS name in its ASCII form")]
    Host { found: String },
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    #[error(transparent)]
    Certify(#[from] CertifyError),
}

impl From<der::Error> for HierarchyError {
    fn from(error: der::Error) -> Self {
        Self::Certify(error.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::authority::Authority;
    use crate::pki::testing::{STATUS_URL, Seed, Workshop, openssl, text_of};

    fn naming() -> Naming {
        Naming { organization: "Example Org".to_owned(), hosts: vec![], status_url: STATUS_URL.to_owned() }
    }

    fn now() -> Timestamp {
        "2026-11-22T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_certificate_of_the_hierarchy_passes_openssl_in_its_strictest_mode() {
        let shop = Workshop::new();
        shop.verify(shop.authority.ocsp_signer().1, &["-purpose", "ocsphelper"]).unwrap();
        shop.verify(shop.authority.delivery_signer().1, &["-purpose", "smimesign"]).unwrap();
        shop.verify(shop.authority.issuing_certificate(), &[]).unwrap();
        shop.verify(shop.authority.root_certificate(), &[]).unwrap();
        shop.verify_under("enrollment", shop.authority.enrollment_certificate(), &[]).unwrap();
        for host in [["-verify_hostname", "cards.example.org"], ["-verify_hostname", "localhost"]] {
            shop.verify(&shop.authority.server.certificate, &[&["-purpose", "sslserver"][..], &host].concat()).unwrap();
        }
        for address in ["192.0.2.7", "127.0.0.1", "::1"] {
            shop.verify(&shop.authority.server.certificate, &["-verify_ip", address]).unwrap();
        }
        assert!(shop.verify(&shop.authority.server.certificate, &["-verify_hostname", "example.org"]).is_err());
    }

    #[test]
    fn authorities_say_so_and_how_deep_they_may_go() {
        let shop = Workshop::new();
        for (certificate, depth) in [
            (shop.authority.root_certificate(), 1),
            (shop.authority.issuing_certificate(), 0),
            (shop.authority.enrollment_certificate(), 0),
        ] {
            let text = text_of(certificate);
            assert!(text.contains(&format!("X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:{depth}\n")));
            assert!(text.contains("X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign\n"));
            assert!(text.contains("X509v3 Subject Key Identifier") && text.contains("X509v3 Authority Key Identifier"));
        }
    }

    #[test]
    fn the_ocsp_signer_signs_ocsp_answers_and_is_not_asked_about() {
        let text = text_of(Workshop::new().authority.ocsp_signer().1);
        assert!(text.contains("OCSP Signing") && text.contains("OCSP No Check"), "{text}");
        assert!(!text.contains("Authority Information Access"), "{text}");
    }

    #[test]
    fn what_the_issuing_ca_signs_was_recorded_before() {
        let (dir, seed, master) = (tempfile::tempdir().unwrap(), Seed::new(1), Workshop::master());
        let plan = Plan::draw(&naming(), now(), &seed).unwrap();
        let recorded = plan.recorded().map(Clone::clone);
        assert!(fs::read_dir(dir.path()).unwrap().next().is_none());
        plan.create(dir.path(), &master, &seed).unwrap();
        for (recorded, file) in recorded.iter().zip(["ocsp", "delivery", "server"]) {
            let path = dir.path().join(format!("ca/{file}.pem")).display().to_string();
            let said = openssl(&["x509", "-in", &path, "-noout", "-serial", "-subject", "-enddate", "-dateopt", "iso_8601"]).unwrap();
            let end = recorded.period.not_after.to_string().replace('T', " ");
            let expected = format!("serial={}\nsubject=O = Example Org, CN = {}\nnotAfter={end}\n", recorded.serial, recorded.name);
            assert_eq!(said, expected);
        }
    }

    #[test]
    fn a_second_hierarchy_in_the_same_folder_is_refused_and_leaves_the_first() {
        let shop = Workshop::new();
        let plan = Plan::draw(&naming(), now(), &shop.seed).unwrap();
        assert!(plan.create(shop.folder.path(), &Workshop::master(), &shop.seed).is_err());
        let again = Authority::load(shop.folder.path(), &Workshop::master(), STATUS_URL).unwrap();
        assert_eq!(again.root_pin(), shop.authority.root_pin());
    }

    #[test]
    fn a_hierarchy_may_do_without_an_organization() {
        let shop = Workshop::at(now(), "");
        assert!(text_of(shop.authority.issuing_certificate()).contains("Subject: CN = Remint issuing CA\n"));
    }

    #[test]
    fn a_naming_that_cannot_be_written_is_refused_before_anything_is_made() {
        let draw = |naming: Naming| Plan::draw(&naming, now(), &Seed::new(1)).map(|_| ()).unwrap_err().to_string();
        for host in ["", "a b", "exämple.org", "*.example.org", "-a.org", "a..b", "https://a.org", "a.org:8443"] {
            let hosts = vec![host.to_owned()];
            assert!(draw(Naming { hosts, ..naming() }).starts_with("not a host, found: "), "{host}");
        }
        let organization = "x".repeat(65);
        assert!(
            draw(Naming { organization, ..naming() }).starts_with("a certificate cannot carry this organization: found: 65 characters")
        );
        let status_url = "https://status.example.org".to_owned();
        assert!(draw(Naming { status_url, ..naming() }).starts_with("the status URL is unusable"));
    }
}
