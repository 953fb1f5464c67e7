//! The text of a policy file: where each key stands, and what the comments above it say. So that an error names its line, and an explanation
//! cannot differ from the file.

/// A key of a policy file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// With its table: `kind.smart-card.limit`.
    pub key: String,
    /// As it is written.
    pub value: String,
    /// Counted from 1.
    pub line: usize,
    /// What it means.
    pub about: String,
    /// Where the value comes from.
    pub source: String,
}

const SOURCE: &str = "Source:";

/// Every key of a file, in its order. A key of a further kind that has no comment means the same as that of the first.
pub fn settings(text: &str) -> Vec<Setting> {
    let mut found: Vec<Setting> = Vec::new();
    let (mut table, mut comment) = (String::new(), Vec::new());
    for (line, written) in (1..).zip(text.lines().map(str::trim)) {
        if let Some(words) = written.strip_prefix('#') {
            comment.push(words.trim().to_owned());
        } else if let Some(name) = written.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            table = format!("{name}.");
            comment.clear();
        } else if let Some((name, value)) = written.split_once('=') {
            let (name, value) = (name.trim(), value.trim().to_owned());
            let (about, source) = explained(&comment, name, &found);
            found.push(Setting { key: format!("{table}{name}"), value, line, about, source });
            comment.clear();
        } else {
            comment.clear();
        }
    }
    found
}

fn explained(comment: &[String], name: &str, before: &[Setting]) -> (String, String) {
    if comment.is_empty() {
        let same = before.iter().find(|setting| setting.key.rsplit('.').next() == Some(name) && setting.key.contains('.'));
        return same.map(|setting| (setting.about.clone(), setting.source.clone())).unwrap_or_default();
    }
    let at = comment.iter().position(|line| line.starts_with(SOURCE)).unwrap_or(comment.len());
    let source = comment[at..].join(" ");
    (comment[..at].join(" "), source.strip_prefix(SOURCE).unwrap_or_default().trim().to_owned())
}

/// The line of a key, or of the nearest table or key that holds it; 1 where there is none.
pub fn line_of(text: &str, key: &str) -> usize {
    let settings = settings(text);
    let mut wanted = key;
    loop {
        if let Some(setting) = settings.iter().find(|setting| setting.key == wanted) {
            return setting.line;
        }
        let table = format!("[{wanted}]");
        if let Some(line) = text.lines().position(|line| line.trim() == table) {
            return line + 1;
        }
        match wanted.rsplit_once('.') {
            Some((outer, _)) => wanted = outer,
            None => return 1,
        }
    }
}

/// The line in which a byte stands.
pub fn line_at(text: &str, byte: usize) -> usize {
    text.as_bytes().iter().take(byte).filter(|byte| **byte == b'\n').count() + 1
}
