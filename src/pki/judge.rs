//! For tests: openssl as the judge of what this layer writes, a small authority to sign with, and randomness that repeats.

use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicU8, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyIdMethod, KeyPair, KeyUsagePurpose,
    PKCS_ECDSA_P256_SHA256, SubjectPublicKeyInfo,
};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tempfile::TempDir;

use super::key::{Entropy, SigningKey, Spki};
use crate::lifecycle::ids::Serial;

/// A folder that openssl is asked about.
pub(super) struct Court {
    folder: TempDir,
}

/// What openssl said, on both its outputs.
#[derive(Debug)]
pub(super) struct Verdict {
    pub accepted: bool,
    pub words: String,
}

impl Court {
    pub fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap() }
    }

    pub fn file(&self, name: &str, bytes: &[u8]) {
        std::fs::write(self.path().join(name), bytes).unwrap();
    }

    pub fn pem_file(&self, name: &str, label: &str, der: &[u8]) {
        self.file(name, pem(label, der).as_bytes());
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path().join(name)).unwrap()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Runs openssl in the folder; `command` is split at spaces.
    pub fn ask(&self, command: &str) -> Verdict {
        let output = Command::new("openssl")
            .args(command.split(' '))
            .current_dir(self.path())
            .output()
            .expect("openssl must run: install the Debian package openssl");
        let words = [output.stdout, output.stderr].concat();
        Verdict { accepted: output.status.success(), words: String::from_utf8_lossy(&words).into_owned() }
    }

    /// As [`Court::ask`], and openssl must accept.
    #[track_caller]
    pub fn accepts(&self, command: &str) -> String {
        let verdict = self.ask(command);
        assert!(verdict.accepted, "openssl {command}: {}", verdict.words);
        verdict.words
    }

    /// As [`Court::ask`], and openssl must refuse.
    #[track_caller]
    pub fn refuses(&self, command: &str) -> String {
        let verdict = self.ask(command);
        assert!(!verdict.accepted, "openssl {command} should have refused: {}", verdict.words);
        verdict.words
    }
}

pub(super) fn pem(label: &str, der: &[u8]) -> String {
    let digits = STANDARD.encode(der);
    let lines: Vec<&str> = digits.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// An authority with one certificate, which it signed itself.
pub(super) struct TestAuthority {
    pub certificate: Vec<u8>,
    pub key: SigningKey,
    issuer: Issuer<'static, KeyPair>,
}

/// The subject key identifier of every [`TestAuthority`]: not a hash of its key, so that whoever recomputes it is found out.
pub(super) const AUTHORITY_KEY_IDENTIFIER: [u8; 20] = *b"identifies authority";

impl TestAuthority {
    pub fn new() -> Self {
        let key = SigningKey::generate().unwrap();
        let pkcs8 = PrivatePkcs8KeyDer::from(key.to_pkcs8().unwrap().to_vec());
        let pair = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_ECDSA_P256_SHA256).unwrap();
        let mut params = named("Test Issuing CA");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        params.key_identifier_method = KeyIdMethod::PreSpecified(AUTHORITY_KEY_IDENTIFIER.to_vec());
        let certificate = params.self_signed(&pair).unwrap().der().to_vec();
        Self { certificate, key, issuer: Issuer::new(params, pair) }
    }

    /// Signs a certificate for a user or a signer.
    pub fn certify(&self, common_name: &str, serial: Serial, spki: &Spki, extended: &[ExtendedKeyUsagePurpose]) -> Vec<u8> {
        let mut params = named(common_name);
        params.serial_number = Some(serial.as_bytes().to_vec().into());
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = extended.to_vec();
        params.use_authority_key_identifier_extension = true;
        let public = SubjectPublicKeyInfo::from_der(spki.as_der()).unwrap();
        params.signed_by(&public, &self.issuer).unwrap().der().to_vec()
    }
}

fn named(common_name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::OrganizationName, "Example");
    params.distinguished_name.push(DnType::CommonName, common_name);
    params
}

/// Bytes that repeat in every run and never within one.
pub(super) struct Counting(AtomicU8);

impl Counting {
    pub fn new() -> Self {
        Self(AtomicU8::new(1))
    }
}

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        for byte in bytes {
            *byte = self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
}

pub(super) fn serial(number: u8) -> Serial {
    Serial::from_random([number; 20])
}

pub(super) fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}
