//! Signing in at the portal with a device of one's own that is still good: its `auth` certificate, whose key TLS proved. It needs neither the
//! password nor the code, as the device itself asked for a PIN.

use serde_json::json;

use super::failure::Failure;
use super::identify::{Bearer, identify_bearer, wrong};
use super::sign_in::{SignedIn, caller, fresh_session};
use super::world::World;
use crate::lifecycle::credential::CredentialStatus;
use crate::lifecycle::device::{Device, DeviceStatus};
use crate::lifecycle::holdings::Holdings;
use crate::store::commit::{Commit, Write};

/// Who shows this certificate, and with which device, if both are good at this moment.
pub async fn device_of(world: &World, certificate: &[u8]) -> Result<(Holdings, Device), Failure> {
    let Bearer::Auth { user, device, credential } = identify_bearer(world, certificate).await? else {
        return Err(not_good("a bootstrap certificate"));
    };
    let held = world.load(user).await?.holdings;
    let status = held.credentials.get(&credential).map(|credential| held.credential_status(credential, world.now()));
    let device = held.devices.get(&device).cloned().filter(|device| held.device_status(device) == DeviceStatus::Active);
    match (device, status) {
        (Some(device), Some(CredentialStatus::Active)) => Ok((held, device)),
        (_, Some(status)) => Err(not_good(&format!("a certificate that is {}, or of a device that is not active", status.as_str()))),
        (_, None) => Err(not_good("a certificate that is no credential")),
    }
}

fn not_good(found: &str) -> Failure {
    wrong(found, "the auth certificate of an active device of yours")
}

/// Opens a session for whoever shows it.
pub async fn sign_in_by_device(world: &World, certificate: &[u8], source: &str) -> Result<SignedIn, Failure> {
    let (held, device) = device_of(world, certificate).await?;
    let (token, mut session) = fresh_session(world, held.user.id, false);
    session.device = Some(device.id);
    let mut entry = caller(held.user.id, source).entry("sign-in", world.now());
    entry.on_behalf_of = Some(held.user.id);
    entry.details = json!({ "by": "device", "device": device.id.to_string() });
    let writes = vec![Write::PortalSession(session)];
    world.store.commit(Commit { name: "sign-in", guard: None, writes, audit: Some(entry) }).await?;
    Ok(SignedIn { token, user: held.user, must_change: false, awaits_code: false })
}
