//! One user's records: the invariants that can be read off what they hold, and each certificate against its row.

use std::collections::BTreeMap;

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::Report;
use crate::lifecycle::credential::{Credential, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, UserId};
use crate::pki::certificate::spki_of;
use crate::pki::escrow::Owner;
use crate::pki::key::SigningKey;
use crate::store::error::StoreError;
use crate::workflows::world::World;

/// Checks what a user holds, as it is in the file; gives it back.
pub async fn check_user(world: &World, user: UserId, report: &mut Report) -> Result<Option<Holdings>, StoreError> {
    let Some(loaded) = world.store.holdings_on_file(user).await? else { return Ok(None) };
    let held = loaded.holdings;
    report.users += 1;
    report.devices += held.devices.len() as u64;
    report.credentials += held.credentials.len() as u64;
    for fault in held.faults(&world.policy, world.now()) {
        report.diverges(format!("user {user}: {fault}"));
    }
    let ids: Vec<CredentialId> = held.credentials.keys().copied().collect();
    let certificates = world.store.certificates(&ids).await?;
    for credential in held.credentials.values() {
        if let Some(fault) = faulty_certificate(world, credential, &certificates) {
            report.diverges(format!("invariant 9: user {user}: {} {}: {fault}", credential.slot, credential.serial));
        }
    }
    check_escrow(world, &held, report).await?;
    Ok(Some(held))
}

/// Every `enc` has its private key in escrow: one that opens, for this user and serial, and that is the key of the certificate.
async fn check_escrow(world: &World, held: &Holdings, report: &mut Report) -> Result<(), StoreError> {
    let user = held.user.id;
    let escrowed = world.store.escrowed_of(user).await?;
    let encs = held.credentials.values().filter(|credential| credential.slot == Slot::Enc);
    for (enc, certified) in encs.filter_map(|enc| enc.certified().map(|certified| (enc, certified))) {
        let Some(kept) = escrowed.iter().find(|kept| kept.credential == enc.id) else {
            report.diverges(format!("user {user}: enc {}: its private key is not in escrow: old mail cannot be recovered", enc.serial));
            continue;
        };
        let opened = world.escrow.open(kept.key, Owner { user, serial: enc.serial }, &kept.sealed);
        match opened.map(|key| SigningKey::from_pkcs8(&key).map(|key| key.spki().key_id())) {
            Ok(Ok(key)) if key == certified.key => {}
            Ok(_) => report.diverges(format!("user {user}: enc {}: the key in escrow is not that of its certificate", enc.serial)),
            Err(error) => report.diverges(format!("user {user}: {error}")),
        }
    }
    Ok(())
}

/// What is wrong between a credential and its certificate.
fn faulty_certificate(world: &World, credential: &Credential, certificates: &BTreeMap<CredentialId, Vec<u8>>) -> Option<&'static str> {
    let (Some(certified), Some(der)) = (credential.certified(), certificates.get(&credential.id)) else {
        let is_missing = credential.certified().is_some();
        return is_missing.then_some("it was signed, and its certificate is not on record");
    };
    let Ok((_, certificate)) = X509Certificate::from_der(der) else { return Some("its certificate cannot be read") };
    let Ok((_, issuer)) = X509Certificate::from_der(world.authority.issuing_certificate()) else {
        return Some("the certificate of the issuing CA cannot be read");
    };
    let seconds = |at: Timestamp| at.as_second();
    let validity = certificate.validity();
    if certificate.raw_serial() != credential.serial.as_bytes() {
        Some("its certificate has another serial")
    } else if spki_of(der).map(|spki| spki.key_id()) != Some(certified.key) {
        Some("its certificate has another key")
    } else if certificate.verify_signature(Some(issuer.public_key())).is_err() {
        Some("its certificate was not signed by the issuing CA")
    } else if (validity.not_before.timestamp(), validity.not_after.timestamp())
        != (seconds(certified.not_before), seconds(certified.not_after))
    {
        Some("its certificate is valid at other times")
    } else {
        None
    }
}
