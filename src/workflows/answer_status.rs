//! OCSP: a relying party asks, and is told what is committed this instant.

use super::failure::Failure;
use super::world::World;
use crate::lifecycle::holdings::Standing;
use crate::pki::ocsp::{CertId, OcspFailure, OcspRequest, Status, error_response, sign_response};

/// Answers a DER OCSPRequest with a DER OCSPResponse, whatever it is.
pub async fn answer_status(world: &World, request: &[u8]) -> Vec<u8> {
    let Ok(request) = OcspRequest::read(request) else {
        return error_response(OcspFailure::MalformedRequest);
    };
    match answer(world, &request).await {
        Ok(response) => response,
        Err(failure) => {
            tracing::error!(failure = ?failure, "status could not be answered");
            error_response(OcspFailure::TryLater)
        }
    }
}

async fn answer(world: &World, request: &OcspRequest) -> Result<Vec<u8>, Failure> {
    let now = world.now();
    let mut answers = Vec::with_capacity(request.certs.len());
    for cert in &request.certs {
        answers.push(status_of(world, cert).await?);
    }
    let (key, certificate) = world.authority.ocsp_signer();
    Ok(sign_response(certificate, key, request, &answers, now, now, None)?)
}

/// A certificate of another authority, and a serial that is not on record, are unknown (RFC 6960 §2.2).
async fn status_of(world: &World, cert: &CertId) -> Result<Status, Failure> {
    let Some(serial) = cert.serial.filter(|_| cert.is_of(world.authority.issuing_certificate())) else {
        return Ok(Status::Unknown);
    };
    let (status, word) = match world.store.standing(serial).await? {
        None => (Status::Unknown, "unknown"),
        Some(Standing::Good) => (Status::Good, "good"),
        Some(Standing::OnHold { since }) => (Status::Hold { since }, "on-hold"),
        Some(Standing::Revoked { at, reason }) => (Status::Revoked { since: at, reason }, "revoked"),
    };
    metrics::counter!("remint_ocsp_answers_total", "status" => word).increment(1);
    Ok(status)
}
