//! Create a user: the directory entry whose names go into certificates.

use serde_json::json;

use super::describe_user::told;
use super::failure::Failure;
use super::world::{Caller, World};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;
use crate::pki::name::Holder;
use crate::store::audit::Who;
use crate::store::commit::{Commit, Write};

/// What the directory says of somebody.
#[derive(Clone, Debug)]
pub struct NewUser {
    pub name: String,
    pub email: String,
    pub upn: String,
    pub attributes: Attributes,
}

/// Creates a user. A help desk operator, or the administrator at the command line.
pub async fn create_user(world: &World, caller: &Caller, new: NewUser) -> Result<User, Failure> {
    let now = world.now();
    let mut entry = caller.entry("create-user", now);

    // 1 who may
    if caller.who != Who::Administrator {
        world.unless_refused(caller.actor.must_be(Role::HelpDesk), &entry).await?;
    }

    // 2 the names are fit for a certificate
    let NewUser { name, email, upn, attributes } = new;
    is_address("email", &email)?;
    is_address("upn", &upn)?;
    is_plain("name", &name)?;
    let user = User { id: UserId(world.fresh_id()), name, email, upn, attributes };
    Holder::from(&user).check()?;

    // 3 keep
    entry.on_behalf_of = Some(user.id);
    entry.details = json!({ "name": user.name, "email": user.email, "upn": user.upn, "directory": told(&user.attributes) });
    let writes = vec![Write::User { user: user.clone(), at: now }];
    world.store.commit(Commit { name: "create-user", guard: None, writes, audit: Some(entry) }).await?;
    Ok(user)
}

/// The administrator at the command line: above the roles of the desk.
pub fn administrator() -> Caller {
    Caller { actor: Actor::System, who: Who::Administrator, source: "local".to_owned(), session: None }
}

/// No blanks around it, and nothing that makes an eye read something else: marks of direction, and what has no width.
pub(super) fn is_plain(field: &str, text: &str) -> Result<(), Failure> {
    let misleads =
        |c: char| matches!(c, '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}');
    if text.trim() == text && !text.chars().any(misleads) {
        return Ok(());
    }
    Err(Failure::invalid("malformed", format!("{field}: found: {text:?}, expected: no blanks around it, no invisible characters")))
}

/// `local@domain`, and nothing that would mislead an eye or a relying party.
fn is_address(field: &str, text: &str) -> Result<(), Failure> {
    let is_fit = text.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@') && !text.contains(char::is_whitespace)
    });
    if is_fit {
        return Ok(());
    }
    let found: String = text.chars().take(80).collect();
    Err(Failure::invalid("malformed", format!("{field}: found: {found:?}, expected: an address such as ana@example.org")))
}
