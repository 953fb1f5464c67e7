//! What there is to tell of a request: what has happened, what happens now, what is waited for.

use jiff::Timestamp;
use maud::{Markup, html};

use super::parts::{at, name, request_tag, slot};
use super::words::{Words, number, text};
use crate::lifecycle::credential::{CredentialState, Slot};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::request::{Purpose, Request, RequestState};
use crate::lifecycle::ticket::TicketState;
use crate::workflows::failure::Failure;
use crate::workflows::follow_request::{Heard, heard};
use crate::workflows::world::World;

/// The steps of a request as they are now. `ticket_words` is the vocabulary in which its ticket is named: whose it is depends on who looks.
pub async fn steps(world: &World, words: Words, held: &Holdings, request: &Request, ticket_words: &'static str) -> Result<Markup, Failure> {
    let heard = heard(world, held, request.id).await?;
    let because = match request.state {
        RequestState::Rejected { .. } => world.store.rejected_because(request.id).await?,
        _ => None,
    };
    Ok(Told { words, ticket_words, held, request, plan: world.policy.slots(request.kind), now: world.now(), because }.steps(heard))
}

/// Whether nothing of a request changes any more: it is closed, and every device that it renewed a key for has collected it.
pub fn is_over(held: &Holdings, request: &Request) -> bool {
    match request.state {
        RequestState::Issued { at, .. } => !held.open_requests().any(|other| is_update_of(other, at)),
        _ => !request.is_open(),
    }
}

/// The updates that an issuance makes necessary are opened with it.
fn is_update_of(other: &Request, issued: Timestamp) -> bool {
    other.opened_at == issued && matches!(other.purpose, Purpose::Update { .. })
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
    ticket_words: &'static str,
    held: &'h Holdings,
    request: &'h Request,
    plan: &'h [Slot],
    now: Timestamp,
    /// Why it was rejected, in the officer's words.
    because: Option<String>,
}

impl Told<'_> {
    fn steps(&self, heard: Option<Heard>) -> Markup {
        let (words, request) = (self.words, self.request);
        html! {
            p { (request_tag(words, request)) }
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
            RequestState::Rejected { at: moment } => {
                let more = html! { (at(moment)) @if let Some(because) = &self.because { p { (name(because)) } } };
                self.step(Progress::Failed, &self.words.say("step-rejected"), more)
            }
            RequestState::Canceled { at: moment } => self.step(Progress::Failed, &self.words.say("step-canceled"), at(moment)),
            _ => html! {},
        }
    }

    fn approved(&self) -> Markup {
        if matches!(self.request.purpose, Purpose::Update { .. }) {
            return html! {};
        }
        let progress = if self.request.state == RequestState::AwaitingApproval { Progress::Now } else { Progress::Done };
        let title = if progress == Progress::Now { "step-approval-waits" } else { "step-approved" };
        self.step(progress, &self.words.say(title), html! {})
    }

    /// The ticket: out, used, or no longer good.
    fn invitation(&self) -> Markup {
        let words = self.words;
        let Some(mode) = self.request.mode() else { return html! {} };
        let is_used = matches!(self.request.state, RequestState::Issuing(_) | RequestState::Issued { .. });
        let open = self.held.tickets.values().find(|t| t.request == self.request.id && t.state == TicketState::Open);
        let title = words.word(self.ticket_words, mode.as_str());
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
        let updates = self.held.requests.values().filter(|other| is_update_of(other, issued));
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
