//! Others judge what a whole remote issuance through the real phone produced: openssl the certificates, the CRL, OCSP, the keys, the mail,
//! EST and the receipt; gnutls and NSS the status too; pkilint whatever is signed; nginx lets the card in and keeps it out; curl fetches as relying parties do. Our own parsers have no say here.

#![allow(clippy::unwrap_used, reason = "a test that meets what it does not expect fails, and says where")]

#[path = "../support/mod.rs"]
mod support;

mod attestation;
mod card;
mod certificates;
mod court;
mod est;
mod est_answers;
mod federal;
mod hsm;
mod keys;
mod lint;
mod nginx;
mod nss;
mod ocsp;
mod ocsp_wire;
mod own_root;
mod shards;
mod status;
