//! Invitations: what a user is sent so that a phone can redeem a ticket. Made here, shown once, never kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::digits::digits;
use super::failure::Failure;
use super::letters::invitation_letter;
use super::world::World;
use crate::lifecycle::change::Change;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{TicketId, UserId};
use crate::lifecycle::request::{Mode, Request};
use crate::pki::key::random;
use crate::pki::proof::ProofKey;
use crate::store::commit::Write;

/// What the user is sent, and the code that reaches them by another way.
pub struct Invitation {
    pub uri: Zeroizing<String>,
    pub code: Option<Zeroizing<String>>,
    pub expires_at: Timestamp,
}

impl std::fmt::Debug for Invitation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Invitation(secret, expires at {})", self.expires_at)
    }
}

/// The invitation of the ticket that the writes give out, if they do; what is kept of it joins them.
pub(super) fn invitation_of(world: &World, held: &Holdings, writes: &mut Vec<Write>) -> Result<Option<Invitation>, Failure> {
    let issued = writes.iter().find_map(|write| match write {
        Write::Change(Change::TicketIssued(ticket)) => Some((ticket.id, ticket.request, ticket.expires_at)),
        _ => None,
    });
    let Some((ticket, request, expires_at)) = issued else { return Ok(None) };
    let opened = writes.iter().find_map(|write| match write {
        Write::Change(Change::RequestOpened(opened)) => Some(opened),
        _ => None,
    });
    let mode = opened.or_else(|| held.requests.get(&request)).and_then(Request::mode);
    let (invitation, write) = make(world, ticket, expires_at, mode)?;
    writes.push(write);
    if mode == Some(Mode::Remote) {
        writes.extend(invitation_letter(world, held, request, &invitation)?);
    }
    Ok(Some(invitation))
}

/// Makes the invitation of a ticket, and what the store keeps of it: the proof key, sealed. A code goes with a remote one only: the
/// officer's and the portal's tickets are handed to the person who uses them, over a connection that showed who that is.
fn make(world: &World, ticket: TicketId, expires_at: Timestamp, mode: Option<Mode>) -> Result<(Invitation, Write), Failure> {
    let secret = Zeroizing::new(random::<16>(world.entropy.as_ref()));
    let needs_code = world.policy.invitation.second_channel && mode == Some(Mode::Remote);
    let code = needs_code.then(|| digits::<8>(world));
    let key = ProofKey::derive(&secret, code.as_ref().map(|code| code.as_str()), ticket.0.as_bytes())?;
    let sealed = world.master.seal(world.entropy.as_ref(), &sealing_label(ticket), key.as_bytes())?;

    let uri = Zeroizing::new(format!(
        "msc1:?h={}&i={}&c={}&p={}&x={}",
        world.devices_address,
        BASE64_URL_SAFE_NO_PAD.encode(ticket.0.as_bytes()),
        BASE64_URL_SAFE_NO_PAD.encode(secret.as_slice()),
        BASE64_URL_SAFE_NO_PAD.encode(world.authority.root_pin()),
        expires_at.as_second(),
    ));
    Ok((Invitation { uri, code, expires_at }, Write::TicketKey { ticket, sealed }))
}

/// Whose ticket it is, and its proof key, opened.
pub async fn proof_key(world: &World, ticket: TicketId) -> Result<(UserId, ProofKey), Failure> {
    let missing = Failure::Missing { code: "unknown-invitation", what: "invitation" };
    let (user, sealed) = world.store.ticket_key(ticket).await?.ok_or(missing)?;
    Ok((user, ProofKey::from_bytes(&world.master.open(&sealing_label(ticket), &sealed)?)?))
}

/// Binds the sealed key to its ticket: in another row it does not open.
fn sealing_label(ticket: TicketId) -> String {
    format!("ticket:{ticket}")
}
