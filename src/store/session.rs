//! Provisioning sessions: what a device and the server agreed on when a ticket was redeemed or an update began.

use jiff::Timestamp;

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
}

/// How a session was opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// By redeeming a ticket with a session key (DER SubjectPublicKeyInfo), which got a bootstrap certificate of this serial.
    ByTicket { ticket: TicketId, session_key: Vec<u8>, bootstrap: Serial },
    /// By an issued device, for its update.
    ByDevice,
}
