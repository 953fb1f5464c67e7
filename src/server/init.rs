//! `remint init`: makes a data folder. Nothing that is there already is ever overwritten.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::config::{Config, Listener, MailSection, MetricsListener, PortalListener, SecondStepWord, StatusListener};
use super::database::{self, DatabaseSection};
use super::hsm::{self, HsmSection};
use super::policy::Delivered;
use super::{ServerError, evidence};
use crate::pki::escrow::Escrow;
use crate::pki::hierarchy::{Naming, Plan};
use crate::pki::key::Entropy;
use crate::pki::keystore::KeyStore;
use crate::pki::master::MasterKey;
use crate::pki::profile;
use crate::pki::signers::Recorded;
use crate::store::certificate::ServiceCertificate;
use crate::store::commit::{Commit, Write};
use crate::workflows::create_user::administrator;
use crate::workflows::limits::Allowed;
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
    /// Where everything is to be remembered; in a file of the data folder, if none.
    pub database: Option<DatabaseSection>,
    /// The token that is to keep the private keys.
    pub hsm: Option<HsmSection>,
}

/// What seals the keys in escrow from the first day on.
pub(super) const FIRST_ESCROW_KEY: u32 = 1;

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
    let config = begin(dir, foundation, |dir| match dir.join("remint.toml").exists() {
        true => Err(ServerError::new(format!("{}: found: an installation, expected: an empty folder", dir.display()))),
        false => Ok(()),
    })?;
    let token = hsm::open(config.hsm.as_ref())?;
    database::make_new(dir, &config).await?.close().await;
    let plan = Plan::draw(&naming(&config, &foundation.organization), clock.now(), entropy)?;
    let master = match master {
        Some(_) => MasterKey::load(dir, master)?,
        None => MasterKey::create(dir, entropy)?,
    };
    let master = Arc::new(master);
    let keys = KeyStore::open(dir, &master)?.with_token(token.clone());
    Escrow::at(dir, Arc::clone(&master)).with_token(token).make(FIRST_ESCROW_KEY, entropy)?;
    record(dir, &config, &plan.recorded(), clock).await?;
    plan.create(dir, &keys, entropy)?;
    config.save(dir)
}

/// What every installation begins with: a folder that nobody else reads, the profiles and the policy. `may_begin` judges what is there.
pub(super) fn begin(
    dir: &Path,
    foundation: &Foundation,
    may_begin: impl Fn(&Path) -> Result<(), ServerError>,
) -> Result<Config, ServerError> {
    check(foundation)?;
    may_begin(dir)?;
    fs::create_dir_all(dir).map_err(|source| ServerError::new(format!("{}: {source}", dir.display())))?;
    close_to_others(dir)?;
    if !dir.join("remint.toml").exists() {
        write_certs(dir, foundation.policy)?;
    }
    Ok(config(foundation))
}

/// How the hierarchy of this configuration is named.
pub(super) fn naming(config: &Config, organization: &str) -> Naming {
    let address = &config.devices.address;
    let host = address.rsplit_once(':').map_or(address.as_str(), |(host, _port)| host);
    Naming { organization: organization.to_owned(), hosts: vec![host.to_owned()], status_url: config.status.url.clone() }
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
    let Listener { listen, address } = listener(ports.portal);
    let portal = PortalListener { listen, address, second_step: SecondStepWord::MailedCode };
    Config {
        devices: listener(ports.devices),
        desk: listener(ports.desk),
        portal: Some(portal),
        status: StatusListener {
            listen: format!("{bind}:{}", ports.status),
            url: format!("http://{host}:{}", ports.status),
            ocsp_cache_seconds: 0,
            crl_shards: 1,
        },
        metrics: ports.metrics.map(|port| MetricsListener { listen: format!("127.0.0.1:{port}") }),
        mail: MailSection::default(),
        database: foundation.database.clone(),
        traces: None,
        limits: Allowed::default(),
        hsm: foundation.hsm.clone(),
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

/// The serials that are about to be signed, as they are put on record.
pub(super) fn reserved(recorded: &[&Recorded], now: Timestamp) -> Vec<Write> {
    let reserved = |recorded: &&Recorded| {
        Write::ServiceCertificate(ServiceCertificate {
            serial: recorded.serial,
            name: recorded.name.to_owned(),
            operator: None,
            reserved_at: now,
            not_after: recorded.period.not_after,
            revoked: None,
        })
    };
    recorded.iter().map(reserved).collect()
}

/// Every serial that the issuing CA is about to sign is on record before it signs.
pub(super) async fn record(dir: &Path, config: &Config, recorded: &[&Recorded], clock: &dyn Clock) -> Result<(), ServerError> {
    let now = clock.now();
    let store = database::make(dir, config).await?;
    let mut writes = reserved(recorded, now);
    writes.push(Write::EscrowKey { number: FIRST_ESCROW_KEY, at: now });
    writes.push(Write::EscrowRotated { number: FIRST_ESCROW_KEY, at: now });
    let audit = Some(administrator().entry("init", now));
    let kept = store.commit(Commit { name: "init", guard: None, writes, audit }).await;
    store.close().await;
    Ok(kept?)
}
