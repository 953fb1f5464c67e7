//! Finding somebody, and entering somebody new.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::{Serial, UserId};
use crate::lifecycle::user::User;
use crate::pages::form::{Filled, Token};
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::{name, wrong, wrong_field};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, number, text};
use crate::workflows::create_user::{NewUser, create_user};
use crate::workflows::deeds::Outcome;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::works_at_the_desk;
use crate::workflows::world::World;

/// A page of the list.
const PAGE: u32 = 50;

#[derive(Deserialize)]
pub struct FindQuery {
    #[serde(default)]
    q: String,
    after: Option<String>,
}

/// Users by the beginning of a name, an address, a device serial; or by the serial of a certificate.
pub async fn find(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<FindQuery>) -> Result<Response, Problem> {
    works_at_the_desk(&world, &visitor.caller, "look-up").await?;
    let (words, asked) = (visitor.words, query.q.trim());
    let after = query.after.as_deref().map(|text| id("after", text)).transpose()?;
    let found = if asked.is_empty() { None } else { Some(found(&world, asked, after).await?) };
    if let (Some([only]), None) = (found.as_deref(), after) {
        return Ok(see(&user_path(only.id)));
    }
    let body = html! {
        h1 { (words.say("find-title")) }
        (search(words, asked))
        @if let Some(found) = &found { (results(words, asked, found)) }
        @if visitor.is(Role::HelpDesk) { p { a href="/users/new" { (words.say("new-user-title")) } } }
    };
    Ok(visitor.page("/users", words.say("find-title"), body).into_response())
}

/// The field that finds somebody.
pub fn search(words: Words, asked: &str) -> Markup {
    html! {
        form.search role="search" action="/users" {
            label for="q" { (words.say("find-label")) }
            p.hint #q-hint { (words.say("find-hint")) }
            div.row {
                input #q type="search" name="q" value=(asked) aria-describedby="q-hint" autocomplete="off" maxlength="200";
                button { (words.say("find-button")) }
            }
        }
    }
}

async fn found(world: &World, asked: &str, after: Option<UserId>) -> Result<Vec<User>, Failure> {
    if let Some(user) = by_certificate(world, asked).await? {
        return Ok(vec![user]);
    }
    Ok(world.store.find_users(asked, after, PAGE).await?)
}

/// The serial of a certificate as programs print it: hexadecimal, with colons or without.
async fn by_certificate(world: &World, asked: &str) -> Result<Option<User>, Failure> {
    let digits: String = asked.chars().filter(|character| !matches!(character, ':' | ' ')).collect();
    let Ok(serial) = digits.parse::<Serial>() else { return Ok(None) };
    match world.store.credential_by_serial(serial).await? {
        Some(credential) => Ok(Some(world.load(credential.user).await?.holdings.user)),
        None => Ok(None),
    }
}

fn results(words: Words, asked: &str, found: &[User]) -> Markup {
    html! {
        section aria-live="polite" {
            h2 {
                @match found.len() {
                    0 => { (words.with("find-none", [("asked", text(asked))])) }
                    count if count == PAGE as usize => { (words.with("find-page", [("count", number(count))])) }
                    count => { (words.with("find-some", [("count", number(count))])) }
                }
            }
            ul.list {
                @for user in found {
                    li {
                        a href=(user_path(user.id)) { (name(&user.name)) }
                        span.quiet { " " (name(&user.email)) }
                        @if !user.upn.eq_ignore_ascii_case(&user.email) { span.quiet { " · " (name(&user.upn)) } }
                    }
                }
            }
            @if let Some(last) = found.last().filter(|_| found.len() == PAGE as usize) {
                form method="get" action="/users" {
                    input type="hidden" name="q" value=(asked);
                    button name="after" value=(last.id) { (words.say("next-page")) }
                }
            }
        }
    }
}

/// Somebody new.
pub async fn new(State(world): State<Arc<World>>, visitor: Visitor) -> Result<Page, Problem> {
    visitor.caller.actor.must_be(Role::HelpDesk).map_err(Failure::from)?;
    let token = visitor.token(&world)?;
    Ok(entry(&visitor, &token, &NewFields::default(), None))
}

#[derive(Default, Deserialize)]
pub struct NewFields {
    #[serde(default)]
    token: String,
    name: String,
    email: String,
    upn: String,
}

/// Enters them; what is wrong is said at the top, and what was typed is still there.
pub async fn create(State(world): State<Arc<World>>, visitor: Visitor, Filled(fields): Filled<NewFields>) -> Result<Response, Problem> {
    let click = visitor.click(&world, &fields.token)?;
    let upn = if fields.upn.trim().is_empty() { &fields.email } else { &fields.upn };
    let trimmed = |text: &str| text.trim().to_owned();
    let new = NewUser { name: trimmed(&fields.name), email: trimmed(&fields.email), upn: trimmed(upn), attributes: Attributes::default() };
    let (at, caller) = (Arc::clone(&world), visitor.caller.clone());
    let act = async move {
        let user = create_user(&at, &caller, new).await?;
        Ok(Outcome { leads_to: user_path(user.id), ..Outcome::default() })
    };
    match world.deeds.once(world.now(), click, visitor.who(), act).await {
        Ok(deed) => Ok(see(&deed.outcome.leads_to)),
        Err(failure) => {
            let Some((field, told)) = wrong_field(visitor.words, &failure, &["name", "email", "upn"]) else { return Err(failure.into()) };
            // what was left empty is not what is wrong
            let field = if field == "upn" && fields.upn.trim().is_empty() { "email" } else { field };
            Ok(entry(&visitor, &visitor.token(&world)?, &fields, Some((field, &told))).again())
        }
    }
}

fn entry(visitor: &Visitor, token: &Token, fields: &NewFields, told: Option<(&str, &str)>) -> Page {
    let words = visitor.words;
    let field = |id: &str, label: String, hint: Option<String>, value: &str, kind: &str| {
        html! {
            label for=(id) { (label) }
            @if let Some(hint) = &hint { p.hint id={ (id) "-hint" } { (hint) } }
            input id=(id) name=(id) type=(kind) value=(value) maxlength="200" required[id != "upn"]
                aria-describedby=[hint.as_ref().map(|_| format!("{id}-hint"))];
        }
    };
    let body = html! {
        h1 { (words.say("new-user-title")) }
        (wrong(words, told))
        form method="post" {
            (token.field())
            (field("name", words.say("new-user-name"), None, &fields.name, "text"))
            (field("email", words.say("new-user-email"), None, &fields.email, "email"))
            (field("upn", words.say("new-user-upn"), Some(words.say("new-user-upn-hint")), &fields.upn, "text"))
            button.primary { (words.say("new-user-button")) }
        }
    };
    visitor.page("/users", words.say("new-user-title"), body)
}
