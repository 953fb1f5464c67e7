//! The shapes of the desk API. Words are those of lifecycle.md; times RFC 3339, UTC; serials 40 hexadecimal digits.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::directory::AttributesBody;
use crate::http::problem::Problem;
use crate::http::words::{id, parse};
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{Credential, CredentialState};
use crate::lifecycle::device::{Device, DeviceState};
use crate::lifecycle::hold::Held;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, UserId};
use crate::lifecycle::request::{Request, RequestState};
use crate::lifecycle::user::User;
use crate::store::views::RequestLine;
use crate::workflows::create_user::NewUser;
use crate::workflows::errand::Done;
use crate::workflows::failure::Failure;
use crate::workflows::invitation::Invitation;
use crate::workflows::request_initial_issuance::RequestInitialIssuance;
use crate::workflows::submit_replacement::SubmitReplacement;

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserBody {
    #[schema(example = "Ana Ruiz")]
    pub name: String,
    #[schema(example = "ana@example.org")]
    pub email: String,
    /// User principal name, for smart card logon.
    #[schema(example = "ana@corp.example.org")]
    pub upn: String,
    /// What else certificates may carry of the user.
    #[serde(default)]
    pub directory: AttributesBody,
}

impl NewUserBody {
    pub fn parsed(self) -> Result<NewUser, Problem> {
        let attributes = self.directory.parsed()?;
        Ok(NewUser { name: self.name, email: self.email, upn: self.upn, attributes })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InitialIssuanceBody {
    /// `smart-card`, `mobile-smart-card` or `mobile-app`.
    #[schema(example = "mobile-smart-card")]
    pub kind: String,
    /// `local`, `self-enrollment` or `remote`.
    #[schema(example = "remote")]
    pub mode: String,
}

impl InitialIssuanceBody {
    pub fn errand(&self, user: UserId) -> Result<RequestInitialIssuance, Problem> {
        Ok(RequestInitialIssuance { user, kind: parse("kind", &self.kind)?, mode: parse("mode", &self.mode)? })
    }
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ReplacementBody {
    /// The id of the device to replace.
    pub target: String,
    /// `damaged`, `expired`, `lost`, `stolen` or `forgotten`.
    #[schema(example = "lost")]
    pub reason: String,
    /// `local`, `self-enrollment` or `remote`.
    #[schema(example = "remote")]
    pub mode: String,
}

impl ReplacementBody {
    pub fn errand(&self) -> Result<SubmitReplacement, Problem> {
        let (target, reason, mode) = (id("device", &self.target)?, parse("reason", &self.reason)?, parse("mode", &self.mode)?);
        Ok(SubmitReplacement { target, reason, mode })
    }
}

/// An RFC 9457 problem.
#[derive(Serialize, ToSchema)]
pub struct ProblemBody {
    pub r#type: String,
    pub title: String,
    pub status: u16,
    /// Stable: programs decide by it.
    pub code: String,
    pub detail: String,
}

#[derive(Serialize, ToSchema)]
pub struct MeBody {
    pub id: String,
    pub name: String,
    pub roles: Vec<&'static str>,
}

#[derive(Serialize, ToSchema)]
pub struct UserBody {
    pub id: String,
    pub name: String,
    pub email: String,
    pub upn: String,
    pub directory: AttributesBody,
}

#[derive(Serialize, ToSchema)]
pub struct HoldBody {
    /// `replacement:<request>`, or `help-desk:<device or credential>`.
    pub cause: String,
    pub since: String,
}

#[derive(Serialize, ToSchema)]
pub struct DeviceBody {
    pub id: String,
    pub kind: &'static str,
    pub serial: String,
    pub model: String,
    pub name: String,
    /// `available`, `assigned`, `active`, `suspended`, `invalid` or `terminated`.
    pub status: &'static str,
    pub issued_at: Option<String>,
    pub terminated_at: Option<String>,
    /// Why it ended.
    pub end_reason: Option<&'static str>,
    /// For a stand-in: the device that it stands in for.
    pub stands_in_for: Option<String>,
    pub temporary_until: Option<String>,
    /// The id of its open update.
    pub open_update: Option<String>,
    pub holds: Vec<HoldBody>,
    pub carries: Vec<CarriedBody>,
}

#[derive(Serialize, ToSchema)]
pub struct CarriedBody {
    pub credential: String,
    pub slot: &'static str,
    /// `current` or `history`.
    pub carried: &'static str,
}

#[derive(Serialize, ToSchema)]
pub struct CredentialBody {
    pub id: String,
    pub slot: &'static str,
    pub serial: String,
    /// `reserved`, `signed`, `active`, `suspended`, `expired` or `revoked`.
    pub status: &'static str,
    pub revocation_reason: Option<&'static str>,
    pub revoked_at: Option<String>,
    pub not_after: Option<String>,
    pub holds: Vec<HoldBody>,
}

#[derive(Serialize, ToSchema)]
pub struct RequestBody {
    pub id: String,
    pub user: String,
    /// `initial`, `replacement` or `update`.
    pub purpose: &'static str,
    pub kind: &'static str,
    pub mode: Option<&'static str>,
    pub reason: Option<&'static str>,
    /// The device that is replaced.
    pub target: Option<String>,
    /// The device that is being issued, or was.
    pub device: Option<String>,
    /// `awaiting-approval`, `approved`, `bound`, `issuing`, `issued`, `rejected` or `canceled`.
    pub state: &'static str,
    pub opened_at: String,
}

/// The invitation, shown this once: it is not kept.
#[derive(Serialize, ToSchema)]
pub struct InvitationBody {
    #[schema(example = "msc1:?h=…&i=…&c=…&p=…&x=…")]
    pub uri: String,
    /// Eight digits that must reach the user by another way, where the policy asks for them.
    pub code: Option<String>,
    pub expires_at: String,
}

#[derive(Serialize, ToSchema)]
pub struct OpenedBody {
    pub request: RequestBody,
    pub invitation: Option<InvitationBody>,
}

/// All that a user holds.
#[derive(Serialize, ToSchema)]
pub struct HoldingsBody {
    pub user: UserBody,
    pub devices: Vec<DeviceBody>,
    pub credentials: Vec<CredentialBody>,
    pub requests: Vec<RequestBody>,
}

#[derive(Serialize, ToSchema)]
pub struct UsersBody {
    pub users: Vec<UserBody>,
}

#[derive(Serialize, ToSchema)]
pub struct RequestsBody {
    pub requests: Vec<RequestLineBody>,
    /// Give it as `after` for the next page; absent on the last.
    pub next: Option<String>,
}

#[derive(Serialize, ToSchema)]
pub struct RequestLineBody {
    pub id: String,
    pub user: String,
    pub user_name: String,
    pub purpose: String,
    pub kind: &'static str,
    pub mode: Option<&'static str>,
    pub reason: Option<&'static str>,
    pub state: String,
    pub opened_at: String,
    /// The device that is replaced or updated.
    pub target: Option<String>,
    pub target_name: Option<String>,
}

fn time(at: Timestamp) -> String {
    at.to_string()
}

impl From<&User> for UserBody {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            name: user.name.clone(),
            email: user.email.clone(),
            upn: user.upn.clone(),
            directory: (&user.attributes).into(),
        }
    }
}

impl From<RequestLine> for RequestLineBody {
    fn from(line: RequestLine) -> Self {
        Self {
            id: line.id.to_string(),
            user: line.user.to_string(),
            user_name: line.user_name,
            purpose: line.purpose,
            kind: line.kind.as_str(),
            mode: line.mode.map(|mode| mode.as_str()),
            reason: line.reason.map(|reason| reason.as_str()),
            state: line.state,
            opened_at: time(line.opened_at),
            target: line.target.map(|target| target.to_string()),
            target_name: line.target_name,
        }
    }
}

impl From<Invitation> for InvitationBody {
    fn from(invitation: Invitation) -> Self {
        Self {
            uri: invitation.uri.to_string(),
            code: invitation.code.map(|code| code.to_string()),
            expires_at: time(invitation.expires_at),
        }
    }
}

/// The request that was opened, or given a new ticket, with its invitation.
pub fn opened(done: Done) -> Result<OpenedBody, Failure> {
    let request = request(&done.holdings, done.request()?);
    Ok(OpenedBody { request, invitation: done.invitation.map(Into::into) })
}

/// The request that was acted on, as it is now.
pub fn request_of(done: Done) -> Result<RequestBody, Failure> {
    Ok(request(&done.holdings, done.request()?))
}

/// The device that was acted on, as it is now.
pub fn device_of(done: &Done, acted_on: DeviceId) -> Result<DeviceBody, Failure> {
    let found = done.holdings.devices.get(&acted_on).ok_or(Failure::missing("device"))?;
    Ok(device(&done.holdings, found))
}

/// The credential that was acted on, as it is now.
pub fn credential_of(done: &Done, acted_on: CredentialId, now: Timestamp) -> Result<CredentialBody, Failure> {
    let found = done.holdings.credentials.get(&acted_on).ok_or(Failure::missing("credential"))?;
    Ok(credential(&done.holdings, found, now))
}

/// All that a user holds, as the desk sees it now.
pub fn holdings(held: &Holdings, now: Timestamp) -> HoldingsBody {
    HoldingsBody {
        user: (&held.user).into(),
        devices: held.devices.values().map(|each| device(held, each)).collect(),
        credentials: held.credentials.values().map(|each| credential(held, each, now)).collect(),
        requests: held.requests.values().map(|each| request(held, each)).collect(),
    }
}

fn holds_on(held: &Holdings, on: Held) -> Vec<HoldBody> {
    held.holds.on(on).map(|(hold, since)| HoldBody { cause: hold.cause.to_string(), since: time(since) }).collect()
}

fn device(held: &Holdings, device: &Device) -> DeviceBody {
    let (issued_at, ended) = match &device.state {
        DeviceState::Available | DeviceState::Assigned { .. } => (None, None),
        DeviceState::Issued { at, .. } => (Some(*at), None),
        DeviceState::Terminated { at, reason, issued_at, .. } => (*issued_at, Some((*at, *reason))),
    };
    DeviceBody {
        id: device.id.to_string(),
        kind: device.kind.as_str(),
        serial: device.serial.clone(),
        model: device.model.clone(),
        name: device.name.clone(),
        status: held.device_status(device).as_str(),
        issued_at: issued_at.map(time),
        terminated_at: ended.map(|(at, _)| time(at)),
        end_reason: ended.map(|(_, reason)| reason.as_str()),
        stands_in_for: device.stand_in().map(|stand_in| stand_in.original.to_string()),
        temporary_until: device.stand_in().map(|stand_in| time(stand_in.until)),
        open_update: held.open_update_of(device.id).map(|update| update.id.to_string()),
        holds: holds_on(held, Held::Device(device.id)),
        carries: held.carried_by(device.id).map(|(credential, how)| carried(credential, how)).collect(),
    }
}

fn carried(credential: &Credential, how: Carried) -> CarriedBody {
    CarriedBody { credential: credential.id.to_string(), slot: credential.slot.as_str(), carried: how.as_str() }
}

fn credential(held: &Holdings, credential: &Credential, now: Timestamp) -> CredentialBody {
    let revoked = match &credential.state {
        CredentialState::Revoked { at, reason, .. } => Some((*at, *reason)),
        CredentialState::Reserved { .. } | CredentialState::Signed { .. } | CredentialState::Issued { .. } => None,
    };
    CredentialBody {
        id: credential.id.to_string(),
        slot: credential.slot.as_str(),
        serial: credential.serial.to_string(),
        status: held.credential_status(credential, now).as_str(),
        revocation_reason: revoked.map(|(_, reason)| reason.as_str()),
        revoked_at: revoked.map(|(at, _)| time(at)),
        not_after: credential.certified().map(|certified| time(certified.not_after)),
        holds: holds_on(held, Held::Credential(credential.id)),
    }
}

/// A request as the desk sees it.
pub fn request(held: &Holdings, request: &Request) -> RequestBody {
    let device = match &request.state {
        RequestState::Bound { device } | RequestState::Issued { device, .. } => Some(*device),
        RequestState::Issuing(issuing) => Some(issuing.device),
        RequestState::AwaitingApproval | RequestState::Approved | RequestState::Rejected { .. } | RequestState::Canceled { .. } => None,
    };
    let replacement = request.replacement();
    RequestBody {
        id: request.id.to_string(),
        user: held.user.id.to_string(),
        purpose: request.purpose_word(),
        kind: request.kind.as_str(),
        mode: request.mode().map(|mode| mode.as_str()),
        reason: replacement.map(|(reason, _)| reason.as_str()),
        target: replacement.map(|(_, line)| line.target.to_string()),
        device: device.map(|device| device.to_string()),
        state: request.state.as_str(),
        opened_at: time(request.opened_at),
    }
}
