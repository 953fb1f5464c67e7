//! The `multipart/mixed` reply of M5 (RFC 2046 §5.1, as far as RFC 7030 §4.4.2 uses it).
//!
//! Nested multiparts and other transfer encodings than base64 are not understood.

use crate::encoding::from_b64;
use crate::error::Distrust;

/// One part, its transfer encoding undone.
#[derive(Debug, PartialEq, Eq)]
pub struct Part {
    /// In lower case, with its parameters.
    pub media_type: String,
    pub content: Vec<u8>,
}

/// Splits a body by the boundary that its `Content-Type` names.
pub fn parts(content_type: &str, body: &[u8]) -> Result<Vec<Part>, Distrust> {
    let boundary = boundary(content_type).ok_or_else(|| Distrust::because("not a multipart reply"))?;
    let text = std::str::from_utf8(body).map_err(|_| Distrust::because("a multipart reply that is not text"))?;
    let delimiter = format!("--{boundary}");
    let mut parts = Vec::new();
    // What stands before the first delimiter is a preamble, to be ignored.
    let mut sections = pieces(text, &delimiter).into_iter().skip(1);
    for section in sections.by_ref() {
        if section.starts_with("--") {
            return Ok(parts);
        }
        parts.push(part(section)?);
    }
    Err(Distrust::because("a multipart reply without its end"))
}

/// The text between delimiters; a delimiter counts at the start of a line only.
fn pieces<'a>(text: &'a str, delimiter: &str) -> Vec<&'a str> {
    let mut pieces = Vec::new();
    let mut start = 0;
    for (at, _) in text.match_indices(delimiter) {
        if at == 0 || text.as_bytes()[at - 1] == b'\n' {
            pieces.push(&text[start..at]);
            start = at + delimiter.len();
        }
    }
    pieces.push(&text[start..]);
    pieces
}

fn part(section: &str) -> Result<Part, Distrust> {
    let section = section.trim_start_matches([' ', '\t']);
    let section = section.strip_prefix("\r\n").or_else(|| section.strip_prefix('\n')).unwrap_or(section);
    let (head, content) =
        section.split_once("\r\n\r\n").or_else(|| section.split_once("\n\n")).ok_or_else(|| Distrust::because("a part without headers"))?;
    let header = |wanted: &str| {
        head.lines()
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.trim().eq_ignore_ascii_case(wanted))
            .map(|(_, value)| value.trim())
    };
    match header("content-transfer-encoding") {
        Some(encoding) if encoding.eq_ignore_ascii_case("base64") => {
            Ok(Part { media_type: header("content-type").unwrap_or_default().to_ascii_lowercase(), content: from_b64(content.as_bytes())? })
        }
        _ => Err(Distrust::because("a part that is not base64")),
    }
}

fn boundary(content_type: &str) -> Option<&str> {
    let mut parameters = content_type.split(';').map(str::trim);
    if !parameters.next()?.eq_ignore_ascii_case("multipart/mixed") {
        return None;
    }
    let boundary = parameters
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("boundary"))
        .map(|(_, value)| value.trim().trim_matches('"'))?;
    (!boundary.is_empty() && boundary.len() <= 70).then_some(boundary)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TYPE: &str = "multipart/mixed; boundary=\"b-1\"";

    #[test]
    fn parts_are_split_and_decoded() {
        let body = "preamble\r\n--b-1\r\nContent-Type: application/pkcs7-mime; smime-type=A\r\nContent-Transfer-Encoding: base64\r\n\r\nAQI=\r\n\
                    --b-1\r\ncontent-type: x/y\r\ncontent-transfer-encoding: BASE64\r\n\r\nAwQ=\r\n--b-1--\r\nepilogue";
        let parts = parts(TYPE, body.as_bytes()).expect("two parts");
        assert_eq!(parts[0], Part { media_type: "application/pkcs7-mime; smime-type=a".into(), content: vec![1, 2] });
        assert_eq!(parts[1], Part { media_type: "x/y".into(), content: vec![3, 4] });
        assert_eq!(parts.len(), 2);
    }

    #[test]
    fn a_torn_multipart_is_refused() {
        for (kind, body) in [
            ("text/plain", "--b-1--"),
            (TYPE, "--b-1\r\nContent-Transfer-Encoding: base64\r\n\r\nAQI=\r\n"),
            (TYPE, "--b-1\r\nno headers\r\n--b-1--"),
            (TYPE, "--b-1\r\nContent-Transfer-Encoding: binary\r\n\r\nAQI=\r\n--b-1--"),
            ("multipart/mixed; boundary=", "----"),
        ] {
            assert!(parts(kind, body.as_bytes()).is_err(), "{kind}: {body}");
        }
    }
}
