//! Changes: carries out on the rows of one user what [`Holdings::apply`](crate::lifecycle::holdings::Holdings::apply) carries out in
//! memory. Where an act makes no sense of a change (a second revocation, a closed request that moves), the commit is a conflict.

use super::script::Script;
use super::{credential, device, hold, request, ticket};
use crate::lifecycle::change::Change;
use crate::lifecycle::hold::Held;
use crate::lifecycle::ids::UserId;

pub(super) fn make(script: &mut Script, user: UserId, change: &Change) {
    match change {
        Change::RequestOpened(opened) => request::open(script, user, opened),
        Change::RequestMoved { request, to } => request::advance(script, user, *request, to),
        Change::RequestWorsened { request, reason } => request::worsen(script, user, *request, *reason),
        Change::TicketIssued(issued) => ticket::issue(script, user, issued),
        Change::TicketMoved { ticket, to } => ticket::advance(script, user, *ticket, *to),
        Change::TicketMissed { ticket, attempts_left } => ticket::miss(script, user, *ticket, *attempts_left),
        Change::DeviceAssigned { device } => device::assign(script, user, device),
        Change::DeviceUnbound { device } => device::unbind(script, user, *device),
        Change::DeviceIssued { device, at, stand_in } => device::issue(script, user, *device, *at, *stand_in),
        Change::DeviceTerminated { device, at, reason } => device::terminate(script, user, *device, *at, *reason),
        Change::CredentialReserved(reserved) => credential::reserve(script, user, reserved),
        Change::CredentialSigned { credential, certified } => credential::sign(script, user, *credential, certified),
        Change::CredentialIssued { credential, at } => credential::issue(script, user, *credential, *at),
        Change::CredentialRevoked { credential, at, reason } => credential::revoke(script, user, *credential, *at, *reason),
        Change::CarriedAs { device, credential, carried } => credential::carry(script, user, *device, *credential, *carried),
        Change::HoldPlaced { hold, at } => hold::place(script, user, hold, *at),
        Change::HoldLifted { hold } => hold::lift(script, user, hold),
    }
}

/// Whether relying parties are told something else of a certificate from now on.
pub(super) fn changes_status(change: &Change) -> bool {
    match change {
        Change::CredentialSigned { .. } | Change::CredentialIssued { .. } | Change::CredentialRevoked { .. } => true,
        Change::HoldPlaced { hold, .. } | Change::HoldLifted { hold } => matches!(hold.on, Held::Credential(_)),
        Change::RequestOpened(_)
        | Change::RequestMoved { .. }
        | Change::RequestWorsened { .. }
        | Change::TicketIssued(_)
        | Change::TicketMoved { .. }
        | Change::TicketMissed { .. }
        | Change::DeviceAssigned { .. }
        | Change::DeviceUnbound { .. }
        | Change::DeviceIssued { .. }
        | Change::DeviceTerminated { .. }
        | Change::CredentialReserved(_)
        | Change::CarriedAs { .. } => false,
    }
}
