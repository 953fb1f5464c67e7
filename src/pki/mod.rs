//! Signs and reads.
//!
//! It knows no database, no HTTP and no clock: times and serials are handed in. Its randomness is an [`Entropy`](key::Entropy), but for
//! the generation of keys, the nonces of ECDSA and the salts of PKCS#12 files, which are the libraries' own.

mod durable;
pub mod key;
pub mod keystore;
pub mod master;
pub mod profile;
pub mod seal;
#[cfg(test)]
pub(crate) mod testing;
