//! The acts, one file each: a function from what is held to what changes, or to a refusal.

pub mod abandon;
pub mod cancel;
pub mod collect;
pub mod enroll;
pub mod invite;
pub mod issue;
pub mod redeem;
pub mod request_initial;
pub mod submit;
pub mod update;
