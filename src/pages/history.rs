//! What was done, as the audit log has it.

use std::collections::HashMap;

use maud::{Markup, html};
use uuid::Uuid;

use super::going::request_path;
use super::parts::{at, name};
use super::words::Words;
use crate::lifecycle::holdings::Holdings;
use crate::store::views::{AuditLine, Outcome, Who};

/// Names by ids, where they are for the eyes of who looks.
pub type Names = HashMap<Uuid, String>;

/// What was done to a user, newest first.
pub fn log(words: Words, held: &Holdings, history: &[AuditLine], names: &Names) -> Markup {
    html! {
        section {
            h2 #history { (words.say("user-history")) }
            ol.log {
                @for line in history {
                    li {
                        span.quiet { (at(line.at)) }
                        div {
                            (words.word("act", &line.act))
                            @if let Some(request) = line.request.filter(|request| held.requests.contains_key(request)) {
                                " · " a href=(request_path(request)) { (words.say("log-request")) span.unseen { ": " (words.word("act", &line.act)) ", " (at(line.at)) } }
                            }
                            @if let Outcome::Refused(_) = line.outcome { " · " (outcome(words, &line.outcome)) }
                            span.quiet { " · " (who(words, &line.who, names)) }
                        }
                    }
                }
            }
        }
    }
}

/// Who acts on the log that is to be shown by name.
pub fn actors(history: &[AuditLine]) -> Vec<Uuid> {
    history.iter().filter_map(|line| if let Who::Operator { id, .. } = &line.who { Some(id.0) } else { None }).collect()
}

pub fn who(words: Words, who: &Who, names: &Names) -> Markup {
    let (kind, id) = match who {
        Who::Operator { id, .. } => ("operator", Some(id.0)),
        Who::User(id) => ("user", Some(id.0)),
        Who::Session(_) => ("session", None),
        Who::Stranger { .. } => ("stranger", None),
        Who::Administrator => ("administrator", None),
        Who::System => ("system", None),
    };
    html! {
        (words.word("who", kind))
        @if let Some(known) = id.and_then(|id| names.get(&id)) { " " (name(known)) }
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
