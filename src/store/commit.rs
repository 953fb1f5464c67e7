//! What a workflow asks the store to keep: one named transaction, all of it or nothing, with its audit entry.

use jiff::Timestamp;

use super::audit::Entry;
use super::certificate::ServiceCertificate;
use super::crl::Crl;
use super::operator::OperatorRecord;
use super::session::Session;
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::ids::{CredentialId, Serial, SessionId, TicketId, UserId};
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
    Operator {
        operator: OperatorRecord,
        at: Timestamp,
    },
    OperatorEnded {
        operator: crate::lifecycle::ids::OperatorId,
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
    /// The sealed private key of an `enc` credential.
    Escrow {
        credential: CredentialId,
        sealed: Vec<u8>,
    },
    Crl(Crl),
}
