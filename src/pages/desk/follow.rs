//! One request, followed live: its steps, the invitation for whoever gave it out, and what can be done about it now.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use uuid::Uuid;

use super::Visitor;
use super::queue::act_on;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::request::{Mode, Request, RequestState};
use crate::pages::asked::back;
use crate::pages::frame::Page;
use crate::pages::invited::{code, ticket};
use crate::pages::live::{DoneQuery, Seen, live, place};
use crate::pages::parts::{at, name, request_title};
use crate::pages::steps::{is_over, steps};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, text};
use crate::store::views::LetterLine;
use crate::workflows::failure::Failure;
use crate::workflows::invitation::Invitation;
use crate::workflows::look_up_user::look_up_request;
use crate::workflows::world::World;

pub async fn follow(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(request): Segment,
    Queried(query): Queried<DoneQuery>,
) -> Result<Page, Problem> {
    let (words, request) = (visitor.words, id::<RequestId>("request", &request)?);
    let held = look_up_request(&world, &visitor.caller, request).await?;
    let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    let title = request_title(words, &held, found);
    let click = query.click();
    let body = html! {
        (back(&visitor, &held))
        h1 { (name(&title)) }
        (place(request, click, seen(&world, &visitor, &held, found, click).await?))
    };
    Ok(visitor.page("/requests", title, body))
}

/// What changes while it is looked at.
async fn seen(world: &World, visitor: &Visitor, held: &Holdings, found: &Request, click: Option<Uuid>) -> Result<Seen, Failure> {
    let words = visitor.words;
    let disputed = world.store.dispute_of(found.id).await?;
    let undelivered_letters = world.store.undelivered(found.id).await?;
    let is_to_be_used = matches!(found.state, RequestState::Approved | RequestState::Bound { .. });
    let deed =
        click.and_then(|click| world.deeds.of(click, visitor.who())).filter(|deed| deed.outcome.request == Some(found.id) && is_to_be_used);
    let part = html! {
        @if let Some(since) = disputed {
            div.errors role="alert" { h2 { (words.say("disputed-title")) } p { (words.say("disputed")) " " (at(since)) } }
        }
        (undelivered(words, &undelivered_letters))
        @if let Some(invitation) = deed.as_ref().and_then(|deed| deed.outcome.invitation.as_ref()) { (invited(words, found, held, invitation)) }
        (steps(world, words, held, found, "step-ticket").await?)
        (doings(visitor, found))
    };
    Ok(Seen { part, is_over: is_over(held, found) })
}

/// The same, sent anew whenever it changes.
pub async fn events(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(request): Segment,
    Queried(query): Queried<DoneQuery>,
) -> Result<Response, Problem> {
    let request = id::<RequestId>("request", &request)?;
    look_up_request(&world, &visitor.caller, request).await?;
    let (visitor, click) = (Arc::new(visitor), query.click());
    Ok(live(move || {
        let (world, visitor) = (Arc::clone(&world), Arc::clone(&visitor));
        async move {
            is_still_here(&world, &visitor).await?;
            let held = look_up_request(&world, &visitor.caller, request).await?;
            let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
            seen(&world, &visitor, &held, found, click).await
        }
    })
    .into_response())
}

/// Whoever was let in at the beginning may have been shut out since.
async fn is_still_here(world: &World, visitor: &Visitor) -> Result<(), Failure> {
    match world.store.operator(visitor.operator.id).await? {
        Some(record) if record.ended_at.is_none() => Ok(()),
        Some(_) | None => Err(Failure::missing("operator")),
    }
}

/// Letters that did not arrive.
fn undelivered(words: Words, letters: &[LetterLine]) -> Markup {
    html! {
        @if !letters.is_empty() {
            div.notice {
                h2 { (words.say("letters-undelivered")) }
                ul.list {
                    @for letter in letters {
                        li {
                            (words.word("letter", &letter.kind)) ", " (name(&letter.recipient)) ": "
                            code { (letter.last_error.as_deref().unwrap_or_default()) } " "
                            @match letter.due_at {
                                Some(due) => { (words.say("letters-again")) " " (at(due)) }
                                None => { strong { (words.say("letters-given-up")) } }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// The invitation, shown this once: to be scanned, or read, and the code that goes another way.
fn invited(words: Words, request: &Request, held: &Holdings, invitation: &Invitation) -> Markup {
    let is_remote = request.mode() == Some(Mode::Remote);
    html! {
        section.invitation aria-labelledby="invitation" {
            h2 #invitation { (words.say("invitation-title")) }
            p { @if is_remote { (words.with("invitation-sent", [("email", text(&held.user.email))])) } @else { (words.say("invitation-local")) } }
            @if let Some(digits) = &invitation.code {
                p { (words.say("invitation-code")) }
                (code(digits))
            }
            details open[!is_remote] {
                summary { (words.say("invitation-show")) }
                (ticket(words, invitation))
            }
        }
    }
}

/// What can be done about a request, by whoever looks.
fn doings(visitor: &Visitor, request: &Request) -> Markup {
    let words = visitor.words;
    let is_waiting = matches!(request.state, RequestState::Approved | RequestState::Bound { .. } | RequestState::Issuing(_));
    let acts = [
        ("approve", visitor.is(Role::ValidationOfficer) && request.state == RequestState::AwaitingApproval),
        ("reject", visitor.is(Role::ValidationOfficer) && request.state == RequestState::AwaitingApproval),
        ("bind", visitor.is(Role::IssuanceOfficer) && request.state == RequestState::Approved && request.kind.is_stock()),
        ("unbind", visitor.is(Role::IssuanceOfficer) && matches!(request.state, RequestState::Bound { .. })),
        ("invite", is_waiting && is_theirs_to_invite(visitor, request.mode())),
        ("cancel", visitor.is(Role::HelpDesk) && request.is_open() && request.mode().is_some()),
    ];
    html! {
        div.doings {
            @for (act, _) in acts.into_iter().filter(|(_, is_possible)| *is_possible) {
                a.button href={ "/requests/" (request.id) "/" (act) } { (act_on(words, act, request.mode())) }
            }
        }
    }
}

fn is_theirs_to_invite(visitor: &Visitor, mode: Option<Mode>) -> bool {
    match mode {
        Some(Mode::Remote) => visitor.is(Role::HelpDesk),
        Some(Mode::Local) => visitor.is(Role::IssuanceOfficer),
        Some(Mode::SelfEnrollment) | None => false,
    }
}
