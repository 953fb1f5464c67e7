//! Who a TLS client says it is: a certificate, its chain, and the private key.

use std::fmt;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::sign::SigningKey;

use crate::certificate::Certificate;
use crate::key::Key;

/// A client certificate with its private key.
#[derive(Clone)]
pub struct Identity {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: Arc<dyn SigningKey>,
}

/// Why a file gives no identity. Says nothing about its content.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    #[error("not a PKCS#12 file, or the wrong password")]
    Pkcs12,
    #[error("the PKCS#12 file holds no private key with its certificate")]
    Pkcs12Empty,
    #[error("no certificate in the PEM text")]
    NoCertificate,
    #[error("no private key in the PEM text")]
    NoKey,
}

impl Identity {
    /// A credential that the phone holds. Of `authorities` it shows the one between the certificate and the root, which comes last
    /// (RFC 8446 §4.4.2).
    pub fn new(certificate: &Certificate, key: &Key, authorities: &[Certificate]) -> Self {
        let between = authorities.split_last().map_or(&[][..], |(_root, between)| between);
        let between = between.iter().filter(|authority| certificate.is_signed_by(authority));
        Self {
            chain: std::iter::once(certificate).chain(between).map(|link| CertificateDer::from(link.der().to_vec())).collect(),
            key: Arc::new(key.clone()),
        }
    }

    /// The first key of a PKCS#12 file, with its chain (RFC 7292).
    pub fn from_p12(file: &[u8], password: &str) -> Result<Self, IdentityError> {
        let store = p12_keystore::KeyStore::from_pkcs12(file, password).map_err(|_| IdentityError::Pkcs12)?;
        let (_, held) = store.private_key_chain().ok_or(IdentityError::Pkcs12Empty)?;
        let chain = held.chain().iter().map(|link| CertificateDer::from(link.as_der().to_vec())).collect();
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(held.key().to_vec()));
        Ok(Self { chain, key: any_supported_type(&key).map_err(|_| IdentityError::Pkcs12Empty)? })
    }

    /// Certificates, leaf first, and one private key; both may be in the same text.
    pub fn from_pem(certificates: &str, key: &str) -> Result<Self, IdentityError> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificates.as_bytes()).collect();
        let chain = chain.ok().filter(|chain| !chain.is_empty()).ok_or(IdentityError::NoCertificate)?;
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).map_err(|_| IdentityError::NoKey)?;
        Ok(Self { chain, key: any_supported_type(&key).map_err(|_| IdentityError::NoKey)? })
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}
