//! The pages of the portal: users see what they hold, report what they have lost, enroll what they are given, and read what was done.

mod follow;
mod home;
mod password;
mod report;
mod sign_in;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;

use super::frame::{Link, Page};
use super::going::see;
use super::visit::Visit;
use super::words::Words;
use crate::http::portal::Anybody;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::UserId;
use crate::pki::key::hex;
use crate::workflows::failure::Failure;
use crate::workflows::sign_in::PortalUser;
use crate::workflows::world::{Caller, World};

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(home::home))
        .route("/sign-in", get(sign_in::ask).post(sign_in::sign_in))
        .route("/sign-in/code", get(sign_in::ask_code).post(sign_in::enter_code))
        .route("/sign-in/device", post(sign_in::by_device))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/password", get(password::ask).post(password::change))
        .route("/history", get(home::history))
        .route("/devices/{device}", get(async || see("/")))
        .route("/devices/{device}/report", get(report::report).post(report::submit))
        .route("/requests/{request}", get(follow::follow))
        .route("/requests/{request}/events", get(follow::events))
        .route("/requests/{request}/cancel", get(follow::ask_cancel).post(follow::cancel))
        .route("/requests/{request}/ticket", post(follow::ticket))
        .route("/requests/{request}/not-me", get(follow::ask_not_me).post(follow::not_me))
}

/// The user who looks, by their session, with a password of their own. Everybody else is led to where they can become that.
struct Guest {
    user: PortalUser,
    /// The session, as forms are sealed for it.
    session: String,
    words: Words,
}

impl FromRequestParts<Arc<World>> for Guest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Response> {
        let guest = AnyGuest::from_request_parts(parts, world).await?.0;
        if guest.user.must_change { Err(see("/password")) } else { Ok(guest) }
    }
}

/// The same, whoever set the password.
struct AnyGuest(Guest);

impl FromRequestParts<Arc<World>> for AnyGuest {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Response> {
        let Anybody(user) = Anybody::from_request_parts(parts, world).await.map_err(|problem| match problem.code() {
            "sign-in-required" => see("/sign-in"),
            "second-step-required" => see("/sign-in/code"),
            _ => problem.into_response(),
        })?;
        Ok(Self(Guest { session: hex(&user.session), user, words: Words::of(&parts.headers) }))
    }
}

impl Guest {
    async fn holdings(&self, world: &World) -> Result<Holdings, Failure> {
        Ok(world.load(self.user.user).await?.holdings)
    }
}

impl Visit for Guest {
    fn words(&self) -> Words {
        self.words
    }

    fn caller(&self) -> &Caller {
        &self.user.caller
    }

    fn who(&self) -> &str {
        &self.session
    }

    /// There is one user here.
    fn user_path(_: UserId) -> String {
        "/".to_owned()
    }

    fn undo_words(&self) -> &'static str {
        "my-undo"
    }

    fn page(&self, here: &'static str, title: impl Into<String>, body: Markup) -> Page {
        let words = self.words;
        let places = [("/", "nav-devices"), ("/history", "nav-history"), ("/password", "nav-password")];
        let nav = match self.user.must_change {
            true => Vec::new(),
            false => places.map(|(to, name)| Link { to, text: words.say(name), is_here: to == here }).into(),
        };
        Page { words, title: title.into(), nav, who: None, may_sign_out: true, body }
    }
}

/// A page for somebody who is not signed in.
fn stranger(words: Words, title: String, body: Markup) -> Page {
    Page { words, title, nav: Vec::new(), who: None, may_sign_out: false, body }
}
