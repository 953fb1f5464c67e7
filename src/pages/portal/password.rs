//! One's own password: set after the first sign-in, changed at any time.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::{AnyGuest, Guest};
use crate::http::portal::with_cookie;
use crate::http::problem::Problem;
use crate::pages::form::{Filled, Token};
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::wrong;
use crate::pages::visit::Visit;
use crate::workflows::failure::Failure;
use crate::workflows::set_password::change_password;
use crate::workflows::world::World;

#[derive(Deserialize)]
pub struct PasswordFields {
    token: String,
    #[serde(default)]
    current: String,
    new: String,
}

pub async fn ask(State(world): State<Arc<World>>, AnyGuest(guest): AnyGuest) -> Result<Page, Problem> {
    let login = guest.holdings(&world).await?.user.email;
    Ok(form(&guest, &login, &guest.token(&world)?, None))
}

fn form(guest: &Guest, login: &str, token: &Token, told: Option<&str>) -> Page {
    let (words, is_first) = (guest.words, guest.user.must_change);
    let title = words.say(if is_first { "password-first-title" } else { "password-title" });
    let body = html! {
        h1 { (title) }
        (wrong(words, told.map(|told| ("new", told))))
        @if is_first { p { (words.say("password-first")) } }
        form method="post" {
            (token.field())
            input type="hidden" autocomplete="username" value=(login);
            @if !is_first {
                label for="current" { (words.say("password-current")) }
                input #current name="current" type="password" autocomplete="current-password" required maxlength="1024";
            }
            label for="new" { (words.say("password-new")) }
            p.hint #new-hint { (words.say("password-hint")) }
            input #new name="new" type="password" autocomplete="new-password" required maxlength="128" aria-describedby="new-hint";
            button.primary { (words.say("password-button")) }
        }
    };
    guest.page("/password", title, body)
}

pub async fn change(
    State(world): State<Arc<World>>,
    AnyGuest(guest): AnyGuest,
    Filled(fields): Filled<PasswordFields>,
) -> Result<Response, Problem> {
    guest.click(&world, &fields.token)?;
    let (current, new) = (Zeroizing::new(fields.current), Zeroizing::new(fields.new));
    match change_password(&world, &guest.user, current, new).await {
        Ok(token) => with_cookie(see("/"), &token),
        Err(Failure::Invalid { code, .. }) => {
            let told = guest.words.word("code", if code == "wrong-password" { "wrong-current-password" } else { code });
            let login = guest.holdings(&world).await?.user.email;
            Ok(form(&guest, &login, &guest.token(&world)?, Some(&told)).again())
        }
        Err(failure) => Err(failure.into()),
    }
}
