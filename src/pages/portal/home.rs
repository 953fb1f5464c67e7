//! My devices: whether each works, what is under way, and what I can do about it; and what was done.

use std::sync::Arc;

use axum::extract::State;
use maud::{Markup, html};

use super::Guest;
use super::follow::is_to_enroll;
use crate::http::problem::Problem;
use crate::lifecycle::change::Carried;
use crate::lifecycle::device::{Device, DeviceState};
use crate::lifecycle::hold::Held;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::request::Request;
use crate::pages::frame::Page;
use crate::pages::going::request_path;
use crate::pages::history::{Names, log};
use crate::pages::parts::{at, carried, day, holds, name, request_line, slot, tag};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, number, text};
use crate::store::views::AuditFilter;
use crate::workflows::failure::Failure;
use crate::workflows::world::World;

/// How much of the history a page shows.
const HISTORY: u32 = 100;

pub async fn home(State(world): State<Arc<World>>, guest: Guest) -> Result<Page, Problem> {
    let held = guest.holdings(&world).await?;
    let (words, now) = (guest.words, world.now());
    let open: Vec<&Request> = held.open_requests().collect();
    let in_use: Vec<&Device> = held.devices.values().filter(|device| device.is_in_use()).collect();
    let ended: Vec<&Device> = held.devices.values().filter(|device| matches!(device.state, DeviceState::Terminated { .. })).collect();
    let body = html! {
        h1 { (words.with("home-title", [("name", text(&held.user.name))])) }
        @if !open.is_empty() {
            section.notice aria-labelledby="under-way" {
                h2 #under-way { (words.say("user-under-way")) }
                ul.list { @for request in open { li { (under_way(words, &held, request)) } } }
            }
        }
        h2 { (words.say("portal-devices")) }
        @if in_use.is_empty() { p { (words.with("portal-no-devices", [("desk", text(&world.mail.help_desk))])) } }
        div.cards { @for device in in_use { (card(words, &held, device, now)) } }
        @if !ended.is_empty() {
            details {
                summary { (words.with("user-ended", [("count", number(ended.len()))])) }
                ul.list { @for device in ended { li { (name(&device.name)) " " (tag(words, "terminated")) (ending(words, device)) } } }
            }
        }
    };
    Ok(guest.page("/", words.say("nav-devices"), body))
}

fn ending(words: Words, device: &Device) -> Markup {
    html! {
        @if let DeviceState::Terminated { at: ended, reason, .. } = &device.state {
            span.quiet { " " (words.word("ended", reason.as_str())) ", " (day(*ended)) }
        }
    }
}

/// A request that is open, and what it waits for.
fn under_way(words: Words, held: &Holdings, request: &Request) -> Markup {
    html! {
        (request_line(words, held, request))
        @if is_to_enroll(request) { p.hint { (words.say("portal-enroll-now")) } }
    }
}

fn card(words: Words, held: &Holdings, device: &Device, now: jiff::Timestamp) -> Markup {
    let current = carried(held, device).into_iter().filter(|(_, how)| *how == Carried::Current);
    let replacement = held.open_replacement_of(device.id);
    html! {
        article.card aria-labelledby={ "d-" (device.id) } {
            div.head {
                h3 id={ "d-" (device.id) } { (name(&device.name)) }
                (tag(words, held.device_status(device).as_str()))
            }
            p.quiet { (words.word("kind", device.kind.as_str())) " · " (name(&device.model)) }
            @if let DeviceState::Issued { stand_in: Some(mark), .. } = &device.state {
                p { (words.say("portal-stand-in")) " " (at(mark.until)) }
            }
            (holds(words, held, Held::Device(device.id)))
            @if held.open_update_of(device.id).is_some() { p.hint { (words.say("update-opens")) } }
            ul.credentials {
                @for (credential, _) in current {
                    li {
                        div.head { strong { (slot(words, credential.slot)) } (tag(words, held.credential_status(credential, now).as_str())) }
                        @if let Some(certified) = credential.certified() { p.quiet { (words.say("card-until")) " " (day(certified.not_after)) } }
                    }
                }
            }
            div.doings {
                @if let Some(request) = replacement {
                    a.button href=(request_path(request.id)) { (words.say("card-follow")) }
                } @else if !held.is_on_open_line(device.id) {
                    a.button href={ "/devices/" (device.id) "/report" } { (words.say("portal-report")) span.unseen { ": " (device.name) } }
                }
            }
        }
    }
}

/// What was done to me.
pub async fn history(State(world): State<Arc<World>>, guest: Guest) -> Result<Page, Problem> {
    let held = guest.holdings(&world).await?;
    let filter = AuditFilter { user: Some(guest.user.user), ..AuditFilter::default() };
    let lines = world.store.audit_page(&filter, i64::MAX, HISTORY).await.map_err(Failure::from)?;
    let words = guest.words;
    let body = html! {
        h1 { (words.say("nav-history")) }
        p { (words.with("history-hint", [("desk", text(&world.mail.help_desk))])) }
        (log(words, &held, &lines, &Names::new()))
    };
    Ok(guest.page("/history", words.say("nav-history"), body))
}
