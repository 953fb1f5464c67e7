//! What is answered for a replacement, at the desk and at the portal alike.

use serde::Deserialize;

use crate::http::problem::Problem;
use crate::http::words::{id, parse};
use crate::workflows::submit_replacement::SubmitReplacement;

/// The answers so far.
#[derive(Deserialize)]
pub struct Answers {
    pub reason: Option<String>,
    pub mode: Option<String>,
}

/// The form behind the last button.
#[derive(Deserialize)]
pub struct SubmitFields {
    pub token: String,
    reason: String,
    mode: String,
}

impl SubmitFields {
    pub fn errand(&self, device: &str) -> Result<SubmitReplacement, Problem> {
        Ok(SubmitReplacement { target: id("device", device)?, reason: parse("reason", &self.reason)?, mode: parse("mode", &self.mode)? })
    }
}
