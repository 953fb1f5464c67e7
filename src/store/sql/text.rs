//! The text of a statement, as each database wants it.

use std::fmt::Write;

/// A statement, in one spelling or in two.
#[derive(Clone, Copy, Debug)]
pub(in crate::store) struct Text {
    pub sqlite: &'static str,
    /// With `?` too: see [`placed`].
    pub postgres: &'static str,
}

impl From<&'static str> for Text {
    fn from(both: &'static str) -> Self {
        Self { sqlite: both, postgres: both }
    }
}

impl Text {
    /// As PostgreSQL wants it.
    pub fn for_postgres(self) -> String {
        placed(self.postgres)
    }
}

/// The places of values, `?` and `?2`, as PostgreSQL writes them: `$1`, `$2`. No statement of ours has a question mark in a literal.
fn placed(text: &str) -> String {
    let mut placed = String::with_capacity(text.len() + 16);
    let mut pieces = text.split('?');
    placed.push_str(pieces.next().unwrap_or_default());
    for (count, piece) in (1_usize..).zip(pieces) {
        let is_numbered = piece.starts_with(|first: char| first.is_ascii_digit());
        placed.push('$');
        if !is_numbered {
            let _ = write!(placed, "{count}");
        }
        placed.push_str(piece);
    }
    placed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_numbered_as_they_come_or_as_they_say() {
        assert_eq!(placed("SELECT a FROM b WHERE c = ? AND d = ?"), "SELECT a FROM b WHERE c = $1 AND d = $2");
        assert_eq!(placed("SELECT ?2 WHERE ?1 IS NULL OR a = ?12"), "SELECT $2 WHERE $1 IS NULL OR a = $12");
        assert_eq!(placed("COMMIT"), "COMMIT");
    }
}
