//! Signs and reads.
//!
//! It knows no database, no HTTP and no clock: times and serials are handed in. Its randomness is an [`Entropy`](key::Entropy), but for
//! the generation of keys, the nonces of ECDSA and the salts of PKCS#12 files, which are the libraries' own.

pub mod key;
pub mod profile;
