//! Remembers. One user's holdings are loaded whole, and what a workflow decided is kept in one named transaction with its audit entry.
//! SQL lives here and nowhere else. Nothing is decided here.

pub mod audit;
pub mod certificate;
pub mod commit;
pub mod crl;
pub mod operator;
pub mod session;
