//! The provisioning paths beside EST: open a session (M2), history (M5h), confirm (M6), give up (M7), sync (M8). See docs/protocol.md.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use serde::{Deserialize, Serialize};
use serde_json::json;
use uuid::Uuid;

use super::body::Parsed;
use super::peer::Peer;
use super::problem::Problem;
use super::words::{Segment, b64, b64u, b64u_bytes, id, label, parse, to_b64, to_b64u};
use crate::lifecycle::acts::enroll::is_generated_on_device;
use crate::lifecycle::acts::redeem::DeviceFacts;
use crate::lifecycle::credential::Slot;
use crate::lifecycle::ids::{SessionId, TicketId};
use crate::workflows::AtWork;
use crate::workflows::abandon_session::abandon_session;
use crate::workflows::confirm_issuance::{Confirm, ProvedSlot, confirm_issuance};
use crate::workflows::deliver_encryption_key::deliver_history;
use crate::workflows::open_session::{OpenSession, Shown, open_session};
use crate::workflows::sync_device::sync_device;
use crate::workflows::world::World;

/// The provisioning paths.
pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/provisioning/v1/sessions", post(open))
        .route("/provisioning/v1/sessions/{session}", delete(give_up))
        .route("/provisioning/v1/sessions/{session}/history", get(history))
        .route("/provisioning/v1/sessions/{session}/confirm", post(confirm))
        .route("/provisioning/v1/sync", post(sync))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenBody {
    invitation: String,
    csr: String,
    device: DeviceBody,
    nonce: String,
    /// Its absence is not an attempt.
    proof: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DeviceBody {
    kind: String,
    model: String,
    serial: String,
    name: String,
}

impl OpenBody {
    /// What is asked over a connection with this exporter, from this address.
    pub(super) fn message(&self, exporter: Option<[u8; 32]>, source: String) -> Result<OpenSession, Problem> {
        let Some(proof) = &self.proof else {
            return Err(Problem::new("proof-required", "proof: found: none, expected: a proof over this connection"));
        };
        let exporter = exporter.ok_or_else(|| Problem::new("proof-required", "TLS version: found: 1.2, expected: 1.3"))?;
        Ok(OpenSession {
            invitation: TicketId(Uuid::from_bytes(b64u("invitation", &self.invitation)?)),
            csr: b64("csr", &self.csr)?,
            shown: Shown::Proof {
                device: DeviceFacts {
                    kind: parse("device.kind", &self.device.kind)?,
                    model: label("device.model", &self.device.model)?,
                    serial: label("device.serial", &self.device.serial)?,
                    name: label("device.name", &self.device.name)?,
                },
                nonce: b64u("nonce", &self.nonce)?,
                proof: b64u("proof", proof)?,
                exporter,
            },
            source,
        })
    }
}

/// M2.
async fn open(State(world): State<Arc<World>>, peer: Peer, Parsed(body): Parsed<OpenBody>) -> Result<Response, Problem> {
    let message = body.message(peer.exporter, peer.source())?;
    world.count_invitation(*message.invitation.0.as_bytes())?;
    let opened = open_session(&world, &message).await?;
    let status = if opened.is_new { StatusCode::CREATED } else { StatusCode::OK };
    let body = json!({
        "session": opened.session.id.to_string(),
        "bootstrap_certificate": to_b64(&opened.bootstrap_certificate),
        "challenge": to_b64u(&opened.session.challenge),
        "plan": plan(&opened.plan),
        "pin_policy": {
            "min_digits": opened.pin_policy.min_digits,
            "max_digits": opened.pin_policy.max_digits,
            "attempts": opened.pin_policy.attempts,
        },
        "expires_at": opened.session.expires_at.to_string(),
        "proof": opened.proof.map(|proof| to_b64u(&proof)),
    });
    Ok(private((status, Json(body))))
}

fn plan(slots: &[Slot]) -> serde_json::Value {
    let slots: Vec<_> = slots
        .iter()
        .map(|slot| {
            let by = if is_generated_on_device(*slot) { "simpleenroll" } else { "serverkeygen" };
            json!({ "slot": slot.as_str(), "by": by })
        })
        .collect();
    json!({ "slots": slots })
}

/// M5h.
async fn history(State(world): State<Arc<World>>, peer: Peer, Segment(session): Segment) -> Result<Response, Problem> {
    let device = peer.at_work(&world).await?;
    let keys = deliver_history(&world, &device, id("session", &session)?).await?;
    let keys: Vec<_> = keys
        .iter()
        .map(|key| json!({ "serial": key.serial.to_string(), "certificate": to_b64(&key.certificate), "key": to_b64(&key.enveloped) }))
        .collect();
    Ok(private(Json(json!({ "keys": keys }))))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ConfirmBody {
    slots: Vec<SlotBody>,
    transport_signature: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SlotBody {
    slot: String,
    serial: String,
    signature: String,
}

#[derive(Serialize)]
struct ConfirmedBody {
    device: String,
    state: &'static str,
    temporary_until: Option<String>,
    receipt: String,
}

impl ConfirmBody {
    pub(super) fn message(&self, session: SessionId) -> Result<Confirm, Problem> {
        let slots = self.slots.iter().map(proved_slot).collect::<Result<Vec<_>, _>>()?;
        if slots.len() > Slot::ALL.len() {
            return Err(Problem::malformed(format!("slots: found: {}, expected: each slot once", slots.len())));
        }
        let transport_signature = self.transport_signature.as_deref().map(|text| b64u_bytes("transport_signature", text)).transpose()?;
        Ok(Confirm { session, slots, transport_signature })
    }
}

/// M6.
async fn confirm(
    State(world): State<Arc<World>>,
    peer: Peer,
    Segment(session): Segment,
    Parsed(body): Parsed<ConfirmBody>,
) -> Result<Response, Problem> {
    let device = peer.at_work(&world).await?;
    let confirmed = confirm_issuance(&world, &device, &body.message(id("session", &session)?)?).await?;
    Ok(private(Json(ConfirmedBody {
        device: confirmed.device.to_string(),
        state: confirmed.state.as_str(),
        temporary_until: confirmed.temporary_until.map(|until| until.to_string()),
        receipt: confirmed.receipt,
    })))
}

fn proved_slot(body: &SlotBody) -> Result<ProvedSlot, Problem> {
    Ok(ProvedSlot {
        slot: parse("slots.slot", &body.slot)?,
        serial: parse("slots.serial", &body.serial)?,
        signature: b64u_bytes("slots.signature", &body.signature)?,
    })
}

/// M7.
async fn give_up(State(world): State<Arc<World>>, peer: Peer, Segment(session): Segment) -> Result<Response, Problem> {
    let device = peer.at_work(&world).await?;
    abandon_session(&world, &device, id("session", &session)?).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// M8.
async fn sync(State(world): State<Arc<World>>, peer: Peer) -> Result<Response, Problem> {
    let AtWork { bearer, source } = peer.at_work(&world).await?;
    let synced = sync_device(&world, bearer, &source).await?;
    let update = synced.update.map(|session| {
        json!({
            "session": session.id.to_string(),
            "challenge": to_b64u(&session.challenge),
            "plan": plan(&[Slot::Enc]),
            "expires_at": session.expires_at.to_string(),
        })
    });
    Ok(private(Json(json!({
        "device": synced.device.to_string(),
        "state": synced.state.as_str(),
        "temporary_until": synced.temporary_until.map(|until| until.to_string()),
        "update": update,
    }))))
}

/// An answer that is for this device alone.
fn private(response: impl IntoResponse) -> Response {
    let mut response = response.into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
