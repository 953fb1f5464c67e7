//! Remint.
