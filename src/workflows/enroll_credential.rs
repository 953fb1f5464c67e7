//! M4: a device shows a key that it generated, and receives a certificate for it, on hold until it confirms.

use jiff::SignedDuration;
use serde_json::json;

use super::failure::{Failure, broken};
use super::session::{At, AtWork};
use super::world::{World, changes, retrying};
use crate::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, signed};
use crate::lifecycle::credential::{Certified, Credential, Slot};
use crate::lifecycle::ids::{CredentialId, DeviceId};
use crate::lifecycle::user::User;
use crate::pki::authority::Certify;
use crate::pki::certificate::Period;
use crate::pki::key::Spki;
use crate::pki::name::Holder;
use crate::pki::request::Request as Csr;
use crate::store::commit::Write;
use crate::store::session::Session;

/// Clocks of phones and relying parties differ a little: certificates are valid from so long before now.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);

/// Enrolls one slot of the session; gives the DER certificate. The same key again: the same certificate.
pub async fn enroll_credential(world: &World, device: &AtWork, slot: Slot, csr: &[u8]) -> Result<Vec<u8>, Failure> {
    // 1 read and verify the request
    let csr = Csr::read(csr).map_err(|bad| Failure::invalid("bad-csr", bad.to_string()))?;
    retrying(|| attempt(world, device, slot, &csr)).await
}

async fn attempt(world: &World, device: &AtWork, slot: Slot, csr: &Csr) -> Result<Vec<u8>, Failure> {
    // 2 the slot of the plan, its serial on record
    let At { loaded, session, request } = device.at_own(world).await?;
    names_the_user(csr, &loaded.holdings.user, &session)?;
    let act = Enroll { request: request.id, session: session.id, slot, key: csr.spki.key_id() };
    let credential = match enroll(&loaded.holdings, &act)? {
        Enrollment::Already(credential) => return certificate(world, credential).await,
        Enrollment::Sign(credential) => credential,
    };

    // 3 sign
    let (certified, der) = certify(world, &loaded.holdings.user, &credential, session.device, &csr.spki)?;

    // 4 keep; a key that was seen before is refused here
    let mut entry = device.entry(world, "enroll", &session);
    entry.details = json!({ "slot": slot.as_str(), "serial": credential.serial.to_string() });
    let mut writes = changes(signed(credential.id, certified));
    writes.push(Write::Certificate { credential: credential.id, der: der.clone() });
    world.keep("enroll", &loaded, writes, entry).await?;
    Ok(der)
}

/// Signs the certificate of a credential whose serial is on record; the names are the directory's.
pub(super) fn certify(
    world: &World,
    user: &User,
    credential: &Credential,
    device: DeviceId,
    spki: &Spki,
) -> Result<(Certified, Vec<u8>), Failure> {
    let profile = world.profiles.get(credential.slot);
    let Period { not_before, not_after } = world.authority.period(profile, world.now() - BACKDATED);
    let holder = Holder { name: user.name.clone(), email: user.email.clone(), upn: user.upn.clone() };
    let der = world.authority.certify(&Certify {
        profile,
        spki,
        holder: &holder,
        device_urn: Some(device.0),
        serial: credential.serial,
        not_before,
        not_after,
    })?;
    Ok((Certified { key: spki.key_id(), not_before, not_after }, der))
}

pub(super) async fn certificate(world: &World, credential: CredentialId) -> Result<Vec<u8>, Failure> {
    let mut found = world.store.certificates(&[credential]).await?;
    found.remove(&credential).ok_or_else(|| broken("the certificate of a signed credential"))
}

/// A request may be silent about the name; if it speaks, it names the user (docs/protocol.md, M4).
fn names_the_user(csr: &Csr, user: &User, session: &Session) -> Result<(), Failure> {
    let session = session.id.to_string();
    match csr.common_name.as_deref() {
        None | Some("") => Ok(()),
        Some(name) if [user.name.as_str(), &user.email, &user.upn, &session].contains(&name) => Ok(()),
        Some(name) => {
            let found: String = name.chars().take(80).collect();
            Err(Failure::invalid("bad-csr", format!("subject: found: CN={found}, expected: the user's name, or none")))
        }
    }
}
