//! Delivering letters: each at least once, the order for one address kept, with growing pauses after a failure; in the end it is given up,
//! which the desk sees. A letter that is delivered twice has the same id: it is the same letter.

use std::pin::Pin;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::failure::Failure;
use super::letters::{LetterKind, Text, sealing_label};
use super::second_step::LIFETIME as CODE_LIFETIME;
use super::world::World;
use crate::store::commit::{Commit, Write};
use crate::store::outbox::{Attempt, DueLetter};

/// Where letters come from, and who else gets some.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The sender's address.
    pub from: String,
    /// Where validation officers hear of requests that await them, if anywhere.
    pub officers: Option<String>,
    /// How people reach the help desk.
    pub help_desk: String,
}

/// A letter on its way.
pub struct Envelope {
    pub id: Uuid,
    pub from: String,
    pub to: String,
    pub subject: String,
    pub body: String,
    pub written_at: Timestamp,
}

/// What an attempt comes to; the error is for the desk, without what the letter says.
pub type Posted<'a> = Pin<Box<dyn Future<Output = Result<(), String>> + Send + 'a>>;

/// Something that takes letters.
pub trait Post: Send + Sync {
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> Posted<'a>;
}

/// How long to wait after each failure, in minutes; after the last the letter is given up.
const PAUSES: [i64; 7] = [1, 5, 15, 60, 240, 720, 1440];
/// How many letters are taken in one go. Few: a code that is written meanwhile goes before the next ones.
const AT_ONCE: u32 = 10;
/// How long the delivery of one letter may take.
const PATIENCE: Duration = Duration::from_secs(45);
const SILENT: &str = "the mail server took too long";

/// Delivers what is due; gives how many were delivered.
pub async fn deliver_letters(world: &World, post: &dyn Post) -> Result<usize, Failure> {
    let mut delivered = 0;
    loop {
        let due = world.store.due_letters(world.now(), AT_ONCE).await?;
        if due.is_empty() {
            return Ok(delivered);
        }
        let mut late: Vec<String> = Vec::new();
        for letter in due {
            if late.contains(&letter.recipient) && letter.kind != LetterKind::SignInCode.as_str() {
                continue; // an earlier one to the same address did not get through
            }
            match deliver(world, post, &letter).await? {
                Attempt::Delivered { .. } => delivered += 1,
                Attempt::Failed { .. } | Attempt::GivenUp { .. } => late.push(letter.recipient),
            }
        }
    }
}

async fn deliver(world: &World, post: &dyn Post, letter: &DueLetter) -> Result<Attempt, Failure> {
    let outcome = match opened(world, letter) {
        Ok(_) if is_of_no_use(letter, world.now()) => Err("the code is no longer good".to_owned()),
        Ok(envelope) => tokio::time::timeout(PATIENCE, post.deliver(&envelope)).await.unwrap_or_else(|_| Err(SILENT.to_owned())),
        Err(error) => Err(error),
    };
    let at = world.now();
    let attempt = match outcome {
        Ok(()) => Attempt::Delivered { at },
        Err(error) => {
            tracing::warn!(letter = %letter.id, kind = letter.kind, error, "a letter could not be delivered");
            let again_at = PAUSES.get(letter.attempts as usize).map(|minutes| at + SignedDuration::from_mins(*minutes));
            match again_at.filter(|again_at| !is_of_no_use(letter, *again_at)) {
                Some(again_at) => Attempt::Failed { error, again_at },
                None => Attempt::GivenUp { error, at },
            }
        }
    };
    if let Attempt::Delivered { .. } = attempt {
        tracing::info!(letter = %letter.id, kind = letter.kind, "a letter was delivered");
    }
    let writes = vec![Write::LetterAttempted { letter: letter.id, attempt: attempt.clone() }];
    world.store.commit(Commit { name: "deliver-letter", guard: None, writes, audit: None }).await?;
    Ok(attempt)
}

/// A code that is no longer good need not arrive.
fn is_of_no_use(letter: &DueLetter, at: Timestamp) -> bool {
    letter.kind == LetterKind::SignInCode.as_str() && at >= letter.written_at + CODE_LIFETIME
}

fn opened(world: &World, letter: &DueLetter) -> Result<Envelope, String> {
    let text = world.master.open(&sealing_label(letter.id), &letter.sealed).map_err(|_| "the letter does not open".to_owned())?;
    let Text { subject, body } = serde_json::from_slice(&text).map_err(|_| "the letter cannot be read".to_owned())?;
    let (from, to) = (world.mail.from.clone(), letter.recipient.clone());
    Ok(Envelope { id: letter.id, from, to, subject, body, written_at: letter.written_at })
}
