//! THE RULES. What is held + an act + the time → changes, or a refusal.

pub mod credential;
pub mod ids;
pub(crate) mod words;
