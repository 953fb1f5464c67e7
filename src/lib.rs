//! Remint: remote issuance and replacement of mobile smart cards.

pub mod lifecycle;
pub mod pki;
pub mod store;
