//! Recovery by officers: two of them get at the private encryption keys of a user (docs/recovery.md). It changes nothing that the user
//! holds, so there is nothing to preview.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operator;
use super::bodies::ProblemBody;
use super::effects::Asked;
use super::requests::RejectionBody;
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, b64, id, label, parse, to_b64};
use crate::lifecycle::recovery::{Decided, RecoveryState};
use crate::workflows::deliver_encryption_key::Delivery;
use crate::workflows::recover_keys::{self, NewRecovery, RecoveryTold, fingerprint};
use crate::workflows::world::World;

/// A page of a list is at most so long.
const PAGE: u32 = 50;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRecoveryBody {
    /// Why, for the officer who decides and for the audit log; 10 to 500 characters.
    #[schema(example = "left on 30 November; the contract with Example AG is in her mail (ticket 4711)")]
    pub because: String,
    /// Base64 of a DER certification request (P-256): its key is the one that the keys are encrypted to.
    pub recipient: String,
    /// The serials of the `enc` certificates; every one that was issued to the user, if absent.
    pub serials: Option<Vec<String>>,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveryBody {
    pub id: String,
    pub user: String,
    pub because: String,
    /// SHA-256 of the DER SubjectPublicKeyInfo of the key that the keys are encrypted to.
    pub recipient_sha256: String,
    pub serials: Vec<String>,
    /// `awaiting-approval`, `approved`, `refused`, `collected` or `expired`.
    pub status: &'static str,
    /// The operator.
    pub asked_by: String,
    pub asked_at: String,
    pub expires_at: String,
    /// The operator who approved or refused.
    pub decided_by: Option<String>,
    pub decided_at: Option<String>,
    pub collected_at: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveriesBody {
    pub recoveries: Vec<RecoveryBody>,
    /// Give it as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RecoveredKeyBody {
    pub serial: String,
    /// Base64 DER.
    pub certificate: String,
    /// Base64 of CMS EnvelopedData to the recipient; in it a CMS SignedData of the private key, PKCS#8 DER.
    pub enveloped: String,
}

#[derive(Serialize, ToSchema)]
pub struct CollectedBody {
    pub recovery: RecoveryBody,
    /// Newest first. Shown this once.
    pub keys: Vec<RecoveredKeyBody>,
}

#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RecoveriesQuery {
    /// Only this user's.
    user: Option<String>,
    /// From the `next` of the page before.
    after: Option<String>,
}

/// Ask for the private encryption keys of a user (issuance officer): it awaits a validation officer.
#[utoipa::path(post, path = "/api/users/{user}/recoveries", params(("user" = String, Path)), request_body = NewRecoveryBody,
    responses((status = 201, body = RecoveryBody), (status = "4XX", body = ProblemBody)))]
pub async fn ask(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
    asked: Asked,
    Parsed(body): Parsed<NewRecoveryBody>,
) -> Result<(StatusCode, Json<RecoveryBody>), Problem> {
    no_preview(&asked)?;
    let serials = body.serials.unwrap_or_default();
    let new = NewRecovery {
        user: id("user", &user)?,
        because: body.because,
        recipient: b64("recipient", &body.recipient)?,
        serials: serials.iter().map(|serial| parse("serials", serial)).collect::<Result<_, _>>()?,
    };
    let told = recover_keys::ask(&world, &caller, &new).await?;
    Ok((StatusCode::CREATED, Json(body_of(&world, told))))
}

/// List recoveries, newest first (issuance officer, validation officer).
#[utoipa::path(get, path = "/api/recoveries", params(RecoveriesQuery),
    responses((status = 200, body = RecoveriesBody), (status = "4XX", body = ProblemBody)))]
pub async fn list(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Queried(query): Queried<RecoveriesQuery>,
) -> Result<Json<RecoveriesBody>, Problem> {
    let user = query.user.as_deref().map(|text| id("user", text)).transpose()?;
    let after = query.after.as_deref().map(|text| id("after", text)).transpose()?;
    let list = recover_keys::list(&world, &caller, user, after, PAGE).await?;
    let is_full = list.len() == PAGE as usize;
    let next = list.last().filter(|_| is_full).map(|told| told.recovery.id.to_string());
    Ok(Json(RecoveriesBody { recoveries: list.into_iter().map(|told| body_of(&world, told)).collect(), next }))
}

/// One recovery (issuance officer, validation officer).
#[utoipa::path(get, path = "/api/recoveries/{recovery}", params(("recovery" = String, Path)),
    responses((status = 200, body = RecoveryBody), (status = "4XX", body = ProblemBody)))]
pub async fn recovery(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
) -> Result<Json<RecoveryBody>, Problem> {
    let told = recover_keys::look_up(&world, &caller, id("recovery", &wanted)?).await?;
    Ok(Json(body_of(&world, told)))
}

/// Approve a recovery (validation officer; never the officer who asked, never the user concerned).
#[utoipa::path(post, path = "/api/recoveries/{recovery}/approve", params(("recovery" = String, Path)),
    responses((status = 200, body = RecoveryBody), (status = "4XX", body = ProblemBody)))]
pub async fn approve(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
) -> Result<Json<RecoveryBody>, Problem> {
    no_preview(&asked)?;
    let told = recover_keys::approve(&world, &caller, id("recovery", &wanted)?).await?;
    Ok(Json(body_of(&world, told)))
}

/// Refuse a recovery (validation officer; never the officer who asked, never the user concerned).
#[utoipa::path(post, path = "/api/recoveries/{recovery}/refuse", params(("recovery" = String, Path)), request_body = RejectionBody,
    responses((status = 200, body = RecoveryBody), (status = "4XX", body = ProblemBody)))]
pub async fn refuse(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
    Parsed(body): Parsed<RejectionBody>,
) -> Result<Json<RecoveryBody>, Problem> {
    no_preview(&asked)?;
    let because = body.because.as_deref().map(|because| label("because", because)).transpose()?;
    let told = recover_keys::refuse(&world, &caller, id("recovery", &wanted)?, because.as_deref()).await?;
    Ok(Json(body_of(&world, told)))
}

/// Collect the keys of an approved recovery, once (the issuance officer who asked). The user is written to.
#[utoipa::path(post, path = "/api/recoveries/{recovery}/collect", params(("recovery" = String, Path)),
    responses((status = 200, body = CollectedBody), (status = "4XX", body = ProblemBody)))]
pub async fn collect(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(wanted): Segment,
    asked: Asked,
) -> Result<Json<CollectedBody>, Problem> {
    no_preview(&asked)?;
    let (told, keys) = recover_keys::collect(&world, &caller, id("recovery", &wanted)?).await?;
    Ok(Json(CollectedBody { recovery: body_of(&world, told), keys: keys.iter().map(Into::into).collect() }))
}

/// Who asks for a preview must not do the act instead.
fn no_preview(asked: &Asked) -> Result<(), Problem> {
    if asked.is_preview() {
        return Err(Problem::malformed("preview: found: true, expected: none, as a recovery is without effect on any device"));
    }
    Ok(())
}

impl From<&Delivery> for RecoveredKeyBody {
    fn from(key: &Delivery) -> Self {
        Self { serial: key.serial.to_string(), certificate: to_b64(&key.certificate), enveloped: to_b64(&key.enveloped) }
    }
}

fn body_of(world: &World, told: RecoveryTold) -> RecoveryBody {
    let RecoveryTold { recovery, serials } = told;
    let (decided, collected_at): (Option<Decided>, _) = match recovery.state {
        RecoveryState::AwaitingApproval => (None, None),
        RecoveryState::Approved { decided } | RecoveryState::Refused { decided } => (Some(decided), None),
        RecoveryState::Collected { decided, at } => (Some(decided), Some(at)),
    };
    RecoveryBody {
        id: recovery.id.to_string(),
        user: recovery.user.to_string(),
        recipient_sha256: fingerprint(&recovery.recipient),
        serials: serials.iter().map(ToString::to_string).collect(),
        status: recovery.status(world.now()).as_str(),
        asked_by: recovery.asked_by.to_string(),
        asked_at: recovery.asked_at.to_string(),
        expires_at: recovery.expires_at.to_string(),
        decided_by: decided.map(|decided| decided.by.to_string()),
        decided_at: decided.map(|decided| decided.at.to_string()),
        collected_at: collected_at.map(|at| at.to_string()),
        because: recovery.because,
    }
}
