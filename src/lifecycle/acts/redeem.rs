//! Redeem a ticket: a device shows that it knows the secret, and a provisioning session begins. The serial of every certificate that
//! the session will need is on record from here on.

use jiff::Timestamp;

use super::bind::from_stock;
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
    /// The id of the device, should it be a new one.
    pub device: DeviceId,
    pub facts: DeviceFacts,
    /// The device of this kind and serial that is known already, whosever it is; asked for kinds that come from stock.
    pub known: Option<Device>,
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
    let request = request.ok_or_else(|| Refusal::unknown("ticket"))?;
    if act.facts.kind != request.kind {
        return Err(Refusal::new(RefusalCode::WrongKind, act.facts.kind.as_str(), request.kind.as_str()));
    }
    let (device, bound) = provisioned(act, request)?;
    let mut draft = Draft::on(holdings, policy, now);
    draft.make(Change::TicketMoved { ticket: act.ticket, to: TicketState::Redeemed { session: act.session } });
    if let Some(device) = bound {
        draft.make(Change::DeviceAssigned { device });
    }
    reserve_serials(&mut draft, request, device, &act.reserve);
    let issuing = Issuing { session: act.session, device, since: now, collected: None };
    draft.move_request(request.id, RequestState::Issuing(issuing));
    Ok(draft.finish())
}

/// The device that the session provisions, and what becomes of it where it is bound only now: a phone by enrolling, a stock device that
/// is taken without a binding by being taken.
fn provisioned(act: &Redeem, request: &Request) -> Result<(DeviceId, Option<Device>), Refusal> {
    let other = |required: &str| {
        let found = format!("a device with serial number {:?}", act.facts.serial);
        Err(Refusal::new(RefusalCode::NotAvailable, found, required))
    };
    match (&request.state, request.kind.is_stock()) {
        (RequestState::Bound { device }, _) => match &act.known {
            Some(known) if known.id == *device => Ok((*device, None)),
            Some(_) | None => other("the device that is bound to the request"),
        },
        (_, false) => Ok((act.device, Some(enrolling_device(act, request)))),
        (_, true) => {
            request.is_bound_if_it_must()?;
            let Some(known) = &act.known else { return other("blank stock of the right kind") };
            let taken = from_stock(request, known)?;
            Ok((taken.id, Some(Device { name: act.facts.name.clone(), ..taken })))
        }
    }
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
fn reserve_serials(draft: &mut Draft, request: &Request, device: DeviceId, reserve: &[NewCredential]) {
    let needs_new_enc =
        wanted_encs(&draft.holdings, draft.policy, request, draft.now).is_some_and(|wanted| wanted.current == CurrentEnc::New);
    let slots = draft.policy.slots(request.kind).iter().filter(|slot| enroll::is_generated_on_device(**slot) || needs_new_enc);
    for (slot, new) in slots.zip(reserve) {
        draft.make(Change::CredentialReserved(reserved(*new, *slot, device, draft.now)));
    }
}

/// A credential of which only the serial is on record.
pub(super) fn reserved(new: NewCredential, slot: Slot, device: DeviceId, now: Timestamp) -> Credential {
    Credential { id: new.id, slot, serial: new.serial, made_for: device, state: CredentialState::Reserved { at: now } }
}
