//! A PKCS#11 token (an HSM) that keeps private keys and does not give them out: it signs, seals and opens inside.
//!
//! Its sessions are few and shared. When it goes away, what needs it is refused until it is back; then it is taken up again by the next
//! call, without a restart. A PIN that it refused is never shown to it twice: tokens lock.

mod keys;
mod link;

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use cryptoki::error::{Error, RvError};
use cryptoki::object::ObjectHandle;
use cryptoki::session::Session;
use cryptoki::types::AuthPin;
use tokio::runtime::{Handle, RuntimeFlavor};

use self::link::State;

/// How many calls the token works on at once.
const SESSIONS: usize = 4;
/// How long a call waits for its turn.
const PATIENCE: Duration = Duration::from_secs(5);

/// Which token, and of which module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The token's label.
    pub label: String,
}

/// A token that is logged in to.
pub struct Token {
    place: Place,
    pin: AuthPin,
    state: Mutex<State>,
    returned: Condvar,
    /// Where keys are found, by their labels, while the link stands.
    found: Mutex<HashMap<String, ObjectHandle>>,
}

/// Why a token did not do it. It never says the PIN.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TokenFault {
    /// The administrator must act.
    #[error("{}: found: {found}, expected: a PKCS#11 module, a shared library of the HSM's maker", path.display())]
    Module { path: PathBuf, found: String },
    /// The administrator must act, or the token must come back.
    #[error("token: found: {found}, expected: one with the label {expected}")]
    Missing { found: String, expected: String },
    /// The administrator must act, and start the program again.
    #[error("token {label}: found: {found}, expected: the user's PIN; it is not shown to the token again before a restart, as tokens lock")]
    Pin { label: String, found: &'static str },
    /// It passes by itself when the token is back.
    #[error("token {label}: away: {found}, expected: a token that answers")]
    Away { label: String, found: String },
    #[error("token {label}: found: no key with the label {key}, expected: one")]
    NoKey { label: String, key: String },
    #[error("token {label}: found: a key with the label {key}, expected: a token without one")]
    Taken { label: String, key: String },
    #[error("token {label}: {found}")]
    Refused { label: String, found: String },
    /// What was to be opened was altered, or sealed for another place.
    #[error("what was sealed in token {label} does not open: altered, or of another place")]
    NotOpened { label: String },
}

impl Token {
    /// Finds the token and logs in.
    pub fn open(place: Place, pin: &str) -> Result<Self, TokenFault> {
        let token =
            Self { place, pin: AuthPin::new(pin.into()), state: Mutex::default(), returned: Condvar::new(), found: Mutex::default() };
        token.connect(&mut token.state())?;
        Ok(token)
    }

    /// Has `act` done in a session. A token that was lost meanwhile is looked for once.
    fn work<T>(&self, act: impl Fn(&Session) -> Result<T, Fault>) -> Result<T, TokenFault> {
        off_the_runtime(|| {
            let mut lost = String::new();
            for _ in 0..2 {
                let (session, generation) = self.lend()?;
                let outcome = act(&session);
                let fate = match &outcome {
                    Ok(_) => Fate::Whole,
                    Err(Fault::Pkcs11(error)) if is_loss(error) => Fate::Lost(error.to_string()),
                    Err(_) => Fate::Spoiled,
                };
                self.take_back(session, generation, &fate);
                match outcome {
                    Ok(done) => return Ok(done),
                    Err(Fault::Pkcs11(error)) if matches!(fate, Fate::Lost(_)) => lost = error.to_string(),
                    Err(Fault::Pkcs11(error)) => return Err(TokenFault::Refused { label: self.label(), found: error.to_string() }),
                    Err(Fault::Told(fault)) => return Err(fault),
                }
            }
            Err(TokenFault::Away { label: self.label(), found: lost })
        })
    }

    fn label(&self) -> String {
        self.place.label.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn found(&self) -> MutexGuard<'_, HashMap<String, ObjectHandle>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What became of a session.
enum Fate {
    Whole,
    /// Something failed in it; who knows in the middle of what.
    Spoiled,
    /// The token is gone, and every session with it.
    Lost(String),
}

/// What went wrong in a session.
enum Fault {
    Pkcs11(Error),
    Told(TokenFault),
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self::Pkcs11(error)
    }
}

/// Whether the token, the session or the login is gone, so that a new link may help. Modules say it in many ways.
fn is_loss(error: &Error) -> bool {
    use RvError as E;
    let Error::Pkcs11(value, _) = error else { return false };
    matches!(
        value,
        E::DeviceRemoved
            | E::TokenNotPresent
            | E::TokenNotRecognized
            | E::SlotIdInvalid
            | E::SessionHandleInvalid
            | E::SessionClosed
            | E::UserNotLoggedIn
            | E::CryptokiNotInitialized
            | E::DeviceError
            | E::DeviceMemory
            | E::GeneralError
            | E::FunctionFailed
            | E::KeyHandleInvalid
            | E::ObjectHandleInvalid
    )
}

/// A token may take its time: meanwhile others work on the tasks of this thread.
fn off_the_runtime<T>(work: impl FnOnce() -> T) -> T {
    match Handle::try_current() {
        Ok(runtime) if runtime.runtime_flavor() == RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => work(),
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Token({}, PIN secret)", self.place.label)
    }
}
