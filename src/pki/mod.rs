//! Signs and reads.
