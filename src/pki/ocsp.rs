//! Reads OCSP requests and signs the answers (RFC 6960, nonces as in RFC 9654).
//!
//! It does not know any status: the caller looks up each certificate that a request names and hands in the answers. It keeps no
//! answers and makes none in advance. Signatures on requests are not looked at: status is public.

mod issuer;
mod request;
mod response;

pub use issuer::Issuer;
pub use request::{BadOcsp, CertId, MAX_CERTIFICATES, MAX_NONCE_BYTES, MAX_REQUEST_BYTES, OcspRequest, decode_get};
pub use response::{OcspFailure, Status, error_response, sign_response};

#[cfg(test)]
mod tests;
