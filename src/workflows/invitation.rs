//! Invitations: what a user is sent so that a phone can redeem a ticket. Made here, shown once, never kept.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::world::World;
use crate::lifecycle::ids::{TicketId, UserId};
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

/// Makes the invitation of a ticket, and what the store keeps of it: the proof key, sealed.
pub fn make(world: &World, ticket: TicketId, expires_at: Timestamp) -> Result<(Invitation, Write), Failure> {
    let secret = Zeroizing::new(random::<16>(world.entropy.as_ref()));
    let code = world.policy.invitation.second_channel.then(|| eight_digits(world));
    let key = ProofKey::derive(&secret, code.as_ref().map(|code| code.as_str()), ticket.0.as_bytes())?;
    let sealed = world.escrow.seal(world.entropy.as_ref(), &sealing_label(ticket), key.as_bytes())?;

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
    Ok((user, ProofKey::from_bytes(&world.escrow.open(&sealing_label(ticket), &sealed)?)?))
}

/// Binds the sealed key to its ticket: in another row it does not open.
fn sealing_label(ticket: TicketId) -> String {
    format!("ticket:{ticket}")
}

/// Eight decimal digits, each equally likely.
fn eight_digits(world: &World) -> Zeroizing<String> {
    const RANGE: u32 = 100_000_000;
    loop {
        let number = u32::from_be_bytes(random::<4>(world.entropy.as_ref()));
        if number < u32::MAX - u32::MAX % RANGE {
            return Zeroizing::new(format!("{:08}", number % RANGE));
        }
    }
}
