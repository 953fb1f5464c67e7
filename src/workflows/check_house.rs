//! The check of the whole house: every invariant of lifecycle.md §8 over every user, every certificate on record, and what is published as it
//! is served. It reads and changes nothing. What differs only because something happened meanwhile is looked at again before it is told.

mod records;
mod status;

use std::pin::Pin;

use jiff::Timestamp;

use super::failure::Failure;
use super::verify_audit::verify_database;
use super::world::World;
use crate::pki::crl::Shard;
use crate::store::error::StoreError;

pub use status::InProcess;

/// What the check came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub users: u64,
    pub devices: u64,
    pub credentials: u64,
    /// Certificates that OCSP was asked about.
    pub certificates: u64,
    pub crl_number: u64,
    pub audit_entries: u64,
    /// Each with what to look at.
    pub divergences: Vec<String>,
}

/// Bytes that are published, as relying parties get them.
pub type Bytes<'a> = Pin<Box<dyn Future<Output = Result<Vec<u8>, String>> + Send + 'a>>;

/// Where what is published comes from.
pub trait Published: Send + Sync {
    fn crl(&self) -> Bytes<'_>;
    fn delta_crl(&self) -> Bytes<'_>;
    fn shard_crl(&self, shard: Shard) -> Bytes<'_>;
    fn ocsp<'a>(&'a self, question: &'a [u8]) -> Bytes<'a>;
    /// Whether somebody publishes meanwhile what changes.
    fn follows(&self) -> bool;
}

/// More are not told: one bad cause may show itself everywhere.
const TOLD: usize = 200;
/// How many users are looked at in one go.
const PAGE: u32 = 200;

impl Report {
    fn diverges(&mut self, what: impl Into<String>) {
        if self.divergences.len() < TOLD {
            self.divergences.push(what.into());
        }
    }
}

/// Checks everything.
pub async fn check_house(world: &World, published: &dyn Published) -> Result<Report, Failure> {
    let mut report = Report::default();
    must_be_ready(world)?;

    // 1 the file, and what only the whole database can show
    for fault in world.store.inspect().await? {
        report.diverges(fault);
    }
    for (key, sealed) in world.store.escrow_keys_in_use().await? {
        if let Err(error) = world.escrow.must_have(key) {
            report.diverges(format!("{error}: {sealed} private keys in escrow are sealed under it"));
        }
    }

    // 2 every user: the invariants, the certificates, and what is said of them
    let mut after = None;
    loop {
        let users = world.store.user_ids(after, PAGE).await?;
        let Some(last) = users.last() else { break };
        after = Some(*last);
        for user in users {
            match records::check_user(world, user, &mut report).await {
                Ok(None) => {}
                Ok(Some(held)) => status::check_user(world, published, user, &held, &mut report).await?,
                Err(error) => report.diverges(format!("user {user}: {}", unreadable(error)?)),
            }
            tokio::task::yield_now().await; // whoever is served comes first
        }
    }

    // 3 what is nobody's credential, and the CRL
    match world.store.service_certificates().await {
        Ok(services) => status::check_services(world, published, &services, &mut report).await?,
        Err(error) => report.diverges(format!("the service certificates: {}", unreadable(error)?)),
    }
    status::check_crl(world, published, &mut report).await?;

    // 4 the audit log
    let verdict = verify_database(&world.store, world.authority.root_certificate(), &[]).await?;
    report.audit_entries = verdict.entries;
    for fault in verdict.faults {
        report.diverges(format!("invariant 8: the audit log: {fault}"));
    }
    must_be_ready(world)?;
    Ok(report)
}

/// Without its keys, a house cannot show whether what it says is true.
fn must_be_ready(world: &World) -> Result<(), Failure> {
    let is_ready = world.authority.is_ready();
    if is_ready { Ok(()) } else { Err(Failure::Unavailable("the token that keeps the private keys is away".into())) }
}

/// What cannot be read of a row is a divergence; of the whole database, it is the end of the check.
fn unreadable(error: StoreError) -> Result<String, Failure> {
    match &error {
        StoreError::Unavailable(outage) if error.is_of_a_row() => Ok(format!("a row cannot be read: {outage}")),
        _ => Err(error.into()),
    }
}

/// The report, for a person.
pub fn told(report: &Report, now: Timestamp) -> String {
    let Report { users, devices, credentials, certificates, crl_number, audit_entries, divergences } = report;
    let mut lines = vec![
        format!("checked at {now}"),
        format!("users: {users}, devices: {devices}, credentials: {credentials}, audit entries: {audit_entries}"),
        format!("OCSP was asked about {certificates} certificates; CRL number {crl_number}"),
    ];
    lines.extend(divergences.iter().map(|divergence| format!("DIVERGENCE {divergence}")));
    lines.push(match divergences.len() {
        0 => "no divergence found".to_owned(),
        count if count == TOLD => format!("{count} divergences found, and perhaps more"),
        count => format!("{count} divergences found"),
    });
    lines.join("\n")
}
