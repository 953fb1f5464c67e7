//! The pages as a browser without a script asks for them: each is valid HTML by a judge of another make, says what is so, and does what its
//! buttons say, once.

mod desk;
mod hung_up;
mod portal;

use mobile_sim::wire::{Client, Reply, Request};

use crate::support::openssl::run;

const FORM: &str = "application/x-www-form-urlencoded";

async fn get(client: &Client, path: &str, language: &'static str) -> Reply {
    client.send(Request::get(path).with_header("accept", "text/html").with_header("accept-language", language)).await.unwrap()
}

/// A page that is there, valid, and kept to itself.
async fn page(client: &Client, path: &str, language: &'static str) -> String {
    let reply = get(client, path, language).await;
    let text = reply.text();
    assert_eq!(reply.status, 200, "{path}: {text}");
    is_sound(path, &reply, language).await;
    text
}

async fn is_sound(path: &str, reply: &Reply, language: &str) {
    let text = reply.text();
    assert!(reply.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'none'")), "{path}");
    assert_eq!(reply.header("cache-control"), Some("no-store"), "{path}");
    assert_eq!(reply.header("x-content-type-options"), Some("nosniff"), "{path}");
    assert!(text.contains(&format!("<html lang=\"{language}\">")), "{path}: {text}");
    let judged = run("tidy", &["-q", "-e", "-utf8", "--drop-empty-elements", "no"], text.as_bytes()).await;
    // it is older than some of HTML and ARIA 1.1, and knows only some of SVG
    let is_known = |line: &&str| ["aria-current", "inputmode", "shape-rendering"].iter().any(|newer| line.contains(newer));
    let found: Vec<String> = judged.text().lines().filter(|line| !is_known(line)).map(str::to_owned).collect();
    assert_eq!(found, Vec::<String>::new(), "{path}:\n{text}");
}

async fn post(client: &Client, path: &str, fields: &str) -> Reply {
    client.send(Request::post(path).with_header("accept", "text/html").with_body(FORM, fields.to_owned())).await.unwrap()
}

/// What stands between two marks.
fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    let (_, rest) = text.split_once(before).unwrap_or_else(|| panic!("no {before:?}: {text}"));
    rest.split_once(after).unwrap().0
}

/// The token of the form that does something.
fn token(page: &str) -> String {
    between(page, "name=\"token\" value=\"", "\"").to_owned()
}

fn location(reply: &Reply) -> String {
    assert_eq!(reply.status, 303, "{}", reply.text());
    reply.header("location").unwrap().to_owned()
}
