//! EST by clients that we did not write: each carries out what it can, against a running server.

mod conformance;
mod plain;
mod strongswan;
mod tls;
mod usg;
