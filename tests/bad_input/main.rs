//! Bad input gets a clear error and changes nothing. Everything is said through real TLS, by a device or an operator that can say
//! anything; every no is judged by its status, its stable code and its words, and afterwards everything that is kept is as before.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails, and says where")]

#[path = "../../fuzz/src/lib.rs"]
mod parsers;
#[path = "../support/mod.rs"]
mod support;

mod client_certificates;
mod confirmations;
mod desk;
mod desk_callers;
mod encryption_keys;
mod enrollments;
mod invitations;
mod mutated;
mod noise;
