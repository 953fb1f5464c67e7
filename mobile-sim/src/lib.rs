//! A phone that receives a mobile smart card, as an independent program.
//!
//! It is built from the published protocol page (`docs/protocol.md`) alone and shares no type and no code with the server, so that
//! the two check each other. A person drives it with the `mobile-sim` program; the server's demonstration and tests drive the
//! same [`Phone`] in their own process, over real TLS.
//!
//! | what it is about | module |
//! |---|---|
//! | the phone and the order of its messages | [`phone`], [`message`], `errand` |
//! | what it was handed, and what it holds | [`invitation`], [`device`], [`card`], [`export`] |
//! | what it keeps on disk, under a PIN | `state`, `keeper`, `vault` |
//! | the messages: M1, M2, M4 and M5, M6, M7 and M8 | `trust`, `session`, `enroll`, `confirm`, `receipt`, `sync` |
//! | the wire | [`wire`], [`identity`], `tls`, [`est`], [`multipart`] |
//! | cryptography and its formats | [`key`], [`certificate`], [`cms`], `package`, `encoding` |
//! | many phones at once, how fast a loss is known, and how many may ask at once | [`fleet`], [`alarm`], [`rate`] |
//! | whoever meets the card: is it good, and how to write to it | [`relying_party`], [`mail`] |
//!
//! The rule that everything else serves: **what a message mentions is on disk before the message is sent, and what a reply brings is
//! on disk before the next step**. So the phone can be killed at any point, and running the same command again continues.
//!
//! What it deliberately is not: a key store. A real phone keeps its keys in hardware that counts wrong PINs; here they lie in a file
//! under a PIN that somebody with the file can guess. The phone checks no revocation, because it looks at its own certificates only;
//! [`RelyingParty`] does, for everybody else.

mod confirm;
mod encoding;
mod enroll;
mod errand;
mod keeper;
mod package;
mod receipt;
mod session;
mod state;
mod stopwatch;
mod sync;
mod tls;
mod trust;
mod vault;
#[cfg(test)]
mod vectors;

pub mod alarm;
pub mod card;
pub mod certificate;
pub mod cms;
pub mod device;
pub mod error;
pub mod est;
pub mod evidence;
pub mod export;
pub mod fleet;
pub mod identity;
pub mod invitation;
pub mod key;
pub mod mail;
pub mod message;
pub mod multipart;
pub mod phone;
pub mod piv;
pub mod rate;
pub mod relying_party;
pub mod station;
pub mod wire;

pub use card::Card;
pub use cms::EnvelopeError;
pub use device::{DeviceFacts, DeviceKind, Slot};
pub use error::PhoneError;
pub use identity::Identity;
pub use invitation::Invitation;
pub use mail::{MailError, encrypt_mail};
pub use message::{Faults, Message, Moment, Witness};
pub use phone::{Outcome, Phone, Synced, UpdateOutcome};
pub use relying_party::{Crl, RelyingParty, Status, StatusError};
pub use state::Standing;
