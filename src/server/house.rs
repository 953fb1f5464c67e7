//! Opening a data folder: from files to the world that workflows act in.

use crate::pki::crl::Shards;
use crate::workflows::publish_shard::ShardLists;
use std::path::Path;
use std::sync::{Arc, Mutex};

use tokio::sync::Semaphore;

use super::clock::{SystemClock, SystemEntropy};
use super::config::Config;
use super::{ServerError, database, evidence, hsm, own_root, policy};
use crate::pki::authority::Authority;
use crate::pki::escrow::Escrow;
use crate::pki::key::Entropy;
use crate::pki::keystore::KeyStore;
use crate::pki::master::MasterKey;
use crate::pki::profile::Profiles;
use crate::workflows::budget::Budget;
use crate::workflows::deeds::Deeds;
use crate::workflows::world::{Clock, World};

/// How many passwords are stretched at once.
const STRETCHING: usize = 4;

/// The environment variable that may hold the master key instead of a file.
pub const MASTER_KEY_VARIABLE: &str = "REMINT_MASTER_KEY";

/// The master key from the environment, if it is kept there.
pub fn master_from_environment() -> Option<String> {
    std::env::var(MASTER_KEY_VARIABLE).ok().filter(|value| !value.is_empty())
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
    Ok(World {
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
        mail: config.mail(),
        second_step: config.second_step(),
        stretching: Arc::new(Semaphore::new(STRETCHING)),
        last_check: Mutex::default(),
        deeds: Deeds::default(),
        shards: ShardLists::default(),
        folder: dir.to_owned(),
        clock,
        entropy,
    })
}
