//! The hierarchy: made once, by `init`, in two steps.
//!
//! [`Plan::draw`] draws every serial and touches nothing; the caller puts what [`Plan::recorded`] lists on record; [`Plan::create`]
//! makes keys and signs. Where the organization has a root already, [`BelowOwnRoot`] makes the keys and a request, and the rest when
//! the answer is there.
//!
//! ```text
//! root (ours, or the organization's ──► …) ──► issuing ──► ocsp, delivery, server          enrollment (a root of its own)
//! ```

use std::fs;
use std::path::{Path, PathBuf};

use der::Decode;
use jiff::Timestamp;
use x509_cert::name::RdnSequence;

use super::above::{self, Chain};
use super::asked::Asked;
use super::authority::{Authority, AuthorityError, between_path, certificate_path};
use super::certificate::{Ca, CertifyError, Period};
use super::key::{Entropy, SigningKey, random};
use super::keystore::{KeyName, KeyStore, KeyStoreError};
use super::name;
use super::signers::{self, Recorded, Signers};
use crate::lifecycle::ids::Serial;

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

/// A hierarchy with all its serials, before anything is signed.
pub struct Plan {
    /// What every name of it begins with.
    base: RdnSequence,
    root: Serial,
    issuing: Serial,
    enrollment: Serial,
    root_period: Period,
    authority_period: Period,
    signers: Signers,
}

const ROOT_DAYS: u16 = 20 * 365 + 5;
const AUTHORITY_DAYS: u16 = 10 * 365 + 2;

impl Plan {
    /// Checks the naming and draws the serials.
    pub fn draw(naming: &Naming, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, HierarchyError> {
        let base = base(naming)?;
        let serial = || Serial::from_random(random(entropy));
        Ok(Self {
            signers: Signers::draw(base.clone(), naming, now, Timestamp::MAX, entropy)?,
            base,
            root: serial(),
            issuing: serial(),
            enrollment: serial(),
            root_period: Period::of_days(now, ROOT_DAYS, Timestamp::MAX),
            authority_period: Period::of_days(now, AUTHORITY_DAYS, Timestamp::MAX),
        })
    }

    /// What the issuing CA will sign: to be put on record before [`create`](Self::create).
    pub fn recorded(&self) -> [&Recorded; 3] {
        self.signers.recorded()
    }

    /// Makes the keys in the key store and the certificates in `dir/ca`. A folder that already has a part of a hierarchy is refused.
    pub fn create(&self, dir: &Path, keys: &KeyStore<'_>, entropy: &dyn Entropy) -> Result<(), HierarchyError> {
        let keep = |name, certificate: &[u8]| signers::keep(&certificate_path(dir, name), &[certificate]);

        let key = keys.create(KeyName::Root, entropy)?;
        let root = Ca::self_signed(key, self.root, name::below(&self.base, "Remint root CA")?, self.root_period, 1)?;
        keep(KeyName::Root, &root.certificate)?;

        let key = keys.create(KeyName::Enrollment, entropy)?;
        keep(KeyName::Enrollment, &enrollment(key, &self.base, self.enrollment, self.authority_period)?)?;

        let key = keys.create(KeyName::Issuing, entropy)?;
        let issuing = root.delegate(key, self.issuing, name::below(&self.base, ISSUING)?, self.authority_period, 0)?;
        keep(KeyName::Issuing, &issuing.certificate)?;

        self.signers.certify(dir, &issuing, |name| keys.create(name, entropy))
    }
}

/// The hierarchy that stands below a root of the organization's: all but what was signed above.
pub struct BelowOwnRoot {
    chain: Chain,
    base: RdnSequence,
    enrollment: Serial,
    enrollment_period: Period,
    signers: Signers,
}

impl BelowOwnRoot {
    /// Makes the keys, those that are not there yet, and asks for the issuing CA's certificate: a PKCS#10 request, DER.
    pub fn ask(keys: &KeyStore<'_>, subject: &RdnSequence, entropy: &dyn Entropy) -> Result<Vec<u8>, HierarchyError> {
        let issuing = keys.made(KeyName::Issuing, entropy)?;
        for name in [KeyName::Enrollment, KeyName::Ocsp, KeyName::Delivery, KeyName::Server] {
            keys.made(name, entropy)?;
        }
        Ok(Asked::request(subject, &issuing)?)
    }

    /// Draws the serials of what the issuing CA of `chain` will sign. Its names stand where its own does.
    pub fn draw(chain: Chain, naming: &Naming, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, HierarchyError> {
        let (subject, end) = subject_and_end(&chain.issuing).map_err(CertifyError::from)?;
        let base = name::organization_of(&subject);
        Ok(Self {
            signers: Signers::draw(base.clone(), naming, now, end, entropy)?,
            enrollment: Serial::from_random(random(entropy)),
            enrollment_period: Period::of_days(now, AUTHORITY_DAYS, Timestamp::MAX),
            base,
            chain,
        })
    }

    /// To be put on record before [`create`](Self::create), unless an earlier attempt did it.
    pub fn signers(&mut self) -> &mut Signers {
        &mut self.signers
    }

    /// Keeps the chain and makes the certificates in `dir/ca`. What an earlier attempt left is completed; another chain is refused.
    pub fn create(&self, dir: &Path, keys: &KeyStore<'_>) -> Result<(), HierarchyError> {
        let Chain { issuing, between, root } = &self.chain;
        let refused = || AuthorityError::certificate(dir, KeyName::Issuing, "not a certificate of the key of that name");
        let ca = Ca::of(keys.load(KeyName::Issuing)?, issuing.clone()).ok_or_else(refused)?;

        same_or_new(&certificate_path(dir, KeyName::Root), &[root])?;
        if !between.is_empty() {
            same_or_new(&between_path(dir), &between.iter().map(Vec::as_slice).collect::<Vec<_>>())?;
        }
        same_or_new(&certificate_path(dir, KeyName::Issuing), &[issuing])?;

        if !certificate_path(dir, KeyName::Enrollment).exists() {
            let certificate = enrollment(keys.load(KeyName::Enrollment)?, &self.base, self.enrollment, self.enrollment_period)?;
            signers::keep(&certificate_path(dir, KeyName::Enrollment), &[&certificate])?;
        }
        self.signers.certify(dir, &ca, |name| keys.load(name))
    }
}

/// New certificates of the signers and the server, for the keys that they have.
pub struct Renewal<'a> {
    authority: &'a Authority,
    signers: Signers,
}

impl<'a> Renewal<'a> {
    /// Draws their serials. Their names stand where that of the issuing CA does.
    pub fn draw(authority: &'a Authority, naming: &Naming, now: Timestamp, entropy: &dyn Entropy) -> Result<Self, HierarchyError> {
        let (subject, end) = subject_and_end(authority.issuing_certificate()).map_err(CertifyError::from)?;
        Ok(Self { signers: Signers::draw(name::organization_of(&subject), naming, now, end, entropy)?, authority })
    }

    /// What the issuing CA will sign: to be put on record before [`sign`](Self::sign).
    pub fn recorded(&self) -> [&Recorded; 3] {
        self.signers.recorded()
    }

    /// Signs them and puts them in the place of those before. Cut short, some are new and some are old, and all are good.
    pub fn sign(&self, dir: &Path) -> Result<(), HierarchyError> {
        self.signers.certify_anew(dir, self.authority)
    }
}

/// Keeps certificates, or finds the same ones kept before.
fn same_or_new(path: &Path, certificates: &[&[u8]]) -> Result<(), HierarchyError> {
    if !path.exists() {
        return signers::keep(path, certificates);
    }
    let kept = fs::read(path).map_err(|source| KeyStoreError::file("read", path, source))?;
    match above::read_pem(&kept) {
        Ok(kept) if kept == certificates => Ok(()),
        Ok(_) | Err(_) => Err(HierarchyError::OtherChain { path: path.to_owned() }),
    }
}

fn subject_and_end(certificate: &[u8]) -> der::Result<(RdnSequence, Timestamp)> {
    let read = x509_cert::Certificate::from_der(certificate)?;
    let tbs = read.tbs_certificate();
    let end = tbs.validity().not_after.to_unix_duration().as_secs();
    let end = end.try_into().ok().and_then(|end| Timestamp::from_second(end).ok()).unwrap_or(Timestamp::MAX);
    Ok((tbs.subject().clone().into(), end))
}

fn enrollment(key: SigningKey, base: &RdnSequence, serial: Serial, period: Period) -> Result<Vec<u8>, CertifyError> {
    Ok(Ca::self_signed(key, serial, name::below(base, "Remint enrollment CA")?, period, 0)?.certificate)
}

const ISSUING: &str = "Remint issuing CA";

/// The issuing CA's name where the administrator gives none of their own.
pub fn issuing_name(naming: &Naming) -> Result<RdnSequence, HierarchyError> {
    Ok(name::below(&base(naming)?, ISSUING)?)
}

/// O, where there is an organization.
fn base(naming: &Naming) -> Result<RdnSequence, HierarchyError> {
    if naming.organization.is_empty() {
        return Ok(RdnSequence::default());
    }
    name::check_text("organization", &naming.organization, name::COMMON_NAME_MAX)?;
    Ok(name::organization(&naming.organization)?)
}

/// `http` alone: to fetch a CRL over TLS, one would need a CRL first (RFC 5280 §8).
pub(super) fn check_status_url(url: &str) -> Result<(), AuthorityError> {
    let rest = url.strip_prefix("http://").unwrap_or_default();
    if rest.is_empty() || rest.starts_with('/') || !rest.chars().all(|c| c.is_ascii_graphic()) {
        return Err(AuthorityError::StatusUrl { found: url.to_owned() });
    }
    Ok(())
}

/// A hierarchy that was not made: the administrator of the machine must act.
#[derive(Debug, thiserror::Error)]
pub enum HierarchyError {
    #[error("not a host, found: {found:?}, expected: an IP address or a DNS name in its ASCII form")]
    Host { found: String },
    #[error("{}: found: another chain, which an earlier attempt installed, expected: the same again", path.display())]
    OtherChain { path: PathBuf },
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
        plan.create(dir.path(), &KeyStore::open(dir.path(), &master).unwrap(), &seed).unwrap();
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
        let master = Workshop::master();
        let keys = KeyStore::open(shop.folder.path(), &master).unwrap();
        assert!(plan.create(shop.folder.path(), &keys, &shop.seed).is_err());
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
