//! EST by clients that we did not write: each carries out what it can, against a running server.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails, and says where")]

#[path = "../support/mod.rs"]
mod support;

mod conformance;
mod plain;
mod strongswan;
mod tls;
mod usg;
