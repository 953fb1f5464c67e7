//! Android Key Attestation, on chains of real phones: each is read as its description says, and every rule is tried on one that keeps them all.
//!
//! Further chains are read from the folder that ATTESTATION_VECTORS names, if it names one: the same layout as tests/vectors/android-key-attestation.

mod described;
mod issued;
mod rules;
mod vectors;
