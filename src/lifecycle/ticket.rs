//! Tickets: a one-time right to provision one device under one request. Sent to the user as an *invitation*, or handed to the officer.
//! The secret of a ticket is not known here; only how often somebody may still fail to prove it.
//!
//! ```text
//! open ─► redeemed ─► dead        open also dies by cancel, by a newer ticket; it expires by the clock and locks by wrong proofs
//! ```

use jiff::Timestamp;

use super::ids::{RequestId, SessionId, TicketId};

/// A ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ticket {
    pub id: TicketId,
    pub request: RequestId,
    pub expires_at: Timestamp,
    /// Wrong proofs that are still forgiven; at zero the ticket is locked.
    pub attempts_left: u32,
    pub state: TicketState,
}

/// Where a ticket is; each state carries its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TicketState {
    Open,
    /// Bound to the session key of this session.
    Redeemed {
        session: SessionId,
    },
    /// Its request was canceled, its session given up, or a newer ticket made.
    Dead {
        session: Option<SessionId>,
    },
}
