//! The second step of signing in: a code of six digits, sent to the address of record. Until it comes back, the session signs nobody in.
//!
//! A wrong code counts like a wrong password, and the count is only forgotten once both steps are done: whoever knows the password gets no
//! more tries at the code than anybody gets at a password.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::digits::digits;
use super::failure::{Failure, broken};
use super::letters::sign_in_letter;
use super::sign_in::{SignedIn, caller, fresh_session, open_session, over, session_hash, unless_late};
use super::tries::{self, Try, seconds_until};
use super::world::World;
use crate::pki::key::sha256;
use crate::store::commit::{Commit, Write};

/// What signing in takes beside the password.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecondStep {
    /// A code that goes to the address of record.
    MailedCode,
    /// Nothing: for an installation that keeps the portal to itself, or has no mail.
    None,
}

/// How long a code is good.
pub const LIFETIME: SignedDuration = SignedDuration::from_mins(10);
/// How many codes may be on their way to one user: whoever knows a password must not fill a mailbox.
const AT_ONCE: u32 = 5;

/// Sends a code, and opens a session that waits for it.
pub(super) async fn send_code(world: &World, tried: Try, source: &str) -> Result<SignedIn, Failure> {
    let now = world.now();
    let (user, must_change) = (&tried.user, tried.kept.lapses_at.is_some());

    // 1 not too many
    let (count, oldest) = world.store.waiting_sessions(user.id, now - LIFETIME).await?;
    if let Some(oldest) = oldest.filter(|_| count >= AT_ONCE) {
        return Err(Failure::Wait { seconds: seconds_until(now, oldest + LIFETIME) });
    }

    // 2 the session and the code, each of no use without the other
    let (token, mut session) = fresh_session(world, user.id, must_change);
    let code = digits::<6>(world);
    session.code_hash = Some(digest(&token, &code).ok_or_else(|| broken("a session of our own"))?);

    // 3 keep, with the letter
    let held = world.load(user.id).await?.holdings;
    let mut entry = caller(user.id, source).entry("send-code", now);
    entry.on_behalf_of = Some(user.id);
    let writes = vec![tried.forget_this(), Write::PortalSession(session), sign_in_letter(world, &held, &code, now + LIFETIME)?];
    world.store.commit(Commit { name: "send-code", guard: None, writes, audit: Some(entry) }).await.map_err(unless_late)?;
    Ok(SignedIn { token, user: tried.user, must_change, awaits_code: true })
}

/// Takes the code, and opens the session under a new token.
pub async fn enter_code(world: &World, token: &str, code: &str, source: &str) -> Result<SignedIn, Failure> {
    let now = world.now();
    // 1 the session that waits
    let session = world.store.portal_session(session_hash(token).ok_or_else(over)?).await?.ok_or_else(over)?;
    let Some(expected) = session.code_hash.filter(|_| now < session.opened_at + LIFETIME) else { return Err(over()) };

    // 2 the code, if one is looked at now
    let held = world.load(session.user).await?.holdings;
    let tried = tries::begin(world, &held.user.email).await?.ok_or_else(over)?;
    let entered: String = code.chars().filter(|each| !each.is_whitespace()).collect();
    if digest(token, &entered) != Some(expected) {
        let wrong = Failure::invalid("wrong-code", "code: found: another, expected: the six digits of the letter that was sent last");
        return Err(tried.was_wrong(world, wrong, source).await?);
    }

    // 3 the session
    open_session(world, tried, Some(session.token_hash), source).await
}

/// Of what the browser holds and what the letter says: neither the database nor either of them alone tells the other.
fn digest(token: &str, code: &str) -> Option<[u8; 32]> {
    let secret = Zeroizing::new(BASE64_URL_SAFE_NO_PAD.decode(token).ok()?);
    Some(sha256(&Zeroizing::new([secret.as_slice(), code.as_bytes()].concat())))
}
