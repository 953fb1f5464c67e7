//! Tickets, and the sealed key that proves the secret of each.

use super::Store;
use super::column::{Millis, time, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use crate::lifecycle::ids::{SessionId, TicketId, UserId};
use crate::lifecycle::ticket::{Ticket, TicketState};

pub(super) const OF_USER: &str = "SELECT id, request_id, expires_at, attempts_left, state, session_id FROM tickets WHERE user_id = ?1";

impl Store {
    /// Whose ticket it is, and the key that proves its secret, sealed.
    pub async fn ticket_key(&self, ticket: TicketId) -> Result<Option<(UserId, Vec<u8>)>, StoreError> {
        let found = query("SELECT user_id, sealed_key FROM tickets WHERE id = ? AND sealed_key IS NOT NULL").bind(ticket);
        let read = |row: Row| Ok::<_, sqlx::Error>((row.try_get("user_id")?, row.try_get("sealed_key")?));
        Ok(found.fetch_optional(&self.readers).await?.map(read).transpose()?)
    }
}

pub(super) fn issue(script: &mut Script, user: UserId, ticket: &Ticket) {
    script
        .run("INSERT INTO tickets (id, user_id, request_id, expires_at, attempts_left, state, session_id) VALUES (?, ?, ?, ?, ?, ?, ?)")
        .bind(ticket.id)
        .bind(user)
        .bind(ticket.request)
        .bind(Millis(ticket.expires_at))
        .bind(ticket.attempts_left)
        .bind(state_word(ticket.state))
        .bind(session_of(ticket.state));
}

/// Moves a ticket; a dead one stays dead.
pub(super) fn advance(script: &mut Script, user: UserId, ticket: TicketId, to: TicketState) {
    script
        .hit("UPDATE tickets SET state = ?, session_id = ? WHERE id = ? AND user_id = ? AND state <> 'dead'")
        .bind(state_word(to))
        .bind(session_of(to))
        .bind(ticket)
        .bind(user);
}

pub(super) fn miss(script: &mut Script, user: UserId, ticket: TicketId, attempts_left: u32) {
    script.hit("UPDATE tickets SET attempts_left = ? WHERE id = ? AND user_id = ?").bind(attempts_left).bind(ticket).bind(user);
}

pub(super) fn keep_key(script: &mut Script, ticket: TicketId, sealed: &[u8]) {
    script.hit("UPDATE tickets SET sealed_key = ? WHERE id = ? AND sealed_key IS NULL").bind(sealed).bind(ticket);
}

fn state_word(state: TicketState) -> &'static str {
    match state {
        TicketState::Open => "open",
        TicketState::Redeemed { .. } => "redeemed",
        TicketState::Dead { .. } => "dead",
    }
}

fn session_of(state: TicketState) -> Option<SessionId> {
    match state {
        TicketState::Open => None,
        TicketState::Redeemed { session } => Some(session),
        TicketState::Dead { session } => session,
    }
}

pub(super) fn read(row: &Row) -> Result<Ticket, sqlx::Error> {
    Ok(Ticket {
        id: row.try_get("id")?,
        request: row.try_get("request_id")?,
        expires_at: time(row, "expires_at")?,
        attempts_left: row.try_get("attempts_left")?,
        state: match row.word("state")? {
            "open" => TicketState::Open,
            "redeemed" => TicketState::Redeemed { session: row.try_get("session_id")? },
            "dead" => TicketState::Dead { session: row.try_get("session_id")? },
            other => return Err(unreadable("ticket state", other)),
        },
    })
}
