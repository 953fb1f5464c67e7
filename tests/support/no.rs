//! What a no looks like, and that it changed nothing.

use mobile_sim::wire::Reply;
use serde_json::Value;

use super::live::Live;
use super::record::Record;

/// A no, read off its reply: an RFC 9457 problem, or on EST paths one line of text.
#[derive(Debug)]
pub struct No {
    pub status: u16,
    pub code: String,
    pub detail: String,
    /// The whole problem; null on EST paths.
    pub problem: Value,
}

impl No {
    /// # Panics
    ///
    /// When the reply is not a well-formed no.
    pub fn read(what: &str, reply: &Reply) -> Self {
        assert!(reply.status >= 400, "{what}: not refused: {} {}", reply.status, reply.text());
        assert_eq!(reply.header("cache-control"), Some("no-store"), "{what}");
        let content_type = reply.header("content-type").unwrap_or_default();
        if content_type == "application/problem+json" {
            let problem: Value = reply.json().unwrap();
            assert_eq!(problem["type"], "about:blank", "{what}: {problem}");
            assert_eq!(problem["status"], reply.status, "{what}: {problem}");
            assert!(problem["title"].is_string(), "{what}: {problem}");
            let text = |member: &str| problem[member].as_str().unwrap_or_else(|| panic!("{what}: no {member}: {problem}")).to_owned();
            let (code, detail) = (text("code"), text("detail"));
            return Self { status: reply.status, code, detail, problem };
        }
        assert!(content_type.starts_with("text/plain"), "{what}: {content_type}: {}", reply.text());
        let line = reply.text();
        let (code, detail) = line.trim_end().split_once(": ").unwrap_or_else(|| panic!("{what}: not code: detail: {line}"));
        assert!(!detail.contains('\n'), "{what}: more than one line: {line}");
        Self { status: reply.status, code: code.to_owned(), detail: detail.to_owned(), problem: Value::Null }
    }

    /// That it is this no, in words that hold all of these.
    pub fn is(self, what: &str, status: u16, code: &str, words: &[&str]) -> Self {
        assert_eq!((self.status, self.code.as_str()), (status, code), "{what}: {}", self.detail);
        for word in words {
            assert!(self.detail.contains(word), "{what}: the detail lacks {word:?}: {}", self.detail);
        }
        self
    }
}

/// A house as it was at one moment.
pub struct Untouched<'l> {
    live: &'l Live,
    record: Record,
}

impl<'l> Untouched<'l> {
    pub async fn now(live: &'l Live) -> Self {
        Self { live, record: live.record().await }
    }

    /// The reply says no in this way, and nothing has changed.
    pub async fn refuses(&self, what: &str, reply: &Reply, status: u16, code: &str, words: &[&str]) {
        No::read(what, reply).is(what, status, code, words);
        self.holds(what).await;
    }

    pub async fn holds(&self, what: &str) {
        let changes = self.record.changes_to(&self.live.record().await);
        assert!(changes.is_empty(), "{what}: it changed:\n{}", changes.join("\n"));
        assert_eq!(self.live.faults().await, Vec::<String>::new(), "{what}");
    }
}
