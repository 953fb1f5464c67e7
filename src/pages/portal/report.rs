//! Something happened to a device of mine: what, and what will happen now. Two pages, and nothing is done before the last button.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;

use super::Guest;
use crate::http::problem::Problem;
use crate::http::words::{Queried, Segment, id, parse};
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Mode;
use crate::pages::asked::{Check, Question, check, choice, done, question};
use crate::pages::form::Filled;
use crate::pages::going::see;
use crate::pages::replacement::{Answers, SubmitFields};
use crate::pages::words::text;
use crate::workflows::failure::Failure;
use crate::workflows::sign_in::is_still_signed_in;
use crate::workflows::submit_replacement::SubmitReplacement;
use crate::workflows::world::World;

pub async fn report(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(device): Segment,
    Queried(answers): Queried<Answers>,
) -> Result<Response, Problem> {
    let (words, target) = (guest.words, id::<DeviceId>("device", &device)?);
    let held = guest.holdings(&world).await?;
    let device = held.devices.get(&target).ok_or(Failure::missing("device"))?;
    let title = words.with("report-title", [("device", text(&device.name))]);
    let modes = Mode::fitting(device.kind).iter().rev().filter(|mode| **mode != Mode::Remote || world.policy.users_may_issue_remotely);
    let modes: Vec<Mode> = modes.copied().collect();
    let (Some(reason), Some(mode)) = (&answers.reason, answers.mode.as_deref().or_else(|| only(&modes))) else {
        let reasons = Reason::ALL.iter().map(|reason| choice(words, "reason", reason.as_str())).collect();
        let mut questions = vec![Question { asked: words.say("replace-why"), field: "reason", choices: reasons }];
        if modes.len() > 1 {
            let choices = modes.iter().map(|mode| choice(words, "my-mode", mode.as_str())).collect();
            questions.push(Question { asked: words.say("report-how"), field: "mode", choices });
        }
        return Ok(question(&guest, &held, &title, &questions, &[]));
    };
    let (reason, mode): (Reason, Mode) = (parse("reason", reason)?, parse("mode", mode)?);
    let errand = SubmitReplacement { target, reason, mode };
    let answers = [
        (words.say("replace-device"), device.name.clone(), None),
        (words.say("replace-why"), words.word("reason", reason.as_str()), Some("?".to_owned())),
        (words.say("report-how"), words.word("my-mode", mode.as_str()), Some("?".to_owned())),
    ];
    let fields = [("reason", reason.as_str()), ("mode", mode.as_str())];
    let button = words.say("report-button");
    check(&world, &guest, &held, Check { title: &title, answers: &answers, fields: &fields, more: html! {}, button: &button }, &errand)
        .await
}

fn only(modes: &[Mode]) -> Option<&'static str> {
    if let [mode] = modes { Some(mode.as_str()) } else { None }
}

pub async fn submit(
    State(world): State<Arc<World>>,
    guest: Guest,
    Segment(device): Segment,
    Filled(fields): Filled<SubmitFields>,
) -> Result<Response, Problem> {
    let followed = done(&world, &guest, &fields.token, Box::new(fields.errand(&device)?)).await?;
    // who was signed in by that device no longer is
    Ok(if is_still_signed_in(&world, &guest.user).await.is_ok() { followed } else { see("/sign-in?reported=own") })
}
