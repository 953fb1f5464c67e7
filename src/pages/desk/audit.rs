//! The log, for auditors: searched, verified, and taken along.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use futures_util::stream::unfold;
use maud::html;
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, id, parse};
use crate::lifecycle::actor::Role;
use crate::pages::frame::Page;
use crate::pages::going::request_path;
use crate::pages::history::{outcome, who};
use crate::pages::parts::at;
use crate::pages::visit::Visit;
use crate::pages::words::{number, text};
use crate::store::views::AuditFilter;
use crate::workflows::failure::Failure;
use crate::workflows::verify_audit::verify_database;
use crate::workflows::world::World;

const PAGE: u32 = 50;
/// How many entries an export reads at once.
const LINES: u32 = 1000;

#[derive(Default, Deserialize)]
pub struct LogQuery {
    #[serde(default)]
    user: String,
    #[serde(default)]
    request: String,
    #[serde(default)]
    act: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    before: Option<i64>,
}

async fn must_be_auditor(world: &World, visitor: &Visitor, act: &'static str) -> Result<(), Failure> {
    world.unless_refused(visitor.caller.actor.must_be(Role::Auditor), &visitor.caller.entry(act, world.now())).await
}

pub async fn log(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<LogQuery>) -> Result<Page, Problem> {
    must_be_auditor(&world, &visitor, "read-audit").await?;
    let words = visitor.words;
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    let day = |field: &str, text: &str| {
        let day = some(text).map(|text| parse::<jiff::civil::Date>(field, &text)).transpose()?;
        Ok::<_, Problem>(day.and_then(|day| day.to_zoned(jiff::tz::TimeZone::UTC).ok()).map(|zoned| zoned.timestamp()))
    };
    let filter = AuditFilter {
        user: some(&query.user).map(|text| id("user", &text)).transpose()?,
        request: some(&query.request).map(|text| id("request", &text)).transpose()?,
        act: some(&query.act),
        from: day("from", &query.from)?,
        to: day("to", &query.to)?,
    };
    let lines = world.store.audit_page(&filter, query.before.unwrap_or(i64::MAX), PAGE).await.map_err(Failure::from)?;
    let next = lines.last().filter(|_| lines.len() == PAGE as usize).map(|line| {
        format!("?user={}&request={}&act={}&from={}&to={}&before={}", query.user, query.request, query.act, query.from, query.to, line.seq)
    });
    let field = |id: &str, label: String, value: &str, kind: &str| {
        html! { div { label for=(id) { (label) } input id=(id) name=(id) type=(kind) value=(value) maxlength="60"; } }
    };
    let body = html! {
        h1 { (words.say("log-title")) }
        form.filter method="get" {
            (field("user", words.say("log-user-id"), &query.user, "text"))
            (field("request", words.say("log-request-id"), &query.request, "text"))
            (field("act", words.say("log-act"), &query.act, "text"))
            (field("from", words.say("log-from"), &query.from, "date"))
            (field("to", words.say("log-to"), &query.to, "date"))
            button { (words.say("find-button")) }
        }
        p { a.button href="/audit/verify" { (words.say("log-verify")) } " " a href="/audit/export" download="audit.jsonl" { (words.say("log-export")) } }
        div.scroll tabindex="0" role="region" aria-label=(words.say("log-title")) {
            table {
                thead { tr {
                    th scope="col" { "#" }
                    th scope="col" { (words.say("log-when")) }
                    th scope="col" { (words.say("log-what")) }
                    th scope="col" { (words.say("log-who")) }
                    th scope="col" { (words.say("log-about")) }
                    th scope="col" { (words.say("log-outcome")) }
                    th scope="col" { (words.say("log-where")) }
                } }
                tbody { @for line in &lines { tr {
                    td { (line.seq) }
                    td { (at(line.at)) }
                    td { (words.word("act", &line.act)) }
                    td { (words.word("who", who(&line.who))) }
                    td {
                        @if let Some(user) = line.on_behalf_of { a href=(user_path(user)) { (words.say("log-user")) } " " }
                        @if let Some(request) = line.request { a href=(request_path(request)) { (words.say("log-request")) } }
                    }
                    td { (outcome(words, &line.outcome)) }
                    td { code { (line.source) } }
                } } }
            }
        }
        @if let Some(next) = next { p { a href=(next) { (words.say("next-page")) } } }
    };
    Ok(visitor.page("/audit", words.say("log-title"), body))
}

/// Every entry, every chain, every checkpoint of the database.
pub async fn verify(State(world): State<Arc<World>>, visitor: Visitor) -> Result<Page, Problem> {
    must_be_auditor(&world, &visitor, "verify-audit").await?;
    let words = visitor.words;
    let verdict = verify_database(&world.store, world.authority.root_certificate(), &[]).await?;
    let count = |value: u64| number(usize::try_from(value).unwrap_or(usize::MAX));
    let body = html! {
        h1 { (words.say("log-verify")) }
        @if verdict.faults.is_empty() {
            p.lead { (words.say("verify-clean")) }
        } @else {
            div.errors role="alert" {
                h2 { (words.with("verify-faults", [("count", number(verdict.faults.len()))])) }
                ul { @for fault in &verdict.faults { li { (fault) } } }
            }
        }
        p { (words.with("verify-counts", [("entries", count(verdict.entries)), ("chains", number(verdict.chains)), ("checkpoints", number(verdict.checkpoints))])) }
        @if let Some(seq) = verdict.attested { p { (words.with("verify-attested", [("entry", text(&seq.to_string()))])) } }
        p.hint { (words.say("verify-hint")) }
        p { a href="/audit" { (words.say("log-title")) } }
    };
    Ok(visitor.page("/audit", words.say("log-verify"), body))
}

/// The whole log, a JSON object a line, as `remint audit export` writes it.
pub async fn export(State(world): State<Arc<World>>, visitor: Visitor) -> Result<Response, Problem> {
    must_be_auditor(&world, &visitor, "export-audit").await?;
    let pages = unfold((world, 0), |(world, after)| async move {
        let lines = match world.store.audit_lines(after, LINES).await {
            Ok(lines) => lines,
            Err(error) => return Some((Err(std::io::Error::other(error)), (world, i64::MAX))),
        };
        let last = lines.last()?.seq;
        let text: String = lines.iter().map(|line| line.text() + "\n").collect();
        Some((Ok(text), (world, last)))
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-ndjson"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"audit.jsonl\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, Body::from_stream(pages)).into_response())
}
