//! A replacement, in three questions and an answer: why, how, and what will happen. Nothing is done before the last button. A first device
//! for somebody goes the same way.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use serde::Deserialize;

use super::Visitor;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id, parse};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Mode;
use crate::pages::asked::{Check, Choice, Question, check, choice, done, question};
use crate::pages::form::Filled;
use crate::pages::replacement::{Answers, SubmitFields};
use crate::pages::words::text;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::{look_up_device, look_up_user};
use crate::workflows::request_initial_issuance::RequestInitialIssuance;
use crate::workflows::submit_replacement::SubmitReplacement;
use crate::workflows::world::World;

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
        return Ok(ask(&visitor, &held, &title, words.say("replace-why"), "reason", choices.collect(), &[]));
    };
    let reason: Reason = parse("reason", reason)?;
    let modes = Mode::fitting(device.kind);
    let mode = match (answers.mode.as_deref(), modes) {
        (Some(mode), _) => parse("mode", mode)?,
        (None, [only]) => *only,
        (None, modes) => {
            let choices = modes.iter().rev().map(|mode| choice(words, "mode", mode.as_str()));
            let so_far = [("reason", reason.as_str())];
            return Ok(ask(&visitor, &held, &title, words.say("replace-how"), "mode", choices.collect(), &so_far));
        }
    };
    let errand = SubmitReplacement { target, reason, mode };
    let answers = [
        (words.say("replace-device"), device.name.clone(), None),
        (words.say("replace-why"), words.word("reason", reason.as_str()), Some("?".to_owned())),
        (words.say("replace-how"), words.word("mode", mode.as_str()), Some(format!("?reason={reason}"))),
    ];
    let fields = [("reason", reason.as_str()), ("mode", mode.as_str())];
    let button = words.say("replace-button");
    check(&world, &visitor, &held, Check { title: &title, answers: &answers, fields: &fields, more: html! {}, button: &button }, &errand)
        .await
}

pub async fn submit(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(device): Segment,
    Filled(fields): Filled<SubmitFields>,
) -> Result<Response, Problem> {
    let errand = fields.errand(&device)?;
    done(&world, &visitor, &fields.token, Box::new(errand)).await
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
        return Ok(ask(&visitor, &held, &title, words.say("issue-what"), "kind", choices.collect(), &[]));
    };
    let kind: DeviceKind = parse("kind", kind)?;
    let modes = Mode::fitting(kind);
    let mode = match (answers.mode.as_deref(), modes) {
        (Some(mode), _) => parse("mode", mode)?,
        (None, [only]) => *only,
        (None, modes) => {
            let choices = modes.iter().rev().map(|mode| choice(words, "mode", mode.as_str()));
            return Ok(ask(&visitor, &held, &title, words.say("replace-how"), "mode", choices.collect(), &[("kind", kind.as_str())]));
        }
    };
    let errand = RequestInitialIssuance { user, kind, mode };
    let answers = [
        (words.say("issue-for"), held.user.name.clone(), None),
        (words.say("issue-what"), words.word("kind", kind.as_str()), Some("?".to_owned())),
        (words.say("replace-how"), words.word("mode", mode.as_str()), Some(format!("?kind={kind}"))),
    ];
    let fields = [("kind", kind.as_str()), ("mode", mode.as_str())];
    let button = words.say("issue-button");
    check(&world, &visitor, &held, Check { title: &title, answers: &answers, fields: &fields, more: html! {}, button: &button }, &errand)
        .await
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
    done(&world, &visitor, &fields.token, Box::new(errand)).await
}

/// A page that asks one thing.
fn ask(
    visitor: &Visitor,
    held: &Holdings,
    title: &str,
    asked: String,
    field: &'static str,
    choices: Vec<Choice>,
    so_far: &[(&str, &str)],
) -> Response {
    question(visitor, held, title, &[Question { asked, field, choices }], so_far)
}
