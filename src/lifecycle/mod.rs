//! THE RULES. What is held + an act + the time → changes, or a refusal.
//!
//! Pure: no database, clock, randomness, HTTP or serialization. Everything that happens to a device, a credential or a request of a
//! user is decided here and nowhere else; the server, the tests and the preview that the help desk sees run the same functions.
//! The words are those of `docs/lifecycle.md`; use exactly them.
//!
//! An act is a function `(&Holdings, &Policy, Act, now) → Result<Vec<Change>, Refusal>`, one file each under [`acts`].

pub mod actor;
pub mod acts;
pub mod change;
pub mod credential;
pub mod device;
pub mod directory;
mod draft;
pub mod due;
pub mod effects;
pub mod enc;
pub mod ending;
pub mod fasc_n;
mod faults;
pub mod hold;
pub mod holdings;
pub mod ids;
pub mod policy;
pub mod reason;
pub mod recovery;
pub mod refusal;
pub mod request;
pub mod ticket;
pub mod user;
pub(crate) mod words;

pub use faults::Fault;
