//! The queue: what waits for me, oldest first; and what waits for others, and why not for me. The rules themselves say which: each act is
//! asked whether it could be done now.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, id};
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::request::Mode;
use crate::pages::frame::Page;
use crate::pages::going::request_path;
use crate::pages::parts::{ago, at, name, tag};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, text};
use crate::store::views::RequestLine;
use crate::workflows::approve_request::ApproveRequest;
use crate::workflows::errand::{Errand, preview};
use crate::workflows::failure::Failure;
use crate::workflows::invite_again::InviteAgain;
use crate::workflows::look_up_user::works_at_the_desk;
use crate::workflows::world::World;

/// A page of it.
const PAGE: u32 = 50;

/// A request that waits, with what I could do about it, or why I cannot.
pub struct Waiting {
    pub line: RequestLine,
    pub mine: Result<&'static str, String>,
}

#[derive(Deserialize)]
pub struct QueueQuery {
    after: Option<String>,
}

pub async fn queue(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<QueueQuery>) -> Result<Page, Problem> {
    works_at_the_desk(&world, &visitor.caller, "list-requests").await?;
    let words = visitor.words;
    let after = query.after.as_deref().map(|text| id("request", text)).transpose()?;
    let waiting = waiting(&world, &visitor, after, PAGE).await?;
    let next = waiting.last().filter(|_| waiting.len() == PAGE as usize).map(|last| last.line.id);
    let (mine, others): (Vec<_>, Vec<_>) = waiting.into_iter().partition(|each| each.mine.is_ok());
    let now = world.now();
    let body = html! {
        h1 { (words.say("queue-title")) }
        h2 { (words.say("queue-mine")) }
        @if mine.is_empty() { p { (words.say("queue-nothing")) } } @else { (rows(words, &mine, now)) }
        h2 { (words.say("queue-others")) }
        @if others.is_empty() { p { (words.say("queue-nothing-else")) } } @else { (rows(words, &others, now)) }
        @if let Some(next) = next { p { a href={ "?after=" (next) } { (words.say("next-page")) } } }
    };
    Ok(visitor.page("/requests", words.say("queue-title"), body))
}

/// The open requests, oldest first.
pub async fn waiting(world: &World, visitor: &Visitor, after: Option<RequestId>, limit: u32) -> Result<Vec<Waiting>, Failure> {
    let mut waiting = Vec::new();
    for line in world.store.queue(after, limit).await? {
        let mine = mine(world, visitor, &line).await?;
        waiting.push(Waiting { line, mine });
    }
    Ok(waiting)
}

/// What I could do about a request, or in which words the rules say why I cannot.
async fn mine(world: &World, visitor: &Visitor, line: &RequestLine) -> Result<Result<&'static str, String>, Failure> {
    let words = visitor.words;
    let (act, errand): (&str, Box<dyn Errand + Send>) = match (line.state.as_str(), line.mode) {
        ("awaiting-approval", _) => ("approve", Box::new(ApproveRequest { request: line.id })),
        ("approved" | "bound", Some(Mode::Local)) => ("invite", Box::new(InviteAgain { request: line.id })),
        ("issuing", _) => return Ok(Err(words.say("waits-for-device"))),
        _ => return Ok(Err(words.say("waits-for-user"))),
    };
    match preview(world, &visitor.caller, errand.as_ref()).await {
        Ok(_) => Ok(Ok(act)),
        Err(Failure::Refused(refusal)) => Ok(Err(match refusal.code.as_str() {
            "not-permitted" => words.with("waits-for-role", [("role", text(&words.word("role", &refusal.required)))]),
            code => words.word("code", code),
        })),
        Err(failure) => Err(failure),
    }
}

pub fn rows(words: Words, waiting: &[Waiting], now: jiff::Timestamp) -> Markup {
    html! {
        ul.rows {
            @for Waiting { line, mine } in waiting {
                li {
                    div.what {
                        p { a href=(request_path(line.id)) { (what(words, line)) } " " (tag(words, &line.state)) }
                        p.quiet {
                            a href=(user_path(line.user)) { (name(&line.user_name)) }
                            " · " span title=(line.opened_at) { (ago(words, line.opened_at, now)) } span.unseen { " (" (at(line.opened_at)) ")" }
                        }
                    }
                    @match mine {
                        Ok(act) => { a.button href={ (request_path(line.id)) "/" (act) } { (act_on(words, act, line.mode)) span.unseen { ": " (what(words, line)) ", " (line.user_name) } } }
                        Err(why) => { p.quiet { (why) } }
                    }
                }
            }
        }
    }
}

/// A ticket at the officer's own desk is no invitation.
pub fn act_on(words: Words, act: &str, mode: Option<Mode>) -> String {
    if act == "invite" && mode == Some(Mode::Local) { words.say("act-request-ticket") } else { words.word("act-request", act) }
}

fn what(words: Words, line: &RequestLine) -> String {
    let kind = words.word("kind", line.kind.as_str());
    match (&line.target_name, line.reason) {
        (Some(target), Some(reason)) => {
            words.with("request-replacement", [("device", text(target)), ("reason", text(&words.word("reason", reason.as_str())))])
        }
        (Some(target), None) => words.with("request-update", [("device", text(target))]),
        (None, _) => words.with("request-initial", [("kind", text(&kind))]),
    }
}
