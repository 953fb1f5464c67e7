//! Signs and reads.

pub mod key;
