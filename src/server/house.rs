//! Opening a data folder: from files to the world that workflows act in.

use crate::pki::crl::Shards;
use crate::workflows::publish_shard::ShardLists;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::clock::{SystemClock, SystemEntropy};
use super::config::Config;
use super::{ServerError, backup, database, evidence, hsm, own_root, policy};
use crate::pki::authority::Authority;
use crate::pki::escrow::Escrow;
use crate::pki::key::{Entropy, sha256};
use crate::pki::keystore::KeyStore;
use crate::pki::master::MasterKey;
use crate::pki::profile::Profiles;
use crate::workflows::budget::Budget;
use crate::workflows::deeds::Deeds;
use crate::workflows::limits::Limits;
use crate::workflows::world::{Clock, World};

/// How many passwords are stretched at once.
const STRETCHING: usize = 4;

/// The environment variable that may hold the master key instead of a file.
pub const MASTER_KEY_VARIABLE: &str = "REMINT_MASTER_KEY";

/// The master key from the environment, if it is kept there.
pub fn master_from_environment() -> Option<String> {
    std::env::var(MASTER_KEY_VARIABLE).ok().filter(|value| !value.is_empty())
}

/// SHA-256 of everything by which a server decides and signs: the policy, the profiles, the rules of evidence, the issuing CA. Servers over one
/// database agree in it.
pub fn rules(dir: &Path) -> Result<[u8; 32], ServerError> {
    let mut files = vec![dir.join("ca/issuing.pem"), dir.join("certs/policy.toml")];
    for folder in ["certs/profiles", "certs/evidence"] {
        let folder = dir.join(folder);
        if folder.is_dir() {
            files.extend(std::fs::read_dir(folder)?.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>()?);
        }
    }
    files.sort();
    let mut rules = Vec::new();
    for file in files.iter().filter(|file| file.is_file()) {
        let text = std::fs::read(file).map_err(|source| ServerError::new(format!("{}: {source}", file.display())))?;
        rules.extend(sha256(file.file_name().unwrap_or_default().as_encoded_bytes()));
        rules.extend(sha256(&text));
    }
    Ok(sha256(&rules))
}

/// Opens what a command is about to write to: not a database that is older than what was served.
pub async fn open_to_write(dir: &Path, config: &Config) -> Result<World, ServerError> {
    let world = open(dir, config).await?;
    backup::must_not_be_older(&world).await?;
    Ok(world)
}

/// Refuses a database in which the certificate that signs our OCSP answers is not on record: it is that of another installation.
async fn must_be_ours(world: &World) -> Result<(), ServerError> {
    let signer = world.authority.ocsp_serial().ok_or_else(|| ServerError::new("ca/ocsp.pem: expected: a certificate of ours"))?;
    match world.store.standings(vec![signer]).await?.first() {
        Some(Some(_)) => Ok(()),
        _ => Err(ServerError::new(format!(
            "the database is that of another installation, found: no certificate {signer}, which signs the OCSP answers of this data folder, \
             expected: the database that was made with this folder"
        ))),
    }
}

/// Opens everything that a data folder holds, with the real clock and the real dice.
pub async fn open(dir: &Path, config: &Config) -> Result<World, ServerError> {
    open_with(dir, config, Arc::new(SystemClock), Arc::new(SystemEntropy)).await
}

/// Opens everything that a data folder holds.
pub async fn open_with(dir: &Path, config: &Config, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Result<World, ServerError> {
    own_root::must_be_complete(dir)?;
    let master = Arc::new(MasterKey::load(dir, master_from_environment().as_deref())?);
    let token = hsm::open_in(dir, config.hsm.as_ref(), &master, entropy.as_ref())?;
    let keys = KeyStore::open(dir, &master)?.with_token(token.clone());
    let shards = Shards::new(config.status.crl_shards).unwrap_or(Shards::ONE);
    let authority = Authority::load_with(dir, &keys, &config.status.url)?.with_shards(shards);
    let profiles = Profiles::load(&dir.join("certs/profiles"))?;
    let policy = policy::load(&dir.join("certs/policy.toml"))?;
    let evidence = evidence::load(&dir.join("certs/evidence"))?;
    let store = database::open(dir, config).await?;
    let world = World {
        store,
        authority,
        profiles,
        policy,
        evidence,
        escrow: Escrow::at(dir, Arc::clone(&master)).with_token(token),
        master,
        devices_address: config.devices.address.clone(),
        ocsp_cache_s: config.status.ocsp_cache_seconds,
        strangers: Budget::default(),
        limits: Limits::new(&config.limits),
        mail: config.mail(),
        second_step: config.second_step(),
        stretching: Arc::new(Semaphore::new(STRETCHING)),
        last_check: Mutex::default(),
        deeds: Deeds::default(),
        shards: ShardLists::default(),
        folder: dir.to_owned(),
        clock,
        entropy,
    };
    must_be_ours(&world).await?;
    Ok(world)
}
