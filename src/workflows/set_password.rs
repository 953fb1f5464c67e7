//! Passwords of the portal: an initial one, given by the help desk or the administrator, signs in once; with it the user sets their own.

use jiff::SignedDuration;
use serde_json::json;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::sign_in::{PortalUser, check, fresh_session};
use super::tries;
use super::world::{Caller, World};
use crate::lifecycle::actor::Role;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;
use crate::pki::key::random;
use crate::pki::password::stretch;
use crate::store::audit::Who;
use crate::store::commit::{Commit, Write};
use crate::store::portal::Password;

/// How long an initial password may wait to be used.
const LIFETIME: SignedDuration = SignedDuration::from_hours(72);
/// How long a password is, in characters. NIST SP 800-63B-4 asks for 15 where it is the only factor, for eight where it is one of two; an installation may leave the second step out.
const LENGTH: std::ops::RangeInclusive<usize> = 12..=128;

/// Gives a user an initial password, shown this once; the one before, and every session, end (help desk, or the administrator at the command line).
pub async fn give_initial_password(world: &World, caller: &Caller, user: UserId) -> Result<Zeroizing<String>, Failure> {
    let now = world.now();
    let mut entry = caller.entry("give-password", now);

    // 1 who may, before the user is looked up
    if caller.who != Who::Administrator {
        world.unless_refused(caller.actor.must_be(Role::HelpDesk), &entry).await?;
    }
    let held = world.load(user).await?.holdings;

    // 2 words that can be read out: five groups of four letters and digits, without those that look alike (100 bits)
    let password = readable(world);

    // 3 keep
    entry.on_behalf_of = Some(held.user.id);
    let kept = stretched(world, &password, Some(now + LIFETIME)).await?;
    let writes = vec![Write::PortalPassword { user, password: kept }];
    world.store.commit(Commit { name: "give-password", guard: None, writes, audit: Some(entry) }).await?;
    Ok(password)
}

/// Sets the user's own password; every other session ends, and this one goes on under a new token.
pub async fn change_password(
    world: &World,
    user: &PortalUser,
    current: Zeroizing<String>,
    new: Zeroizing<String>,
) -> Result<Zeroizing<String>, Failure> {
    let now = world.now();
    let record = world.load(user.user).await?.holdings.user;

    // 1 the one who is signed in, not whoever found the browser open; an initial one was shown a moment ago
    if !user.must_change {
        let wrong = || Failure::invalid("wrong-password", "current: found: another password, expected: the one that you signed in with");
        let tried = tries::begin(world, &record.email).await?.ok_or_else(wrong)?;
        if !check(world, current, Some(tried.kept.phc.clone())).await? {
            return Err(tried.was_wrong(world, wrong(), &user.caller.source).await?);
        }
    }

    // 2 one that is not easily guessed
    is_fit(&record, &new)?;

    // 3 keep, with a session of a new token
    let password = stretched(world, &new, None).await?;
    let (token, session) = fresh_session(world, user.user, false);
    let mut entry = user.caller.entry("set-password", now);
    entry.on_behalf_of = Some(user.user);
    entry.details = json!({ "initial": user.must_change });
    let writes = vec![Write::PortalPassword { user: user.user, password }, Write::PortalSession(session)];
    world.store.commit(Commit { name: "set-password", guard: None, writes, audit: Some(entry) }).await?;
    Ok(token)
}

async fn stretched(world: &World, password: &str, lapses_at: Option<jiff::Timestamp>) -> Result<Password, Failure> {
    let (password, entropy) = (Zeroizing::new(password.to_owned()), world.entropy.clone());
    let turn = world.stretching.clone().acquire_owned().await.map_err(|error| Failure::Unavailable(error.into()))?;
    let stretching = tokio::task::spawn_blocking(move || {
        let phc = stretch(&password, entropy.as_ref());
        drop(turn);
        phc
    });
    let phc = stretching.await.map_err(|error| Failure::Unavailable(error.into()))?;
    let phc = phc.map_err(|error| Failure::Unavailable(error.into()))?;
    Ok(Password { phc, set_at: world.now(), lapses_at, wrong: 0, locked_until: None })
}

fn readable(world: &World) -> Zeroizing<String> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let drawn = Zeroizing::new(random::<20>(world.entropy.as_ref()));
    let letter = |byte: &u8| char::from(LETTERS[usize::from(byte % 32)]);
    let groups: Vec<String> = drawn.chunks(4).map(|group| group.iter().map(letter).collect()).collect();
    Zeroizing::new(groups.join("-"))
}

/// Long enough, and not the user's own name.
fn is_fit(user: &User, new: &str) -> Result<(), Failure> {
    let length = new.chars().count();
    if !LENGTH.contains(&length) {
        let (least, most) = (LENGTH.start(), LENGTH.end());
        return Err(Failure::invalid("weak-password", format!("new: found: {length} characters, expected: {least} to {most}")));
    }
    let plain = new.to_lowercase();
    let local = |address: &str| address.split('@').next().unwrap_or_default().to_lowercase();
    let names = [user.name.to_lowercase(), local(&user.email), local(&user.upn), user.email.to_lowercase(), user.upn.to_lowercase()];
    if names.iter().any(|name| name.chars().count() > 3 && plain.contains(name.as_str())) {
        return Err(Failure::invalid("weak-password", "new: found: your own name or address in it, expected: something that nobody knows"));
    }
    let mut letters: Vec<char> = plain.chars().collect();
    letters.sort_unstable();
    letters.dedup();
    if letters.len() < 5 {
        return Err(Failure::invalid("weak-password", "new: found: fewer than five different characters, expected: more"));
    }
    Ok(())
}
