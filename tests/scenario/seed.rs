//! The world before a story starts: devices that were issued, with real certificates and escrowed keys, written straight to the store.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::change::{Carried, Change};
use remint::lifecycle::credential::{Certified, Credential, CredentialState, Slot};
use remint::lifecycle::device::{Device, DeviceState};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use remint::lifecycle::request::{Mode, Purpose, Request, RequestState, Requester};
use remint::lifecycle::user::User;
use remint::pki::authority::Authority;
use remint::pki::authority::Certify;
use remint::pki::escrow::Owner;
use remint::pki::key::SigningKey;
use remint::pki::name::Holder;
use remint::store::commit::{Commit, Guard, Write};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::world::World;

use super::story::DeviceLine;
use crate::support::house::House;

/// Creates a user by the name of a story.
pub async fn user(world: &World, name: &str) -> User {
    let new = NewUser {
        name: name.to_owned(),
        email: format!("{name}@example.org"),
        upn: format!("{name}@corp.example.org"),
        attributes: Attributes::default(),
    };
    create_user(world, &administrator(), new).await.unwrap()
}

/// Issues one device of the beginning; credentials that the labels know already are shared.
pub async fn device(
    house: &House,
    user: &User,
    line: &DeviceLine,
    credentials: &mut BTreeMap<String, (UserId, CredentialId)>,
) -> Result<DeviceId, String> {
    let world = &house.world;
    let id = DeviceId(world.fresh_id());
    let kind = line.kind.parse().map_err(|error| format!("device {}: kind: {error}", line.name))?;
    let at = world.clock.now();
    let request = RequestId(world.fresh_id());
    let opened = Request {
        id: request,
        kind,
        purpose: Purpose::Initial { mode: Mode::SelfEnrollment },
        requester: Requester::System,
        opened_at: at,
        state: RequestState::Approved,
    };
    let device = Device {
        id,
        kind,
        serial: line.name.clone(),
        model: "story".to_owned(),
        name: line.name.clone(),
        state: DeviceState::Assigned { request },
    };
    let mut writes = vec![Write::Change(Change::RequestOpened(opened)), Write::Change(Change::DeviceAssigned { device })];
    for label in &line.carries {
        let credential = match credentials.get(label) {
            Some((owner, credential)) if *owner == user.id => *credential,
            Some(_) => return Err(format!("credential {label}: carried by devices of two users")),
            None => {
                house.clock.advance(SignedDuration::from_secs(1));
                let made = certify(world, user, id, label, world.clock.now(), &mut writes)?;
                credentials.insert(label.clone(), (user.id, made));
                made
            }
        };
        writes.push(Write::Change(Change::CarriedAs { device: id, credential, carried: Carried::Current }));
    }
    writes.push(Write::Change(Change::DeviceIssued { device: id, at, stand_in: None }));
    writes.push(Write::Change(Change::RequestMoved { request, to: RequestState::Issued { device: id, at } }));
    let version = world.store.holdings(user.id).await.unwrap().unwrap().version;
    let audit = Some(administrator().entry("seed", at));
    let guard = Some(Guard { user: user.id, version });
    world.store.commit(Commit { name: "seed", guard, writes, audit }).await.map_err(|error| format!("{error:?}"))?;
    Ok(id)
}

/// Puts a blank device into stock.
pub async fn stock(house: &House, line: &DeviceLine) -> Result<DeviceId, String> {
    let world = &house.world;
    let id = DeviceId(world.fresh_id());
    let kind = line.kind.parse().map_err(|error| format!("device {}: kind: {error}", line.name))?;
    let (serial, name) = (line.name.clone(), line.name.clone());
    let device = Device { id, kind, serial, model: "story".to_owned(), name, state: DeviceState::Available };
    let audit = Some(administrator().entry("seed", world.clock.now()));
    let commit = Commit { name: "seed", guard: None, writes: vec![Write::Stock(device)], audit };
    world.store.commit(commit).await.map_err(|error| format!("{error:?}"))?;
    Ok(id)
}

fn certify(
    world: &World,
    user: &User,
    device: DeviceId,
    label: &str,
    at: Timestamp,
    writes: &mut Vec<Write>,
) -> Result<CredentialId, String> {
    let slot = slot_of(label)?;
    let new = world.fresh_credential();
    let key = SigningKey::generate().unwrap();
    let profile = world.profiles.get(slot);
    let period = Authority::period(&world.authority, profile, at);
    let holder = Holder::from(user);
    let der = world
        .authority
        .certify(&Certify {
            profile,
            spki: key.spki(),
            holder: &holder,
            device_urn: Some(device.0),
            is_proven: false,
            serial: new.serial,
            not_before: period.not_before,
            not_after: period.not_after,
        })
        .unwrap();
    let certified = Certified { key: key.spki().key_id(), not_before: period.not_before, not_after: period.not_after };
    let credential = Credential { id: new.id, slot, serial: new.serial, made_for: device, state: CredentialState::Reserved { at } };
    writes.push(Write::Change(Change::CredentialReserved(credential)));
    writes.push(Write::Change(Change::CredentialSigned { credential: new.id, certified }));
    writes.push(Write::Change(Change::CredentialIssued { credential: new.id, at }));
    writes.push(Write::Certificate { credential: new.id, der });
    if slot == Slot::Enc {
        let owner = Owner { user: user.id, serial: new.serial };
        let sealed = world.escrow.seal(1, world.entropy.as_ref(), owner, &key.to_pkcs8().unwrap()).unwrap();
        writes.push(Write::Escrow { credential: new.id, key: 1, sealed });
    }
    Ok(new.id)
}

/// A label's first part is its slot: `enc-1`, `card-auth-2`.
fn slot_of(label: &str) -> Result<Slot, String> {
    let slot = label.rsplit_once('-').map_or(label, |(slot, _)| slot);
    slot.parse().map_err(|error| format!("credential {label}: {error}"))
}
