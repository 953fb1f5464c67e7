//! The messages of the protocol by their numbers, and the faults that a test can ask for at each of them.
//!
//! Faults exist to show that the phone can be interrupted anywhere. They never change what is sent.

use std::collections::BTreeSet;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use crate::device::Slot;
use crate::error::{PhoneError, presentable};
use crate::wire::{Client, Reply, Request, WireError};

/// One message of the provisioning protocol.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Message {
    /// M1: fetch the chain of the certificate authority.
    CaChain,
    /// M2: spend the invitation.
    OpenSession,
    /// M4: have one slot's key certified.
    Enroll(Slot),
    /// M5: collect the encryption key.
    CollectKey,
    /// M5h: collect the older encryption keys.
    CollectHistory,
    /// M6: prove possession of every key; this makes the card active.
    Confirm,
    /// M7: give up the session.
    GiveUp,
    /// M8: ask for news.
    Sync,
}

impl fmt::Display for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CaChain => f.write_str("m1"),
            Self::OpenSession => f.write_str("m2"),
            Self::Enroll(slot) => write!(f, "m4-{slot}"),
            Self::CollectKey => f.write_str("m5"),
            Self::CollectHistory => f.write_str("m5h"),
            Self::Confirm => f.write_str("m6"),
            Self::GiveUp => f.write_str("m7"),
            Self::Sync => f.write_str("m8"),
        }
    }
}

impl FromStr for Message {
    type Err = String;

    fn from_str(name: &str) -> Result<Self, Self::Err> {
        let unknown = || format!("unknown message: {name} (m1, m2, m4-auth, m4-sign, m5, m5h, m6, m7 or m8)");
        Ok(match name {
            "m1" => Self::CaChain,
            "m2" => Self::OpenSession,
            "m5" => Self::CollectKey,
            "m5h" => Self::CollectHistory,
            "m6" => Self::Confirm,
            "m7" => Self::GiveUp,
            "m8" => Self::Sync,
            other => Self::Enroll(other.strip_prefix("m4-").and_then(|slot| slot.parse().ok()).ok_or_else(unknown)?),
        })
    }
}

/// Where a run is to be cut short. [`Faults::default`] cuts nothing.
#[derive(Clone, Debug, Default)]
pub struct Faults {
    /// The message is sent, its reply read off and thrown away, as though the connection had died. The run ends there.
    pub lose_reply: BTreeSet<Message>,
    /// The process aborts when everything is on disk and the message is about to be sent.
    pub die_before_sending: BTreeSet<Message>,
    /// The process aborts when the reply has arrived and nothing of it is on disk yet.
    pub die_after: BTreeSet<Message>,
    /// The run ends in good order, with [`crate::Outcome::Signed`], instead of confirming.
    pub stop_before_confirming: bool,
    /// Somebody who is told of every message, and may do something to the world before it goes on.
    pub witness: Option<Arc<dyn Witness>>,
}

/// A moment in the life of one message.
#[derive(Clone, Copy, Debug)]
pub enum Moment<'a> {
    /// Everything is on disk, the connection is open, and the message is about to be sent.
    AboutToSend,
    /// The reply has arrived, and nothing of it is on disk yet.
    Answered(&'a Reply),
}

/// Stands by while a phone runs. A test sees by it what the server answered, and acts at an exact message instead of after a time.
pub trait Witness: fmt::Debug + Send + Sync {
    /// The phone waits until this is done.
    fn sees<'a>(&'a self, message: &'a Message, moment: Moment<'a>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>>;
}

impl Faults {
    /// Loses the reply of the given messages.
    pub fn losing(messages: impl IntoIterator<Item = Message>) -> Self {
        Self { lose_reply: messages.into_iter().collect(), ..Self::default() }
    }

    /// Stops when everything is signed and collected, before M6.
    pub fn until_signed() -> Self {
        Self { stop_before_confirming: true, ..Self::default() }
    }

    /// Loses the reply of these messages too.
    pub fn and_losing(mut self, messages: impl IntoIterator<Item = Message>) -> Self {
        self.lose_reply.extend(messages);
        self
    }

    /// Nothing goes wrong, and somebody stands by.
    pub fn witnessed_by(witness: Arc<dyn Witness>) -> Self {
        Self { witness: Some(witness), ..Self::default() }
    }

    /// Sends one message by a client. It connects first, so that a fault right before sending finds the connection open.
    pub(crate) async fn send(&self, message: Message, client: &Client, request: Request) -> Result<Reply, PhoneError> {
        let connected = client.connect().await;
        self.carry(message, async {
            connected?;
            client.send(request).await
        })
        .await
    }

    /// Carries one message through the faults asked for, and sorts the reply: success, refusal, or not now.
    pub(crate) async fn carry(
        &self,
        message: Message,
        exchange: impl Future<Output = Result<Reply, WireError>>,
    ) -> Result<Reply, PhoneError> {
        if self.die_before_sending.contains(&message) {
            std::process::abort();
        }
        if let Some(witness) = &self.witness {
            witness.sees(&message, Moment::AboutToSend).await;
        }
        let reply = exchange.await;
        if let (Some(witness), Ok(reply)) = (&self.witness, &reply) {
            witness.sees(&message, Moment::Answered(reply)).await;
        }
        if self.die_after.contains(&message) {
            std::process::abort();
        }
        let reply = match reply {
            Ok(_) if self.lose_reply.contains(&message) => Err(WireError::ReplyLost),
            other => other,
        };
        match reply {
            Ok(reply) if (200..300).contains(&reply.status) => Ok(reply),
            Ok(reply) => Err(refusal(message, &reply)),
            Err(source) => Err(PhoneError::without_reply(message, source)),
        }
    }
}

/// An error reply: a problem (RFC 9457) on `/provisioning`, one line `code: detail` on EST paths.
fn refusal(message: Message, reply: &Reply) -> PhoneError {
    let status = reply.status;
    let (code, detail, attempts_left) = match reply.json::<Problem>() {
        Ok(problem) => (problem.code, problem.detail.unwrap_or_default(), problem.attempts_left),
        Err(_) => {
            let text = reply.text();
            let line = text.lines().next().unwrap_or_default();
            let (code, detail) = line.split_once(": ").unwrap_or(("", line));
            (code.to_owned(), detail.to_owned(), None)
        }
    };
    let code = if code.is_empty() { format!("status {status}") } else { presentable(&code) };
    let detail = presentable(&detail);
    if status == 429 || status >= 500 || (status == 409 && code == "conflict") {
        let retry_after_s = reply.header("retry-after").and_then(|seconds| seconds.parse().ok());
        PhoneError::Busy { message, status, code, detail, retry_after_s }
    } else {
        PhoneError::Refused { message, status, code, detail, attempts_left }
    }
}

#[derive(serde::Deserialize)]
struct Problem {
    code: String,
    detail: Option<String>,
    attempts_left: Option<u64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_read_by_the_name_it_is_shown_with() {
        for name in ["m1", "m2", "m4-auth", "m4-card-auth", "m5", "m5h", "m6", "m7", "m8"] {
            assert_eq!(name.parse::<Message>().map(|message| message.to_string()), Ok(name.to_owned()));
        }
        assert!("m9".parse::<Message>().is_err());
        assert!("m4-../x".parse::<Message>().is_err());
    }

    #[tokio::test]
    async fn an_est_error_is_one_line_of_code_and_detail() {
        let reply = Reply::of(403, "wrong-certificate: of another session\n");
        let error = Faults::default().carry(Message::CollectKey, async { Ok(reply) }).await.expect_err("403");
        assert_eq!(error.code(), Some("wrong-certificate"));
        assert_eq!(error.to_string(), "m5: refused: wrong-certificate: of another session");
    }

    #[tokio::test]
    async fn a_wrong_proof_tells_the_attempts_left() {
        let reply =
            Reply::of(401, r#"{"type":"about:blank","title":"x","status":401,"code":"wrong-proof","detail":"no","attempts_left":4}"#);
        let error = Faults::default().carry(Message::OpenSession, async { Ok(reply) }).await.expect_err("401");
        assert_eq!(error.to_string(), "m2: refused: wrong-proof: no; attempts left: 4");
    }

    #[tokio::test]
    async fn a_lost_reply_and_a_503_can_be_tried_again() {
        let lost = Faults::losing([Message::Sync]).carry(Message::Sync, async { Ok(Reply::of(200, "{}")) }).await;
        assert!(lost.is_err_and(|error| error.is_transient()));
        let busy = Faults::default().carry(Message::Sync, async { Ok(Reply::of(503, "")) }).await;
        assert!(busy.is_err_and(|error| error.is_transient()));
        for (code, passes) in [("conflict", true), ("slot-taken", false)] {
            let body = format!(r#"{{"type":"about:blank","title":"x","status":409,"code":"{code}","detail":"no"}}"#);
            let conflict = Faults::default().carry(Message::Sync, async { Ok(Reply::of(409, &body)) }).await;
            assert!(conflict.is_err_and(|error| error.is_transient() == passes), "{code}");
        }
    }
}
