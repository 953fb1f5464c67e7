//! Create a user: the directory entry whose names go into certificates.

use serde_json::json;

use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;
use crate::store::audit::Who;
use crate::store::commit::{Commit, Write};

/// What the directory says of somebody.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    pub email: String,
    pub upn: String,
}

/// Creates a user. A help desk operator, or the administrator at the command line.
pub async fn create_user(world: &World, caller: &Caller, new: NewUser) -> Result<User, Failure> {
    let now = world.now();
    let mut entry = caller.entry("create-user", now);

    // 1 who may
    if caller.who != Who::Administrator
        && let Err(refusal) = caller.actor.must_be(Role::HelpDesk)
    {
        return Err(world.refused(entry, refusal).await);
    }

    // 2 the names are fit for a certificate
    let user = User {
        id: UserId(world.fresh_id()),
        name: named("name", &new.name, |_| true)?,
        email: named("email", &new.email, |text| text.is_ascii() && is_address(text))?,
        upn: named("upn", &new.upn, is_address)?,
    };

    // 3 keep
    entry.on_behalf_of = Some(user.id);
    entry.details = json!({ "name": user.name, "email": user.email, "upn": user.upn });
    let writes = vec![Write::User { user: user.clone(), at: now }];
    world.store.commit(Commit { name: "create-user", guard: None, writes, audit: Some(entry) }).await?;
    Ok(user)
}

/// The administrator at the command line: above the roles of the desk.
pub fn administrator() -> Caller {
    Caller { actor: Actor::System, who: Who::Administrator, source: "local".to_owned() }
}

/// 1 to 64 printable characters without space at the ends (ub-common-name, RFC 5280 appendix A), and what the field asks beyond.
fn named(field: &str, text: &str, is_fit: impl Fn(&str) -> bool) -> Result<String, Failure> {
    let length = text.chars().count();
    let is_printable = !text.chars().any(char::is_control) && text.trim() == text;
    if (1..=64).contains(&length) && is_printable && is_fit(text) {
        return Ok(text.to_owned());
    }
    let found: String = text.chars().take(80).collect();
    Err(Failure::invalid("malformed", format!("{field}: found: {found:?}, expected: {}", expected(field))))
}

fn expected(field: &str) -> &'static str {
    match field {
        "name" => "1 to 64 printable characters",
        _ => "an address such as ana@example.org, at most 64 characters",
    }
}

fn is_address(text: &str) -> bool {
    text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
    })
}
