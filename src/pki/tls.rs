//! The identity of our TLS listeners, as rustls takes it. How they use it is the server's.

use std::fmt;

use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use super::authority::Authority;
use super::key::KeyError;

/// A certificate chain, server first and root left out (RFC 8446 §4.4.2), and its private key.
pub struct ServerIdentity {
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
}

impl Authority {
    pub fn server_identity(&self) -> Result<ServerIdentity, KeyError> {
        let above = self.chain().split_last().map_or(&[][..], |(_root, below)| below);
        let chain = [&self.server.certificate].into_iter().chain(above).map(|der| der.clone().into()).collect();
        let pkcs8 = self.server.key.to_pkcs8()?.to_vec();
        Ok(ServerIdentity { chain, key: PrivatePkcs8KeyDer::from(pkcs8).into() })
    }
}

impl fmt::Debug for ServerIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ServerIdentity(private)")
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::crypto::aws_lc_rs::default_provider;

    use super::*;
    use crate::pki::testing::Workshop;

    #[test]
    fn rustls_takes_the_identity() {
        let ServerIdentity { chain, key } = Workshop::new().authority.server_identity().unwrap();
        assert_eq!(chain.len(), 2);
        rustls::ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
    }
}
