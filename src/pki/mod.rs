//! Signs and reads.

pub mod crl;
mod encoding;
#[cfg(test)]
mod judge;
pub mod key;
pub mod ocsp;
