//! What the help desk does for a person rather than a device: a first password, and what the directory says of them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use maud::html;
use serde::Deserialize;

use super::{Visitor, user_path};
use crate::http::problem::Problem;
use crate::http::words::{Segment, id};
use crate::lifecycle::actor::Role;
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::holdings::Holdings;
use crate::pages::asked::back;
use crate::pages::form::{Filled, OnlyToken};
use crate::pages::frame::Page;
use crate::pages::going::see;
use crate::pages::parts::{name, wrong};
use crate::pages::visit::Visit;
use crate::workflows::deeds::{Outcome, Secret};
use crate::workflows::describe_user::describe_user;
use crate::workflows::failure::Failure;
use crate::workflows::look_up_user::look_up_user;
use crate::workflows::set_password::give_initial_password;
use crate::workflows::world::World;

/// What giving a first password means.
pub async fn ask_password(State(world): State<Arc<World>>, visitor: Visitor, Segment(user): Segment) -> Result<Page, Problem> {
    let held = look_up_user(&world, &visitor.caller, id("user", &user)?).await?;
    let words = visitor.words;
    let body = html! {
        (back(&visitor, &held))
        h1 { (words.say("give-password-title")) ": " (name(&held.user.name)) }
        p { (words.say("give-password-what")) }
        form method="post" {
            (visitor.token(&world)?.field())
            button.primary { (words.say("give-password-button")) }
            " " a href=(user_path(held.user.id)) { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/users", words.say("give-password-title"), body))
}

/// Gives it, and shows it this once; a second click on the same button shows the same.
pub async fn give_password(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(user): Segment,
    Filled(fields): Filled<OnlyToken>,
) -> Result<Page, Problem> {
    let click = visitor.click(&world, &fields.token)?;
    let user = id("user", &user)?;
    let (at, caller) = (Arc::clone(&world), visitor.caller.clone());
    let act = async move {
        let password = give_initial_password(&at, &caller, user).await?;
        Ok(Outcome { password: Some(Secret(password)), ..Outcome::default() })
    };
    let deed = world.deeds.once(world.now(), click, visitor.who(), act).await?;
    let password = deed.outcome.password.as_ref().map_or("", |given| given.0.as_str());
    let held = look_up_user(&world, &visitor.caller, user).await?;
    let words = visitor.words;
    let body = html! {
        (back(&visitor, &held))
        h1 { (words.say("give-password-title")) ": " (name(&held.user.name)) }
        section.invitation aria-labelledby="given" {
            h2 #given { (words.say("give-password-given")) }
            p.code { (password) }
            p { (words.say("give-password-once")) }
        }
    };
    Ok(visitor.page("/users", words.say("give-password-title"), body))
}

#[derive(Default, Deserialize)]
pub struct DirectoryFields {
    #[serde(default)]
    token: String,
    sid: String,
    fasc_n: String,
    policies: String,
}

impl DirectoryFields {
    fn of(attributes: &Attributes) -> Self {
        Self {
            token: String::new(),
            sid: attributes.sid.map(|sid| sid.to_string()).unwrap_or_default(),
            fasc_n: attributes.fasc_n.map(|number| number.to_string()).unwrap_or_default(),
            policies: attributes.policies.iter().map(|policy| policy.as_str()).collect::<Vec<_>>().join("\n"),
        }
    }

    /// What is wrong is said with the field that it is about.
    fn parsed(&self) -> Result<Attributes, (&'static str, String)> {
        let filled = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let sid = filled(&self.sid).map(|text| text.parse().map_err(|error| ("sid", format!("{error}")))).transpose()?;
        let fasc_n = filled(&self.fasc_n).map(|text| text.parse().map_err(|error| ("fasc_n", format!("{error}")))).transpose()?;
        let policies = self.policies.split_whitespace().map(|text| text.parse().map_err(|error| ("policies", format!("{error}"))));
        Ok(Attributes { sid, fasc_n, policies: policies.collect::<Result<_, _>>()? })
    }
}

pub async fn ask_directory(State(world): State<Arc<World>>, visitor: Visitor, Segment(user): Segment) -> Result<Page, Problem> {
    let held = look_up_user(&world, &visitor.caller, id("user", &user)?).await?;
    Ok(directory(&world, &visitor, &held, &DirectoryFields::of(&held.user.attributes), None)?)
}

fn directory(
    world: &World,
    visitor: &Visitor,
    held: &Holdings,
    fields: &DirectoryFields,
    told: Option<(&str, &str)>,
) -> Result<Page, Failure> {
    let words = visitor.words;
    let body = html! {
        (back(visitor, held))
        h1 { (words.say("directory-title")) ": " (name(&held.user.name)) }
        (wrong(words, told))
        p { (words.say("directory-what")) }
        form method="post" {
            (visitor.token(world)?.field())
            label for="sid" { (words.say("directory-sid")) }
            input #sid name="sid" maxlength="80" autocomplete="off" value=(fields.sid);
            label for="fasc_n" { (words.say("directory-fasc-n")) }
            p.hint #fasc_n-hint { (words.say("directory-fasc-n-hint")) }
            input #fasc_n name="fasc_n" maxlength="50" autocomplete="off" aria-describedby="fasc_n-hint" value=(fields.fasc_n);
            label for="policies" { (words.say("directory-policies")) }
            p.hint #policies-hint { (words.say("directory-policies-hint")) }
            textarea #policies name="policies" rows="3" aria-describedby="policies-hint" { (fields.policies) }
            @if visitor.is(Role::HelpDesk) { button.primary { (words.say("directory-button")) } }
            " " a href=(user_path(held.user.id)) { (words.say("leave-it")) }
        }
    };
    Ok(visitor.page("/users", words.say("directory-title"), body))
}

pub async fn describe(
    State(world): State<Arc<World>>,
    visitor: Visitor,
    Segment(user): Segment,
    Filled(fields): Filled<DirectoryFields>,
) -> Result<Response, Problem> {
    visitor.click(&world, &fields.token)?;
    let user = id("user", &user)?;
    let described = match fields.parsed() {
        Ok(attributes) => match describe_user(&world, &visitor.caller, user, &attributes).await {
            Ok(_) => Ok(()),
            Err(Failure::Invalid { detail, .. }) => Err(("sid", detail)),
            Err(failure) => return Err(failure.into()),
        },
        Err(wrong) => Err(wrong),
    };
    let Err((field, told)) = described else { return Ok(see(&user_path(user))) };
    let held = look_up_user(&world, &visitor.caller, user).await?;
    Ok(directory(&world, &visitor, &held, &fields, Some((field, &told)))?.again())
}
