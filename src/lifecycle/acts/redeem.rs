//! Redeem a ticket: a device shows that it knows the secret, and a provisioning session begins. The serial of every certificate that
//! the session will need is on record from here on.

use jiff::Timestamp;

use super::enroll;
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::{Credential, CredentialState, Slot};
use crate::lifecycle::device::{Device, DeviceKind, DeviceState};
use crate::lifecycle::draft::Draft;
use crate::lifecycle::enc::{CurrentEnc, wanted_encs};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, Serial, SessionId, TicketId};
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::{Issuing, Request, RequestState};
use crate::lifecycle::ticket::{Ticket, TicketState};

/// What a device says of itself.
#[derive(Clone, Debug)]
pub struct DeviceFacts {
    pub kind: DeviceKind,
    pub model: String,
    pub serial: String,
    pub name: String,
}

/// An id and a serial for a credential, should one be needed.
#[derive(Clone, Copy, Debug)]
pub struct NewCredential {
    pub id: CredentialId,
    pub serial: Serial,
}

/// A device has proved the secret of a ticket.
#[derive(Clone, Debug)]
pub struct Redeem {
    pub ticket: TicketId,
    pub session: SessionId,
    pub device: DeviceId,
    pub facts: DeviceFacts,
    /// One for each slot of the plan, in its order.
    pub reserve: Vec<NewCredential>,
}

/// To whom a ticket opens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To the first that proves the secret.
    Anybody,
    /// To the session key that redeemed it, and to no other.
    Session(SessionId),
}

/// Whether a ticket still opens, and to whom. To be asked before the proof is looked at.
pub fn admission(holdings: &Holdings, ticket: &Ticket, now: Timestamp) -> Result<Admission, Refusal> {
    let request = holdings.requests.get(&ticket.request);
    match ticket.state {
        TicketState::Dead { session: None } => Err(Refusal::new(RefusalCode::InvitationCanceled, "canceled", "an open invitation")),
        TicketState::Dead { session: Some(_) } => {
            Err(Refusal::new(RefusalCode::InvitationUsed, "a session that has ended", "an open invitation"))
        }
        _ if ticket.attempts_left == 0 => Err(Refusal::new(RefusalCode::InvitationLocked, "no attempts left", "a new invitation")),
        TicketState::Redeemed { session } => Ok(Admission::Session(session)),
        TicketState::Open if now >= ticket.expires_at => {
            Err(Refusal::new(RefusalCode::InvitationExpired, format!("expired at {}", ticket.expires_at), "a new invitation"))
        }
        TicketState::Open => match request.map(|request| &request.state) {
            Some(RequestState::Approved | RequestState::Bound { .. }) => Ok(Admission::Anybody),
            _ => Err(Refusal::new(RefusalCode::InvitationCanceled, "a request that does not wait for it", "an open invitation")),
        },
    }
}

/// Begins the session: the device is bound, and the serials of what it will enroll are on record.
pub fn redeem(holdings: &Holdings, policy: &Policy, act: &Redeem, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    let request = holdings.tickets.get(&act.ticket).and_then(|ticket| holdings.requests.get(&ticket.request));
    let request = request.ok_or_else(|| Refusal::new(RefusalCode::Unknown, "no such ticket", "a ticket"))?;
    if act.facts.kind != request.kind {
        return Err(Refusal::new(RefusalCode::WrongKind, act.facts.kind.as_str(), request.kind.as_str()));
    }
    if request.kind.is_stock() {
        return Err(Refusal::new(RefusalCode::NotAvailable, "a device that is not in stock", "blank stock of the right kind"));
    }
    let mut draft = Draft::on(holdings, policy, now);
    draft.make(Change::TicketMoved { ticket: act.ticket, to: TicketState::Redeemed { session: act.session } });
    draft.make(Change::DeviceAssigned { device: enrolling_device(act, request) });
    reserve_serials(&mut draft, request, act);
    let issuing = Issuing { session: act.session, device: act.device, since: now, collected: None };
    draft.move_request(request.id, RequestState::Issuing(issuing));
    Ok(draft.finish())
}

fn enrolling_device(act: &Redeem, request: &Request) -> Device {
    Device {
        id: act.device,
        kind: request.kind,
        serial: act.facts.serial.clone(),
        model: act.facts.model.clone(),
        name: act.facts.name.clone(),
        state: DeviceState::Assigned { request: request.id },
    }
}

/// Puts a serial on record for each slot that will need a certificate of its own.
fn reserve_serials(draft: &mut Draft, request: &Request, act: &Redeem) {
    let needs_new_enc =
        wanted_encs(&draft.holdings, draft.policy, request, draft.now).is_some_and(|wanted| wanted.current == CurrentEnc::New);
    let slots = draft.policy.slots(request.kind).iter().filter(|slot| enroll::is_generated_on_device(**slot) || needs_new_enc);
    for (slot, new) in slots.zip(&act.reserve) {
        draft.make(Change::CredentialReserved(reserved(*new, *slot, act.device, draft.now)));
    }
}

/// A credential of which only the serial is on record.
pub(super) fn reserved(new: NewCredential, slot: Slot, device: DeviceId, now: Timestamp) -> Credential {
    Credential { id: new.id, slot, serial: new.serial, made_for: device, state: CredentialState::Reserved { at: now } }
}
