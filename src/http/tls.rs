//! TLS of the listeners. A client certificate is *accepted* here and *judged* on every request ([`crate::workflows::identify`]): so that a
//! wrong one gets an answer that says why instead of an aborted handshake, and so that what has changed since the handshake counts.
//! What TLS itself proves is that the peer holds the key of the certificate that it shows.

use std::sync::Arc;

use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{NoServerSessionStorage, WantsServerCert};
use rustls::{
    ConfigBuilder, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme, SupportedProtocolVersion, version,
};

use crate::pki::authority::Authority;

static BOTH: [&SupportedProtocolVersion; 2] = [&version::TLS13, &version::TLS12];
static NEWEST: [&SupportedProtocolVersion; 1] = [&version::TLS13];

/// The `devices` listener: TLS 1.2 and 1.3, client certificate requested, demanded per path.
pub fn devices(authority: &Authority) -> Result<ServerConfig, Error> {
    config(authority, &BOTH, false)
}

/// The `desk` listener: TLS 1.3, client certificate required.
pub fn desk(authority: &Authority) -> Result<ServerConfig, Error> {
    config(authority, &NEWEST, true)
}

/// The `portal` listener: TLS 1.3, for browsers. A certificate is asked for, of our issuing CA alone: so that a browser offers those, and
/// bothers nobody who has none.
pub fn portal(authority: &Authority) -> Result<ServerConfig, Error> {
    let issuing = authority.issuing_name().map_err(|error| Error::General(error.to_string()))?;
    config_for(authority, &NEWEST, false, vec![issuing.into()])
}

fn config(authority: &Authority, versions: &[&'static SupportedProtocolVersion], is_required: bool) -> Result<ServerConfig, Error> {
    config_for(authority, versions, is_required, Vec::new())
}

fn config_for(
    authority: &Authority,
    versions: &[&'static SupportedProtocolVersion],
    is_required: bool,
    issuers: Vec<DistinguishedName>,
) -> Result<ServerConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Arc::new(HoldsItsKey { provider: Arc::clone(&provider), is_required, issuers });
    let builder = ServerConfig::builder_with_provider(provider).with_protocol_versions(versions)?;
    finished(authority, builder.with_client_cert_verifier(verifier))
}

fn finished(authority: &Authority, builder: ConfigBuilder<ServerConfig, WantsServerCert>) -> Result<ServerConfig, Error> {
    let identity = authority.server_identity().map_err(|error| Error::General(error.to_string()))?;
    let mut config = builder.with_single_cert(identity.chain, identity.key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // No resumption: it would keep an identity that was proved on another connection.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(config)
}

/// Verifies that a peer holds the key of its certificate, and nothing else.
#[derive(Debug)]
struct HoldsItsKey {
    provider: Arc<CryptoProvider>,
    is_required: bool,
    /// Whose certificates are asked for; anybody's, if there are none.
    issuers: Vec<DistinguishedName>,
}

impl ClientCertVerifier for HoldsItsKey {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.issuers
    }

    fn client_auth_mandatory(&self) -> bool {
        self.is_required
    }

    fn verify_client_cert(&self, _: &CertificateDer<'_>, _: &[CertificateDer<'_>], _: UnixTime) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
