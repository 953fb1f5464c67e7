//! The station's certificates and deliveries.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use der::Encode;
use mobile_sim::certificate::Certificate;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SanType,
    SerialNumber, SubjectPublicKeyInfo,
};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};

/// A certificate and its private key.
pub struct Credential {
    pub certificate: Certificate,
    pub key: KeyPair,
}

pub struct Authority {
    pub root: Credential,
    issuing: (Credential, CertificateParams),
    boot: (Credential, CertificateParams),
    delivery_signer: Credential,
}

impl Authority {
    pub fn new() -> Self {
        let key = key();
        let params = authority_params("Test root");
        let root = Credential { certificate: of(params.self_signed(&key).expect("signed").der()), key };
        let root_issuer = Issuer::from_params(&params, &root.key);
        let issuing_params = authority_params("Test issuing authority");
        let issuing_key = self::key();
        let issuing =
            Credential { certificate: of(issuing_params.signed_by(&issuing_key, &root_issuer).expect("signed").der()), key: issuing_key };
        let boot_params = authority_params("Test bootstrap authority");
        let boot_key = self::key();
        let boot = Credential { certificate: of(boot_params.self_signed(&boot_key).expect("signed").der()), key: boot_key };
        let delivery_key = self::key();
        let delivery_params = leaf_params("Remint delivery signer", delivery_key.public_key_raw());
        let issuer = Issuer::from_params(&issuing_params, &issuing.key);
        let delivery = of(delivery_params.signed_by(&delivery_key, &issuer).expect("signed").der());
        Self {
            root,
            issuing: (issuing, issuing_params),
            boot: (boot, boot_params),
            delivery_signer: Credential { certificate: delivery, key: delivery_key },
        }
    }

    pub fn server_config(&self, trusts_bootstrap: bool) -> Arc<ServerConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(self.root.certificate.der())).expect("root");
        if trusts_bootstrap {
            roots.add(CertificateDer::from(self.boot.0.certificate.der())).expect("root");
        }
        let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider.clone()).allow_unauthenticated().build();
        let key = key();
        let mut params = leaf_params("localhost", key.public_key_raw());
        params.subject_alt_names = vec![SanType::DnsName("localhost".try_into().expect("name")), SanType::IpAddress([127, 0, 0, 1].into())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let shown = self.sign(&params, &key);
        let chain = [shown.as_slice(), self.issuing.0.certificate.der()].map(|der| CertificateDer::from(der.to_vec())).to_vec();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_client_cert_verifier(verifier.expect("verifier"))
            .with_single_cert(chain, key)
            .expect("server certificate");
        Arc::new(config)
    }

    fn sign(&self, params: &CertificateParams, key: &impl rcgen::PublicKeyData) -> Vec<u8> {
        let issuer = Issuer::from_params(&self.issuing.1, &self.issuing.0.key);
        params.signed_by(key, &issuer).expect("signed").der().to_vec()
    }

    /// A certificate for a user's key.
    pub fn subscriber(&self, name: &str, spki: &[u8]) -> Vec<u8> {
        let key = SubjectPublicKeyInfo::from_der(spki).expect("spki");
        let mut params = leaf_params(name, rcgen::PublicKeyData::der_bytes(&key));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign(&params, &key)
    }

    /// A certificate for a session key, by an authority that nobody else trusts.
    pub fn bootstrap(&self, spki: &[u8], session: &str) -> Vec<u8> {
        let key = SubjectPublicKeyInfo::from_der(spki).expect("spki");
        let mut params = leaf_params(session, rcgen::PublicKeyData::der_bytes(&key));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let issuer = Issuer::from_params(&self.boot.1, &self.boot.0.key);
        params.signed_by(&key, &issuer).expect("signed").der().to_vec()
    }

    /// A new encryption credential.
    pub fn credential(&self, name: &str) -> Credential {
        let key = key();
        let mut params = leaf_params(name, key.public_key_raw());
        params.subject_alt_names = vec![SanType::Rfc822Name("ana@example.org".try_into().expect("address"))];
        let certificate = of(&self.sign(&params, &key));
        Credential { certificate, key }
    }

    pub fn chain_pkcs7(&self) -> String {
        pkcs7(&[self.issuing.0.certificate.der(), self.root.certificate.der()])
    }

    pub fn certs_only(&self, certificate: &[u8]) -> String {
        pkcs7(&[certificate])
    }

    /// CMS made by openssl: a key package, signed by the delivery signer.
    pub fn delivery(&self, key: &KeyPair, transport_spki: &[u8], bare: bool) -> Vec<u8> {
        self.delivery_by(&self.delivery_signer, key, transport_spki, bare)
    }

    /// CMS made by openssl: a key package, signed, encrypted to the transport key. `bare` leaves the inner ContentInfo away.
    pub fn delivery_by(&self, signer: &Credential, key: &KeyPair, transport_spki: &[u8], bare: bool) -> Vec<u8> {
        let folder = tempfile::tempdir().expect("folder");
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("package"), sequence(&key.serialize_der())).expect("written");
        std::fs::write(at("signer.pem"), signer.certificate.pem()).expect("written");
        std::fs::write(at("signer.key"), signer.key.serialize_pem()).expect("written");
        let recipient = of(&self.subscriber("transport", transport_spki));
        std::fs::write(at("recipient.pem"), recipient.pem()).expect("written");
        openssl(
            folder.path(),
            "cms -sign -binary -nodetach -outform DER -md sha256 -econtent_type 2.16.840.1.101.2.1.2.78.5 \
             -signer signer.pem -inkey signer.key -in package -out signed",
        );
        if bare {
            let signed = std::fs::read(at("signed")).expect("read");
            let content = <cms::content_info::ContentInfo as der::Decode>::from_der(&signed).expect("ContentInfo");
            std::fs::write(at("signed"), content.content.to_der().expect("der")).expect("written");
        }
        openssl(
            folder.path(),
            "cms -encrypt -binary -outform DER -aes256 -keyid -in signed -out delivery -recip recipient.pem -keyopt ecdh_kdf_md:sha256",
        );
        std::fs::read(at("delivery")).expect("read")
    }

    /// A compact JWS by the delivery signer.
    pub fn jws(&self, said: &serde_json::Value) -> String {
        let chain = [&self.delivery_signer.certificate, &self.issuing.0.certificate].map(|link| STANDARD.encode(link.der()));
        let header = serde_json::json!({ "alg": "ES256", "x5c": chain });
        let signed = format!("{}.{}", super::b64u(header.to_string().as_bytes()), super::b64u(said.to_string().as_bytes()));
        let key = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &self.delivery_signer.key.serialize_der()).expect("key");
        let signature = key.sign(&SystemRandom::new(), signed.as_bytes()).expect("signed");
        format!("{signed}.{}", super::b64u(signature.as_ref()))
    }
}

pub fn openssl(folder: &Path, arguments: &str) -> Vec<u8> {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output().expect("openssl runs");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// A degenerate SignedData, by openssl.
fn pkcs7(certificates: &[&[u8]]) -> String {
    let folder = tempfile::tempdir().expect("folder");
    let pems: String = certificates.iter().map(|der| of(der).pem()).collect();
    std::fs::write(folder.path().join("all.pem"), pems).expect("written");
    STANDARD.encode(openssl(folder.path(), "crl2pkcs7 -nocrl -certfile all.pem -outform DER"))
}

fn sequence(content: &[u8]) -> Vec<u8> {
    der::Any::new(der::Tag::Sequence, content).expect("short").to_der().expect("der")
}

fn key() -> KeyPair {
    KeyPair::generate().expect("key")
}

fn of(der: &[u8]) -> Certificate {
    Certificate::from_der(der).expect("certificate")
}

fn authority_params(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn leaf_params(name: &str, point: &[u8]) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    let mut serial = [0; 20];
    aws_lc_rs::rand::fill(&mut serial).expect("random");
    serial[0] &= 0x7f;
    params.serial_number = Some(SerialNumber::from(serial.to_vec()));
    let identifier = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, point);
    let value = [&[4, 20], identifier.as_ref()].concat();
    params.custom_extensions.push(CustomExtension::from_oid_content(&[2, 5, 29, 14], value));
    params
}
