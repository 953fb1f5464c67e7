//! Recovery by officers: one asks with a reason, another approves, and the first collects the keys, once (docs/recovery.md).

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use der::pem::{LineEnding, encode_string};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, Segments, b64, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::ids::{RecoveryId, UserId};
use crate::pages::asked::back;
use crate::pages::form::{Filled, OnlyToken};
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::{at, name, tag, wrong};
use crate::pages::visit::Visit;
use crate::workflows::deeds::Outcome;
use crate::workflows::deliver_encryption_key::Delivery;
use crate::workflows::failure::{Failure, broken};
use crate::workflows::look_up_user::look_up_user;
use crate::workflows::recover_keys::{self, NewRecovery, RecoveryTold, fingerprint};
use crate::workflows::world::World;

/// A page of the list.
const PAGE: u32 = 50;

#[derive(Deserialize)]
pub struct ListQuery {
    after: Option<String>,
}

fn path(recovery: RecoveryId) -> String {
    format!("/recoveries/{recovery}")
}

pub async fn list(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<ListQuery>) -> Result<Page, Problem> {
    let words = visitor.words;
    let after = query.after.as_deref().map(|text| id("after", text)).transpose()?;
    let list = recover_keys::list(&world, &visitor.caller, None, after, PAGE).await?;
    let next = list.last().filter(|_| list.len() == PAGE as usize).map(|last| last.recovery.id);
    let now = world.now();
    let body = html! {
        h1 { (words.say("recoveries-title")) }
        p { (words.say("recoveries-what")) }
        @if list.is_empty() { p { (words.say("recoveries-none")) } }
        ul.list {
            @for RecoveryTold { recovery, .. } in &list {
                li {
                    a href=(path(recovery.id)) { (name(&recovery.because)) } " " (tag(words, recovery.status(now).as_str()))
                    span.quiet { " " (at(recovery.asked_at)) }
                }
            }
        }
        @if let Some(next) = next { p { a href={ "?after=" (next) } { (words.say("next-page")) } } }
    };
    Ok(visitor.page("/recoveries", words.say("recoveries-title"), body))
}

#[derive(Default, Deserialize)]
pub struct AskFields {
    #[serde(default)]
    token: String,
    because: String,
    recipient: String,
}

pub async fn ask(State(world): State<Arc<World>>, visitor: Visitor, Segment(user): Segment) -> Result<Page, Problem> {
    asked(&world, &visitor, id("user", &user)?, &AskFields::default(), None).await
}

async fn asked(world: &World, visitor: &Visitor, user: UserId, fields: &AskFields, told: Option<&str>) -> Result<Page, Problem> {
    let held = look_up_user(world, &visitor.caller, user).await?;
    let words = visitor.words;
    let body = html! {
        (back(visitor, &held))
        h1 { (words.say("recover-title")) ": " (name(&held.user.name)) }
        (wrong(words, told.map(|told| ("because", told))))
        p { (words.say("recoveries-what")) }
        form method="post" {
            (visitor.token(world)?.field())
            label for="because" { (words.say("recover-because")) }
            p.hint #because-hint { (words.say("recover-because-hint")) }
            textarea #because name="because" rows="3" required maxlength="500" aria-describedby="because-hint" { (fields.because) }
            label for="recipient" { (words.say("recover-recipient")) }
            p.hint #recipient-hint {
                (words.say("recover-recipient-hint")) " "
                code { "openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -noenc -subj /CN=recovery -keyout recovery.key" }
            }
            textarea #recipient name="recipient" rows="8" required aria-describedby="recipient-hint" { (fields.recipient) }
            button.primary { (words.say("recover-button")) }
            " " a href=(user_path(user)) { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/recoveries", words.say("recover-title"), body))
}

pub async fn submit(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(user): Segment,
    Filled(fields): Filled<AskFields>,
) -> Result<Response, Problem> {
    let click = visitor.click(&world, &fields.token)?;
    let user = id("user", &user)?;
    let because = fields.because.trim().to_owned();
    let recipient = match request_of(&fields.recipient) {
        Ok(recipient) => recipient,
        Err(told) => return Ok(asked(&world, &visitor, user, &fields, Some(&told)).await?.again()),
    };
    let (at, caller) = (Arc::clone(&world), visitor.caller.clone());
    let act = async move {
        let told = recover_keys::ask(&at, &caller, &NewRecovery { user, because, recipient, serials: Vec::new() }).await?;
        Ok(Outcome { leads_to: path(told.recovery.id), ..Outcome::default() })
    };
    match world.deeds.once(world.now(), click, visitor.who(), act).await {
        Ok(deed) => Ok(see(&deed.outcome.leads_to)),
        Err(Failure::Invalid { detail, .. }) => Ok(asked(&world, &visitor, user, &fields, Some(&detail)).await?.again()),
        Err(failure) => Err(failure.into()),
    }
}

/// A certification request, pasted as PEM.
fn request_of(pem: &str) -> Result<Vec<u8>, String> {
    let lines: String = pem.lines().map(str::trim).filter(|line| !line.starts_with("-----")).collect();
    b64("recipient", &lines).map_err(|_| "recipient: found: no PEM, expected: a certification request, PEM".to_owned())
}

/// One of them, with what can be done about it by whoever looks.
pub async fn recovery(State(world): State<Arc<World>>, visitor: Visitor, Segment(recovery): Segment) -> Result<Page, Problem> {
    let told = recover_keys::look_up(&world, &visitor.caller, id("recovery", &recovery)?).await?;
    page(&world, &visitor, &told, html! {}).await
}

async fn page(world: &World, visitor: &Visitor, told: &RecoveryTold, more: Markup) -> Result<Page, Problem> {
    let (words, recovery) = (visitor.words, &told.recovery);
    let held = look_up_user(world, &visitor.caller, recovery.user).await?;
    let status = recovery.status(world.now()).as_str();
    let acts = [
        ("approve", status == "awaiting-approval" && visitor.is(Role::ValidationOfficer)),
        ("refuse", status == "awaiting-approval" && visitor.is(Role::ValidationOfficer)),
        ("collect", status == "approved" && visitor.operator.id == recovery.asked_by),
    ];
    let body = html! {
        (back(visitor, &held))
        h1 { (words.say("recover-title")) ": " (name(&held.user.name)) }
        p { (tag(words, status)) }
        dl.answers {
            dt { (words.say("recover-because")) } dd { (name(&recovery.because)) }
            dt { (words.say("recover-asked")) } dd { (at(recovery.asked_at)) }
            dt { (words.say("recover-until")) } dd { (at(recovery.expires_at)) }
            dt { (words.say("recover-keys")) } dd { @for serial in &told.serials { code { (serial) } " " } }
            dt { (words.say("recover-fingerprint")) } dd { code { (fingerprint(&recovery.recipient)) } }
        }
        @if status == "awaiting-approval" { p.hint { (words.say("recover-compare")) } }
        (more)
        div.doings {
            @for (act, _) in acts.into_iter().filter(|(_, is_possible)| *is_possible) {
                form method="post" action={ (path(recovery.id)) "/" (act) } {
                    (visitor.token(world)?.field())
                    button.primary[act != "refuse"] { (words.word("recover", act)) }
                }
            }
        }
    };
    Ok(visitor.page("/recoveries", words.say("recover-title"), body))
}

pub async fn act(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segments(recovery, act): Segments,
    Filled(fields): Filled<OnlyToken>,
) -> Result<Response, Problem> {
    visitor.click(&world, &fields.token)?;
    let recovery: RecoveryId = id("recovery", &recovery)?;
    match act.as_str() {
        "approve" => recover_keys::approve(&world, &visitor.caller, recovery).await.map(|_| see(&path(recovery))),
        "refuse" => recover_keys::refuse(&world, &visitor.caller, recovery, None).await.map(|_| see(&path(recovery))),
        "collect" => {
            let (told, keys) = recover_keys::collect(&world, &visitor.caller, recovery).await?;
            return Ok(page(&world, &visitor, &told, collected(&visitor, &keys)?).await?.into_response());
        }
        _ => return Err(Problem::new("unknown", "no such act")),
    }
    .map_err(Into::into)
}

/// The keys, shown this once.
fn collected(visitor: &Visitor, keys: &[Delivery]) -> Result<Markup, Failure> {
    let words = visitor.words;
    let pem = |label, der| encode_string(label, LineEnding::LF, der).map_err(|_| broken("a key in PEM"));
    Ok(html! {
        section.invitation aria-labelledby="keys" {
            h2 #keys { (words.say("recover-collected")) }
            p { (words.say("recover-collected-hint")) }
            @for (place, key) in keys.iter().enumerate() {
                h3 { code { (key.serial) } }
                label for={ "key-" (place) } { (words.say("recover-enveloped")) }
                textarea id={ "key-" (place) } readonly rows="5" { (pem("CMS", &key.enveloped)?) }
                label for={ "certificate-" (place) } { (words.say("recover-certificate")) }
                textarea id={ "certificate-" (place) } readonly rows="5" { (pem("CERTIFICATE", &key.certificate)?) }
            }
        }
    })
}
