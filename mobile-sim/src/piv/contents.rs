//! What a card holds: its keys, its data objects, and the secrets that guard them.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::management::ManagementKey;
use super::reference::KeyReference;
use super::secret::Guarded;
use crate::key::Key;

/// Everything that outlives a reset.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Contents {
    pub pin: Guarded,
    /// None: nobody can unblock the PIN.
    pub puk: Option<Guarded>,
    pub management: ManagementKey,
    pub keys: BTreeMap<KeyReference, Key>,
    /// By tag, what lies within.
    pub objects: BTreeMap<u32, Vec<u8>>,
}

impl Contents {
    /// Without keys and objects.
    pub fn blank(pin: Guarded, puk: Option<Guarded>, management: ManagementKey) -> Self {
        Self { pin, puk, management, keys: BTreeMap::new(), objects: BTreeMap::new() }
    }
}

/// The card could not remember, and has changed nothing.
#[derive(Debug, thiserror::Error)]
#[error("the card cannot keep what has changed: {0}")]
pub struct NotKept(pub String);

/// Where a card keeps what has changed, before it answers.
pub trait Memory: Send {
    /// Returns when it is safe.
    fn keep(&mut self, contents: &Contents) -> Result<(), NotKept>;
}

/// Keeps nothing: for cards that live as long as their process.
pub struct Nowhere;

impl Memory for Nowhere {
    fn keep(&mut self, _contents: &Contents) -> Result<(), NotKept> {
        Ok(())
    }
}
