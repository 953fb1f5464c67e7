//! How fast a loss is known: from the answer that the operator gets until a relying party is told that the credential is not good.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::certificate::Certificate;
use crate::fleet::{FleetError, created};
use crate::relying_party::{RelyingParty, Status, StatusError};
use crate::wire::Client;

/// How often the CRL is fetched.
const LOOK: Duration = Duration::from_millis(20);

/// A device to lose.
#[derive(Clone, Debug)]
pub struct Losable {
    /// Its id at the desk.
    pub device: String,
    pub auth: Certificate,
}

/// What came of the losses.
#[derive(Debug, Default)]
pub struct Alarms {
    /// From the operator's request until its answer, shortest first.
    pub answered: Vec<Duration>,
    /// From that answer until the answer of OCSP that says on hold, shortest first.
    pub known: Vec<Duration>,
    /// From the operator's answer until a CRL that lists it, shortest first; empty where no CRL was asked for.
    pub listed: Vec<Duration>,
    /// How many OCSP answers still said good after the operator was answered.
    pub late: usize,
}

/// Why it could not be measured.
#[derive(Debug, thiserror::Error)]
pub enum AlarmError {
    #[error(transparent)]
    Desk(#[from] FleetError),
    #[error("status: {0}")]
    Status(#[from] StatusError),
    #[error("status: found: {0}, expected: on hold")]
    Unexpected(Status),
}

/// Reports each device lost, one after the other, and asks OCSP until it says so.
pub async fn raise(desk: &Client, relying_party: &RelyingParty, devices: &[Losable], by_crl: bool) -> Result<Alarms, AlarmError> {
    let mut alarms = Alarms::default();
    for lost in devices {
        let report = json!({ "target": lost.device, "reason": "lost", "mode": "remote" });
        let asked = Instant::now();
        let reply = desk.post_json("/api/replacements", &report).await.map_err(FleetError::from)?;
        alarms.answered.push(asked.elapsed());
        let answered = Instant::now();
        created::<serde_json::Value>(reply)?;
        loop {
            match relying_party.ocsp(&lost.auth).await? {
                Status::Hold => break,
                Status::Good => alarms.late += 1,
                other => return Err(AlarmError::Unexpected(other)),
            }
        }
        alarms.known.push(answered.elapsed());
        if by_crl {
            while relying_party.crl().await?.status_of(&lost.auth.serial()) == Status::Good {
                tokio::time::sleep(LOOK).await;
            }
            alarms.listed.push(answered.elapsed());
        }
    }
    alarms.answered.sort_unstable();
    alarms.known.sort_unstable();
    alarms.listed.sort_unstable();
    Ok(alarms)
}
