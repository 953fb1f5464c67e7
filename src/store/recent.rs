//! The users at work: a device takes five steps within a second, and each of them begins by loading all that its user holds. What was
//! loaded last, or what a commit has made of it, is remembered, and used again where the version of the user's row is still the same.
//! The row is asked each time: it does not matter who else writes to the database.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::commit::{Commit, Write};
use super::holdings::Loaded;
use crate::lifecycle::ids::UserId;

/// Users in one generation. Two generations are kept: whoever is not asked for while a new one fills up is forgotten.
const GENERATION: usize = 512;

/// What is remembered of users.
#[derive(Clone, Default)]
pub(super) struct Recent(Arc<Mutex<Generations>>);

#[derive(Default)]
struct Generations {
    young: HashMap<UserId, Arc<Loaded>>,
    old: HashMap<UserId, Arc<Loaded>>,
}

impl Recent {
    pub fn get(&self, user: UserId) -> Option<Arc<Loaded>> {
        let generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        generations.young.get(&user).or_else(|| generations.old.get(&user)).cloned()
    }

    /// Remembers it, unless something newer is remembered already.
    pub fn remember(&self, loaded: Arc<Loaded>) {
        let user = loaded.holdings.user.id;
        let mut generations = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if generations.young.get(&user).is_some_and(|known| known.version >= loaded.version) {
            return;
        }
        if generations.young.len() >= GENERATION {
            generations.old = std::mem::take(&mut generations.young);
        }
        generations.young.insert(user, loaded);
    }

    /// What a commit will have made of what is remembered, once it is kept.
    pub fn after(&self, commit: &Commit) -> Option<Arc<Loaded>> {
        let guard = commit.guard?;
        let known = self.get(guard.user).filter(|known| known.version == guard.version)?;
        let mut after = Loaded::clone(&known);
        commit.writes.iter().for_each(|write| after.take(write));
        after.version += 1;
        Some(Arc::new(after))
    }

    /// Forgets everything, for a test that wants to see what the database holds.
    #[cfg(test)]
    pub fn forget(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Generations::default();
    }
}

impl Loaded {
    /// What a write makes of it in memory; the store makes the same of it on disk.
    fn take(&mut self, write: &Write) {
        match write {
            Write::Change(change) => self.holdings.apply(change),
            Write::Session(session) => {
                self.sessions.insert(session.id, session.clone());
            }
            Write::TransportKey { session, spki } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.transport_key = Some(spki.clone());
                }
            }
            Write::Release { session } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.releases += 1;
                }
            }
            Write::Receipt { session, receipt } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.receipt = Some(receipt.clone());
                }
            }
            Write::Attributes { attributes, .. } => self.holdings.user.attributes.clone_from(attributes),
            Write::User { .. }
            | Write::Stock(_)
            | Write::Operator { .. }
            | Write::OperatorEnded { .. }
            | Write::ServiceCertificate(_)
            | Write::ServiceCertificateRevoked { .. }
            | Write::TicketKey { .. }
            | Write::Certificate { .. }
            | Write::Escrow { .. }
            | Write::Resealed { .. }
            | Write::EscrowKey { .. }
            | Write::EscrowRotated { .. }
            | Write::Recovery(_)
            | Write::RecoveryMoved { .. }
            | Write::Crl(_)
            | Write::PortalPassword { .. }
            | Write::PortalTried { .. }
            | Write::PortalTryForgotten { .. }
            | Write::PortalTriesForgotten { .. }
            | Write::PortalCodeSpent { .. }
            | Write::PortalInitialSpent { .. }
            | Write::PortalSession(_)
            | Write::PortalSessionSeen { .. }
            | Write::PortalSessionEnded { .. }
            | Write::PortalSessionsEnded { .. }
            | Write::PortalSessionsForgotten { .. }
            | Write::Dispute { .. }
            | Write::Letter(_)
            | Write::LetterAttempted { .. }
            | Write::AuditCheckpoint { .. }
            | Write::Membership(_) => {}
        }
    }
}
