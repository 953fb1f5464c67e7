//! The pages of the desk: find somebody, see what they hold, act on it with its effects shown first, follow it.

mod act;
mod audit;
mod follow;
mod home;
mod queue;
mod replace;
mod stock;
mod user;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, Uri, header};
use axum::middleware::from_fn;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use maud::Markup;
use serde::Deserialize;
use uuid::Uuid;

use super::form::{Filled, Token, click};
use super::frame::{Link, Page};
use super::words::{COOKIE, Language, Words};
use crate::http::desk::{Operator as Shown, own_origin_only};
use crate::http::problem::Problem;
use crate::lifecycle::actor::{Actor, Operator, Role};
use crate::lifecycle::ids::{RequestId, UserId};
use crate::store::views::Who;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::DESK_ROLES;
use crate::workflows::world::{Caller, World};

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(home::home))
        .route("/language", post(language))
        .route("/users", get(users::find))
        .route("/users/new", get(users::new).post(users::create))
        .route("/users/{user}", get(user::user))
        .route("/users/{user}/issue", get(replace::issue).post(replace::request_initial))
        .route("/devices/{device}/replace", get(replace::replace).post(replace::submit))
        .route("/devices/{device}/{act}", get(act::on_device).post(act::do_on_device))
        .route("/credentials/{credential}/{act}", get(act::on_credential).post(act::do_on_credential))
        .route("/requests", get(queue::queue))
        .route("/requests/{request}", get(follow::follow))
        .route("/requests/{request}/events", get(follow::events))
        .route("/requests/{request}/{act}", get(act::on_request).post(act::do_on_request))
        .route("/stock", get(stock::stock).post(stock::add))
        .route("/stock/import", get(stock::list).post(stock::import))
        .route("/audit", get(audit::log))
        .route("/audit/verify", get(audit::verify))
        .route("/audit/export", get(audit::export))
        .layer(from_fn(own_origin_only))
}

/// The operator who looks, as their certificate says on every request, and the words they read.
pub struct Visitor {
    pub caller: Caller,
    pub operator: Operator,
    pub words: Words,
}

impl FromRequestParts<Arc<World>> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, world: &Arc<World>) -> Result<Self, Problem> {
        let Shown(caller) = Shown::from_request_parts(parts, world).await?;
        let Actor::Operator(operator) = caller.actor.clone() else { return Err(Problem::certificate_required()) };
        Ok(Self { caller, operator, words: Words::of(&parts.headers) })
    }
}

impl Visitor {
    pub fn is(&self, role: Role) -> bool {
        self.operator.roles.contains(&role)
    }

    /// Whether they work with users and requests.
    pub fn works_at_the_desk(&self) -> bool {
        DESK_ROLES.into_iter().any(|role| self.is(role))
    }

    /// Whom forms are sealed for: who was shown one fills it in.
    fn who(&self) -> &str {
        match &self.caller.who {
            Who::Operator { fingerprint, .. } => fingerprint,
            Who::User(_) | Who::Session(_) | Who::Stranger { .. } | Who::Administrator | Who::System => "nobody",
        }
    }

    pub fn token(&self, world: &World) -> Result<Token, Failure> {
        Token::new(world, self.who())
    }

    /// Which click it is.
    pub fn click(&self, world: &World, token: &str) -> Result<Uuid, Problem> {
        click(world, self.who(), token)
    }

    pub fn page(&self, here: &'static str, title: impl Into<String>, body: Markup) -> Page {
        let words = self.words;
        let at_desk = self.works_at_the_desk();
        let places = [
            ("/", words.say("nav-overview"), true),
            ("/users", words.say("nav-find"), at_desk),
            ("/requests", words.say("nav-requests"), at_desk),
            ("/stock", words.say("nav-stock"), self.is(Role::IssuanceOfficer)),
            ("/audit", words.say("nav-audit"), self.is(Role::Auditor)),
        ];
        let nav = places.into_iter().filter(|(_, _, is_theirs)| *is_theirs).map(|(to, text, _)| Link { to, text, is_here: to == here });
        Page { words, title: title.into(), nav: nav.collect(), who: Some(self.operator.name.clone()), body }
    }
}

pub fn user_path(user: UserId) -> String {
    format!("/users/{user}")
}

pub fn request_path(request: RequestId) -> String {
    format!("/requests/{request}")
}

/// The next page is asked for anew: a reload does not send the form again.
pub fn see(path: &str) -> Response {
    (StatusCode::SEE_OTHER, [(header::LOCATION, path)]).into_response()
}

#[derive(Deserialize)]
struct LanguageFields {
    language: String,
}

/// The language that a visitor chose, and back to where they were.
async fn language(headers: HeaderMap, Filled(fields): Filled<LanguageFields>) -> Result<Response, Problem> {
    let language: Language = fields.language.parse().map_err(|error| Problem::malformed(format!("language: {error}")))?;
    let mut response = see(&came_from(&headers).unwrap_or_else(|| "/".to_owned()));
    let cookie = format!("{COOKIE}={language}; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000");
    response.headers_mut().insert(header::SET_COOKIE, cookie.parse().map_err(|_| Problem::malformed("language"))?);
    Ok(response)
}

/// The path of the page before, where it was one of ours.
fn came_from(headers: &HeaderMap) -> Option<String> {
    let before: Uri = headers.get(header::REFERER)?.to_str().ok()?.parse().ok()?;
    let is_ours = headers.get(header::HOST)?.to_str().ok() == before.authority().map(|authority| authority.as_str());
    before.path_and_query().filter(|_| is_ours).map(|path| path.as_str().to_owned())
}
