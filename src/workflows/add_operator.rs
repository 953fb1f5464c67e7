//! The administrator adds an operator, with roles and a certificate to sign in with; or closes the record of one.

use std::collections::BTreeSet;

use serde_json::json;

use super::create_user::{administrator, is_plain};
use super::failure::Failure;
use super::world::World;
use crate::lifecycle::actor::{Operator, Role};
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::ids::{OperatorId, Serial, UserId};
use crate::pki::certificate::Period;
use crate::pki::key::SigningKey;
use crate::store::certificate::ServiceCertificate;
use crate::store::commit::{Commit, Write};
use crate::store::operator::OperatorRecord;

/// An operator's key and certificate, to be handed over once.
#[derive(Debug)]
pub struct OperatorIdentity {
    pub operator: Operator,
    pub serial: Serial,
    pub key: SigningKey,
    /// DER.
    pub certificate: Vec<u8>,
}

/// Adds an operator. The serial is on record before the certificate is signed.
pub async fn add_operator(world: &World, name: &str, roles: BTreeSet<Role>, user: Option<UserId>) -> Result<OperatorIdentity, Failure> {
    let now = world.now();
    if name.trim() != name || !(1..=64).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(Failure::invalid("malformed", "operator name: expected: 1 to 64 printable characters"));
    }
    is_plain("operator name", name)?;
    // phones know the signer of deliveries by its name (docs/protocol.md, M5)
    if name.to_lowercase().starts_with("remint") {
        return Err(Failure::invalid(
            "malformed",
            "operator name: found: Remint, expected: a person's, as certificates of ours bear that name",
        ));
    }
    if roles.is_empty() {
        return Err(Failure::invalid("malformed", "roles: found: none, expected: at least one"));
    }
    let operator = Operator { id: OperatorId(world.fresh_id()), name: name.to_owned(), roles, user };
    let serial = world.fresh_serial();
    let profile = world.profiles.operator();
    let Period { not_before, not_after } = world.authority.period(profile, now);

    // 1 the record, with the serial
    let mut entry = administrator().entry("add-operator", now);
    entry.details = json!({ "operator": name, "serial": serial.to_string(),
        "roles": operator.roles.iter().map(|role| role.as_str()).collect::<Vec<_>>() });
    let writes = vec![
        Write::Operator { operator: OperatorRecord { operator: operator.clone(), ended_at: None }, at: now },
        Write::ServiceCertificate(ServiceCertificate {
            serial,
            name: name.to_owned(),
            operator: Some(operator.id),
            reserved_at: now,
            not_after,
            revoked: None,
        }),
    ];
    world.store.commit(Commit { name: "add-operator", guard: None, writes, audit: Some(entry) }).await?;

    // 2 sign
    let key = SigningKey::generate()?;
    let certificate = world.authority.certify_operator(profile, key.spki(), name, serial, not_before, not_after)?;
    Ok(OperatorIdentity { operator, serial, key, certificate })
}

/// Closes an operator's record and revokes the certificates: from the next request on nobody acts under it.
pub async fn end_operator(world: &World, name: &str) -> Result<(), Failure> {
    let now = world.now();
    let record = world.store.operator_by_name(name).await?.ok_or(Failure::missing("operator"))?;
    if let Some(ended_at) = record.ended_at {
        return Err(Failure::invalid("wrong-state", format!("operator record: found: closed at {ended_at}, expected: an open one")));
    }
    let mut entry = administrator().entry("end-operator", now);
    entry.details = json!({ "operator": name });
    let mut writes = vec![Write::OperatorEnded { operator: record.operator.id, at: now }];
    for serial in world.store.certificates_of_operator(record.operator.id).await? {
        writes.push(Write::ServiceCertificateRevoked { serial, at: now, reason: RevocationReason::CessationOfOperation });
    }
    world.store.commit(Commit { name: "end-operator", guard: None, writes, audit: Some(entry) }).await?;
    Ok(())
}
