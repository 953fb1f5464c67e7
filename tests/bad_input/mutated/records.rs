//! Records that were kept elsewhere and come back: an exported audit log and its checkpoints.

use serde_json::json;

use super::altered::{altered, anything};
use crate::parsers::{self, AUTHORITY};

#[test]
fn an_altered_line_of_the_audit_log_is_refused_or_read() {
    let entry = json!({ "act": "submit", "at": "2026-11-22T12:00:00Z", "chain": "0190f1e0-7c5a-7d3e-8a4b-1c2d3e4f5a6b", "position": 1,
        "previous": "00".repeat(32), "details": { "target": "phone-1" } });
    let line = |hash: &str| format!("{{\"seq\":1,\"hash\":{hash},\"entry\":{entry}}}").into_bytes();
    altered(&[line(&format!("\"{}\"", "ab".repeat(32))), line("null")], parsers::audit_line, anything);
}

#[test]
fn an_altered_checkpoint_is_not_believed() {
    let claims = json!({ "number": 1, "seq": 41, "root": "ab".repeat(32), "at": "2026-11-22T12:00:00Z" });
    let checkpoint = AUTHORITY.sign_checkpoint(&claims).unwrap().into_bytes();
    altered(&[checkpoint], parsers::audit_checkpoint, |_, read| assert_eq!(read, claims));
}
