//! Previews: every act of the desk can be asked for its effects first, with `?preview=true`. Nothing is changed by asking.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::http::problem::Problem;
use crate::http::words::Queried;
use crate::lifecycle::effects::{Effects, Undo};
use crate::workflows::errand::{Done, Errand, carry_out, preview};
use crate::workflows::failure::Failure;
use crate::workflows::world::{Caller, World};

/// Whether an act is to be done, or only previewed.
#[derive(Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Asked {
    /// Only tell the effects; change nothing. The answer is then 200 with an `EffectsBody`.
    #[serde(default)]
    #[param(required = false)]
    preview: bool,
}

impl<S: Send + Sync> FromRequestParts<S> for Asked {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        Queried::from_request_parts(parts, state).await.map(|Queried(asked)| asked)
    }
}

impl Asked {
    pub fn is_preview(&self) -> bool {
        self.preview
    }

    /// Carries the errand out and answers with `told`, or answers with its effects.
    pub async fn answer<B: Serialize>(
        self,
        world: &Arc<World>,
        caller: &Caller,
        errand: &impl Errand,
        status: StatusCode,
        told: impl FnOnce(Done) -> Result<B, Failure>,
    ) -> Result<Response, Problem> {
        if self.preview {
            let effects = preview(world, caller, errand).await?;
            return Ok(Json(EffectsBody::from(effects)).into_response());
        }
        let done = carry_out(world, caller, errand).await?;
        Ok((status, Json(told(done)?)).into_response())
    }
}

/// What an act would do to the user whom it concerns.
#[derive(Serialize, ToSchema)]
pub struct EffectsBody {
    pub devices: Vec<DeviceEffectBody>,
    pub credentials: Vec<CredentialEffectBody>,
    /// What the user can still do afterwards, with which device in use.
    pub remaining: Vec<RemainingBody>,
    pub undo: UndoBody,
}

#[derive(Serialize, ToSchema)]
pub struct DeviceEffectBody {
    pub device: String,
    pub name: String,
    /// Absent before the device was this user's.
    pub before: Option<&'static str>,
    /// Absent when it is no longer this user's.
    pub after: Option<&'static str>,
    /// Whether anything of it changes, also only a credential that it shares.
    pub is_touched: bool,
    /// Whether an update is opened for it: its user must sync it once.
    pub update_opens: bool,
}

#[derive(Serialize, ToSchema)]
pub struct CredentialEffectBody {
    pub credential: String,
    pub slot: &'static str,
    pub before: Option<&'static str>,
    pub after: Option<&'static str>,
    /// Why it is revoked, where it is.
    pub revoked: Option<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct RemainingBody {
    pub device: String,
    /// The slots whose current credential may be used.
    pub usable: Vec<&'static str>,
}

/// Whether and how the act can be undone: either `act`, `role` and `until`, or `never_because`.
#[derive(Serialize, ToSchema)]
pub struct UndoBody {
    pub act: Option<&'static str>,
    pub role: Option<&'static str>,
    pub until: Option<&'static str>,
    pub never_because: Option<&'static str>,
}

impl From<Effects> for EffectsBody {
    fn from(effects: Effects) -> Self {
        let devices = effects.devices.into_iter().map(|device| DeviceEffectBody {
            device: device.device.to_string(),
            name: device.name,
            before: device.before.map(|status| status.as_str()),
            after: device.after.map(|status| status.as_str()),
            is_touched: device.is_touched,
            update_opens: device.update_opens,
        });
        let credentials = effects.credentials.into_iter().map(|credential| CredentialEffectBody {
            credential: credential.credential.to_string(),
            slot: credential.slot.as_str(),
            before: credential.before.map(|status| status.as_str()),
            after: credential.after.map(|status| status.as_str()),
            revoked: credential.revoked.map(|reason| reason.as_str()),
        });
        let remaining = effects.remaining.into_iter().map(|remaining| RemainingBody {
            device: remaining.device.to_string(),
            usable: remaining.usable.iter().map(|slot| slot.as_str()).collect(),
        });
        Self { devices: devices.collect(), credentials: credentials.collect(), remaining: remaining.collect(), undo: effects.undo.into() }
    }
}

impl From<Undo> for UndoBody {
    fn from(undo: Undo) -> Self {
        match undo {
            Undo::By { act, role, until } => Self { act: Some(act), role: Some(role.as_str()), until: Some(until), never_because: None },
            Undo::Never { because } => Self { act: None, role: None, until: None, never_because: Some(because) },
        }
    }
}
