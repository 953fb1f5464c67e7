//! A replacement, in three questions and an answer: why, how, and what will happen. Nothing is done before the last button. A first device
//! for somebody goes the same way.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;

use super::{Visitor, request_path, see, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id, parse};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Mode;
use crate::pages::form::Filled;
use crate::pages::parts::{effects, name};
use crate::pages::words::{Words, text};
use crate::workflows::errand::{Errand, carry_out, preview};
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::{look_up_device, look_up_user};
use crate::workflows::request_initial_issuance::RequestInitialIssuance;
use crate::workflows::submit_replacement::SubmitReplacement;
use crate::workflows::world::World;

/// The answers so far.
#[derive(Deserialize)]
pub struct Answers {
    reason: Option<String>,
    mode: Option<String>,
}

/// One question a page, then what will happen.
pub async fn replace(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(device): Segment,
    Queried(answers): Queried<Answers>,
) -> Result<Response, Problem> {
    let (words, target) = (visitor.words, id::<DeviceId>("device", &device)?);
    let held = look_up_device(&world, &visitor.caller, target).await?;
    let device = held.devices.get(&target).ok_or(Failure::missing("device"))?;
    let title = words.with("replace-title", [("device", text(&device.name))]);
    let Some(reason) = answers.reason.as_deref() else {
        let choices = Reason::ALL.iter().map(|reason| choice(words, "reason", reason.as_str()));
        return Ok(question(&visitor, &held, &title, &words.say("replace-why"), "reason", choices.collect(), &[]));
    };
    let reason: Reason = parse("reason", reason)?;
    let modes = Mode::fitting(device.kind);
    let mode = match (answers.mode.as_deref(), modes) {
        (Some(mode), _) => parse("mode", mode)?,
        (None, [only]) => *only,
        (None, modes) => {
            let choices = modes.iter().rev().map(|mode| choice(words, "mode", mode.as_str()));
            let so_far = [("reason", reason.as_str())];
            return Ok(question(&visitor, &held, &title, &words.say("replace-how"), "mode", choices.collect(), &so_far));
        }
    };
    let errand = SubmitReplacement { target, reason, mode };
    let answers = [
        (words.say("replace-device"), device.name.clone(), None),
        (words.say("replace-why"), words.word("reason", reason.as_str()), Some("?".to_owned())),
        (words.say("replace-how"), words.word("mode", mode.as_str()), Some(format!("?reason={reason}"))),
    ];
    let fields = [("reason", reason.as_str()), ("mode", mode.as_str())];
    check(&world, &visitor, &held, &title, &answers, &fields, &errand, &words.say("replace-button")).await
}

#[derive(Deserialize)]
pub struct SubmitFields {
    token: String,
    reason: String,
    mode: String,
}

pub async fn submit(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(device): Segment,
    Filled(fields): Filled<SubmitFields>,
) -> Result<Response, Problem> {
    let errand =
        SubmitReplacement { target: id("device", &device)?, reason: parse("reason", &fields.reason)?, mode: parse("mode", &fields.mode)? };
    done(&world, &visitor, &fields.token, &errand).await
}

#[derive(Deserialize)]
pub struct IssueAnswers {
    kind: Option<String>,
    mode: Option<String>,
}

/// A first device, or one more.
pub async fn issue(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(user): Segment,
    Queried(answers): Queried<IssueAnswers>,
) -> Result<Response, Problem> {
    let (words, user) = (visitor.words, id("user", &user)?);
    let held = look_up_user(&world, &visitor.caller, user).await?;
    let title = words.say("issue-title");
    let Some(kind) = answers.kind.as_deref() else {
        let choices = world.policy.kinds.keys().map(|kind| choice(words, "kind", kind.as_str()));
        return Ok(question(&visitor, &held, &title, &words.say("issue-what"), "kind", choices.collect(), &[]));
    };
    let kind: DeviceKind = parse("kind", kind)?;
    let modes = Mode::fitting(kind);
    let mode = match (answers.mode.as_deref(), modes) {
        (Some(mode), _) => parse("mode", mode)?,
        (None, [only]) => *only,
        (None, modes) => {
            let choices = modes.iter().rev().map(|mode| choice(words, "mode", mode.as_str()));
            return Ok(question(&visitor, &held, &title, &words.say("replace-how"), "mode", choices.collect(), &[("kind", kind.as_str())]));
        }
    };
    let errand = RequestInitialIssuance { user, kind, mode };
    let answers = [
        (words.say("issue-for"), held.user.name.clone(), None),
        (words.say("issue-what"), words.word("kind", kind.as_str()), Some("?".to_owned())),
        (words.say("replace-how"), words.word("mode", mode.as_str()), Some(format!("?kind={kind}"))),
    ];
    let fields = [("kind", kind.as_str()), ("mode", mode.as_str())];
    check(&world, &visitor, &held, &title, &answers, &fields, &errand, &words.say("issue-button")).await
}

#[derive(Deserialize)]
pub struct InitialFields {
    token: String,
    kind: String,
    mode: String,
}

pub async fn request_initial(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(user): Segment,
    Filled(fields): Filled<InitialFields>,
) -> Result<Response, Problem> {
    let errand =
        RequestInitialIssuance { user: id("user", &user)?, kind: parse("kind", &fields.kind)?, mode: parse("mode", &fields.mode)? };
    done(&world, &visitor, &fields.token, &errand).await
}

/// One answer that can be chosen.
struct Choice {
    value: &'static str,
    label: String,
    hint: String,
}

fn choice(words: Words, vocabulary: &str, value: &'static str) -> Choice {
    Choice { value, label: words.word(vocabulary, value), hint: words.word(&format!("{vocabulary}-hint"), value) }
}

/// A page that asks one thing.
fn question(
    visitor: &Visitor,
    held: &Holdings,
    title: &str,
    asked: &str,
    field: &str,
    choices: Vec<Choice>,
    so_far: &[(&str, &str)],
) -> Response {
    let words = visitor.words;
    let body = html! {
        (back(words, held))
        h1 { (title) }
        form method="get" {
            @for (name, value) in so_far { input type="hidden" name=(name) value=(value); }
            fieldset {
                legend { (asked) }
                @for (position, choice) in choices.iter().enumerate() {
                    div.choice {
                        input type="radio" required name=(field) value=(choice.value) id=(choice.value) aria-describedby={ (choice.value) "-hint" } autofocus[position == 0];
                        label for=(choice.value) { (choice.label) }
                        p.hint id={ (choice.value) "-hint" } { (choice.hint) }
                    }
                }
            }
            button.primary { (words.say("continue")) }
        }
    };
    visitor.page("/users", title, body).into_response()
}

/// What was answered, what will happen, and the button.
#[expect(clippy::too_many_arguments, reason = "what a page of answers is made of")]
async fn check(
    world: &World,
    visitor: &Visitor,
    held: &Holdings,
    title: &str,
    answers: &[(String, String, Option<String>)],
    fields: &[(&str, &str)],
    errand: &dyn Errand,
    button: &str,
) -> Result<Response, Problem> {
    let words = visitor.words;
    let told = preview(world, &visitor.caller, errand).await?;
    let body = html! {
        (back(words, held))
        h1 { (title) }
        table.answers {
            tbody { @for (asked, answered, change) in answers {
                tr {
                    th scope="row" { (asked) }
                    td { (name(answered)) }
                    td { @if let Some(change) = change { a href=(change) { (words.say("change")) span.unseen { ": " (asked) } } } }
                }
            } }
        }
        (effects(words, held, &told))
        form method="post" {
            (visitor.token(world)?.field())
            @for (name, value) in fields { input type="hidden" name=(name) value=(value); }
            button.primary { (button) }
            " " a href=(user_path(held.user.id)) { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/users", title, body).into_response())
}

pub fn back(words: Words, held: &Holdings) -> Markup {
    html! { p.back { a href=(user_path(held.user.id)) { "← " (name(&held.user.name)) span.unseen { " (" (words.say("back")) ")" } } } }
}

/// Does it once, whoever clicks how often, and goes to where it can be followed.
pub async fn done(world: &World, visitor: &Visitor, token: &str, errand: &dyn Errand) -> Result<Response, Problem> {
    let click = visitor.click(world, token)?;
    let deed = world.deeds.once(world.now(), click, visitor.who(), carry_out(world, &visitor.caller, errand)).await?;
    Ok(see(&match deed.request {
        Some(request) => format!("{}?done={click}", request_path(request)),
        None => user_path(deed.user),
    }))
}
