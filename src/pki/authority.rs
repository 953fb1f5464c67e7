//! The authority: the signing half of the hierarchy in memory, and what it certifies.
//!
//! Users, devices and operators are certified by the *issuing* CA. Sessions are certified by the *enrollment* CA, a root of its own:
//! no relying party that trusts our root ever accepts a bootstrap certificate. The root's private key is not here; it stays sealed.
//! The authority remembers nothing: that a serial is on record before it is signed, and signed once, is its caller's duty.

use std::fs;
use std::path::{Path, PathBuf};

use const_oid::db::rfc5280::ID_KP_CLIENT_AUTH;
use der::{Decode, Encode};
use jiff::Timestamp;
use uuid::Uuid;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::KeyUsages;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::name::RdnSequence;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::certificate::{Ca, CertifyError, Draft, Period};
use super::crl::{Shard, Shards};
use super::key::{SigningKey, Spki, sha256};
use super::keystore::{KeyName, KeyStore, KeyStoreError};
use super::name::{self, Holder};
use super::ocsp::Issuer;
use super::profile::{AlternativeName, Profile, SubjectForm};
use super::seal::SealingKey;
use super::trust;
use super::{above, extension, hierarchy, lint};
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::{Serial, SessionId};

/// One certificate to be made for a user or a device.
pub struct Certify<'a> {
    pub profile: &'a Profile,
    pub spki: &'a Spki,
    pub holder: &'a Holder,
    /// The device that the key lives on; `None` for a key that several devices share.
    pub device_urn: Option<Uuid>,
    /// Whether hardware was shown to hold the key.
    pub is_proven: bool,
    /// On record, for this certificate alone.
    pub serial: Serial,
    pub not_before: Timestamp,
    pub not_after: Timestamp,
}

/// Signs certificates, and lends its keys to what signs CRLs, OCSP answers, deliveries and receipts.
pub struct Authority {
    issuing: Ca,
    enrollment: Ca,
    /// Issuing, what is between, root.
    chain: Vec<Vec<u8>>,
    root_pin: [u8; 32],
    ocsp: Signer,
    /// The issuing CA, as OCSP requests name it.
    ocsp_issuer: Issuer,
    delivery: Signer,
    pub(super) server: Signer,
    status_url: String,
    delta_url: String,
    /// Which CRL a certificate names.
    shards: Shards,
}

/// A key with its certificate by the issuing CA.
pub(super) struct Signer {
    pub key: SigningKey,
    pub certificate: Vec<u8>,
}

impl Authority {
    /// Loads the hierarchy from `dir/ca` and `dir/keys`. `status_url` is the `http://` base of CRL, OCSP and CA certificates
    /// in every certificate from now on.
    pub fn load(dir: &Path, master: &SealingKey, status_url: &str) -> Result<Self, AuthorityError> {
        Self::load_with(dir, &KeyStore::open(dir, master)?, status_url)
    }

    /// The same with a key store that may have a token.
    pub fn load_with(dir: &Path, keys: &KeyStore<'_>, status_url: &str) -> Result<Self, AuthorityError> {
        hierarchy::check_status_url(status_url)?;
        let ca = |name| {
            let certificate = read_certificate(dir, name)?;
            Ca::of(keys.load(name)?, certificate)
                .ok_or_else(|| AuthorityError::certificate(dir, name, "not a certificate of the key of that name"))
        };
        let issued_by = |issuer: &Spki, name, ca: Ca| match trust::is_signed_by(&ca.certificate, issuer) {
            true => Ok(ca),
            false => Err(AuthorityError::certificate(dir, name, "not signed by its issuer")),
        };
        let enrollment = ca(KeyName::Enrollment)?;
        let issuing = ca(KeyName::Issuing)?;
        let chain = chain(dir, &issuing.certificate)?;
        let root_pin = chain.last().and_then(|root| pin_of(root));
        let root_pin = root_pin.ok_or_else(|| AuthorityError::certificate(dir, KeyName::Root, "not a certificate"))?;
        let signer = |name| {
            let Ca { key, certificate, .. } = issued_by(issuing.key.spki(), name, ca(name)?)?;
            Ok::<_, AuthorityError>(Signer { key, certificate })
        };
        Ok(Self {
            ocsp: signer(KeyName::Ocsp)?,
            ocsp_issuer: Issuer::of(&issuing.certificate).map_err(CertifyError::from)?,
            delivery: signer(KeyName::Delivery)?,
            server: signer(KeyName::Server)?,
            status_url: status_url.to_owned(),
            delta_url: extension::delta_url(status_url),
            shards: Shards::ONE,
            chain,
            root_pin,
            enrollment,
            issuing,
        })
    }

    /// From now on certificates name one of so many CRLs.
    #[must_use]
    pub fn with_shards(self, shards: Shards) -> Self {
        Self { shards, ..self }
    }

    /// From `now`, as long as the profile says, but not beyond the issuing CA. The period to put on record and to certify.
    pub fn period(&self, profile: &Profile, now: Timestamp) -> Period {
        Period::of_days(now, profile.validity_days(), self.issuing.not_after)
    }

    /// The certificate of a user's or a device's key, DER.
    pub fn certify(&self, wanted: &Certify<'_>) -> Result<Vec<u8>, CertifyError> {
        let draft = Draft {
            serial: wanted.serial,
            subject: self.subject(wanted)?,
            spki: wanted.spki,
            period: Period { not_before: wanted.not_before, not_after: wanted.not_after },
            extensions: self.extensions(wanted)?,
        };
        self.issuing.sign_if(draft, |to_be_signed| lint::by_profile(to_be_signed, wanted.profile))
    }

    /// The certificate of an operator's key, DER.
    pub fn certify_operator(
        &self,
        profile: &Profile,
        spki: &Spki,
        name: &str,
        serial: Serial,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Vec<u8>, CertifyError> {
        let holder = Holder { name: name.to_owned(), email: String::new(), upn: String::new(), attributes: Attributes::default() };
        self.certify(&Certify { profile, spki, holder: &holder, device_urn: None, is_proven: false, serial, not_before, not_after })
    }

    /// The bootstrap certificate of a session's key, DER: TLS client authentication, to us alone.
    /// The same arguments give the same content; only the signature over it differs.
    pub fn certify_session(
        &self,
        spki: &Spki,
        session: SessionId,
        serial: Serial,
        not_before: Timestamp,
        not_after: Timestamp,
    ) -> Result<Vec<u8>, CertifyError> {
        self.enrollment.sign(Draft {
            serial,
            subject: name::common(&session.to_string())?,
            spki,
            period: Period { not_before, not_after },
            extensions: vec![extension::key_usage(KeyUsages::DigitalSignature)?, extension::purposes(vec![ID_KP_CLIENT_AUTH], false)?],
        })
    }

    fn subject(&self, wanted: &Certify<'_>) -> Result<RdnSequence, CertifyError> {
        let organization = name::organization_of(&self.issuing.subject);
        match wanted.profile.subject() {
            SubjectForm::Holder => name::of_holder(organization, wanted.holder),
            SubjectForm::Device => Ok(name::of_device(organization, wanted.device_urn.ok_or(CertifyError::NoDevice)?)?),
        }
    }

    fn extensions(&self, wanted: &Certify<'_>) -> Result<Vec<Extension>, CertifyError> {
        let profile = wanted.profile;
        profile.is_met_by(wanted.holder)?;
        let mut extensions = vec![extension::key_usage(profile.key_usages())?];
        let (purposes, critical) = profile.purposes();
        if !purposes.is_empty() {
            extensions.push(extension::purposes(purposes, critical)?);
        }
        let policies = profile.policies(wanted.is_proven, &wanted.holder.attributes);
        if !policies.is_empty() {
            extensions.push(extension::policies(policies)?);
        }
        let names = alternative_names(wanted)?;
        if !names.is_empty() {
            extensions.push(extension::alternative_names(names)?);
        }
        if let Some(sid) = wanted.holder.attributes.sid.filter(|_| profile.names_windows_account()) {
            extensions.push(extension::windows_account(sid)?);
        }
        extensions.extend(extension::status_pointers(&self.status_url, self.shards.of(&wanted.serial))?);
        Ok(extensions)
    }

    /// The certificate of the issuing CA, DER.
    pub fn issuing_certificate(&self) -> &[u8] {
        &self.issuing.certificate
    }

    /// The name of the issuing CA, DER.
    pub fn issuing_name(&self) -> der::Result<Vec<u8>> {
        x509_cert::Certificate::from_der(&self.issuing.certificate)?.tbs_certificate().subject().to_der()
    }

    /// The certificate of the root, DER.
    pub fn root_certificate(&self) -> &[u8] {
        self.chain.last().unwrap_or(&self.issuing.certificate)
    }

    /// Issuing, what is between it and the root, root; DER each.
    pub fn chain(&self) -> &[Vec<u8>] {
        &self.chain
    }

    /// Where the delta list is found.
    pub fn delta_url(&self) -> &str {
        &self.delta_url
    }

    /// Where one of several CRLs is found.
    pub fn shard_url(&self, shard: Shard) -> String {
        extension::shard_url(&self.status_url, shard)
    }

    /// Which CRL a certificate names.
    pub fn shards(&self) -> Shards {
        self.shards
    }

    /// The certificate of the enrollment CA, DER.
    pub fn enrollment_certificate(&self) -> &[u8] {
        &self.enrollment.certificate
    }

    /// SHA-256 of the root's SubjectPublicKeyInfo: the pin in every invitation.
    pub fn root_pin(&self) -> [u8; 32] {
        self.root_pin
    }

    pub fn issuing_key(&self) -> &SigningKey {
        &self.issuing.key
    }

    /// The serial of the certificate that OCSP answers are signed with.
    pub fn ocsp_serial(&self) -> Option<Serial> {
        let (_, certificate) = X509Certificate::from_der(&self.ocsp.certificate).ok()?;
        Serial::from_bytes(certificate.raw_serial())
    }

    /// Signs OCSP answers (RFC 6960 §4.2.2.2): its key, and its certificate, DER.
    pub fn ocsp_signer(&self) -> (&SigningKey, &[u8]) {
        (&self.ocsp.key, &self.ocsp.certificate)
    }

    /// Whether the keys are at hand: one of them signs. A token that was away is looked for.
    pub fn is_ready(&self) -> bool {
        self.ocsp.key.is_here() || self.ocsp.key.sign(b"remint: is the token there?").is_ok()
    }

    /// The issuing CA, as OCSP requests name it.
    pub fn ocsp_issuer(&self) -> &Issuer {
        &self.ocsp_issuer
    }

    /// Signs delivered keys and receipts: its key, and its certificate, DER.
    pub fn delivery_signer(&self) -> (&SigningKey, &[u8]) {
        (&self.delivery.key, &self.delivery.certificate)
    }

    /// Of the signers of OCSP answers and of deliveries, and of the server.
    pub(super) fn signer_keys(&self) -> [&SigningKey; 3] {
        [&self.ocsp.key, &self.delivery.key, &self.server.key]
    }

    pub(super) fn issuing_ca(&self) -> &Ca {
        &self.issuing
    }

    pub(super) fn enrollment_ca(&self) -> &Ca {
        &self.enrollment
    }
}

/// The alternative names that the profile wants and the holder has. An absent one leaves no trace.
fn alternative_names(wanted: &Certify<'_>) -> Result<Vec<GeneralName>, CertifyError> {
    let Holder { email, upn, attributes, .. } = wanted.holder;
    let mut names = Vec::new();
    for form in wanted.profile.alternative_names() {
        match form {
            AlternativeName::Upn if !upn.is_empty() => names.push(name::upn(upn)?),
            AlternativeName::Email if !email.is_empty() => names.push(name::email(email)?),
            AlternativeName::Upn | AlternativeName::Email => (),
            AlternativeName::FascN => names.extend(attributes.fasc_n.as_ref().map(name::fasc_n).transpose()?),
            AlternativeName::Device => names.extend(wanted.device_urn.map(name::device).transpose()?),
        }
    }
    Ok(names)
}

/// The issuing CA's certificate and those above it, each signed by the next.
fn chain(dir: &Path, issuing: &[u8]) -> Result<Vec<Vec<u8>>, AuthorityError> {
    let mut chain = vec![issuing.to_vec()];
    let path = between_path(dir);
    if path.exists() {
        let pem = fs::read(&path).map_err(|source| KeyStoreError::file("read", &path, source))?;
        chain.extend(above::read_pem(&pem).map_err(|_| AuthorityError::Certificate { path, reason: "not certificates in PEM" })?);
    }
    chain.push(read_certificate(dir, KeyName::Root)?);
    let is_signed = |pair: &[Vec<u8>]| matches!(pair, [below, above] if above::has_signed(above, below));
    if !chain.windows(2).all(is_signed) {
        return Err(AuthorityError::certificate(dir, KeyName::Issuing, "not signed by its issuer"));
    }
    Ok(chain)
}

/// SHA-256 of the SubjectPublicKeyInfo, of whatever algorithm.
fn pin_of(certificate: &[u8]) -> Option<[u8; 32]> {
    let (_, read) = X509Certificate::from_der(certificate).ok()?;
    Some(sha256(read.public_key().raw))
}

/// The authorities between the issuing CA and the root, the nearest first; not there, if there is none.
pub(super) fn between_path(dir: &Path) -> PathBuf {
    dir.join("ca/between.pem")
}

pub(super) fn certificate_path(dir: &Path, name: KeyName) -> PathBuf {
    dir.join("ca").join(name.as_str()).with_extension("pem")
}

fn read_certificate(dir: &Path, name: KeyName) -> Result<Vec<u8>, AuthorityError> {
    let path = certificate_path(dir, name);
    let pem = fs::read(&path).map_err(|source| KeyStoreError::file("read", &path, source))?;
    match der::pem::decode_vec(&pem) {
        Ok(("CERTIFICATE", der)) => Ok(der),
        Ok(_) | Err(_) => Err(AuthorityError::certificate(dir, name, "not a certificate in PEM")),
    }
}

/// A hierarchy that cannot be used: the administrator of the machine must act.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    #[error(transparent)]
    KeyStore(#[from] KeyStoreError),
    #[error("{}: {reason}", path.display())]
    Certificate { path: PathBuf, reason: &'static str },
    #[error("the status URL is unusable, found: {found:?}, expected: http://host[:port][/path] in ASCII")]
    StatusUrl { found: String },
    #[error(transparent)]
    Certify(#[from] CertifyError),
}

impl AuthorityError {
    pub(super) fn certificate(dir: &Path, name: KeyName, reason: &'static str) -> Self {
        let path = certificate_path(dir, name);
        Self::Certificate { path, reason }
    }
}

#[cfg(test)]
mod tests;
