//! M1: from the pin in the invitation to a chain that everything else is checked against.
//!
//! The phone connects without trusting the server. It believes the chain that it gets when the pinned key is in it and every
//! certificate is signed up to that key, and it believes the server when the certificate of *this* connection chains to it and names
//! the host. The order in the reply is not relied upon: SET OF has none (X.690 §11.6).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::pki_types::{CertificateDer, UnixTime};
use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::error::{Distrust, PhoneError};
use crate::est;
use crate::identity::Identity;
use crate::message::{Faults, Message};
use crate::tls;
use crate::wire::{Client, Connection, Request, WireError, host_of};

const CACERTS: &str = "/.well-known/est/cacerts";
/// The common name of the certificate that signs deliveries and receipts.
const DELIVERY_SIGNER: &str = "Remint delivery signer";

/// Certificate authorities, each signed by a later one; the last is the pinned root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    authorities: Vec<Certificate>,
}

impl Chain {
    /// Orders what M1 returned under the pinned root. A certificate that does not reach it spoils the whole reply.
    pub(crate) fn under_pin(certificates: Vec<Certificate>, pin: &[u8; 32]) -> Result<Self, Distrust> {
        let (mut roots, mut rest): (Vec<_>, Vec<_>) = certificates.into_iter().partition(|candidate| is_pinned(candidate, pin));
        let root = roots.pop().ok_or_else(|| Distrust::because("its authority is not the one that the invitation pins"))?;
        if !root.is_in_time() {
            return Err(Distrust::because("the pinned authority has expired, or is not valid yet"));
        }
        let mut authorities = vec![root];
        while !rest.is_empty() {
            let signed = rest.iter().position(|next| next.is_in_time() && authorities.iter().any(|above| next.is_signed_by(above)));
            let at = signed.ok_or_else(|| Distrust::because("its chain is not signed up to the pinned authority"))?;
            authorities.insert(0, rest.swap_remove(at));
        }
        Ok(Self { authorities })
    }

    /// Orders certificates that are trusted already, under the only one that signed itself.
    pub(crate) fn of_trusted(certificates: Vec<Certificate>) -> Result<Self, Distrust> {
        let mut roots = certificates.iter().filter(|candidate| candidate.is_signed_by(candidate));
        let (Some(root), None) = (roots.next(), roots.next()) else {
            return Err(Distrust::because("not exactly one root among the authorities"));
        };
        let mut pin = [0; 32];
        pin.copy_from_slice(digest(&SHA256, &root.spki()?).as_ref());
        Self::under_pin(certificates, &pin)
    }

    /// Issuing authority first, root last.
    pub fn authorities(&self) -> &[Certificate] {
        &self.authorities
    }

    fn root(&self) -> Option<&Certificate> {
        self.authorities.last()
    }

    /// Checks that one of the authorities signed a certificate for a subscriber.
    pub(crate) fn check_issued(&self, certificate: &Certificate) -> Result<(), Distrust> {
        if self.authorities.iter().any(|authority| certificate.is_signed_by(authority)) {
            Ok(())
        } else {
            Err(Distrust::because("a certificate that the pinned authority did not sign"))
        }
    }

    /// Checks the certificate that signed a delivery or a receipt. That the authority issued it is not enough: it issued the users'
    /// certificates too. It must have the signer's name, and no user's: a person who is called like it has alternative names.
    pub(crate) fn check_delivery_signer(&self, certificate: &Certificate) -> Result<(), Distrust> {
        self.check_issued(certificate)?;
        if certificate.common_name().as_deref() != Some(DELIVERY_SIGNER) || certificate.has_alternative_names() {
            return Err(Distrust::because("signed by somebody who is not the delivery signer"));
        }
        if certificate.is_in_time() { Ok(()) } else { Err(Distrust::because("the delivery signer's certificate is out of its time")) }
    }

    /// Judges the certificate that the server showed on a connection which trusted nothing.
    pub(crate) fn check_server(&self, connection: &Connection, authority: &str) -> Result<(), Distrust> {
        let host = host_of(authority).map_err(|error| Distrust::because(error.to_string()))?;
        let (shown, between) =
            connection.server_certificates.split_first().ok_or_else(|| Distrust::because("the server showed no certificate"))?;
        let mut between = between.to_vec();
        between.extend(self.authorities.iter().map(|authority| CertificateDer::from(authority.der())).map(CertificateDer::into_owned));
        let verifier = tls::verifier(self.root().map(Certificate::der)).map_err(|error| Distrust::because(error.to_string()))?;
        verifier
            .verify_server_cert(shown, &between, &host, &[], UnixTime::now())
            .map(|_| ())
            .map_err(|error| Distrust::because(format!("its TLS certificate does not hold: {error}")))
    }
}

/// Where the server is, and by which chain it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    pub authority: String,
    pub chain: Chain,
}

impl Server {
    /// A client that trusts the pinned root alone, and shows `identity`.
    pub(crate) fn client(&self, identity: Option<&Identity>) -> Result<Client, WireError> {
        Client::with_config(&self.authority, self.config(identity)?)
    }

    pub(crate) fn config(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>, WireError> {
        tls::config(tls::verifier(self.chain.root().map(Certificate::der))?, identity, tls::TLS13)
    }
}

/// M1 on a connection that trusts nothing, and the judgement of what it brought.
pub(crate) async fn meet(authority: &str, pin: &[u8; 32], faults: &Faults) -> Result<(Connection, Chain), PhoneError> {
    let unreachable = |source: WireError| PhoneError::without_reply(Message::CaChain, source);
    let distrusted = |error: Distrust| error.at(Message::CaChain);
    let config = tls::config(Arc::new(tls::Unjudged), None, tls::TLS13).map_err(unreachable)?;
    let mut connection = Connection::open(authority, config).await.map_err(unreachable)?;
    let reply = faults.carry(Message::CaChain, connection.send(Request::get(CACERTS))).await?;
    let chain = Chain::under_pin(est::certificates(&reply.body).map_err(distrusted)?, pin).map_err(distrusted)?;
    chain.check_server(&connection, authority).map_err(distrusted)?;
    Ok((connection, chain))
}

fn is_pinned(candidate: &Certificate, pin: &[u8; 32]) -> bool {
    candidate.spki().is_ok_and(|spki| digest(&SHA256, &spki).as_ref() == pin)
}
