//! Signing in at the portal, with a local password and what the second step asks for. What a wrong login and a wrong password are answered is the same, after the same work.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use super::failure::Failure;
use super::second_step::{SecondStep, send_code};
use super::tries::{self, Try};
use super::world::{Caller, World};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::change::Change;
use crate::lifecycle::device::DeviceStatus;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::user::User;
use crate::pki::key::{random, sha256};
use crate::pki::password;
use crate::store::StoreError;
use crate::store::audit::Who;
use crate::store::commit::{Commit, Write};
use crate::store::portal::PortalSession;

/// A session ends when it was not used for so long …
pub const IDLE: SignedDuration = SignedDuration::from_mins(15);
/// … and in any case so long after it was opened. Our choice, after OWASP for what matters much.
pub const ABSOLUTE: SignedDuration = SignedDuration::from_hours(8);
/// How long a sign-in waits for its turn to be worked on.
const PATIENCE: Duration = Duration::from_secs(5);
/// The use of a session is written down this often.
const TOUCH: SignedDuration = SignedDuration::from_mins(1);

/// A browser that is signed in from now on.
pub struct SignedIn {
    /// What it holds: 32 random bytes, base64url.
    pub token: Zeroizing<String>,
    pub user: User,
    /// It was signed in with an initial password: it may only set one of the user's own.
    pub must_change: bool,
    /// It is not signed in yet: the code that was sent must come back.
    pub awaits_code: bool,
}

/// Signs in by e-mail address or UPN.
pub async fn sign_in(world: &World, login: &str, attempt: Zeroizing<String>, source: &str) -> Result<SignedIn, Failure> {
    // 1 who it would be, and whether a password is looked at now
    let tried = tries::begin(world, login).await?;

    // 2 the password; the same work where there is none
    let is_right = check(world, attempt, tried.as_ref().map(|tried| tried.kept.phc.clone())).await?;
    let Some(tried) = tried else { return Err(wrong()) };
    if !is_right {
        return Err(tried.was_wrong(world, wrong(), source).await?);
    }

    // 3 the session; or first the second step
    match world.second_step {
        SecondStep::MailedCode => send_code(world, tried, source).await,
        SecondStep::None => open_session(world, tried, None, source).await,
    }
}

/// Opens the session of somebody who has passed every step; an initial password is spent, and so is the session that waited.
pub(super) async fn open_session(world: &World, tried: Try, waiting: Option<[u8; 32]>, source: &str) -> Result<SignedIn, Failure> {
    let now = world.now();
    let must_change = tried.kept.lapses_at.is_some();
    let (token, session) = fresh_session(world, tried.user.id, must_change);
    let mut writes = vec![tried.forget_all(), Write::PortalSession(session)];
    writes.extend(waiting.map(|token_hash| Write::PortalCodeSpent { token_hash }));
    if must_change {
        writes.push(Write::PortalInitialSpent { user: tried.user.id, at: now });
    }
    let mut entry = caller(tried.user.id, source).entry("sign-in", now);
    entry.on_behalf_of = Some(tried.user.id);
    entry.details = json!({ "by": if waiting.is_some() { "password and code" } else { "password" } });
    world.store.commit(Commit { name: "sign-in", guard: None, writes, audit: Some(entry) }).await.map_err(unless_late)?;
    Ok(SignedIn { token, user: tried.user, must_change, awaits_code: false })
}

/// Nothing of a sign-in is left to go on with.
pub(super) fn over() -> Failure {
    Failure::invalid("sign-in-required", "found: no sign-in that can go on, expected: sign in")
}

/// What a step was about is gone: the code or the initial password was spent, or the password changed, in the same moment.
pub(super) fn unless_late(error: StoreError) -> Failure {
    match error {
        StoreError::Conflict => over(),
        other => other.into(),
    }
}

/// Under which name a session is kept, by what the browser holds.
pub(super) fn session_hash(token: &str) -> Option<[u8; 32]> {
    let secret: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(token).ok()?.try_into().ok()?;
    Some(sha256(&secret))
}

/// A session that begins now, and what the browser is to hold.
pub(super) fn fresh_session(world: &World, user: UserId, must_change: bool) -> (Zeroizing<String>, PortalSession) {
    let secret = Zeroizing::new(random::<32>(world.entropy.as_ref()));
    let now = world.now();
    let session = PortalSession {
        token_hash: sha256(secret.as_slice()),
        user,
        opened_at: now,
        seen_at: now,
        must_change,
        code_hash: None,
        device: None,
    };
    (Zeroizing::new(BASE64_URL_SAFE_NO_PAD.encode(secret.as_slice())), session)
}

/// Stretches an attempt, off the threads that serve, and only a few at a time.
pub(super) async fn check(world: &World, attempt: Zeroizing<String>, phc: Option<String>) -> Result<bool, Failure> {
    let turn = tokio::time::timeout(PATIENCE, world.stretching.clone().acquire_owned()).await;
    let Ok(Ok(turn)) = turn else { return Err(Failure::Unavailable("too many sign in at once".into())) };
    let checking = tokio::task::spawn_blocking(move || {
        let is_right = password::is_right(&attempt, phc.as_deref());
        drop(turn);
        is_right
    });
    checking.await.map_err(|error| Failure::Unavailable(error.into()))
}

fn wrong() -> Failure {
    Failure::invalid(
        "wrong-password",
        "found: a login and a password that do not belong together, expected: the e-mail address or UPN, and the password of the portal",
    )
}

/// Somebody who is signed in.
#[derive(Clone, Debug)]
pub struct PortalUser {
    pub caller: Caller,
    pub user: UserId,
    pub session: [u8; 32],
    pub must_change: bool,
}

pub(super) fn caller(user: UserId, source: &str) -> Caller {
    Caller { actor: Actor::User(user), who: Who::User(user), source: source.to_owned(), session: None }
}

/// Who holds this token, if the session is not over.
pub async fn identify_user(world: &World, token: &str, source: &str) -> Result<PortalUser, Failure> {
    let session = world.store.portal_session(session_hash(token).ok_or_else(over)?).await?.ok_or_else(over)?;
    if session.code_hash.is_some() {
        return Err(Failure::invalid("second-step-required", "found: a sign-in without its second step, expected: the code that was sent"));
    }
    let now = world.now();
    is_good(world, &session, now).await?;
    if now >= session.seen_at + TOUCH {
        let writes = vec![Write::PortalSessionSeen { token_hash: session.token_hash, at: now }];
        world.store.commit(Commit { name: "session-seen", guard: None, writes, audit: None }).await?;
    }
    let (user, must_change) = (session.user, session.must_change);
    let caller = Caller { session: Some(session.token_hash), ..caller(user, source) };
    Ok(PortalUser { caller, user, session: session.token_hash, must_change })
}

/// A session is over when it was not used for long, was opened long ago, or its device is no longer active.
async fn is_good(world: &World, session: &PortalSession, now: Timestamp) -> Result<(), Failure> {
    if now >= session.seen_at + IDLE || now >= session.opened_at + ABSOLUTE {
        return Err(over());
    }
    if let Some(device) = session.device {
        let held = world.load(session.user).await?.holdings;
        let is_active = held.devices.get(&device).is_some_and(|device| held.device_status(device) == DeviceStatus::Active);
        return if is_active { Ok(()) } else { Err(over()) };
    }
    Ok(())
}

/// For what is told without being asked again: whether somebody is signed in still. It is no use of the session.
pub async fn is_still_signed_in(world: &World, user: &PortalUser) -> Result<(), Failure> {
    let session = world.store.portal_session(user.session).await?.ok_or_else(over)?;
    is_good(world, &session, world.now()).await
}

/// Ends the session.
pub async fn sign_out(world: &World, user: &PortalUser) -> Result<(), Failure> {
    let mut entry = user.caller.entry("sign-out", world.now());
    entry.on_behalf_of = Some(user.user);
    let writes = vec![Write::PortalSessionEnded { token_hash: user.session }];
    world.store.commit(Commit { name: "sign-out", guard: None, writes, audit: Some(entry) }).await?;
    Ok(())
}

/// Whether a device is reported or ended as lost or stolen: a browser on it may be signed in at the portal.
pub(super) fn falls_into_other_hands(writes: &[Write]) -> bool {
    writes.iter().any(|write| match write {
        Write::Change(Change::RequestOpened(request)) => request.replacement().is_some_and(|(reason, _)| reason.exposes_keys()),
        Write::Change(Change::DeviceTerminated { reason, .. }) => reason.exposes_keys(),
        _ => false,
    })
}
