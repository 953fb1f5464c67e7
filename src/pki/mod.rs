//! Signs and reads.

pub mod cms;
pub mod crl;
pub mod csrattrs;
mod encoding;
#[cfg(test)]
mod judge;
pub mod key;
pub mod ocsp;
pub mod request;
