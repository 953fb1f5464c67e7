//! Questions and their answers: a choice, the page that says what will happen, and the button that is pressed once.

use std::sync::Arc;

use axum::response::{IntoResponse, Response};
use maud::{Markup, html};

use super::going::{request_path, see};
use super::parts::{effects, ends_something, name};
use super::visit::Visit;
use super::words::Words;
use crate::http::problem::Problem;
use crate::lifecycle::holdings::Holdings;
use crate::workflows::deeds::Outcome;
use crate::workflows::errand::{Errand, carry_out_click, preview};
use crate::workflows::world::World;

/// One answer that can be chosen.
pub struct Choice {
    pub value: &'static str,
    pub label: String,
    pub hint: String,
}

pub fn choice(words: Words, vocabulary: &str, value: &'static str) -> Choice {
    Choice { value, label: words.word(vocabulary, value), hint: words.word(&format!("{vocabulary}-hint"), value) }
}

/// One thing that is asked.
pub struct Question {
    pub asked: String,
    pub field: &'static str,
    pub choices: Vec<Choice>,
}

/// A page that asks. Most pages ask one thing.
pub fn question(visitor: &impl Visit, held: &Holdings, title: &str, questions: &[Question], so_far: &[(&str, &str)]) -> Response {
    let words = visitor.words();
    let body = html! {
        (back(visitor, held))
        h1 { (title) }
        form method="get" {
            @for (name, value) in so_far { input type="hidden" name=(name) value=(value); }
            @for (place, question) in questions.iter().enumerate() {
                fieldset {
                    legend { (question.asked) }
                    @for (position, choice) in question.choices.iter().enumerate() {
                        (radio(question.field, choice, place == 0 && position == 0))
                    }
                }
            }
            button.primary { (words.say("continue")) }
        }
    };
    visitor.page("/users", title, body).into_response()
}

/// One answer, to be chosen.
pub fn radio(field: &str, Choice { value, label, hint }: &Choice, has_focus: bool) -> Markup {
    html! {
        div.choice {
            input type="radio" required name=(field) value=(value) id=(value) aria-describedby={ (value) "-hint" } autofocus[has_focus];
            label for=(value) { (label) }
            p.hint id={ (value) "-hint" } { (hint) }
        }
    }
}

/// What was answered: what was asked, what was said, and where it can be changed.
pub type Answer = (String, String, Option<String>);

/// What a page of answers is made of.
pub struct Check<'a> {
    pub title: &'a str,
    pub answers: &'a [Answer],
    /// What the form sends.
    pub fields: &'a [(&'a str, &'a str)],
    /// What else it asks for.
    pub more: Markup,
    pub button: &'a str,
}

/// What was answered, what will happen, and the button.
pub async fn check<V: Visit>(
    world: &World,
    visitor: &V,
    held: &Holdings,
    Check { title, answers, fields, more, button }: Check<'_>,
    errand: &dyn Errand,
) -> Result<Response, Problem> {
    let words = visitor.words();
    let told = preview(world, visitor.caller(), errand).await?;
    let body = html! {
        (back(visitor, held))
        h1 { (name(title)) }
        @if !answers.is_empty() {
            dl.answers {
                @for (asked, answered, change) in answers {
                    dt { (asked) }
                    dd {
                        (name(answered))
                        @if let Some(change) = change { " " a.small href=(change) { (words.say("change")) span.unseen { ": " (asked) } } }
                    }
                }
            }
        }
        (effects(words, held, &told, visitor.undo_words()))
        form method="post" {
            (visitor.token(world)?.field())
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            (more)
            button.primary.final[ends_something(&told)] { (button) }
            " " a.leave href=(V::user_path(held.user.id)) { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/users", title, body).into_response())
}

pub fn back<V: Visit>(visitor: &V, held: &Holdings) -> Markup {
    let words = visitor.words();
    html! { p.back { a href=(V::user_path(held.user.id)) { "← " (name(&held.user.name)) span.unseen { " (" (words.say("back")) ")" } } } }
}

/// Does it once, whoever clicks how often, and goes to where it can be followed.
pub async fn done<V: Visit>(world: &Arc<World>, visitor: &V, token: &str, errand: Box<dyn Errand + Send>) -> Result<Response, Problem> {
    let click = visitor.click(world, token)?;
    let (at, caller) = (Arc::clone(world), visitor.caller().clone());
    let act = async move {
        let done = carry_out_click(&at, &caller, errand.as_ref(), click).await?;
        let leads_to = match done.request {
            Some(request) => format!("{}?done={click}", request_path(request)),
            None => V::user_path(done.holdings.user.id),
        };
        Ok(Outcome { leads_to, request: done.request, invitation: done.invitation, password: None })
    };
    let deed = world.deeds.once(world.now(), click, visitor.who(), act).await?;
    Ok(see(&deed.outcome.leads_to))
}
