//! The workstation at which a physical card is personalized: an officer's, or the user's own. It drives any PIV card over PC/SC, with what the standard
//! has; only private keys that were in escrow come onto the card by an extension (see [`card`]).
//!
//! | what it is about | module |
//! |---|---|
//! | a reader, as bytes in and bytes out | [`channel`] |
//! | a PIV card, as its keeper uses it | [`card`] |
//! | the card as the place where a phone's keys are | [`holder`] |
//! | from a blank card to an issued one | [`mod@personalize`] |

pub mod card;
pub mod channel;
pub mod holder;
pub mod personalize;

pub use card::{CardError, PivCard};
pub use channel::Channel;
pub use personalize::{Officer, personalize};
