//! One request, followed live: what has happened, what happens now, what is waited for. The list of steps is sent anew whenever it
//! changes; without a script it is as of when the page was loaded.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, Sse};
use futures_util::Stream;
use futures_util::stream::unfold;
use jiff::Timestamp;
use maud::{Markup, PreEscaped, html};
use qrcode::QrCode;
use qrcode::render::svg;
use serde::Deserialize;
use uuid::Uuid;

use super::Visitor;
use super::replace::back;
use super::user::request_title;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::credential::{CredentialState, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::request::{Mode, Purpose, Request, RequestState};
use crate::lifecycle::ticket::TicketState;
use crate::pages::frame::Page;
use crate::pages::parts::{at, name, slot, tag};
use crate::pages::words::{Words, number, text};
use crate::workflows::failure::Failure;
use crate::workflows::follow_request::{Heard, heard};
use crate::workflows::invitation::Invitation;
use crate::workflows::look_up_user::look_up_request;
use crate::workflows::world::World;

/// How often a page that is open looks again, and how often in all before its browser asks anew.
const LOOK: Duration = Duration::from_secs(1);
const LOOKS: u32 = 120;

#[derive(Deserialize)]
pub struct DoneQuery {
    /// The click that led here.
    done: Option<String>,
}

pub async fn follow(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(request): Segment,
    Queried(query): Queried<DoneQuery>,
) -> Result<Page, Problem> {
    let (words, request) = (visitor.words, id::<RequestId>("request", &request)?);
    let (held, steps) = steps(&world, &visitor, request).await?;
    let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    let deed = query
        .done
        .and_then(|click| click.parse::<Uuid>().ok())
        .and_then(|click| world.deeds.of(click, visitor.who()))
        .filter(|deed| deed.request == Some(request));
    let title = request_title(words, &held, found);
    let body = html! {
        (back(words, &held))
        h1 { (name(&title)) }
        @if let Some(invitation) = deed.as_ref().and_then(|deed| deed.invitation.as_ref()) { (invited(words, found, &held, invitation)) }
        div #live data-events=[found.is_open().then(|| format!("/requests/{request}/events"))] aria-live="polite" { (steps) }
        (doings(&visitor, found))
    };
    Ok(visitor.page("/requests", title, body))
}

/// The steps, again whenever they change.
pub async fn events(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(request): Segment,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Problem> {
    let request = id::<RequestId>("request", &request)?;
    let (_, first) = steps(&world, &visitor, request).await?;
    let watching = Watching { world, visitor, request, shown: String::new(), next: Some(first), looks: LOOKS };
    Ok(Sse::new(unfold(watching, Watching::look)))
}

/// Somebody who watches a request.
struct Watching {
    world: Arc<World>,
    visitor: Visitor,
    request: RequestId,
    shown: String,
    next: Option<Markup>,
    looks: u32,
}

impl Watching {
    /// The steps as soon as they differ from what is shown; the end when it was long enough, or they can be told no more.
    async fn look(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            self.looks = self.looks.checked_sub(1)?;
            let steps = match self.next.take() {
                Some(first) => first,
                None => {
                    tokio::time::sleep(LOOK).await;
                    steps(&self.world, &self.visitor, self.request).await.ok()?.1
                }
            };
            let steps = steps.into_string();
            if steps != self.shown {
                let event = Event::default().event("steps").data(&steps);
                self.shown = steps;
                return Some((Ok(event), self));
            }
        }
    }
}

/// What there is to tell of a request now.
async fn steps(world: &World, visitor: &Visitor, request: RequestId) -> Result<(Holdings, Markup), Failure> {
    let held = look_up_request(world, &visitor.caller, request).await?;
    let found = held.requests.get(&request).ok_or(Failure::missing("request"))?;
    let heard = heard(world, &held, request).await?;
    let told = Told { words: visitor.words, held: &held, request: found, plan: world.policy.slots(found.kind), now: world.now() };
    let markup = told.steps(heard);
    Ok((held, markup))
}

/// How far a step is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Progress {
    Done,
    Now,
    Later,
    Failed,
}

impl Progress {
    fn word(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Now => "now",
            Self::Later => "later",
            Self::Failed => "failed",
        }
    }
}

/// A request that is told.
struct Told<'h> {
    words: Words,
    held: &'h Holdings,
    request: &'h Request,
    plan: &'h [Slot],
    now: Timestamp,
}

impl Told<'_> {
    fn steps(&self, heard: Option<Heard>) -> Markup {
        let (words, request) = (self.words, self.request);
        html! {
            p { (tag(words, request.state.as_str())) }
            ol.steps {
                (self.step(Progress::Done, &words.say("step-submitted"), html! { (at(request.opened_at)) }))
                @if request.replacement().is_some() { (self.suspended(heard)) }
                @if matches!(request.state, RequestState::Rejected { .. } | RequestState::Canceled { .. }) {
                    (self.closed())
                } @else {
                    (self.approved())
                    (self.invitation())
                    (self.keys())
                    (self.confirmed())
                    (self.others())
                }
            }
        }
    }

    fn step(&self, progress: Progress, title: &str, more: Markup) -> Markup {
        html! {
            li class={ "step is-" (progress.word()) } {
                strong { (title) }
                span.unseen { " (" (self.words.word("progress", progress.word())) ")" }
                div { (more) }
            }
        }
    }

    /// What relying parties are told, as we have just heard it ourselves.
    fn suspended(&self, heard: Option<Heard>) -> Markup {
        let words = self.words;
        let Some(heard) = heard else { return self.step(Progress::Done, &words.say("step-suspended"), html! {}) };
        let progress = if heard.by_ocsp && heard.by_crl.is_some() { Progress::Done } else { Progress::Now };
        let more = html! {
            p { (words.with("step-suspended-count", [("count", number(heard.credentials))])) }
            p { @if heard.by_ocsp { (words.say("step-ocsp-says")) } @else { (words.say("step-ocsp-waits")) } }
            p {
                @match heard.by_crl {
                    Some((list, _)) => { (words.with("step-crl-says", [("number", text(&list.to_string()))])) }
                    None => { (words.say("step-crl-waits")) }
                }
            }
        };
        self.step(progress, &words.say("step-suspended"), more)
    }

    fn closed(&self) -> Markup {
        match self.request.state {
            RequestState::Rejected { at: moment } => self.step(Progress::Failed, &self.words.say("step-rejected"), at(moment)),
            RequestState::Canceled { at: moment } => self.step(Progress::Failed, &self.words.say("step-canceled"), at(moment)),
            _ => html! {},
        }
    }

    fn approved(&self) -> Markup {
        if matches!(self.request.purpose, Purpose::Update { .. }) {
            return html! {};
        }
        let progress = if self.request.state == RequestState::AwaitingApproval { Progress::Now } else { Progress::Done };
        self.step(progress, &self.words.say("step-approved"), html! {})
    }

    /// The ticket: out, used, or no longer good.
    fn invitation(&self) -> Markup {
        let words = self.words;
        let Some(mode) = self.request.mode() else { return html! {} };
        let is_used = matches!(self.request.state, RequestState::Issuing(_) | RequestState::Issued { .. });
        let open = self.held.tickets.values().find(|t| t.request == self.request.id && t.state == TicketState::Open);
        let title = words.word("step-ticket", mode.as_str());
        match (is_used, open) {
            (true, _) => self.step(Progress::Done, &title, html! { (words.say("step-ticket-used")) }),
            (false, Some(ticket)) if ticket.expires_at <= self.now => {
                self.step(Progress::Failed, &title, html! { (words.say("step-ticket-expired")) " " (at(ticket.expires_at)) })
            }
            (false, Some(ticket)) if ticket.attempts_left == 0 => {
                self.step(Progress::Failed, &title, html! { (words.say("step-ticket-locked")) })
            }
            (false, Some(ticket)) => {
                self.step(Progress::Now, &title, html! { (words.say("step-ticket-open")) " " (at(ticket.expires_at)) })
            }
            (false, None) => {
                let progress = if self.request.state == RequestState::AwaitingApproval { Progress::Later } else { Progress::Now };
                self.step(progress, &title, html! { (words.say("step-ticket-none")) })
            }
        }
    }

    /// Each key of the plan.
    fn keys(&self) -> Markup {
        let words = self.words;
        let (device, collected) = match &self.request.state {
            RequestState::Issuing(issuing) => (Some(issuing.device), issuing.collected.is_some()),
            RequestState::Issued { .. } => return self.step(Progress::Done, &words.say("step-keys"), html! {}),
            _ => (None, false),
        };
        let is_update = matches!(self.request.purpose, Purpose::Update { .. });
        let plan = self.plan.iter().filter(|slot| !is_update || **slot == Slot::Enc);
        let more = html! {
            ul {
                @for each in plan {
                    @let is_there = device.is_some_and(|device| self.is_signed(device, *each)) || (*each == Slot::Enc && collected);
                    li { (slot(words, *each)) ": " @if is_there { (words.say("key-there")) } @else { (words.say("key-not-yet")) } }
                }
            }
        };
        self.step(if device.is_some() { Progress::Now } else { Progress::Later }, &words.say("step-keys"), more)
    }

    fn is_signed(&self, device: DeviceId, slot: Slot) -> bool {
        self.held.unconfirmed_for(device).any(|each| each.slot == slot && matches!(each.state, CredentialState::Signed { .. }))
    }

    fn confirmed(&self) -> Markup {
        match self.request.state {
            RequestState::Issued { device, at: moment } => {
                let named = self.held.devices.get(&device).map_or("?", |device| device.name.as_str());
                self.step(Progress::Done, &self.words.say("step-confirmed"), html! { (name(named)) ", " (at(moment)) })
            }
            _ => self.step(Progress::Later, &self.words.say("step-confirmed"), html! {}),
        }
    }

    /// The devices that must collect a renewed key.
    fn others(&self) -> Markup {
        let words = self.words;
        let RequestState::Issued { at: issued, .. } = self.request.state else { return html! {} };
        let updates = self.held.requests.values().filter(|other| other.opened_at == issued);
        let updates: Vec<(&str, bool)> = updates
            .filter_map(|other| match other.purpose {
                Purpose::Update { device } => Some((self.held.devices.get(&device)?.name.as_str(), other.is_open())),
                Purpose::Initial { .. } | Purpose::Replacement { .. } => None,
            })
            .collect();
        if updates.is_empty() {
            return html! {};
        }
        let progress = if updates.iter().any(|(_, is_open)| *is_open) { Progress::Now } else { Progress::Done };
        let more = html! {
            ul { @for (device, is_open) in updates {
                li { (name(device)) ": " @if is_open { (words.say("update-opens")) } @else { (words.say("update-done")) } }
            } }
        };
        self.step(progress, &words.say("step-others"), more)
    }
}

/// The invitation, shown this once: to be scanned, or read, and the code that goes another way.
fn invited(words: Words, request: &Request, held: &Holdings, invitation: &Invitation) -> Markup {
    let is_remote = request.mode() == Some(Mode::Remote);
    html! {
        section.invitation aria-labelledby="invitation" {
            h2 #invitation { (words.say("invitation-title")) }
            p { @if is_remote { (words.with("invitation-sent", [("email", text(&held.user.email))])) } @else { (words.say("invitation-local")) } }
            @if let Some(code) = &invitation.code {
                p { (words.say("invitation-code")) }
                p.code { (code.get(..4).unwrap_or_default()) " " (code.get(4..).unwrap_or_default()) }
            }
            details open[!is_remote] {
                summary { (words.say("invitation-show")) }
                (qr(words, &invitation.uri))
                label for="uri" { (words.say("invitation-text")) }
                textarea #uri readonly rows="4" { (*invitation.uri) }
            }
            p.quiet { (words.say("step-ticket-open")) " " (at(invitation.expires_at)) }
        }
    }
}

fn qr(words: Words, uri: &str) -> Markup {
    let Ok(code) = QrCode::new(uri) else { return html! {} };
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    let drawn = drawn.find("<svg").and_then(|from| drawn.get(from..)).unwrap_or_default();
    html! { div.qr role="img" aria-label=(words.say("invitation-qr")) { (PreEscaped(drawn)) } }
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
                a.button href={ "/requests/" (request.id) "/" (act) } { (words.word("act-request", act)) }
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
