//! `remint init`: makes a data folder. Nothing that is there already is ever overwritten.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::config::{Config, Listener, MailSection, MetricsListener, StatusListener};
use super::house::DATABASE;
use super::policy::Delivered;
use super::{ServerError, evidence};
use crate::pki::escrow::Escrow;
use crate::pki::hierarchy::{Naming, Plan};
use crate::pki::key::Entropy;
use crate::pki::master::MasterKey;
use crate::pki::profile;
use crate::store::Store;
use crate::store::certificate::ServiceCertificate;
use crate::store::commit::{Commit, Write};
use crate::workflows::create_user::administrator;
use crate::workflows::world::Clock;

/// How a new installation is named and reached.
#[derive(Clone, Debug)]
pub struct Foundation {
    /// O of every certificate; may be empty.
    pub organization: String,
    /// The name or IP address by which phones, operators and relying parties reach this machine.
    pub host: String,
    /// The IP address to bind.
    pub bind: String,
    pub ports: Ports,
    pub policy: Delivered,
}

/// What seals the keys in escrow from the first day on.
const FIRST_ESCROW_KEY: u32 = 1;

/// The port of each listener.
#[derive(Clone, Copy, Debug)]
pub struct Ports {
    pub devices: u16,
    pub desk: u16,
    pub portal: u16,
    pub status: u16,
    /// Off, if none.
    pub metrics: Option<u16>,
}

/// Makes the data folder: configuration, profiles and policy, master key, hierarchy, database. `master` is the value of the
/// environment variable that holds the master key, where the administrator keeps it there instead of in a file.
pub async fn init(
    dir: &Path,
    foundation: &Foundation,
    master: Option<&str>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), ServerError> {
    check(foundation)?;
    if dir.join("remint.toml").exists() {
        return Err(ServerError::new(format!("{}: found: an installation, expected: an empty folder", dir.display())));
    }
    fs::create_dir_all(dir).map_err(|source| ServerError::new(format!("{}: {source}", dir.display())))?;
    close_to_others(dir)?;
    let config = config(foundation);
    let naming = Naming {
        organization: foundation.organization.clone(),
        hosts: vec![foundation.host.clone()],
        status_url: config.status.url.clone(),
    };
    let plan = Plan::draw(&naming, clock.now(), entropy)?;

    write_certs(dir, foundation.policy)?;
    let master = match master {
        Some(_) => MasterKey::load(dir, master)?,
        None => MasterKey::create(dir, entropy)?,
    };
    let master = Arc::new(master);
    Escrow::at(dir, Arc::clone(&master)).make(FIRST_ESCROW_KEY, entropy)?;
    record(dir, &plan, clock).await?;
    plan.create(dir, &master, entropy)?;
    config.save(dir)
}

/// What `serve` could not serve is refused before anything is made.
fn check(foundation: &Foundation) -> Result<(), ServerError> {
    let Foundation { bind, ports: Ports { devices, desk, portal, status, metrics }, .. } = foundation;
    if bind.parse::<std::net::IpAddr>().is_err() {
        return Err(ServerError::new(format!("bind: found: {bind}, expected: an IP address")));
    }
    let ports: Vec<u16> = [*devices, *desk, *portal, *status].into_iter().chain(*metrics).collect();
    let different: BTreeSet<&u16> = ports.iter().collect();
    if different.len() < ports.len() {
        return Err(ServerError::new(format!("ports: found: {ports:?}, expected: a different one for each listener")));
    }
    Ok(())
}

/// The folder holds keys: nobody else on the machine may look into it.
fn close_to_others(dir: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).map_err(ServerError::new)
}

fn config(foundation: &Foundation) -> Config {
    let Foundation { host, bind, ports, .. } = foundation;
    let listener = |port: u16| Listener { listen: format!("{bind}:{port}"), address: format!("{host}:{port}") };
    Config {
        devices: listener(ports.devices),
        desk: listener(ports.desk),
        portal: Some(listener(ports.portal)),
        status: StatusListener {
            listen: format!("{bind}:{}", ports.status),
            url: format!("http://{host}:{}", ports.status),
            ocsp_cache_seconds: 0,
            crl_shards: 1,
        },
        metrics: ports.metrics.map(|port| MetricsListener { listen: format!("127.0.0.1:{port}") }),
        mail: MailSection::default(),
    }
}

/// The profiles and the policy, for the administrator to edit.
fn write_certs(dir: &Path, policy: Delivered) -> Result<(), ServerError> {
    let folder = dir.join("certs");
    fs::create_dir_all(folder.join("profiles")).map_err(ServerError::new)?;
    fs::write(folder.join("policy.toml"), policy.text()).map_err(ServerError::new)?;
    for (name, text) in profile::BUILT_IN {
        fs::write(folder.join("profiles").join(name), text).map_err(ServerError::new)?;
    }
    fs::create_dir_all(folder.join("evidence")).map_err(ServerError::new)?;
    for (name, text) in evidence::BUILT_IN {
        fs::write(folder.join("evidence").join(name), text).map_err(ServerError::new)?;
    }
    Ok(())
}

/// Every serial that the issuing CA is about to sign is on record before it signs.
async fn record(dir: &Path, plan: &Plan, clock: &dyn Clock) -> Result<(), ServerError> {
    let now = clock.now();
    let store = Store::open(&dir.join(DATABASE)).await?;
    let mut writes: Vec<Write> = plan
        .recorded()
        .into_iter()
        .map(|recorded| {
            Write::ServiceCertificate(ServiceCertificate {
                serial: recorded.serial,
                name: recorded.name.to_owned(),
                operator: None,
                reserved_at: now,
                not_after: recorded.period.not_after,
                revoked: None,
            })
        })
        .collect();
    writes.push(Write::EscrowKey { number: FIRST_ESCROW_KEY, at: now });
    writes.push(Write::EscrowRotated { number: FIRST_ESCROW_KEY, at: now });
    let audit = Some(administrator().entry("init", now));
    let kept = store.commit(Commit { name: "init", guard: None, writes, audit }).await;
    store.close().await;
    Ok(kept?)
}
