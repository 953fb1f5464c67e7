//! The issued phone as a PIV card, for programs that we did not write: through a PC/SC daemon and OpenSC's PKCS#11 module as a person's computer has
//! them. What each does with it, and what a suspension does to it.

mod middleware;
mod personalized;
mod pulled_out;
mod reader;
mod ssh;
mod suspended;

use std::path::Path;

use mobile_sim::wire::Client;
use mobile_sim::{DeviceKind, Faults, Outcome, Phone};
use reader::{PIN, Reader};

use serde_json::Value;

use crate::support::live::{Invited, facts, text};

/// Issues a phone whose state stays in a folder, so that its own program can put it into a reader.
async fn issue(folder: &Path, invited: &Invited, kind: DeviceKind) -> Phone {
    let mut phone = Phone::open(folder, PIN).unwrap();
    let outcome = phone.issue(&invited.invitation(), invited.code.as_deref(), &facts(kind), &Faults::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Issued);
    phone
}

/// The phone of a folder lies in the reader.
async fn in_reader(folder: &Path) -> Reader {
    Reader::with(&["--state", folder.to_str().unwrap(), "--pin", PIN, "card", "--puk", "87654321"]).await
}

/// What lets an officer personalize a physical card.
async fn ticket(officer: &Client, request: &str) -> String {
    let reply = officer.post(&format!("/api/requests/{request}/invitations")).await.unwrap();
    assert_eq!(reply.status, 201, "{}", reply.text());
    text(&reply.json::<Value>().unwrap()["invitation"]["uri"])
}
