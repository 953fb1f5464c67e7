//! An operator requests the first issuance of a device for a user.

use serde_json::json;

use super::failure::Failure;
use super::invitation::{self, Invitation};
use super::world::{Caller, World, after, changes, retrying};
use crate::lifecycle::actor::Role;
use crate::lifecycle::acts::request_initial::{self, RequestInitial};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::request::{Mode, Request};
use crate::store::commit::Write;

/// A request that was opened, and the invitation that goes to the user, if one does now.
#[derive(Debug)]
pub struct Opened {
    pub request: Request,
    /// What the user holds now.
    pub holdings: Holdings,
    pub invitation: Option<Invitation>,
}

/// Opens the request; the answer holds the invitation, shown once.
pub async fn request_initial_issuance(
    world: &World,
    caller: &Caller,
    user: UserId,
    kind: DeviceKind,
    mode: Mode,
) -> Result<Opened, Failure> {
    retrying(|| attempt(world, caller, user, kind, mode)).await
}

async fn attempt(world: &World, caller: &Caller, user: UserId, kind: DeviceKind, mode: Mode) -> Result<Opened, Failure> {
    let now = world.now();
    let act = RequestInitial { actor: caller.actor.clone(), request: world.fresh_request(), kind, mode, ticket: world.fresh_ticket() };
    let mut entry = caller.entry("request-initial", now);
    entry.details = json!({ "kind": kind.as_str(), "mode": mode.as_str() });

    // 1 who may, before the user is looked up
    world.unless_refused(caller.actor.must_be(Role::HelpDesk), &entry).await?;

    // 2 load, decide
    let loaded = world.load(user).await?;
    entry.on_behalf_of = Some(user);
    let decided = request_initial::request_initial(&loaded.holdings, &world.policy, &act, now);
    let mut writes = changes(world.unless_refused(decided, &entry).await?);

    // 3 the invitation, if a ticket goes out
    let invitation = invitation_of(world, &mut writes)?;

    // 4 keep
    entry.request = Some(act.request);
    let holdings = after(&loaded.holdings, &writes);
    world.keep("request-initial", &loaded, writes, entry).await?;
    opened(holdings, act.request, invitation)
}

/// The invitation of the ticket that the changes give out, if they do; what is kept of it joins the writes.
pub(super) fn invitation_of(world: &World, writes: &mut Vec<Write>) -> Result<Option<Invitation>, Failure> {
    let ticket = writes.iter().find_map(|write| match write {
        Write::Change(crate::lifecycle::change::Change::TicketIssued(ticket)) => Some((ticket.id, ticket.expires_at)),
        _ => None,
    });
    let Some((ticket, expires_at)) = ticket else { return Ok(None) };
    let (invitation, write) = invitation::make(world, ticket, expires_at)?;
    writes.push(write);
    Ok(Some(invitation))
}

/// The answer: the request as it is now.
pub(super) fn opened(
    holdings: Holdings,
    request: crate::lifecycle::ids::RequestId,
    invitation: Option<Invitation>,
) -> Result<Opened, Failure> {
    let request = holdings.requests.get(&request).cloned().ok_or_else(|| super::failure::broken("the request"))?;
    Ok(Opened { request, holdings, invitation })
}
