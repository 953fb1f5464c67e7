//! What the tests of this layer share: a seeded entropy.

use std::sync::Mutex;

use super::key::{Entropy, sha256};

/// Entropy that repeats itself: SHA-256 of a counter, from a seed.
pub struct Seed(Mutex<u64>);

impl Seed {
    pub fn new(seed: u32) -> Self {
        Self(Mutex::new(u64::from(seed) << 32))
    }
}

impl Entropy for Seed {
    fn fill(&self, bytes: &mut [u8]) {
        let mut counter = self.0.lock().unwrap();
        for block in bytes.chunks_mut(32) {
            *counter += 1;
            block.copy_from_slice(&sha256(&counter.to_be_bytes())[..block.len()]);
        }
    }
}
