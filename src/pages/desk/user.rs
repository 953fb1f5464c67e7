//! One page a user: what they hold, why something of it may not be used, what is under way, and what was done.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Segment, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{Credential, Slot};
use crate::lifecycle::device::{Device, DeviceState, DeviceStatus};
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::request::Request;
use crate::pages::frame::Page;
use crate::pages::going::{request_path, see};
use crate::pages::history::{actors, log};
use crate::pages::parts::{at, carried, day, holds, name, request_line, slot, tag};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, number, text};
use crate::store::views::AuditFilter;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::{look_up_credential, look_up_device, look_up_user};
use crate::workflows::world::World;

/// How much of the history the page shows.
const HISTORY: u32 = 20;

pub async fn user(State(world): State<Arc<World>>, visitor: Visitor, Segment(user): Segment) -> Result<Page, Problem> {
    let user = id("user", &user)?;
    let held = look_up_user(&world, &visitor.caller, user).await?;
    let filter = AuditFilter { user: Some(user), ..AuditFilter::default() };
    let history = world.store.audit_page(&filter, i64::MAX, HISTORY).await.map_err(Failure::from)?;
    let names = world.store.names(&actors(&history)).await.map_err(Failure::from)?;
    let (words, now) = (visitor.words, world.now());
    let (mut in_use, mut ended): (Vec<&Device>, Vec<&Device>) =
        held.devices.values().partition(|device| !matches!(device.state, DeviceState::Terminated { .. }));
    in_use.sort_by_key(|device| (issued_at(device).is_none(), issued_at(device)));
    ended.sort_by_key(|device| std::cmp::Reverse(ended_at(device)));
    let body = html! {
        h1 { (name(&held.user.name)) }
        p.lead { (name(&held.user.email)) @if held.user.upn != held.user.email { " · " (name(&held.user.upn)) } }
        (under_way(words, &held))
        h2 { (words.say("user-devices")) }
        @if in_use.is_empty() { p { (words.say("user-no-devices")) } }
        div.cards { @for device in &in_use { (card(&visitor, &held, device, now)) } }
        @if visitor.is(Role::HelpDesk) {
            p {
                a.button href={ (user_path(user)) "/issue" } { (words.say("issue-title")) }
                a.small href={ (user_path(user)) "/password" } { (words.say("give-password-title")) }
                a.small href={ (user_path(user)) "/directory" } { (words.say("directory-title")) }
            }
        }
        @if visitor.is(Role::IssuanceOfficer) { p { a.small href={ (user_path(user)) "/recover" } { (words.say("recover-title")) } } }
        @if !ended.is_empty() {
            details {
                summary { (words.with("user-ended", [("count", number(ended.len()))])) }
                div.cards { @for device in &ended { (card(&visitor, &held, device, now)) } }
            }
        }
        (log(words, &held, &history, &names))
    };
    Ok(visitor.page("/users", held.user.name.clone(), body))
}

/// A device is seen on the page of its user.
pub async fn of_device(State(world): State<Arc<World>>, visitor: Visitor, Segment(device): Segment) -> Result<Response, Problem> {
    let held = look_up_device(&world, &visitor.caller, id("device", &device)?).await?;
    Ok(see(&user_path(held.user.id)))
}

/// So is a credential.
pub async fn of_credential(State(world): State<Arc<World>>, visitor: Visitor, Segment(credential): Segment) -> Result<Response, Problem> {
    let held = look_up_credential(&world, &visitor.caller, id("credential", &credential)?).await?;
    Ok(see(&user_path(held.user.id)))
}

fn issued_at(device: &Device) -> Option<jiff::Timestamp> {
    match device.state {
        DeviceState::Issued { at, .. } => Some(at),
        DeviceState::Available | DeviceState::Assigned { .. } | DeviceState::Terminated { .. } => None,
    }
}

fn ended_at(device: &Device) -> Option<jiff::Timestamp> {
    match device.state {
        DeviceState::Terminated { at, .. } => Some(at),
        DeviceState::Available | DeviceState::Assigned { .. } | DeviceState::Issued { .. } => None,
    }
}

/// The open requests.
fn under_way(words: Words, held: &Holdings) -> Markup {
    let open: Vec<&Request> = held.open_requests().collect();
    html! {
        @if !open.is_empty() {
            section.notice aria-labelledby="under-way" {
                h2 #under-way { (words.say("user-under-way")) }
                ul.list {
                    @for request in open { li { (request_line(words, held, request)) } }
                }
            }
        }
    }
}

/// A device, with what it carries and what can be done about it.
fn card(visitor: &Visitor, held: &Holdings, device: &Device, now: jiff::Timestamp) -> Markup {
    let words = visitor.words;
    let carried = carried(held, device);
    let (current, history): (Vec<_>, Vec<_>) = carried.into_iter().partition(|(_, how)| *how == Carried::Current);
    html! {
        article.card aria-labelledby={ "d-" (device.id) } {
            div.head {
                h3 id={ "d-" (device.id) } { (name(&device.name)) }
                (tag(words, held.device_status(device).as_str()))
            }
            p.quiet { (words.word("kind", device.kind.as_str())) " · " (name(&device.model)) " · " code { (device.serial) } }
            (line(words, held, device))
            (holds(words, held, Held::Device(device.id)))
            @if held.open_update_of(device.id).is_some() { p.hint { (words.say("update-opens")) } }
            @if !current.is_empty() {
                ul.credentials { @for (credential, _) in current { (credential_line(visitor, held, device, credential, now)) } }
            }
            @if !history.is_empty() {
                details {
                    summary { (words.with("card-history", [("count", number(history.len()))])) }
                    ul.credentials { @for (credential, _) in history { (credential_line(visitor, held, device, credential, now)) } }
                }
            }
            @if visitor.is(Role::HelpDesk) { (doings(words, held, device)) }
        }
    }
}

/// Where the device stands: for whom it stands in, who stands in for it, how it ended.
fn line(words: Words, held: &Holdings, device: &Device) -> Markup {
    let named = |device| held.devices.get(&device).map_or("?", |device: &Device| device.name.as_str());
    html! {
        @match &device.state {
            DeviceState::Terminated { at: ended, reason, .. } => {
                p { (words.word("ended", reason.as_str())) ", " (at(*ended)) }
            }
            DeviceState::Issued { at: issued, stand_in } => {
                p { (words.say("card-issued")) " " (day(*issued)) }
                @if let Some(mark) = stand_in {
                    p { (words.with("card-stands-in", [("device", text(named(mark.original)))])) " " (at(mark.until)) }
                }
                @if let Some(other) = held.stand_in_of(device.id) {
                    p { (words.with("card-has-stand-in", [("device", text(&other.name))])) }
                }
            }
            DeviceState::Assigned { .. } => p { (words.say("card-assigned")) },
            DeviceState::Available => {}
        }
    }
}

fn credential_line(visitor: &Visitor, held: &Holdings, device: &Device, credential: &Credential, now: jiff::Timestamp) -> Markup {
    let words = visitor.words;
    let sharing: Vec<&str> =
        held.carriers_in_use(credential.id).filter(|other| other.id != device.id).map(|other| other.name.as_str()).collect();
    let is_held_alone = held.holds.stands(Held::Credential(credential.id), Cause::HelpDeskCredential(credential.id));
    let can_act = visitor.is(Role::HelpDesk) && device.is_in_use() && credential.issued_at().is_some() && !credential.is_revoked();
    let act = if is_held_alone { "resume" } else { "suspend" };
    let is_offered = can_act && (is_held_alone || held.holds.on(Held::Credential(credential.id)).next().is_none());
    html! {
        li {
            div.head {
                strong { (slot(words, credential.slot)) }
                (tag(words, held.credential_status(credential, now).as_str()))
            }
            @if let Some(certified) = credential.certified() { p.quiet { (words.say("card-until")) " " (day(certified.not_after)) } }
            p.quiet { code.serial { (credential.serial) } }
            @if credential.slot == Slot::Enc && !sharing.is_empty() && !credential.is_revoked() {
                p { (words.with("card-shared", [("devices", text(&sharing.join(", ")))])) }
            }
            (holds(words, held, Held::Credential(credential.id)))
            @if is_offered {
                a.small href={ "/credentials/" (credential.id) "/" (act) } {
                    (words.word("act-credential", act)) span.unseen { ": " (slot(words, credential.slot)) ", " (device.name) }
                }
            }
        }
    }
}

/// What the help desk can do about a device now.
fn doings(words: Words, held: &Holdings, device: &Device) -> Markup {
    let is_held = held.holds.stands(Held::Device(device.id), Cause::HelpDeskDevice(device.id));
    let replacement = held.open_replacement_of(device.id);
    let is_back_possible = held.arrangements_over(device.id).next().is_some() && held.stand_in_of(device.id).is_none();
    let link = |act: &str, is_first: bool| {
        html! {
            a class=(if is_first { "button" } else { "small" }) href={ "/devices/" (device.id) "/" (act) } {
                (words.word("act-device", act)) span.unseen { ": " (device.name) }
            }
        }
    };
    html! {
        @if device.is_in_use() {
            div.doings {
                @if let Some(request) = replacement {
                    a.button href=(request_path(request.id)) { (words.say("card-follow")) }
                }
                @if !held.is_on_open_line(device.id) { (link("replace", true)) }
                @if is_back_possible { (link("returned", false)) }
                @if matches!(device.state, DeviceState::Issued { stand_in: Some(_), .. }) {
                    a.small href={ "/devices/" (device.id) "/terminate?reason=retired" } { (words.say("card-original-back")) }
                }
                @if is_held { (link("resume", false)) }
                @if !is_held && held.device_status(device) != DeviceStatus::Terminated { (link("suspend", false)) }
                (link("terminate", false))
            }
        }
    }
}
