//! Remint: remote issuance and replacement of mobile smart cards.
//!
//! # The map
//!
//! | module | what it is |
//! |---|---|
//! | [`lifecycle`] | the rules: what is held + an act + the time → changes, or a refusal. Pure |
//! | [`store`] | remembers: holdings loaded, changes kept in one named transaction. SQL lives here only |
//! | [`pki`] | signs and reads: authority, profiles, requests, CRL, OCSP, CMS, escrow, keys |
//! | [`workflows`] | one file for each thing that somebody does: load → decide → apply |
//! | [`http`] | who may ask, in which words: TLS, EST, provisioning, the desk API, status |
//! | [`pages`] | what people look at: the desk |
//! | [`server`] | the wiring: configuration, clock, listeners, timed work |
//! | [`demo`] | the story of a lost phone, told by running it |
//!
//! Imports point one way: `main → demo → server → pages → http → workflows → store | pki → lifecycle`. `tests/architecture.rs` keeps it so.

pub mod demo;
pub mod http;
pub mod lifecycle;
pub mod pages;
pub mod pki;
pub mod server;
pub mod store;
pub mod workflows;
