//! What is kept: that it is whole, that nobody alters it unseen, that it is sealed, and that it comes back from a backup.

#![allow(clippy::unwrap_used, reason = "a test fails by it")]

mod audit_log;
mod backup;
mod check;
mod escrow;
mod logs;
mod moving;
mod recovery;
mod renew;
mod store_equals_rules;
#[path = "../support/mod.rs"]
mod support;
mod traces;
mod upgrade;
