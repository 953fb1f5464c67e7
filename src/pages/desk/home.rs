//! The overview: what waits for me, what is lost and not yet replaced, what is about to run out, and whether all is well.

use std::sync::Arc;

use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::queue::{rows, waiting};
use super::users::search;
use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::pages::frame::Page;
use crate::pages::going::request_path;
use crate::pages::parts::{ago, at, name};
use crate::pages::visit::Visit;
use crate::pages::words::{Words, number, text};
use crate::store::views::{ExpiringDevice, Incident};
use crate::workflows::checkpoint_audit::last_checkpoint;
use crate::workflows::failure::Failure;
use crate::workflows::world::World;

/// How many of each are shown.
const SHOWN: u32 = 10;
/// How long before its end a device is told of.
const SOON: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long something may be suspended before it is told of.
const LONG: SignedDuration = SignedDuration::from_hours(7 * 24);

pub async fn home(State(world): State<Arc<World>>, visitor: Visitor) -> Result<Page, Problem> {
    let (words, now) = (visitor.words, world.now());
    let body = html! {
        h1 { (words.with("home-title", [("name", text(&visitor.operator.name))])) }
        @if visitor.works_at_the_desk() {
            (search(words, ""))
            (disputed(&world, words).await?)
            (mine(&world, &visitor, now).await?)
            (incidents(&world, words, now).await?)
            (expiring(&world, words, now).await?)
            (suspended(&world, words, now).await?)
        }
        (health(&world, words, now).await?)
    };
    Ok(visitor.page("/", words.say("nav-overview"), body))
}

async fn mine(world: &World, visitor: &Visitor, now: Timestamp) -> Result<Markup, Failure> {
    let words = visitor.words;
    let mut mine = waiting(world, visitor, None, 100).await?;
    mine.retain(|each| each.mine.is_ok());
    mine.truncate(SHOWN as usize);
    Ok(html! {
        h2 { (words.say("queue-mine")) }
        @if mine.is_empty() { p { (words.say("queue-nothing")) } } @else { (rows(words, &mine, now)) }
        p { a href="/requests" { (words.say("queue-all")) } }
    })
}

/// Requests of which users say that it was not them.
async fn disputed(world: &World, words: Words) -> Result<Markup, Failure> {
    let disputed = world.store.disputed_requests(SHOWN).await?;
    Ok(html! {
        @if !disputed.is_empty() {
            div.errors role="alert" {
                h2 { (words.say("disputed-title")) }
                ul.list { @for request in &disputed { li { a href=(request_path(*request)) { (words.say("disputed-look")) } } } }
            }
        }
    })
}

/// Replacements that are open, by how long.
async fn incidents(world: &World, words: Words, now: Timestamp) -> Result<Markup, Failure> {
    let open: Vec<Incident> = world.store.incidents(SHOWN * 10).await?;
    let ages = [1, 24, 72, i64::MAX].map(|hours| open.iter().filter(|each| age_h(each, now) < hours).count());
    let bars = [ages[0], ages[1] - ages[0], ages[2] - ages[1], ages[3] - ages[2]];
    Ok(html! {
        h2 { (words.say("home-incidents")) }
        @if open.is_empty() { p { (words.say("home-no-incidents")) } } @else {
            (chart(words, bars))
            ul.list {
                @for each in open.iter().take(SHOWN as usize) {
                    li {
                        a href=(request_path(each.request)) { (name(&each.user_name)) ": " (name(&each.device_name)) " " (words.word("reason", each.reason.as_str())) }
                        span.quiet { " " (ago(words, each.opened_at, now)) }
                        @if let Some(expires) = each.ticket_expires_at {
                            span.quiet { " · " @if expires <= now { strong { (words.say("step-ticket-expired")) } } @else { (words.say("home-ticket")) " " (at(expires)) } }
                        }
                    }
                }
            }
        }
    })
}

fn age_h(incident: &Incident, now: Timestamp) -> i64 {
    now.duration_since(incident.opened_at).as_hours()
}

/// Four bars, with their numbers.
fn chart(words: Words, bars: [usize; 4]) -> Markup {
    let most = bars.iter().copied().max().unwrap_or(1).max(1);
    let labels = ["age-hour", "age-day", "age-three-days", "age-more"].map(|id| words.word("chart", id));
    html! {
        figure.chart {
            svg viewBox="0 0 400 112" role="img" aria-label=(words.say("home-incidents-by-age")) {
                @for (position, (count, label)) in bars.iter().zip(&labels).enumerate() {
                    @let y = position * 28;
                    @let width = count * 200 / most;
                    text x="110" y=(y + 18) text-anchor="end" { (label) }
                    rect x="120" y=(y + 4) width=(width.max(2)) height="20" rx="3" {}
                    text x=(130 + width.max(2)) y=(y + 18) { (count) }
                }
            }
        }
    }
}

async fn expiring(world: &World, words: Words, now: Timestamp) -> Result<Markup, Failure> {
    let soon: Vec<ExpiringDevice> = world.store.expiring_devices(now, now + SOON, SHOWN).await?;
    Ok(html! {
        @if !soon.is_empty() {
            h2 { (words.say("home-expiring")) }
            ul.list { @for each in &soon {
                li { a href=(user_path(each.user)) { (name(&each.user_name)) ": " (name(&each.device_name)) } span.quiet { " " (at(each.not_after)) } }
            } }
        }
    })
}

async fn suspended(world: &World, words: Words, now: Timestamp) -> Result<Markup, Failure> {
    let long = world.store.long_suspended(now - LONG, SHOWN).await?;
    Ok(html! {
        @if !long.is_empty() {
            h2 { (words.say("home-suspended")) }
            ul.list { @for each in &long {
                li {
                    a href=(user_path(each.user)) { (name(&each.user_name)) @if let Some(device) = &each.device_name { ": " (name(device)) } }
                    span.quiet { " " (ago(words, each.since, now)) }
                }
            } }
        }
    })
}

async fn health(world: &World, words: Words, now: Timestamp) -> Result<Markup, Failure> {
    let crl = world.store.latest_crl_edition().await?;
    let letters = world.store.outbox_summary().await?;
    let (check, checkpoint) = (world.last_check(), last_checkpoint(world).await?);
    let row = |is_well: bool, label: String, value: Markup| {
        html! { dt { (label) } dd { @if !is_well { strong.bad { (words.say("health-look")) } " " } (value) } }
    };
    Ok(html! {
        h2 { (words.say("home-health")) }
        dl.answers {
            @match crl {
                Some(crl) => {
                    (row(crl.next_update > now, words.say("health-crl"), html! { (words.with("health-number", [("number", text(&crl.number.to_string()))])) ", " (ago(words, crl.this_update, now)) }))
                }
                None => { (row(false, words.say("health-crl"), html! { (words.say("health-none")) })) }
            }
            (row(letters.failed == 0, words.say("health-letters"), html! {
                (words.with("health-letters-counts", [("waiting", number(count(letters.waiting))), ("failed", number(count(letters.failed)))]))
            }))
            @match check {
                Some(check) => {
                    (row(check.divergences == 0, words.say("health-check"), html! {
                        (words.with("health-divergences", [("count", number(check.divergences))])) ", " (ago(words, check.at, now))
                    }))
                }
                None => { (row(true, words.say("health-check"), html! { (words.say("health-not-yet")) })) }
            }
            @match checkpoint {
                Some((number, at)) => {
                    (row(true, words.say("health-checkpoint"), html! { (words.with("health-number", [("number", text(&number.to_string()))])) ", " (ago(words, at, now)) }))
                }
                None => { (row(true, words.say("health-checkpoint"), html! { (words.say("health-not-yet")) })) }
            }
        }
    })
}

fn count<T: TryInto<usize>>(value: T) -> usize {
    value.try_into().unwrap_or(usize::MAX)
}
