//! A no, told to a person: what happened, in words, and what to do now. The API tells programs the problem as it is.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::http::{StatusCode, header};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use maud::html;

use super::frame::Page;
use super::words::{Words, text};
use crate::http::problem::Told;
use crate::workflows::world::World;

/// Tells every no of these paths in the visitor's words, of which some are for this listener alone.
pub fn in_words(router: Router<Arc<World>>, vocabulary: &'static str) -> Router<Arc<World>> {
    router.layer(from_fn(move |request, next| tell(vocabulary, request, next)))
}

async fn tell(vocabulary: &'static str, request: Request, next: Next) -> Response {
    let (words, is_person) = (Words::of(request.headers()), wants_a_page(&request));
    let back = back_from(request.uri().path());
    let response = next.run(request).await;
    match response.extensions().get::<Told>() {
        Some(told) if is_person => page(words, vocabulary, response.status(), told, back.as_deref()),
        Some(_) | None => response,
    }
}

/// From an act on something, to that; the page that led to the act would lead to the same no again.
fn back_from(path: &str) -> Option<String> {
    let mut parts = path.split('/').skip(1);
    let (kind, id, _act) = (parts.next()?, parts.next()?, parts.next()?);
    matches!(kind, "users" | "devices" | "credentials" | "requests" | "recoveries").then(|| format!("/{kind}/{id}"))
}

/// A browser says that it reads HTML; the API is for programs, whoever asks.
fn wants_a_page(request: &Request) -> bool {
    let accepted = request.headers().get(header::ACCEPT).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("text/html")) && !request.uri().path().starts_with("/api/")
}

fn page(words: Words, vocabulary: &str, status: StatusCode, told: &Told, back: Option<&str>) -> Response {
    let title = words.say(if status.is_server_error() { "no-now" } else { "no-done" });
    let body = html! {
        h1 { (title) }
        p.lead { (words.word(if words.has(vocabulary, told.code) { vocabulary } else { "code" }, told.code)) }
        @match (&told.found, &told.required) {
            (Some(found), Some(required)) => {
                p { (words.with("no-found-required", [("found", text(found)), ("required", text(required))])) }
            }
            _ => { p.quiet { (told.detail) } }
        }
        p { (words.say("no-nothing-changed")) }
        p {
            @if let Some(back) = back { a.button href=(back) { (words.say("back-and-look-again")) } " " }
            a href="/" { (words.say("to-the-start")) }
        }
    };
    Page { words, title, nav: Vec::new(), who: None, may_sign_out: false, body }.with_status(status)
}
