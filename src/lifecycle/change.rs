//! Changes: what an act does to the holdings of one user, each a fact that a store can keep and an audit entry can tell.

use jiff::Timestamp;

use super::credential::{Certified, Credential, RevocationReason};
use super::device::{Device, StandIn};
use super::hold::Hold;
use super::ids::{CredentialId, DeviceId, RequestId, TicketId};
use super::reason::{EndReason, Reason};
use super::request::{Request, RequestState};
use super::ticket::{Ticket, TicketState};
use super::words::words;

words! {
    /// How a device carries a credential.
    pub enum Carried {
        Current = "current",
        /// Decrypt-only: PIV history slots 82 to 95.
        History = "history",
    }
}

/// One change. [`super::holdings::Holdings::apply`] and the store carry out the same list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    RequestOpened(Request),
    RequestMoved {
        request: RequestId,
        to: RequestState,
    },
    /// The reason of a replacement is now a worse one.
    RequestWorsened {
        request: RequestId,
        reason: Reason,
    },

    TicketIssued(Ticket),
    TicketMoved {
        ticket: TicketId,
        to: TicketState,
    },
    /// A wrong proof was shown for it.
    TicketMissed {
        ticket: TicketId,
        attempts_left: u32,
    },

    /// A device became this user's: from stock, or by enrolling.
    DeviceAssigned {
        device: Device,
    },
    /// A stock device goes back: blank, and nobody's.
    DeviceUnbound {
        device: DeviceId,
    },
    DeviceIssued {
        device: DeviceId,
        at: Timestamp,
        stand_in: Option<StandIn>,
    },
    DeviceTerminated {
        device: DeviceId,
        at: Timestamp,
        reason: EndReason,
    },

    CredentialReserved(Credential),
    CredentialSigned {
        credential: CredentialId,
        certified: Certified,
    },
    CredentialIssued {
        credential: CredentialId,
        at: Timestamp,
    },
    CredentialRevoked {
        credential: CredentialId,
        at: Timestamp,
        reason: RevocationReason,
    },

    /// The device carries the credential so from now on, however it did before.
    CarriedAs {
        device: DeviceId,
        credential: CredentialId,
        carried: Carried,
    },

    HoldPlaced {
        hold: Hold,
        at: Timestamp,
    },
    HoldLifted {
        hold: Hold,
    },
}
