//! The letters: who was written to, and whether it arrived. Never what a letter says.

use std::sync::Arc;

use axum::extract::State;
use maud::html;
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, id};
use crate::pages::frame::Page;
use crate::pages::parts::{at, name};
use crate::pages::visit::Visit;
use crate::store::views::LetterLine;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::works_at_the_desk;
use crate::workflows::world::World;

/// A page of the list.
const PAGE: u32 = 50;
const STATES: [&str; 3] = ["failed", "waiting", "delivered"];

#[derive(Deserialize)]
pub struct LettersQuery {
    state: Option<String>,
    after: Option<String>,
}

pub async fn letters(State(world): State<Arc<World>>, visitor: Visitor, Queried(query): Queried<LettersQuery>) -> Result<Page, Problem> {
    works_at_the_desk(&world, &visitor.caller, "list-letters").await?;
    let words = visitor.words;
    let state = STATES.into_iter().find(|state| Some(*state) == query.state.as_deref());
    let after = query.after.as_deref().map(|text| text.split_once('_').ok_or_else(|| Problem::malformed("after"))).transpose()?;
    let after = match after {
        Some((at, letter)) => Some((at.parse().map_err(|_| Problem::malformed("after"))?, id("after", letter)?)),
        None => None,
    };
    let letters = world.store.letters(state, after, PAGE).await.map_err(Failure::from)?;
    let next = letters.last().filter(|_| letters.len() == PAGE as usize);
    let body = html! {
        h1 { (words.say("letters-title")) }
        form.filter method="get" {
            div {
                label for="state" { (words.say("letters-state")) }
                select #state name="state" {
                    option value="" { (words.say("letters-all")) }
                    @for each in STATES { option value=(each) selected[state == Some(each)] { (words.word("letter-state", each)) } }
                }
            }
            button { (words.say("find-button")) }
        }
        @if letters.is_empty() { p { (words.say("letters-none")) } } @else {
            div.scroll tabindex="0" role="region" aria-label=(words.say("letters-title")) {
                table {
                    thead { tr {
                        th scope="col" { (words.say("log-when")) }
                        th scope="col" { (words.say("letters-what")) }
                        th scope="col" { (words.say("letters-to")) }
                        th scope="col" { (words.say("letters-state")) }
                    } }
                    tbody { @for letter in &letters { (line(&visitor, letter)) } }
                }
            }
        }
        @if let Some(last) = next {
            p { a href={ "?state=" (state.unwrap_or_default()) "&after=" (last.written_at) "_" (last.id) } { (words.say("next-page")) } }
        }
    };
    Ok(visitor.page("/letters", words.say("letters-title"), body))
}

fn line(visitor: &Visitor, letter: &LetterLine) -> maud::Markup {
    let words = visitor.words;
    html! {
        tr {
            td { (at(letter.written_at)) }
            td { a href=(user_path(letter.user)) { (words.word("letter", &letter.kind)) } }
            td { (name(&letter.recipient)) }
            td {
                (words.word("letter-state", &letter.state))
                @if let Some(due) = letter.due_at.filter(|_| letter.attempts > 0) { " · " (words.say("letters-again")) " " (at(due)) }
                @if let Some(error) = letter.last_error.as_ref().filter(|_| letter.state != "delivered") { p.bad { (error) } }
            }
        }
    }
}
