//! Signs and reads.
//!
//! [`hierarchy`] makes the authorities once, or [`above`] judges those that the organization has; [`signers`] are what the issuing CA
//! signs for the house itself; [`authority`] certifies by [`profile`] and lends its keys to what signs status, deliveries
//! and [`receipt`]s; [`trust`] judges who comes with a certificate; [`seal`], [`master`] and [`keystore`] keep private keys at rest,
//! [`escrow`] those of users.
//!
//! It knows no database, no HTTP and no clock: times and serials are handed in. Its randomness is an [`Entropy`](key::Entropy), but for
//! the generation of keys, the nonces of ECDSA and the salts of PKCS#12 files, which are the libraries' own.

pub mod above;
pub mod asked;
pub mod attestation;
pub mod authority;
pub mod certificate;
pub mod checkpoint;
pub mod cms;
pub mod crl;
pub mod csrattrs;
pub mod distinguished_name;
mod durable;
mod encoding;
pub mod escrow;
mod extension;
pub mod hierarchy;
#[cfg(test)]
mod judge;
pub mod key;
pub mod keystore;
mod lint;
pub mod master;
pub mod name;
pub mod ocsp;
pub mod password;
pub mod pkcs12;
pub mod profile;
pub mod proof;
pub mod published;
pub mod receipt;
pub mod request;
pub mod seal;
mod signed;
pub mod signers;
#[cfg(test)]
pub(crate) mod testing;
pub mod tls;
pub mod token;
pub mod trust;
#[cfg(test)]
pub(crate) mod vectors;
