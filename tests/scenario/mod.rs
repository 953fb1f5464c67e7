//! Playing a story: what it says, and how it is carried out and compared.

pub mod player;
pub mod seed;
pub mod story;
