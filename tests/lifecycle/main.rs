//! The rules by themselves: walked at random, and explored to the last state.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails, and says where")]

mod exploration;
mod walk;
mod walks;
