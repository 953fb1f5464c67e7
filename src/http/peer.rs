//! Who is at the other end of a connection: what the TLS layer knows, attached to every request of that connection.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;

use super::problem::Problem;
use crate::workflows::AtWork;
use crate::workflows::identify::identify_bearer;
use crate::workflows::world::World;

/// The other end of a connection.
#[derive(Clone, Debug)]
pub struct Peer {
    pub address: SocketAddr,
    /// The DER certificate whose key it has proved to hold. Whether it is trusted is judged on every request, not here.
    pub certificate: Option<Arc<[u8]>>,
    /// `EXPORTER-Channel-Binding` of this connection (RFC 9266); only TLS 1.3 has it.
    pub exporter: Option<[u8; 32]>,
}

impl Peer {
    /// Where it asks from, for the audit log.
    pub fn source(&self) -> String {
        self.address.ip().to_string()
    }

    /// The device at the other end, by the certificate that it must show.
    pub async fn at_work(&self, world: &World) -> Result<AtWork, Problem> {
        let bearer = identify_bearer(world, self.certificate()?).await?;
        world.count_user(bearer.user())?;
        Ok(AtWork { bearer, source: self.source() })
    }

    /// The certificate, demanded.
    pub fn certificate(&self) -> Result<&[u8], Problem> {
        self.certificate.as_deref().ok_or_else(Problem::certificate_required)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Peer {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        parts.extensions.get::<Self>().cloned().ok_or_else(Problem::certificate_required)
    }
}
