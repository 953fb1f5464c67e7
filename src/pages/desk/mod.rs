//! The pages of the desk: find somebody, see what they hold, act on it with its effects shown first, follow it.

mod act;
mod audit;
mod follow;
mod home;
mod letters;
mod person;
mod queue;
mod recoveries;
mod replace;
mod stock;
mod user;
mod users;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::routing::{get, post};
use maud::Markup;

use super::frame::{Link, Page};
use super::visit::Visit;
use super::words::Words;
use crate::http::desk::Operator as Shown;
use crate::http::problem::Problem;
use crate::lifecycle::actor::{Actor, Operator, Role};
use crate::lifecycle::ids::UserId;
use crate::store::views::Who;
use crate::workflows::look_up_user::DESK_ROLES;
use crate::workflows::world::{Caller, World};

pub fn router() -> Router<Arc<World>> {
    Router::new()
        .route("/", get(home::home))
        .route("/users", get(users::find))
        .route("/users/new", get(users::new).post(users::create))
        .route("/users/{user}", get(user::user))
        .route("/users/{user}/issue", get(replace::issue).post(replace::request_initial))
        .route("/users/{user}/password", get(person::ask_password).post(person::give_password))
        .route("/users/{user}/directory", get(person::ask_directory).post(person::describe))
        .route("/users/{user}/recover", get(recoveries::ask).post(recoveries::submit))
        .route("/recoveries", get(recoveries::list))
        .route("/recoveries/{recovery}", get(recoveries::recovery))
        .route("/recoveries/{recovery}/{act}", post(recoveries::act))
        .route("/letters", get(letters::letters))
        .route("/devices/{device}", get(user::of_device))
        .route("/credentials/{credential}", get(user::of_credential))
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
}

impl Visit for Visitor {
    fn words(&self) -> Words {
        self.words
    }

    fn caller(&self) -> &Caller {
        &self.caller
    }

    fn who(&self) -> &str {
        match &self.caller.who {
            Who::Operator { fingerprint, .. } => fingerprint,
            Who::User(_) | Who::Session(_) | Who::Stranger { .. } | Who::Administrator | Who::System => "nobody",
        }
    }

    fn user_path(user: UserId) -> String {
        user_path(user)
    }

    fn page(&self, here: &'static str, title: impl Into<String>, body: Markup) -> Page {
        let words = self.words;
        let at_desk = self.works_at_the_desk();
        let places = [
            ("/", words.say("nav-overview"), true),
            ("/users", words.say("nav-find"), at_desk),
            ("/requests", words.say("nav-requests"), at_desk),
            ("/letters", words.say("nav-letters"), at_desk),
            ("/recoveries", words.say("nav-recoveries"), self.is(Role::IssuanceOfficer) || self.is(Role::ValidationOfficer)),
            ("/stock", words.say("nav-stock"), self.is(Role::IssuanceOfficer)),
            ("/audit", words.say("nav-audit"), self.is(Role::Auditor)),
        ];
        let nav = places.into_iter().filter(|(_, _, is_theirs)| *is_theirs).map(|(to, text, _)| Link { to, text, is_here: to == here });
        Page { words, title: title.into(), nav: nav.collect(), who: Some(self.operator.name.clone()), may_sign_out: false, body }
    }
}

pub fn user_path(user: UserId) -> String {
    format!("/users/{user}")
}
