//! Signing in: with a password and the code that is sent, or with a device of one's own that still works.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use maud::{Markup, html};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{AnyGuest, stranger};
use crate::http::portal::account::LONGEST;
use crate::http::portal::{Shown, Source, session_token, with_cookie};
use crate::http::problem::Problem;
use crate::http::words::Queried;
use crate::pages::form::Filled;
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::{name, wrong};
use crate::pages::words::{Words, number, text};
use crate::workflows::failure::Failure;
use crate::workflows::second_step;
use crate::workflows::sign_in::{self, SignedIn};
use crate::workflows::sign_in_by_device::{device_of, sign_in_by_device};
use crate::workflows::world::World;

#[derive(Deserialize)]
pub struct SignInFields {
    login: String,
    password: String,
}

#[derive(Deserialize)]
pub struct CodeFields {
    code: String,
}

/// Why somebody is here.
#[derive(Deserialize)]
pub struct Why {
    /// They have reported the device that had signed them in.
    reported: Option<String>,
}

pub async fn ask(State(world): State<Arc<World>>, words: Words, shown: Shown, Queried(why): Queried<Why>) -> Result<Page, Problem> {
    let told = why.reported.map(|_| html! { div.notice role="status" { p { (words.say("sign-in-reported")) } } });
    form(&world, words, &shown, "", told.unwrap_or_default()).await
}

async fn form(world: &World, words: Words, shown: &Shown, login: &str, told: Markup) -> Result<Page, Problem> {
    let device = match &shown.0 {
        Some(certificate) => device_of(world, certificate).await.ok(),
        None => None,
    };
    let body = html! {
        h1 { (words.say("sign-in-title")) }
        (told)
        @if let Some((held, device)) = &device {
            form.card method="post" action="/sign-in/device" {
                p { (words.with("sign-in-device", [("device", text(&device.name))])) }
                button.primary { (words.say("sign-in-device-button")) " " (name(&held.user.name)) }
            }
            h2 { (words.say("sign-in-or-password")) }
        }
        form method="post" {
            label for="login" { (words.say("sign-in-login")) }
            input #login name="login" type="text" autocomplete="username" required maxlength="200" value=(login) autofocus[device.is_none()];
            label for="password" { (words.say("sign-in-password")) }
            input #password name="password" type="password" autocomplete="current-password" required maxlength=(LONGEST);
            button.primary[device.is_none()] { (words.say("sign-in-button")) }
        }
        h2 { (words.say("sign-in-help-title")) }
        p { (words.with("sign-in-help", [("desk", text(&world.mail.help_desk))])) }
    };
    Ok(stranger(words, words.say("sign-in-title"), body))
}

pub async fn sign_in(
    State(world): State<Arc<World>>,
    words: Words,
    Source(source): Source,
    shown: Shown,
    Filled(fields): Filled<SignInFields>,
) -> Result<Response, Problem> {
    let (login, password) = (fields.login, Zeroizing::new(fields.password));
    if password.len() > LONGEST {
        return Err(Problem::malformed(format!("password: found: {} bytes, expected: up to {LONGEST}", password.len())));
    }
    match sign_in::sign_in(&world, login.trim(), password, &source).await {
        Ok(signed_in) => go_on(&signed_in),
        Err(failure) => {
            let (status, told) = said(words, failure)?;
            Ok(form(&world, words, &shown, login.trim(), wrong(words, Some(("login", &told)))).await?.with_status(status))
        }
    }
}

pub async fn by_device(State(world): State<Arc<World>>, Source(source): Source, shown: Shown) -> Result<Response, Problem> {
    let certificate = shown.0.ok_or_else(Problem::certificate_required)?;
    go_on(&sign_in_by_device(&world, &certificate, &source).await?)
}

/// To the next step.
fn go_on(signed_in: &SignedIn) -> Result<Response, Problem> {
    let next = match signed_in {
        SignedIn { awaits_code: true, .. } => "/sign-in/code",
        SignedIn { must_change: true, .. } => "/password",
        SignedIn { .. } => "/",
    };
    with_cookie(see(next), &signed_in.token)
}

/// What can be put right at once is told on the form; anything else goes its way.
fn said(words: Words, failure: Failure) -> Result<(StatusCode, String), Problem> {
    match failure {
        Failure::Invalid { code, .. } if code.starts_with("wrong-") => Ok((StatusCode::UNAUTHORIZED, words.word("code", code))),
        Failure::Wait { seconds } => {
            let minutes = usize::try_from(seconds.div_ceil(60)).unwrap_or(usize::MAX);
            Ok((StatusCode::TOO_MANY_REQUESTS, words.with("sign-in-wait", [("minutes", number(minutes))])))
        }
        other => Err(other.into()),
    }
}

pub async fn ask_code(words: Words) -> Page {
    code_form(words, None)
}

fn code_form(words: Words, told: Option<&str>) -> Page {
    let body = html! {
        h1 { (words.say("code-title")) }
        (wrong(words, told.map(|told| ("code", told))))
        form method="post" {
            label for="code" { (words.say("code-label")) }
            p.hint #code-hint { (words.say("code-hint")) }
            input #code name="code" type="text" inputmode="numeric" autocomplete="one-time-code" required maxlength="20" aria-describedby="code-hint" autofocus;
            button.primary { (words.say("code-button")) }
        }
        p { a href="/sign-in" { (words.say("code-again")) } }
    };
    stranger(words, words.say("code-title"), body)
}

pub async fn enter_code(
    State(world): State<Arc<World>>,
    words: Words,
    Source(source): Source,
    headers: HeaderMap,
    Filled(fields): Filled<CodeFields>,
) -> Result<Response, Problem> {
    let Ok(token) = session_token(&headers) else { return Ok(see("/sign-in")) };
    match second_step::enter_code(&world, token, &fields.code, &source).await {
        Ok(signed_in) => go_on(&signed_in),
        Err(Failure::Invalid { code: "sign-in-required", .. }) => Ok(see("/sign-in")),
        Err(failure) => {
            let (status, told) = said(words, failure)?;
            Ok(code_form(words, Some(&told)).with_status(status))
        }
    }
}

/// Whoever is not signed in, or only by half, is signed out as well.
pub async fn sign_out(State(world): State<Arc<World>>, words: Words, guest: Result<AnyGuest, Response>) -> Result<Response, Problem> {
    if let Ok(AnyGuest(guest)) = guest {
        sign_in::sign_out(&world, &guest.user).await?;
    }
    with_cookie(signed_out(words).into_response(), "")
}

fn signed_out(words: Words) -> Page {
    let body: Markup = html! {
        h1 { (words.say("signed-out")) }
        p { a href="/sign-in" { (words.say("sign-in-again")) } }
    };
    stranger(words, words.say("signed-out"), body)
}
