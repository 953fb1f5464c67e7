//! What a workflow asks the store to keep: one named transaction, all of it or nothing, with its audit entry.

use jiff::Timestamp;
use uuid::Uuid;

use super::audit::Entry;
use super::certificate::ServiceCertificate;
use super::crl::CrlIssue;
use super::error::{Outage, StoreError};
use super::operator::OperatorRecord;
use super::outbox::{Attempt, NewLetter};
use super::portal::{Password, PortalSession};
use super::script::Script;
use super::session::Session;
use super::writer::Work;
use super::{
    audit_chain, certificate, change, credential, crl, dispute, escrow, membership, operator, outbox, portal, recovery, session, stock,
    ticket, user,
};
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::device::Device;
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::{CredentialId, OperatorId, RecoveryId, RequestId, Serial, SessionId, TicketId, UserId};
use crate::lifecycle::recovery::{Recovery, RecoveryState};
use crate::lifecycle::user::User;

/// One transaction.
#[derive(Debug)]
pub struct Commit {
    /// Its name in logs and metrics: the act.
    pub name: &'static str,
    /// The user whose holdings it changes, as they were when they were loaded; a commit that comes too late is a conflict.
    pub guard: Option<Guard>,
    pub writes: Vec<Write>,
    pub audit: Option<Entry>,
}

/// The version of a user's row that the writes were decided on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Guard {
    pub user: UserId,
    pub version: i64,
}

/// One thing to keep.
#[derive(Debug)]
pub enum Write {
    /// A change to the holdings of the guarded user.
    Change(Change),
    User {
        user: User,
        at: Timestamp,
    },
    /// What the directory says of the guarded user from now on.
    Attributes {
        user: UserId,
        attributes: Attributes,
    },
    /// A device in stock.
    Stock(Device),
    Operator {
        operator: OperatorRecord,
        at: Timestamp,
    },
    OperatorEnded {
        operator: OperatorId,
        at: Timestamp,
    },
    /// A certificate of ours that is nobody's credential: its serial goes on record before it is signed.
    ServiceCertificate(ServiceCertificate),
    ServiceCertificateRevoked {
        serial: Serial,
        at: Timestamp,
        reason: RevocationReason,
    },
    /// The key that proves the secret of a ticket, sealed. Only this is kept, never the secret.
    TicketKey {
        ticket: TicketId,
        sealed: Vec<u8>,
    },
    Session(Session),
    /// The transport key of a session, DER SubjectPublicKeyInfo.
    TransportKey {
        session: SessionId,
        spki: Vec<u8>,
    },
    /// Encryption keys were handed to a session.
    Release {
        session: SessionId,
    },
    /// The answer to its confirmation.
    Receipt {
        session: SessionId,
        receipt: String,
    },
    /// The DER certificate of a credential that has been signed.
    Certificate {
        credential: CredentialId,
        der: Vec<u8>,
    },
    /// The private key of an `enc` credential, sealed under the escrow key of this number.
    Escrow {
        credential: CredentialId,
        key: u32,
        sealed: Vec<u8>,
    },
    /// The same key, sealed under another escrow key than before.
    Resealed {
        credential: CredentialId,
        from: u32,
        key: u32,
        sealed: Vec<u8>,
    },
    /// A new escrow key seals from here on.
    EscrowKey {
        number: u32,
        at: Timestamp,
    },
    /// Nothing is left under an earlier one.
    EscrowRotated {
        number: u32,
        at: Timestamp,
    },
    /// Officers are to get at the encryption keys of a user.
    Recovery(Recovery),
    RecoveryMoved {
        recovery: RecoveryId,
        to: RecoveryState,
    },
    Crl(CrlIssue),
    /// A user's password of the portal; their sessions end.
    PortalPassword {
        user: UserId,
        password: Password,
    },
    /// A try at the password that was set then, or at a code, is counted; a conflict if another was counted since `before` was read.
    PortalTried {
        user: UserId,
        set_at: Timestamp,
        before: u32,
        locked_until: Option<Timestamp>,
    },
    /// The last one does not count.
    PortalTryForgotten {
        user: UserId,
        set_at: Timestamp,
    },
    /// None counts any more.
    PortalTriesForgotten {
        user: UserId,
        set_at: Timestamp,
    },
    /// A code signs in once.
    PortalCodeSpent {
        token_hash: [u8; 32],
    },
    PortalInitialSpent {
        user: UserId,
        at: Timestamp,
    },
    PortalSession(PortalSession),
    PortalSessionSeen {
        token_hash: [u8; 32],
        at: Timestamp,
    },
    PortalSessionEnded {
        token_hash: [u8; 32],
    },
    /// Every session of a user ends, but one.
    PortalSessionsEnded {
        user: UserId,
        except: Option<[u8; 32]>,
    },
    /// Sessions that were not used since are forgotten.
    PortalSessionsForgotten {
        unused_since: Timestamp,
    },
    /// The user says that a request was not theirs.
    Dispute {
        request: RequestId,
        since: Timestamp,
    },
    /// A letter to somebody who must hear of the act.
    Letter(NewLetter),
    /// Its delivery was tried.
    LetterAttempted {
        letter: Uuid,
        attempt: Attempt,
    },
    /// A signed statement about the audit log.
    AuditCheckpoint {
        number: i64,
        jws: String,
    },
    /// A server among several.
    Membership(membership::Step),
}

impl Commit {
    /// What the writer is to carry out: the guard first; the audit entry takes its place in its chain when its turn has come.
    pub(super) fn work(&self) -> Result<Work, StoreError> {
        let mut script = Script::new();
        if let Some(guard) = &self.guard {
            user::guard(&mut script, guard);
        }
        for write in &self.writes {
            match (write, &self.guard) {
                (Write::Change(change), Some(guard)) => change::make(&mut script, guard.user, change),
                (Write::Change(_), None) => return Err(Outage::Unguarded { commit: self.name }.into()),
                (other, _) => other.keep(&mut script),
            }
        }
        let changes_status = self.writes.iter().any(Write::changes_status);
        let has_letters = self.writes.iter().any(|write| matches!(write, Write::Letter(_)));
        Ok(Work { name: self.name, script, audit: self.audit.clone(), changes_status, has_letters })
    }
}

impl Write {
    fn keep(&self, script: &mut Script) {
        match self {
            // Changes need the guarded user; `Commit::work` makes them.
            Self::Change(_) => {}
            Self::User { user, at } => user::create(script, user, *at),
            Self::Attributes { user, attributes } => user::describe(script, *user, attributes),
            Self::Stock(device) => stock::add(script, device),
            Self::Operator { operator, at } => operator::add(script, operator, *at),
            Self::OperatorEnded { operator, at } => operator::end(script, *operator, *at),
            Self::ServiceCertificate(certificate) => certificate::reserve(script, certificate),
            Self::ServiceCertificateRevoked { serial, at, reason } => certificate::revoke(script, *serial, *at, *reason),
            Self::TicketKey { ticket, sealed } => ticket::keep_key(script, *ticket, sealed),
            Self::Session(session) => session::open(script, session),
            Self::TransportKey { session, spki } => session::keep_transport_key(script, *session, spki),
            Self::Release { session } => session::count_release(script, *session),
            Self::Receipt { session, receipt } => session::keep_receipt(script, *session, receipt),
            Self::Certificate { credential, der } => credential::keep_certificate(script, *credential, der),
            Self::Escrow { credential, key, sealed } => escrow::keep(script, *credential, *key, sealed),
            Self::Resealed { credential, from, key, sealed } => escrow::reseal(script, *credential, *from, *key, sealed),
            Self::EscrowKey { number, at } => escrow::begin_key(script, *number, *at),
            Self::EscrowRotated { number, at } => escrow::end_rotation(script, *number, *at),
            Self::Recovery(recovery) => recovery::ask(script, recovery),
            Self::RecoveryMoved { recovery, to } => recovery::advance(script, *recovery, to),
            Self::Crl(issue) => crl::publish(script, issue),
            Self::PortalPassword { user, password } => portal::set_password(script, *user, password),
            Self::PortalTried { user, set_at, before, locked_until } => portal::count_try(script, *user, *set_at, *before, *locked_until),
            Self::PortalTryForgotten { user, set_at } => portal::forget_try(script, *user, *set_at),
            Self::PortalTriesForgotten { user, set_at } => portal::forget_tries(script, *user, *set_at),
            Self::PortalCodeSpent { token_hash } => portal::spend_code(script, *token_hash),
            Self::PortalInitialSpent { user, at } => portal::spend_initial(script, *user, *at),
            Self::PortalSession(session) => portal::open(script, session),
            Self::PortalSessionSeen { token_hash, at } => portal::touch(script, *token_hash, *at),
            Self::PortalSessionEnded { token_hash } => portal::end(script, *token_hash),
            Self::Dispute { request, since } => dispute::dispute(script, *request, *since),
            Self::PortalSessionsEnded { user, except } => portal::end_all(script, *user, *except),
            Self::PortalSessionsForgotten { unused_since } => portal::forget(script, *unused_since),
            Self::Letter(letter) => outbox::write(script, letter),
            Self::LetterAttempted { letter, attempt } => outbox::attempted(script, *letter, attempt),
            Self::AuditCheckpoint { number, jws } => audit_chain::keep_checkpoint(script, *number, jws),
            Self::Membership(step) => membership::take(script, step),
        }
    }

    /// Whether relying parties are told something else of a certificate from now on.
    fn changes_status(&self) -> bool {
        match self {
            Self::Change(change) => change::changes_status(change),
            Self::ServiceCertificateRevoked { .. } => true,
            Self::User { .. }
            | Self::Attributes { .. }
            | Self::Stock(_)
            | Self::Operator { .. }
            | Self::OperatorEnded { .. }
            | Self::ServiceCertificate(_)
            | Self::TicketKey { .. }
            | Self::Session(_)
            | Self::TransportKey { .. }
            | Self::Release { .. }
            | Self::Receipt { .. }
            | Self::Certificate { .. }
            | Self::Escrow { .. }
            | Self::Resealed { .. }
            | Self::EscrowKey { .. }
            | Self::EscrowRotated { .. }
            | Self::Recovery(_)
            | Self::RecoveryMoved { .. }
            | Self::Crl(_)
            | Self::PortalPassword { .. }
            | Self::PortalTried { .. }
            | Self::PortalTryForgotten { .. }
            | Self::PortalTriesForgotten { .. }
            | Self::PortalCodeSpent { .. }
            | Self::PortalInitialSpent { .. }
            | Self::PortalSession(_)
            | Self::PortalSessionSeen { .. }
            | Self::PortalSessionEnded { .. }
            | Self::PortalSessionsEnded { .. }
            | Self::PortalSessionsForgotten { .. }
            | Self::Dispute { .. }
            | Self::Letter(_)
            | Self::LetterAttempted { .. }
            | Self::AuditCheckpoint { .. }
            | Self::Membership(_) => false,
        }
    }
}
