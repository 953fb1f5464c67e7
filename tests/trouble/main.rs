//! Trouble: two at the same moment, whatever is interrupted, a database that gives up, servers that die. What comes out in the end is the same,
//! once.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod at_once;
mod bad_wire;
mod boundaries;
mod crowds;
mod database;
mod interrupted;
mod random;
mod several;
mod story;
#[path = "../support/mod.rs"]
mod support;
mod town;
mod wire;
