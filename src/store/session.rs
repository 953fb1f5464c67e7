//! Provisioning sessions: what a device and the server agreed on when a ticket was redeemed or an update began.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, time, unreadable};
use super::error::StoreError;
use super::script::Script;
use super::seen_key;
use super::sql::{Row, query};
use crate::lifecycle::ids::{DeviceId, RequestId, Serial, SessionId, TicketId, UserId};

/// A provisioning session. Whether it is still at work is the lifecycle's to say, by the state of its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub id: SessionId,
    pub user: UserId,
    pub request: RequestId,
    pub device: DeviceId,
    pub opened: Opened,
    /// 32 random bytes that the device signs with every key when it confirms.
    pub challenge: [u8; 32],
    pub opened_at: Timestamp,
    pub expires_at: Timestamp,
    /// DER SubjectPublicKeyInfo of the transport key, once the device has shown it.
    pub transport_key: Option<Vec<u8>>,
    /// The answer to its confirmation, once it has confirmed.
    pub receipt: Option<String>,
    /// How often encryption keys have been handed to it.
    pub releases: u32,
}

/// How a session was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// By redeeming a ticket with a session key (DER SubjectPublicKeyInfo), which got a bootstrap certificate of this serial. A plain
    /// one was redeemed with the bare secret, without a proof of the connection.
    ByTicket { ticket: TicketId, session_key: Vec<u8>, bootstrap: Serial, is_plain: bool },
    /// By an issued device, for its update.
    ByDevice,
}

impl Opened {
    /// Whether a plain EST client opened it.
    pub fn is_plain(&self) -> bool {
        matches!(self, Self::ByTicket { is_plain: true, .. })
    }
}

/// The columns of a session, for a WHERE to follow.
macro_rules! sessions_where {
    ($condition:literal) => {
        concat!(
            "SELECT id, user_id, request_id, device_id, opened_by, ticket_id, session_key, bootstrap_serial, challenge, opened_at, ",
            "expires_at, transport_key, receipt, releases, is_plain FROM sessions WHERE ",
            $condition
        )
    };
}

/// The sessions of a user, as a part of what is loaded.
pub(super) const OF_USER: &str = sessions_where!("user_id = ?1");

impl Store {
    pub async fn session(&self, session: SessionId) -> Result<Option<Session>, StoreError> {
        let found = query(sessions_where!("id = ?")).bind(session);
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }

    pub async fn session_of_bootstrap(&self, serial: Serial) -> Result<Option<Session>, StoreError> {
        let found = query(sessions_where!("bootstrap_serial = ?")).bind(serial);
        Ok(found.fetch_optional(&self.readers).await?.as_ref().map(read).transpose()?)
    }

    /// The sessions at work whose time is up, longest first.
    pub async fn expired_sessions(&self, now: Timestamp, limit: u32) -> Result<Vec<(UserId, RequestId, SessionId)>, StoreError> {
        let expired = query(
            "SELECT requests.user_id, requests.id AS request, sessions.id AS session FROM requests JOIN sessions ON sessions.id = requests.session_id \
             WHERE requests.state = 'issuing' AND sessions.expires_at <= ? ORDER BY sessions.expires_at LIMIT ?",
        );
        let expired = expired.bind(Millis(now)).bind(limit).fetch_all(&self.readers).await?;
        let read = |row: &Row| Ok::<_, sqlx::Error>((row.try_get("user_id")?, row.try_get("request")?, row.try_get("session")?));
        Ok(expired.iter().map(read).collect::<Result<_, _>>()?)
    }
}

pub(super) fn open(script: &mut Script, session: &Session) {
    let (opened_by, ticket, session_key, bootstrap, is_plain) = match &session.opened {
        Opened::ByTicket { ticket, session_key, bootstrap, is_plain } => {
            ("ticket", Some(*ticket), Some(session_key), Some(*bootstrap), *is_plain)
        }
        Opened::ByDevice => ("device", None, None, None, false),
    };
    script
        .run(
            "INSERT INTO sessions (id, user_id, request_id, device_id, opened_by, ticket_id, session_key, bootstrap_serial, challenge, \
             opened_at, expires_at, transport_key, receipt, releases, is_plain) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )
        .bind(session.id)
        .bind(session.user)
        .bind(session.request)
        .bind(session.device)
        .bind(opened_by)
        .bind(ticket)
        .bind(session_key)
        .bind(bootstrap)
        .bind(session.challenge.as_slice())
        .bind(Millis(session.opened_at))
        .bind(Millis(session.expires_at))
        .bind(&session.transport_key)
        .bind(&session.receipt)
        .bind(session.releases)
        .bind(is_plain);
    if let Some(spki) = session_key {
        seen_key::shown_as_session_key(script, spki, session.id);
    }
    if let Some(spki) = &session.transport_key {
        seen_key::shown_as_transport_key(script, spki, session.id);
    }
}

/// Keeps the transport key; another than the first is a conflict.
pub(super) fn keep_transport_key(script: &mut Script, session: SessionId, spki: &[u8]) {
    script
        .hit("UPDATE sessions SET transport_key = ? WHERE id = ? AND coalesce(transport_key = ?, TRUE)")
        .bind(spki)
        .bind(session)
        .bind(spki);
    seen_key::shown_as_transport_key(script, spki, session);
}

/// Counts that keys were handed to it.
pub(super) fn count_release(script: &mut Script, session: SessionId) {
    script.hit("UPDATE sessions SET releases = releases + 1 WHERE id = ?").bind(session);
}

/// Keeps the receipt; the first stands.
pub(super) fn keep_receipt(script: &mut Script, session: SessionId, receipt: &str) {
    script.hit("UPDATE sessions SET receipt = ? WHERE id = ? AND receipt IS NULL").bind(receipt).bind(session);
}

pub(super) fn read(row: &Row) -> Result<Session, sqlx::Error> {
    Ok(Session {
        id: row.try_get("id")?,
        user: row.try_get("user_id")?,
        request: row.try_get("request_id")?,
        device: row.try_get("device_id")?,
        opened: read_opened(row)?,
        challenge: row.try_get("challenge")?,
        opened_at: time(row, "opened_at")?,
        expires_at: time(row, "expires_at")?,
        transport_key: row.try_get("transport_key")?,
        receipt: row.try_get("receipt")?,
        releases: row.try_get("releases")?,
    })
}

fn read_opened(row: &Row) -> Result<Opened, sqlx::Error> {
    Ok(match row.word("opened_by")? {
        "ticket" => Opened::ByTicket {
            ticket: row.try_get("ticket_id")?,
            session_key: row.try_get("session_key")?,
            bootstrap: row.try_get("bootstrap_serial")?,
            is_plain: row.try_get("is_plain")?,
        },
        "device" => Opened::ByDevice,
        other => return Err(unreadable("session opened by", other)),
    })
}
