//! Describe a user: replace what the directory says of them besides the names. Certificates signed from then on carry it; those that
//! exist stay as they are until their device is replaced.

use serde_json::{Value, json};

use super::failure::Failure;
use super::world::{Caller, World, retrying};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::directory::Attributes;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::user::User;
use crate::store::commit::Write;

/// Replaces the attributes of a user (help desk, but nobody their own).
pub async fn describe_user(world: &World, caller: &Caller, user: UserId, attributes: &Attributes) -> Result<User, Failure> {
    // 1 who may; whoever could choose their own account of the domain could choose the administrator's
    let mut entry = caller.entry("describe-user", world.now());
    entry.details = told(attributes);
    world.unless_refused(caller.actor.must_be(Role::HelpDesk), &entry).await?;
    if matches!(&caller.actor, Actor::Operator(operator) if operator.user == Some(user)) {
        let refusal = Refusal::new(RefusalCode::OwnRequest, "your own directory entry", "an operator whom it does not concern");
        return world.unless_refused(Err(refusal), &entry).await;
    }

    // 2 keep
    retrying(async || {
        let loaded = world.load(user).await?;
        let writes = vec![Write::Attributes { user, attributes: attributes.clone() }];
        world.keep("describe-user", &loaded, writes, entry.clone()).await?;
        Ok(User { attributes: attributes.clone(), ..loaded.holdings.user })
    })
    .await
}

/// The same for the audit log.
pub(super) fn told(attributes: &Attributes) -> Value {
    let Attributes { sid, fasc_n, policies } = attributes;
    let policies: Vec<&str> = policies.iter().map(|policy| policy.as_str()).collect();
    json!({ "sid": sid.map(|sid| sid.to_string()), "fasc_n": fasc_n.map(|number| number.to_string()), "policies": policies })
}
