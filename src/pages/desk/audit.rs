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
use crate::lifecycle::ids::UserId;
use crate::pages::frame::Page;
use crate::pages::going::request_path;
use crate::pages::history::{actors, outcome, who};
use crate::pages::parts::{at, name};
use crate::pages::visit::Visit;
use crate::pages::words::{number, text};
use crate::store::views::AuditFilter;
use crate::workflows::failure::Failure;
use crate::workflows::verify_audit::verify_database;
use crate::workflows::world::World;

const PAGE: u32 = 50;
/// What is on the log, to choose from.
const ACTS: [&str; 39] = [
    "abandon",
    "add-operator",
    "add-stock",
    "approve",
    "approve-recovery",
    "ask-recovery",
    "bind",
    "cancel",
    "collect-recovery",
    "create-user",
    "describe-user",
    "dispute",
    "enroll",
    "escalate",
    "give-password",
    "import-stock",
    "init",
    "invite",
    "issue",
    "lapse",
    "open-session",
    "redeem",
    "refuse-recovery",
    "reject",
    "release-enc",
    "release-history",
    "renew",
    "request-initial",
    "resume",
    "returned",
    "send-code",
    "set-password",
    "sign-in",
    "sign-out",
    "submit",
    "suspend",
    "terminate",
    "unbind",
    "update",
];
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
        user: match some(&query.user) {
            Some(asked) => Some(one_user(&world, &asked).await?),
            None => None,
        },
        request: some(&query.request).map(|text| id("request", &text)).transpose()?,
        act: some(&query.act),
        from: day("from", &query.from)?,
        to: day("to", &query.to)?,
    };
    let lines = world.store.audit_page(&filter, query.before.unwrap_or(i64::MAX), PAGE).await.map_err(Failure::from)?;
    let concerned = lines.iter().filter_map(|line| line.on_behalf_of.map(|user| user.0));
    let names = world.store.names(&actors(&lines).into_iter().chain(concerned).collect::<Vec<_>>()).await.map_err(Failure::from)?;
    let sees_users = visitor.works_at_the_desk();
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
            div {
                label for="act" { (words.say("log-act")) }
                select #act name="act" {
                    option value="" { (words.say("letters-all")) }
                    @for act in ACTS { option value=(act) selected[act == query.act] { (words.word("act", act)) } }
                }
            }
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
                    td { (who(words, &line.who, &names)) }
                    td {
                        @if let Some(user) = line.on_behalf_of {
                            @let shown = names.get(&user.0).map_or_else(|| words.say("log-user"), Clone::clone);
                            @if sees_users { a href=(user_path(user)) { (name(&shown)) } } @else { (name(&shown)) }
                            " "
                        }
                        @if let Some(request) = line.request {
                            @if sees_users { a href=(request_path(request)) { (words.say("log-request")) } " " }
                            code.serial { (request) }
                        }
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

/// By id, or by the beginning of what names them if nobody else is named so.
async fn one_user(world: &World, asked: &str) -> Result<UserId, Problem> {
    if let Ok(user) = id("user", asked) {
        return Ok(user);
    }
    match world.store.find_users(asked, None, 2).await.map_err(Failure::from)?.as_slice() {
        [only] => Ok(only.id),
        [] => Err(Problem::malformed(format!("user: found: {asked:?}, which is nobody, expected: a name, an address or an id"))),
        _ => Err(Problem::malformed(format!("user: found: {asked:?}, which are several, expected: a name, an address or an id of one"))),
    }
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
