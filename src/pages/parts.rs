//! The parts that pages are made of: a state as a tag, a time, what an act would do, what somebody holds.

use jiff::Timestamp;
use maud::{Markup, html};

use super::going::request_path;
use super::words::{Words, number, text};
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::{Credential, Slot};
use crate::lifecycle::device::Device;
use crate::lifecycle::effects::{CredentialEffect, DeviceEffect, Effects, Undo};
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::CredentialId;
use crate::lifecycle::request::{Purpose, Request, RequestState};
use crate::workflows::failure::Failure;

/// What is wrong with a form, at the top of its page, leading to the field: which, and in which words.
pub fn wrong(words: Words, wrong: Option<(&str, &str)>) -> Markup {
    html! {
        @if let Some((field, told)) = wrong {
            div.errors role="alert" { h2 { (words.say("errors-title")) } p { a href={ "#" (field) } { (told) } } }
        }
    }
}

/// What a workflow found wrong with one of these fields, of which the first is taken where it names none: which field, and in which words.
pub fn wrong_field<'f>(words: Words, failure: &Failure, fields: &[&'f str]) -> Option<(&'f str, String)> {
    let Failure::Invalid { code, detail } = failure else { return None };
    let named = fields.iter().find(|field| detail.strip_prefix(**field).is_some_and(|rest| rest.starts_with([':', ' '])));
    let field = named.or(fields.first()).copied()?;
    let told = match words.has("code", code) && *code != "malformed" {
        true => format!("{}: {}", words.word("field", field), words.word("code", code)),
        false => detail.clone(),
    };
    Some((field, told))
}

/// A state, in words and not by its color alone.
pub fn tag(words: Words, status: &str) -> Markup {
    html! { span class={ "tag is-" (status) } { (words.word("status", status)) } }
}

/// A moment, to the minute, in UTC.
pub fn at(moment: Timestamp) -> Markup {
    html! { time datetime=(moment) { (moment.strftime("%Y-%m-%d %H:%M UTC")) } }
}

/// A day.
pub fn day(moment: Timestamp) -> Markup {
    html! { time datetime=(moment) { (moment.strftime("%Y-%m-%d")) } }
}

/// How long ago, roughly.
pub fn ago(words: Words, moment: Timestamp, now: Timestamp) -> String {
    let minutes = usize::try_from(now.duration_since(moment).as_mins()).unwrap_or(0);
    match minutes {
        0 => words.say("ago-now"),
        minutes @ 1..60 => words.with("ago-minutes", [("count", number(minutes))]),
        minutes @ 60..1440 => words.with("ago-hours", [("count", number(minutes / 60))]),
        minutes => words.with("ago-days", [("count", number(minutes / 1440))]),
    }
}

/// Names that somebody chose stand apart, whichever way they are read.
pub fn name(name: &str) -> Markup {
    html! { bdi { (name) } }
}

/// Why something may not be used now.
pub fn holds(words: Words, held: &Holdings, on: Held) -> Markup {
    let standing: Vec<_> = held.holds.on(on).collect();
    html! {
        @if !standing.is_empty() {
            ul.holds {
                @for (hold, since) in standing { li { (cause(words, held, hold.cause)) ", " (words.say("since")) " " (at(since)) } }
            }
        }
    }
}

fn cause(words: Words, held: &Holdings, cause: Cause) -> String {
    match cause {
        Cause::Replacement(request) => {
            let reason = held.requests.get(&request).and_then(|request| request.replacement()).map(|(reason, _)| reason.as_str());
            words.with("held-by-replacement", [("reason", text(&words.word("reason", reason.unwrap_or("other"))))])
        }
        Cause::HelpDeskDevice(_) => words.say("held-by-desk-device"),
        Cause::HelpDeskCredential(_) => words.say("held-by-desk-credential"),
    }
}

/// What a device carries, current before history.
pub fn carried<'h>(held: &'h Holdings, device: &Device) -> Vec<(&'h Credential, Carried)> {
    let mut carried: Vec<_> = held.carried_by(device.id).collect();
    carried.sort_by_key(|(credential, how)| (*how != Carried::Current, credential.slot, std::cmp::Reverse(credential.issued_at())));
    carried
}

/// How far a request is; an update, which nobody approves, waits for its device.
pub fn request_tag(words: Words, request: &Request) -> Markup {
    match request.purpose {
        Purpose::Update { .. } if request.state == RequestState::Approved => tag(words, "waits-for-sync"),
        _ => tag(words, request.state.as_str()),
    }
}

/// A request with its page, how far it is, and since when it is open.
pub fn request_line(words: Words, held: &Holdings, request: &Request) -> Markup {
    html! {
        a href=(request_path(request.id)) { (request_title(words, held, request)) }
        " " (request_tag(words, request))
        span.quiet { " " (words.say("since")) " " (at(request.opened_at)) }
    }
}

/// What a request is, in words.
pub fn request_title(words: Words, held: &Holdings, request: &Request) -> String {
    let named = |device| held.devices.get(&device).map_or("?", |device: &Device| device.name.as_str());
    let kind = words.word("kind", request.kind.as_str());
    match &request.purpose {
        Purpose::Initial { .. } => words.with("request-initial", [("kind", text(&kind))]),
        Purpose::Replacement { reason, line, .. } => {
            let reason = words.word("reason", reason.as_str());
            words.with("request-replacement", [("device", text(named(line.target))), ("reason", text(&reason))])
        }
        Purpose::Update { device } => words.with("request-update", [("device", text(named(*device)))]),
    }
}

/// A slot as people say it.
pub fn slot(words: Words, slot: Slot) -> String {
    words.word("slot", slot.as_str())
}

/// What an act would do: before and after, what still works, and whether there is a way back.
/// `undo_words` is the vocabulary in which the way back is told: who may go it depends on who looks.
pub fn effects(words: Words, held: &Holdings, effects: &Effects, undo_words: &str) -> Markup {
    let touched: Vec<&DeviceEffect> = effects.devices.iter().filter(|device| device.is_touched).collect();
    let mut credentials: Vec<&CredentialEffect> = effects.credentials.iter().collect();
    credentials.sort_by_key(|credential| credential.slot);
    html! {
        section.effects aria-labelledby="effects" {
            h2 #effects { (words.say("what-will-happen")) }
            @if touched.is_empty() { p { (words.say("nothing-changes")) } }
            @for device in touched {
                div.effect {
                    h3 { (name(&device.name)) " " (step(words, device.before.map(|s| s.as_str()), device.after.map(|s| s.as_str()))) }
                    ul {
                        @for credential in credentials.iter().filter(|credential| is_on(held, device, credential.credential)) {
                            (credential_effect(words, credential))
                        }
                        @if device.update_opens { li { (words.say("update-opens")) } }
                    }
                }
            }
            h3 { (words.say("what-still-works")) }
            @if effects.remaining.iter().all(|remaining| remaining.usable.is_empty()) { p { (words.say("nothing-works")) } }
            ul {
                @for remaining in effects.remaining.iter().filter(|remaining| !remaining.usable.is_empty()) {
                    li {
                        @if let Some(device) = held.devices.get(&remaining.device) { (name(&device.name)) ": " }
                        (remaining.usable.iter().map(|each| slot(words, *each)).collect::<Vec<_>>().join(", "))
                    }
                }
            }
            (undo(words, effects, undo_words))
        }
    }
}

fn is_on(held: &Holdings, device: &DeviceEffect, credential: CredentialId) -> bool {
    held.carries.contains_key(&(device.device, credential))
}

/// Only what changes is told.
fn credential_effect(words: Words, effect: &CredentialEffect) -> Markup {
    let (before, after) = (effect.before.map(|status| status.as_str()), effect.after.map(|status| status.as_str()));
    html! {
        @if before != after {
            li { (slot(words, effect.slot)) " " (step(words, before, after)) }
        }
    }
}

fn step(words: Words, before: Option<&str>, after: Option<&str>) -> Markup {
    html! {
        @if let Some(before) = before { (tag(words, before)) }
        @if before != after {
            @if before.is_some() { span aria-hidden="true" { " → " } span.unseen { " " (words.say("becomes")) " " } }
            @if let Some(after) = after { (tag(words, after)) }
        }
    }
}

fn undo(words: Words, effects: &Effects, undo_words: &str) -> Markup {
    html! {
        @match effects.undo {
            Undo::By { act, .. } => p.hint { (words.word(undo_words, act)) },
            Undo::Never { .. } if ends_something(effects) => p.warning { strong { (words.say("cannot-be-undone")) } },
            Undo::Never { .. } => p.hint { (words.say("ends-nothing")) },
        }
    }
}

/// Whether a device or a credential ends for ever.
pub fn ends_something(effects: &Effects) -> bool {
    let ends = |before: Option<&str>, after: Option<&str>, end: &str| after == Some(end) && before != after;
    effects.devices.iter().any(|device| ends(device.before.map(|s| s.as_str()), device.after.map(|s| s.as_str()), "terminated"))
        || effects.credentials.iter().any(|each| ends(each.before.map(|s| s.as_str()), each.after.map(|s| s.as_str()), "revoked"))
}
