//! What was done to a user, as the audit log has it.

use maud::{Markup, html};

use super::going::request_path;
use super::parts::at;
use super::words::Words;
use crate::lifecycle::holdings::Holdings;
use crate::store::views::{AuditLine, Outcome, Who};

/// A table of it.
pub fn log(words: Words, held: &Holdings, history: &[AuditLine]) -> Markup {
    html! {
        section {
            h2 #history { (words.say("user-history")) }
            div.scroll tabindex="0" role="region" aria-labelledby="history" {
                table {
                    thead { tr {
                        th scope="col" { (words.say("log-when")) }
                        th scope="col" { (words.say("log-what")) }
                        th scope="col" { (words.say("log-who")) }
                        th scope="col" { (words.say("log-outcome")) }
                    } }
                    tbody { @for line in history { tr {
                        td { (at(line.at)) }
                        td {
                            (words.word("act", &line.act))
                            @if let Some(request) = line.request.filter(|request| held.requests.contains_key(request)) {
                                " " a href=(request_path(request)) { (words.say("log-request")) }
                            }
                        }
                        td { (words.word("who", who(&line.who))) }
                        td { (outcome(words, &line.outcome)) }
                    } } }
                }
            }
        }
    }
}

pub fn who(who: &Who) -> &'static str {
    match who {
        Who::Operator { .. } => "operator",
        Who::User(_) => "user",
        Who::Session(_) => "session",
        Who::Stranger { .. } => "stranger",
        Who::Administrator => "administrator",
        Who::System => "system",
    }
}

pub fn outcome(words: Words, outcome: &Outcome) -> Markup {
    html! {
        @match outcome {
            Outcome::Done => { (words.say("outcome-done")) }
            Outcome::Refused(code) => { span.bad { (words.say("outcome-refused")) } " " code { (code) } }
        }
    }
}
