//! The link to a token: the module, the login, and the sessions that are lent out. It is made anew when it breaks.

use std::time::Duration;

use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11};
use cryptoki::error::{Error, RvError};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::Slot;
use tokio::time::Instant;

use super::{Fate, PATIENCE, SESSIONS, Token, TokenFault};

/// A token that is away is looked for this often at most.
const BETWEEN_ATTEMPTS: Duration = Duration::from_secs(1);

#[derive(Default)]
pub(super) struct State {
    /// `None` while the token is away.
    link: Option<Link>,
    /// What was said when it was looked for last.
    last_fault: Option<TokenFault>,
    last_attempt: Option<Instant>,
    /// The module, to be finalized before it is initialized anew: many see a token that came back only then.
    module: Option<Pkcs11>,
    /// Which link it is: a session of an earlier one is not lent again.
    generation: u64,
    idle: Vec<Session>,
    lent: usize,
}

/// While this stands, one session holds the login.
struct Link {
    slot: Slot,
    _login: Session,
}

impl Token {
    /// A session, and of which link it is.
    pub(super) fn lend(&self) -> Result<(Session, u64), TokenFault> {
        let mut state = self.state();
        loop {
            if state.link.is_none() {
                self.connect(&mut state)?;
            }
            if let Some(session) = state.idle.pop() {
                state.lent += 1;
                return Ok((session, state.generation));
            }
            if state.lent < SESSIONS {
                match self.another_session(&state) {
                    Ok(session) => {
                        state.lent += 1;
                        return Ok((session, state.generation));
                    }
                    Err(error) if super::is_loss(&error) => self.lose(&mut state, error.to_string()),
                    Err(error) => return Err(TokenFault::Refused { label: self.label(), found: error.to_string() }),
                }
                continue;
            }
            let (waited, timeout) = self.returned.wait_timeout(state, PATIENCE).unwrap_or_else(std::sync::PoisonError::into_inner);
            state = waited;
            if timeout.timed_out() {
                return Err(self.away("busy for too long"));
            }
        }
    }

    fn another_session(&self, state: &State) -> Result<Session, Error> {
        match (&state.module, &state.link) {
            (Some(module), Some(link)) => module.open_rw_session(link.slot),
            _ => Err(Error::Pkcs11(RvError::CryptokiNotInitialized, cryptoki::context::Function::OpenSession)),
        }
    }

    pub(super) fn take_back(&self, session: Session, generation: u64, fate: &Fate) {
        let mut state = self.state();
        state.lent -= 1;
        let is_of_this_link = state.generation == generation;
        match fate {
            Fate::Whole if is_of_this_link => state.idle.push(session),
            Fate::Lost(found) if is_of_this_link => {
                drop(session);
                self.lose(&mut state, found.clone());
            }
            Fate::Whole | Fate::Spoiled | Fate::Lost(_) => drop(session),
        }
        self.returned.notify_one();
    }

    /// From now on it is away.
    fn lose(&self, state: &mut State, found: String) {
        tracing::warn!(token = self.place.label, found, "the token is away");
        state.link = None;
        state.idle.clear();
        state.generation += 1;
        state.last_fault = Some(TokenFault::Away { label: self.label(), found });
    }

    /// Makes the link; called again after a loss, at most once a second, and never after a PIN was refused.
    pub(super) fn connect(&self, state: &mut State) -> Result<(), TokenFault> {
        let is_early = state.last_attempt.is_some_and(|last| last.elapsed() < BETWEEN_ATTEMPTS);
        let is_final = matches!(state.last_fault, Some(TokenFault::Pin { .. }));
        // those who still work in the module must be out of it before it is initialized anew
        if let Some(fault) = state.last_fault.clone().filter(|_| is_early || is_final || state.lent > 0) {
            return Err(fault);
        }
        state.last_attempt = Some(Instant::now());
        self.found().clear();
        match self.link(state) {
            Ok(link) => {
                if state.last_fault.take().is_some() {
                    tracing::warn!(token = self.place.label, "the token is back");
                }
                state.link = Some(link);
                Ok(())
            }
            Err(fault) => {
                state.last_fault = Some(fault.clone());
                Err(fault)
            }
        }
    }

    fn link(&self, state: &mut State) -> Result<Link, TokenFault> {
        // 1 the module
        if let Some(old) = state.module.take() {
            let _ = old.finalize(); // whatever it says, it is initialized next
        }
        let unusable = |error: &Error| TokenFault::Module { path: self.place.module.clone(), found: said(error) };
        let module = Pkcs11::new(&self.place.module).map_err(|error| unusable(&error))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => return Err(unusable(&error)),
        }
        let module = state.module.insert(module);

        // 2 the token of that label
        let slot = self.slot(module)?;

        // 3 log in; a token that would lock at the next wrong PIN is not tried
        let away = |error: Error| self.away(error.to_string());
        let facts = module.get_token_info(slot).map_err(away)?;
        if facts.user_pin_locked() {
            return Err(self.refused_pin("a PIN that is locked"));
        }
        if facts.user_pin_final_try() {
            return Err(self.refused_pin("one attempt left before the PIN locks: log in with the maker's tool first"));
        }
        let session = module.open_rw_session(slot).map_err(away)?;
        match session.login(UserType::User, Some(&self.pin)) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(Link { slot, _login: session }),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                Err(self.refused_pin("a wrong PIN"))
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => Err(self.refused_pin("a PIN that is locked")),
            Err(Error::Pkcs11(RvError::PinExpired, _)) => Err(self.refused_pin("a PIN that has expired")),
            Err(Error::Pkcs11(RvError::UserPinNotInitialized, _)) => Err(self.refused_pin("a token without a user's PIN")),
            Err(error) => Err(away(error)),
        }
    }

    fn slot(&self, module: &Pkcs11) -> Result<Slot, TokenFault> {
        let slots = module.get_slots_with_token().map_err(|error| self.away(error.to_string()))?;
        let labelled = slots.into_iter().filter_map(|slot| Some((slot, module.get_token_info(slot).ok()?)));
        let tokens: Vec<_> = labelled.filter(|(_, facts)| facts.token_initialized()).collect();
        let mut ours = tokens.iter().filter(|(_, facts)| facts.label() == self.place.label);
        match (ours.next(), ours.next()) {
            (Some((slot, _)), None) => Ok(*slot),
            (Some(_), Some(_)) => Err(self.missing("several of that label".to_owned())),
            (None, _) if tokens.is_empty() => Err(self.missing("none".to_owned())),
            (None, _) => Err(self.missing(tokens.iter().map(|(_, facts)| facts.label()).collect::<Vec<_>>().join(", "))),
        }
    }

    fn missing(&self, found: String) -> TokenFault {
        TokenFault::Missing { found, expected: self.label() }
    }

    fn away(&self, found: impl Into<String>) -> TokenFault {
        TokenFault::Away { label: self.label(), found: found.into() }
    }

    fn refused_pin(&self, found: &'static str) -> TokenFault {
        TokenFault::Pin { label: self.label(), found }
    }
}

fn said(error: &Error) -> String {
    match error {
        Error::LibraryLoading(_) => "a file that cannot be loaded as one, or none".to_owned(),
        other => other.to_string(),
    }
}
