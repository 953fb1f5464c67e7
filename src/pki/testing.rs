//! What the tests of this layer share: a seeded entropy, a hierarchy in a temporary folder, and openssl as the judge.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::sync::Mutex;

use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use uuid::Uuid;

use super::authority::{Authority, Certify};
use super::hierarchy::{Naming, Plan};
use super::key::{Entropy, SigningKey, random, sha256};
use super::keystore::KeyStore;
use super::name::Holder;
use super::profile::Profile;
use super::seal::SealingKey;
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::Serial;

/// Entropy that repeats itself: SHA-256 of a counter, from a seed.
pub struct Seed(Mutex<u64>);

impl Seed {
    pub fn new(seed: u32) -> Self {
        Self(Mutex::new(u64::from(seed) << 32))
    }
}

impl Entropy for Seed {
    fn fill(&self, bytes: &mut [u8]) {
        let mut counter = self.0.lock().unwrap();
        for block in bytes.chunks_mut(32) {
            *counter += 1;
            block.copy_from_slice(&sha256(&counter.to_be_bytes())[..block.len()]);
        }
    }
}

pub const STATUS_URL: &str = "http://status.example.org:8080";

pub fn days(count: i64) -> SignedDuration {
    SignedDuration::from_hours(24 * count)
}

/// A whole hierarchy in a folder that goes when this goes.
pub struct Workshop {
    pub folder: TempDir,
    pub authority: Authority,
    pub seed: Seed,
    pub now: Timestamp,
}

impl Workshop {
    pub fn new() -> Self {
        Self::at("2026-11-22T12:00:00.25Z".parse().unwrap(), "Example Org")
    }

    pub fn at(now: Timestamp, organization: &str) -> Self {
        let (folder, seed) = (tempfile::tempdir().unwrap(), Seed::new(1));
        let naming = Naming {
            organization: organization.to_owned(),
            hosts: vec!["Cards.example.org".to_owned(), "192.0.2.7".to_owned(), "localhost".to_owned()],
            status_url: STATUS_URL.to_owned(),
        };
        let plan = Plan::draw(&naming, now, &seed).unwrap();
        let master = Self::master();
        plan.create(folder.path(), &KeyStore::open(folder.path(), &master).unwrap(), &seed).unwrap();
        let authority = Authority::load(folder.path(), &Self::master(), STATUS_URL).unwrap();
        Self { folder, authority, seed, now }
    }

    pub fn master() -> SealingKey {
        SealingKey::from_bytes([42; 32])
    }

    pub fn serial(&self) -> Serial {
        Serial::from_random(random(&self.seed))
    }

    /// A certificate by `profile`, as long as it says, for a new key.
    pub fn certify(&self, profile: &Profile, holder: &Holder) -> (SigningKey, Vec<u8>) {
        let key = SigningKey::generate().unwrap();
        let period = self.authority.period(profile, self.now);
        let wanted = Certify {
            profile,
            spki: key.spki(),
            holder,
            device_urn: Some(device()),
            is_proven: false,
            serial: self.serial(),
            not_before: period.not_before,
            not_after: period.not_after,
        };
        let certificate = self.authority.certify(&wanted).unwrap();
        (key, certificate)
    }

    /// Writes a certificate as PEM into the folder; the answer is its path.
    pub fn pem(&self, name: &str, der: &[u8]) -> String {
        let pem = der::pem::encode_string("CERTIFICATE", der::pem::LineEnding::LF, der).unwrap();
        self.file(name, pem.as_bytes())
    }

    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.folder.path().join(name);
        fs::write(&path, bytes).unwrap();
        path.display().to_string()
    }

    pub fn ca(&self, name: &str) -> String {
        let path: PathBuf = self.folder.path().join("ca").join(name).with_extension("pem");
        path.display().to_string()
    }

    /// What openssl says about a certificate in a chain to our root, in its strictest mode, at this workshop's time.
    pub fn verify(&self, certificate: &[u8], more: &[&str]) -> Result<String, String> {
        self.verify_under("root", certificate, more)
    }

    /// The same for who trusts one authority alone.
    pub fn verify_under(&self, trusted: &str, certificate: &[u8], more: &[&str]) -> Result<String, String> {
        let (trusted, issuing, leaf) = (self.ca(trusted), self.ca("issuing"), self.pem("leaf.pem", certificate));
        let now = (self.now.as_second() + 1).to_string();
        let mut arguments = vec!["verify", "-x509_strict", "-check_ss_sig", "-attime", &now];
        arguments.extend(["-no-CApath", "-no-CAstore", "-CAfile", &trusted, "-untrusted", &issuing]);
        arguments.extend(more);
        arguments.push(&leaf);
        openssl(&arguments)
    }
}

pub fn ana() -> Holder {
    Holder {
        name: "Ana López".to_owned(),
        email: "ana@example.org".to_owned(),
        upn: "ana@corp.example.org".to_owned(),
        attributes: Attributes::default(),
    }
}

pub fn device() -> Uuid {
    Uuid::from_u128(0x0190_1234_5678_7abc_8def_0123_4567_89ab)
}

/// Runs openssl: its output, or its complaint.
pub fn openssl(arguments: &[&str]) -> Result<String, String> {
    openssl_with(arguments, &[])
}

/// The same, with bytes on its standard input.
pub fn openssl_with(arguments: &[&str], input: &[u8]) -> Result<String, String> {
    let mut child = Command::new("openssl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot run openssl ({error}): install the Debian package openssl"));
    child.stdin.take().unwrap().write_all(input).unwrap();
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = String::from_utf8_lossy(&stdout).into_owned();
    match status.success() {
        true => Ok(text),
        false => Err(text + &String::from_utf8_lossy(&stderr)),
    }
}

/// A certificate as openssl prints it.
pub fn text_of(certificate: &[u8]) -> String {
    openssl_with(&["x509", "-inform", "DER", "-noout", "-text", "-nameopt", "oneline,utf8,-esc_msb"], certificate).unwrap()
}
