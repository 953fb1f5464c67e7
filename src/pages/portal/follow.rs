//! A request of mine: how far it is, the ticket to enroll with, and the ways out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use uuid::Uuid;

use super::Guest;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::request::{Mode, Request, RequestState, Requester};
use crate::pages::asked::{Check, back, check, done};
use crate::pages::form::{Filled, OnlyToken, Token};
use crate::pages::frame::Page;
use crate::pages::going::{request_path, see};
use crate::pages::invited;
use crate::pages::live::{DoneQuery, Seen, live, place};
use crate::pages::parts::{at, name, request_title};
use crate::pages::steps::{is_over, steps};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, text};
use crate::workflows::cancel_request::CancelRequest;
use crate::workflows::dispute_request::dispute_request;
use crate::workflows::failure::Failure;
use crate::workflows::invitation::Invitation;
use crate::workflows::invite_again::InviteAgain;
use crate::workflows::sign_in::is_still_signed_in;
use crate::workflows::world::World;

/// The request of this id among those of the guest.
fn mine<'h>(held: &'h Holdings, request: &str) -> Result<&'h Request, Problem> {
    Ok(held.requests.get(&id::<RequestId>("request", request)?).ok_or(Failure::missing("request"))?)
}

pub async fn follow(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(request): Segment,
    Queried(query): Queried<DoneQuery>,
) -> Result<Page, Problem> {
    let (words, held) = (guest.words, guest.holdings(&world).await?);
    let found = mine(&held, &request)?;
    let title = request_title(words, &held, found);
    let click = query.click();
    let body = html! {
        (back(&guest, &held))
        h1 { (name(&title)) }
        (place(found.id, click, seen(&world, &guest, &held, found, click, &guest.token(&world)?).await?))
    };
    Ok(guest.page("/", title, body))
}

/// What changes while it is looked at.
async fn seen(world: &World, guest: &Guest, held: &Holdings, found: &Request, click: Option<Uuid>, token: &Token) -> Result<Seen, Failure> {
    let words = guest.words;
    let disputed = world.store.dispute_of(found.id).await?;
    let deed = click
        .and_then(|click| world.deeds.of(click, guest.who()))
        .filter(|deed| deed.outcome.request == Some(found.id) && is_to_enroll(found));
    let part = html! {
        @if let Some(since) = disputed {
            p.notice { (words.with("my-dispute", [("desk", text(&world.mail.help_desk))])) " " (at(since)) }
        }
        @if let Some(invitation) = deed.as_ref().and_then(|deed| deed.outcome.invitation.as_ref()) { (ticket_shown(words, found, invitation)) }
        @else if is_to_enroll(found) {
            form method="post" action={ (request_path(found.id)) "/ticket" } {
                (token.field())
                p { (words.say("my-ticket-hint")) }
                button.primary { (words.say("my-ticket")) }
            }
        }
        (steps(world, words, held, found, "my-step-ticket").await?)
        div.doings {
            @if may_cancel(guest, found) { a.button href={ (request_path(found.id)) "/cancel" } { (words.say("my-cancel")) } }
            @if disputed.is_none() { a.button href={ (request_path(found.id)) "/not-me" } { (words.say("my-not-me")) } }
        }
    };
    Ok(Seen { part, is_over: is_over(held, found) })
}

/// The same, sent anew whenever it changes.
pub async fn events(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(request): Segment,
    Queried(query): Queried<DoneQuery>,
) -> Result<Response, Problem> {
    let request = mine(&guest.holdings(&world).await?, &request)?.id;
    // one for as long as is looked: another each time would be news each time
    let token = Arc::new(guest.token(&world)?);
    let (guest, click) = (Arc::new(guest), query.click());
    Ok(live(move || {
        let (world, guest, token) = (Arc::clone(&world), Arc::clone(&guest), Arc::clone(&token));
        async move {
            is_still_signed_in(&world, &guest.user).await?;
            let held = guest.holdings(&world).await?;
            let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
            seen(&world, &guest, &held, found, click, &token).await
        }
    })
    .into_response())
}

/// Whether its device is the user's to enroll now.
pub(super) fn is_to_enroll(request: &Request) -> bool {
    let is_waiting = matches!(request.state, RequestState::Approved | RequestState::Bound { .. });
    request.mode() == Some(Mode::SelfEnrollment) && is_waiting
}

fn may_cancel(guest: &Guest, request: &Request) -> bool {
    request.state == RequestState::AwaitingApproval && request.requester == Requester::User(guest.user.user)
}

/// The ticket, shown this once: for the app on the new device, or for a card in a reader.
fn ticket_shown(words: Words, request: &Request, invitation: &Invitation) -> Markup {
    html! {
        section.invitation aria-labelledby="invitation" {
            h2 #invitation { (words.say("my-ticket-title")) }
            p { (words.say(if request.kind.is_stock() { "my-ticket-card" } else { "my-ticket-phone" })) }
            @if let Some(digits) = &invitation.code {
                p { (words.say("my-ticket-code")) }
                (invited::code(digits))
            }
            (invited::ticket(words, invitation))
        }
    }
}

/// A ticket of my own; the former one dies.
pub async fn ticket(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(request): Segment,
    Filled(fields): Filled<OnlyToken>,
) -> Result<Response, Problem> {
    done(&world, &guest, &fields.token, Box::new(InviteAgain { request: id("request", &request)? })).await
}

/// What taking it back would do.
pub async fn ask_cancel(State(world): State<Arc<World>>, guest: Guest, Segment(request): Segment) -> Result<Response, Problem> {
    let (words, held) = (guest.words, guest.holdings(&world).await?);
    let found = mine(&held, &request)?;
    let title = format!("{}: {}", words.say("my-cancel"), request_title(words, &held, found));
    let button = words.say("my-cancel");
    let asked = Check { title: &title, answers: &[], fields: &[], more: html! {}, button: &button };
    check(&world, &guest, &held, asked, &CancelRequest { request: found.id }).await
}

pub async fn cancel(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(request): Segment,
    Filled(fields): Filled<OnlyToken>,
) -> Result<Response, Problem> {
    done(&world, &guest, &fields.token, Box::new(CancelRequest { request: id("request", &request)? })).await
}

/// Somebody else asked for it in my name.
pub async fn ask_not_me(State(world): State<Arc<World>>, guest: Guest, Segment(request): Segment) -> Result<Page, Problem> {
    let (words, held) = (guest.words, guest.holdings(&world).await?);
    let found = mine(&held, &request)?;
    let title = format!("{}: {}", words.say("my-not-me"), request_title(words, &held, found));
    let body = html! {
        (back(&guest, &held))
        h1 { (name(&title)) }
        p { (words.say("not-me-what")) }
        ul {
            li { (words.say("not-me-told")) }
            li { (words.say("not-me-unchanged")) }
            li { (words.with("not-me-call", [("desk", text(&world.mail.help_desk))])) }
            li { a href="/password" { (words.say("not-me-password")) } }
            @if may_cancel(&guest, found) { li { a href={ (request_path(found.id)) "/cancel" } { (words.say("my-cancel")) } } }
        }
        form method="post" {
            (guest.token(&world)?.field())
            button.primary { (words.say("not-me-button")) }
            " " a href=(request_path(found.id)) { (words.say("leave-it")) }
        }
    };
    Ok(guest.page("/", title, body))
}

pub async fn not_me(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(request): Segment,
    Filled(fields): Filled<OnlyToken>,
) -> Result<Response, Problem> {
    guest.click(&world, &fields.token)?;
    let request = id("request", &request)?;
    dispute_request(&world, &guest.user, request).await?;
    Ok(see(&request_path(request)))
}
