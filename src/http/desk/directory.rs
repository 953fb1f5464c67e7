//! What the directory says of users besides their names, as the desk writes and reads it.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::Operator;
use super::bodies::{ProblemBody, UserBody};
use crate::http::body::Parsed;
use crate::http::problem::Problem;
use crate::http::words::{Segment, id, parse};
use crate::lifecycle::directory::Attributes;
use crate::workflows::describe_user::describe_user;
use crate::workflows::world::World;

/// A user fulfils few policies.
const MAX_POLICIES: usize = 16;

/// All of it is optional; a certificate carries what its profile asks for.
#[derive(Default, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributesBody {
    /// The security identifier of the account that a Windows domain logs in.
    #[schema(example = "S-1-5-21-3623811015-3361044348-30300820-1013")]
    pub sid: Option<String>,
    /// 50 hexadecimal digits: the FASC-N of the credential that the user carries.
    #[schema(example = "D4E739DA739CED39CE739D836858210842108421C84210C3EB")]
    pub fasc_n: Option<String>,
    /// The certificate policies that the user fulfils, dotted OIDs.
    #[serde(default)]
    pub policies: Vec<String>,
}

impl AttributesBody {
    pub fn parsed(&self) -> Result<Attributes, Problem> {
        if self.policies.len() > MAX_POLICIES {
            let found = self.policies.len();
            return Err(Problem::malformed(format!("policies: found: {found}, expected: at most {MAX_POLICIES}")));
        }
        Ok(Attributes {
            sid: self.sid.as_deref().map(|text| parse("sid", text)).transpose()?,
            fasc_n: self.fasc_n.as_deref().map(|text| parse("fasc_n", text)).transpose()?,
            policies: self.policies.iter().map(|text| parse("policies", text)).collect::<Result<_, _>>()?,
        })
    }
}

impl From<&Attributes> for AttributesBody {
    fn from(attributes: &Attributes) -> Self {
        Self {
            sid: attributes.sid.map(|sid| sid.to_string()),
            fasc_n: attributes.fasc_n.map(|number| number.to_string()),
            policies: attributes.policies.iter().map(|policy| policy.as_str().to_owned()).collect(),
        }
    }
}

/// Replace what the directory says of a user besides the names (help desk; nobody their own). Certificates that exist stay as they are.
#[utoipa::path(put, path = "/api/users/{user}/directory", params(("user" = String, Path)), request_body = AttributesBody,
    responses((status = 200, body = UserBody), (status = "4XX", body = ProblemBody)))]
pub async fn describe(
    State(world): State<Arc<World>>,
    Operator(caller): Operator,
    Segment(user): Segment,
    Parsed(body): Parsed<AttributesBody>,
) -> Result<Json<UserBody>, Problem> {
    let user = describe_user(&world, &caller, id("user", &user)?, &body.parsed()?).await?;
    Ok(Json((&user).into()))
}
