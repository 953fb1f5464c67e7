//! Who shows this certificate? TLS proved that they hold its key; here it is judged, on every request, against what is on record.

use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::credential::Slot;
use crate::lifecycle::ids::{CredentialId, DeviceId, SessionId, UserId};
use crate::pki::key::sha256;
use crate::pki::trust::{ClientCertificate, Issuer};
use crate::store::audit::{Outcome, Who};
use crate::store::commit::Commit;

/// A device, by the certificate that it shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bearer {
    /// Its bootstrap certificate.
    Session { user: UserId, session: SessionId },
    /// Its `auth`, confirmed or not.
    Auth { user: UserId, device: DeviceId, credential: CredentialId },
}

impl Bearer {
    /// Whose device it is.
    pub fn user(&self) -> UserId {
        match *self {
            Self::Session { user, .. } | Self::Auth { user, .. } => user,
        }
    }
}

/// The device that shows a certificate; `wrong-certificate` for any other.
pub async fn identify_bearer(world: &World, certificate: &[u8]) -> Result<Bearer, Failure> {
    let certificate = judged(world, certificate, A_DEVICE)?;
    match certificate.issuer {
        Issuer::Enrollment => {
            let session = world.store.session_of_bootstrap(certificate.serial).await?;
            let session = session.ok_or_else(|| wrong("a bootstrap certificate of no session", A_DEVICE))?;
            Ok(Bearer::Session { user: session.user, session: session.id })
        }
        Issuer::Issuing => match world.store.credential_by_serial(certificate.serial).await? {
            Some(found) if found.slot == Slot::Auth => {
                Ok(Bearer::Auth { user: found.user, device: found.made_for, credential: found.credential })
            }
            Some(found) => Err(wrong(&format!("a {} certificate", found.slot), A_DEVICE)),
            None => Err(wrong("a certificate that is no credential", A_DEVICE)),
        },
    }
}

/// The operator who shows a certificate. Everybody else is refused, on the record.
pub async fn identify_operator(world: &World, certificate: &[u8], source: &str) -> Result<Caller, Failure> {
    let fingerprint = fingerprint(certificate);
    match operator(world, certificate, &fingerprint, source).await {
        Err(failure @ Failure::Invalid { .. }) if world.strangers.has_room(world.now()) => {
            let stranger = Caller {
                actor: Actor::System,
                who: Who::Stranger { fingerprint: Some(fingerprint) },
                source: source.to_owned(),
                session: None,
            };
            let mut entry = stranger.entry("sign-in", world.now());
            entry.outcome = Outcome::Refused(failure.code().to_owned());
            entry.details = serde_json::json!({ "reason": failure.to_string() });
            world.store.commit(Commit { name: "sign-in", guard: None, writes: Vec::new(), audit: Some(entry) }).await?;
            Err(failure)
        }
        settled => settled,
    }
}

async fn operator(world: &World, certificate: &[u8], fingerprint: &str, source: &str) -> Result<Caller, Failure> {
    let certificate = judged(world, certificate, AN_OPERATOR)?;
    let found = match certificate.issuer {
        Issuer::Issuing => world.store.operator_of_certificate(certificate.serial).await?,
        Issuer::Enrollment => None,
    };
    let Some((record, on_record)) = found else {
        return Err(wrong("a certificate that is not an operator's", AN_OPERATOR));
    };
    if on_record.revoked.is_some() {
        return Err(wrong("a revoked operator certificate", AN_OPERATOR));
    }
    if record.ended_at.is_some() {
        return Err(wrong("the certificate of an operator whose record is closed", AN_OPERATOR));
    }
    let who = Who::Operator { id: record.operator.id, fingerprint: fingerprint.to_owned() };
    Ok(Caller { actor: Actor::Operator(record.operator), who, source: source.to_owned(), session: None })
}

/// SHA-256 of a certificate, hexadecimal.
fn fingerprint(certificate: &[u8]) -> String {
    sha256(certificate).iter().map(|byte| format!("{byte:02X}")).collect()
}

/// Whom the steps of a session expect, and whom the desk.
const A_DEVICE: &str = "the bootstrap or auth certificate of a device";
const AN_OPERATOR: &str = "the certificate of an operator";

fn judged(world: &World, certificate: &[u8], expected: &str) -> Result<ClientCertificate, Failure> {
    world.authority.judge_client(certificate, world.now()).map_err(|fault| wrong(&fault.to_string(), expected))
}

pub(super) fn wrong(found: &str, expected: &str) -> Failure {
    Failure::invalid("wrong-certificate", format!("client certificate: found: {found}, expected: {expected}"))
}
