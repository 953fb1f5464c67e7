//! The card as a computer sees it: the PIV card application of SP 800-73-5 part 2, answering one command at a time.
//!
//! [`Transport`] is what a reader talks to: it joins chained commands and hands out long answers in pieces (ISO 7816-4). Behind it [`Applet`]
//! keeps who has shown the PIN, and what it holds is a [`Contents`], either of an issued phone ([`phone`]) or of a physical card in a folder
//! ([`plastic`]). [`reader`] connects a transport to the virtual reader of `vsmartcard-vpcd`.
//!
//! Whatever comes in, a status word comes out, and no more is changed than it says. What must survive is kept before it is answered: a wrong
//! PIN is counted before it is looked at.

mod apdu;
mod applet;
mod authenticate;
mod contents;
mod management;
pub(crate) mod objects;
pub mod phone;
pub mod plastic;
pub mod reader;
pub(crate) mod reference;
mod secret;
mod status;
pub(crate) mod tlv;
mod transport;

pub use applet::Applet;
pub use contents::{Contents, Memory, NotKept, Nowhere};
pub use management::ManagementKey;
pub use reference::KeyReference;
pub use secret::{BadSecret, Guarded, Secret, TRIES};
pub use transport::Transport;

/// The application identifier with its version (SP 800-73-5 part 1 §2.2).
pub const AID: [u8; 11] = [0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00];
