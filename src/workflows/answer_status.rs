//! OCSP: a relying party asks, and is told what is committed this instant.

use jiff::{SignedDuration, Timestamp};

use super::failure::Failure;
use super::world::World;
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::Serial;
use crate::pki::ocsp::{CertId, OcspFailure, OcspRequest, Status, error_response, sign_response};

/// How long who keeps an answer may rely on it: its `nextUpdate`. Our choice: as long as the clocks of verifiers are commonly allowed to
/// differ. Longer, and a lost device would be good for so long to who does not ask again; shorter, and a clock that is ahead would find
/// every answer expired.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(5);

/// The longest that a cache on the way may be allowed to answer in our place, in seconds: what it gives out is good for another minute.
pub const MAX_CACHE_S: u32 = 240;

/// What a relying party is answered.
pub struct Answer {
    /// An OCSPResponse.
    pub der: Vec<u8>,
    /// From when until when it may be relied upon, if it answers whoever asks the same; absent if it is an error, or repeats a nonce.
    pub validity: Option<Validity>,
}

/// `thisUpdate` and `nextUpdate`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Validity {
    pub this_update: Timestamp,
    pub next_update: Timestamp,
}

impl Answer {
    fn error(failure: OcspFailure) -> Self {
        Self { der: error_response(failure), validity: None }
    }
}

/// Answers a DER OCSPRequest, whatever it is.
pub async fn answer_status(world: &World, request: &[u8]) -> Answer {
    let Ok(request) = OcspRequest::read(request) else {
        return Answer::error(OcspFailure::MalformedRequest);
    };
    match answer(world, &request).await {
        Ok(answer) => answer,
        Err(failure) => {
            tracing::error!(failure = ?failure, "status could not be answered");
            Answer::error(OcspFailure::TryLater)
        }
    }
}

async fn answer(world: &World, request: &OcspRequest) -> Result<Answer, Failure> {
    // the time first: of what is committed after it, an answer that says so may already know
    let this_update = world.now();
    let next_update = this_update + LIFETIME;
    let answers = statuses(world, &request.certs, this_update).await?;
    let (key, certificate) = world.authority.ocsp_signer();
    let der = sign_response(certificate, key, request, &answers, this_update, this_update, Some(next_update))?;
    let validity = request.nonce.is_none().then_some(Validity { this_update, next_update });
    Ok(Answer { der, validity })
}

/// A certificate of another authority, and a serial that is not on record, are unknown (RFC 6960 §2.2).
async fn statuses(world: &World, certs: &[CertId], now: Timestamp) -> Result<Vec<Status>, Failure> {
    let ours = |cert: &CertId| cert.serial.filter(|_| world.authority.ocsp_issuer().issued(cert));
    let serials: Vec<Option<Serial>> = certs.iter().map(ours).collect();
    let mut standings = world.store.standings(serials.iter().copied().flatten().collect()).await?.into_iter();
    Ok(serials
        .iter()
        .map(|serial| serial.and_then(|_| standings.next().flatten()).map_or(Status::Unknown, |standing| status_of(standing.told_at(now))))
        .inspect(count)
        .collect())
}

fn status_of(standing: Standing) -> Status {
    match standing {
        Standing::Good => Status::Good,
        Standing::OnHold { since } => Status::Hold { since },
        Standing::Revoked { at, reason } => Status::Revoked { since: at, reason },
    }
}

fn count(status: &Status) {
    let word = match status {
        Status::Good => "good",
        Status::Hold { .. } => "on-hold",
        Status::Revoked { .. } => "revoked",
        Status::Unknown => "unknown",
    };
    metrics::counter!("remint_ocsp_answers_total", "status" => word).increment(1);
}
