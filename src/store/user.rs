//! Users, and the version of what they hold.

use jiff::Timestamp;

use super::Store;
use super::column::{Millis, unreadable};
use super::commit::Guard;
use super::error::StoreError;
use super::script::Script;
use super::sql::{Row, query};
use super::words;
use crate::lifecycle::directory::{Attributes, PolicyOid};
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;

/// What [`read`] reads.
macro_rules! columns {
    () => {
        "id, name, email, upn, sid, fasc_n, policies"
    };
}
pub(super) use columns;

pub(super) const OF_USER: &str = concat!("SELECT ", columns!(), ", version FROM users WHERE id = ?1");

impl Store {
    pub async fn is_user(&self, user: UserId) -> Result<bool, StoreError> {
        Ok(query("SELECT id FROM users WHERE id = ?").bind(user).any(&self.readers).await?)
    }
}

/// Makes the commit a conflict unless the holdings are as they were when they were loaded.
pub(super) fn guard(script: &mut Script, guard: &Guard) {
    script.hit("UPDATE users SET version = version + 1 WHERE id = ? AND version = ?").bind(guard.user).bind(guard.version);
}

pub(super) fn create(script: &mut Script, user: &User, at: Timestamp) {
    script
        .run("INSERT INTO users (id, name, email, upn, sid, fasc_n, policies, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
        .bind(user.id)
        .bind(&user.name)
        .bind(&user.email)
        .bind(&user.upn)
        .bind(user.attributes.sid)
        .bind(user.attributes.fasc_n)
        .bind(policies(&user.attributes))
        .bind(Millis(at));
    let is_one = user.email.eq_ignore_ascii_case(&user.upn); // as NOCASE compares
    for address in std::iter::once(&user.email).chain((!is_one).then_some(&user.upn)) {
        script.run("INSERT INTO addresses (address, user_id) VALUES (?, ?)").bind(address).bind(user.id);
    }
    words::enter(script, user.id, user.id.0, [user.name.as_str(), &user.email, &user.upn]);
}

pub(super) fn describe(script: &mut Script, user: UserId, attributes: &Attributes) {
    script
        .hit("UPDATE users SET sid = ?, fasc_n = ?, policies = ? WHERE id = ?")
        .bind(attributes.sid)
        .bind(attributes.fasc_n)
        .bind(policies(attributes))
        .bind(user);
}

fn policies(attributes: &Attributes) -> String {
    attributes.policies.iter().map(PolicyOid::as_str).collect::<Vec<_>>().join(" ")
}

pub(super) fn read(row: &Row) -> Result<User, sqlx::Error> {
    let policies: String = row.try_get("policies")?;
    let policies = policies.split_whitespace().map(|oid| oid.parse().map_err(|_| unreadable("a policy of a user", oid)));
    Ok(User {
        id: row.try_get("id")?,
        name: row.try_get("name")?,
        email: row.try_get("email")?,
        upn: row.try_get("upn")?,
        attributes: Attributes { sid: row.try_get("sid")?, fasc_n: row.try_get("fasc_n")?, policies: policies.collect::<Result<_, _>>()? },
    })
}
