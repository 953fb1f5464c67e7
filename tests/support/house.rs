//! A house in a temporary folder: real keys, a real database, and a world whose clock and chance the test holds.

use std::sync::{Arc, Mutex};

use jiff::{SignedDuration, Timestamp};
use remint::lifecycle::policy::Policy;
use remint::pki::key::{Entropy, sha256};
use remint::server::config::Config;
use remint::server::house::open_with;
use remint::server::init::{Foundation, Ports, init};
use remint::server::policy::Delivered;
use remint::workflows::world::{Clock, World};
use tempfile::TempDir;

use super::database;

/// A clock that stands still until it is moved.
pub struct ManualClock(Mutex<Timestamp>);

impl ManualClock {
    pub fn at(time: &str) -> Self {
        Self(Mutex::new(time.parse().unwrap()))
    }

    pub fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now += by;
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
}

/// Chance that repeats itself: SHA-256 of a counter.
pub struct Seeded(Mutex<u64>);

impl Seeded {
    pub fn new(seed: u64) -> Self {
        Self(Mutex::new(seed << 32))
    }
}

impl Entropy for Seeded {
    fn fill(&self, bytes: &mut [u8]) {
        let mut counter = self.0.lock().unwrap();
        for block in bytes.chunks_mut(32) {
            *counter += 1;
            block.copy_from_slice(&sha256(&counter.to_be_bytes())[..block.len()]);
        }
    }
}

/// A house, gone when this goes.
pub struct House {
    pub folder: TempDir,
    pub world: World,
    pub clock: Arc<ManualClock>,
}

impl House {
    /// Makes a house; `policy` may change what is delivered with the product.
    pub async fn new(seed: u64, policy: impl FnOnce(&mut Policy)) -> Self {
        let mut house = Self::at_host("localhost", seed).await;
        policy(&mut house.world.policy);
        house
    }

    /// A house whose certificates point to this host.
    pub async fn at_host(host: &str, seed: u64) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let clock = Arc::new(ManualClock::at("2026-11-22T12:00:00Z"));
        let entropy = Arc::new(Seeded::new(seed));
        let foundation = Foundation {
            organization: "Example Org".to_owned(),
            host: host.to_owned(),
            bind: "127.0.0.1".to_owned(),
            ports: Ports { devices: 8443, desk: 9443, portal: 7443, status: 8080, metrics: None },
            policy: Delivered::Default,
            database: database::section().await,
            hsm: None,
        };
        let dir = folder.path().join("house");
        init(&dir, &foundation, None, clock.as_ref(), entropy.as_ref()).await.unwrap();
        let config = Config::load(&dir).unwrap();
        let world = open_with(&dir, &config, clock.clone(), entropy).await.unwrap();
        Self { folder, world, clock }
    }
}
