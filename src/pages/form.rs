//! Forms: what a page lets somebody do. Each carries a token that we sealed for who it was shown to, so that no other site can fill it in
//! for them; the token also says which click it is, so that a second click on the same button does nothing new.

use axum::Form;
use axum::extract::{FromRequest, Request};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::http::problem::Problem;
use crate::workflows::failure::Failure;
use crate::workflows::world::World;

/// How long a page may lie open before it is filled in.
const LIFETIME: SignedDuration = SignedDuration::from_hours(12);

/// A form's hidden field, for whoever is shown it.
pub struct Token(String);

impl Token {
    /// A new one, for this person alone: an operator by their certificate, a user by their session.
    pub fn new(world: &World, who: &str) -> Result<Self, Failure> {
        let mut content = world.fresh_id().as_bytes().to_vec();
        content.extend(world.now().as_millisecond().to_be_bytes());
        let sealed = world.master.seal(world.entropy.as_ref(), &label(who), &content)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(sealed)))
    }

    pub fn field(&self) -> Markup {
        html! { input type="hidden" name="token" value=(self.0); }
    }
}

fn label(who: &str) -> String {
    format!("remint form of {who}")
}

/// Which click it is, by the token of a form that was made for this person.
pub fn click(world: &World, who: &str, token: &str) -> Result<Uuid, Problem> {
    let stale = || Problem::new("stale-form", "found: a form that is too old or not of this page, expected: the page loaded again");
    let sealed = BASE64_URL_SAFE_NO_PAD.decode(token).map_err(|_| stale())?;
    let content = world.master.open(&label(who), &sealed).map_err(|_| stale())?;
    let (id, at) = content.split_at_checked(16).ok_or_else(stale)?;
    let at = at.try_into().ok().and_then(|bytes| Timestamp::from_millisecond(i64::from_be_bytes(bytes)).ok()).ok_or_else(stale)?;
    if world.now().duration_since(at).abs() > LIFETIME {
        return Err(stale());
    }
    Uuid::from_slice(id).map_err(|_| stale())
}

/// A form of one button.
#[derive(Deserialize)]
pub struct OnlyToken {
    pub token: String,
}

/// The fields of a form that was sent.
pub struct Filled<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Filled<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let filled = Form::<T>::from_request(request, state).await;
        filled.map(|Form(fields)| Self(fields)).map_err(|error| Problem::malformed(format!("form: {}", error.body_text())))
    }
}
