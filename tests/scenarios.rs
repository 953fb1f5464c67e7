//! The acceptance stories: every `.toml` file of `tests/scenarios/`, and of the folder that the variable `SCENARIOS` names, is played
//! through the real workflows and a real store, with real keys and a clock that the runner moves. The format is in
//! `tests/scenarios/README.md`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod scenario;
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use scenario::{player::Player, story::Story};

#[tokio::test]
async fn every_story_is_true() {
    let mut folders = vec![PathBuf::from("tests/scenarios")];
    folders.extend(std::env::var_os("SCENARIOS").map(PathBuf::from));
    let files: Vec<PathBuf> = folders.iter().flat_map(|folder| stories(folder)).collect();
    // some at a time: each waits for its own database most of the time
    let (one, two, three, four) = tokio::join!(untrue(&files, 0), untrue(&files, 1), untrue(&files, 2), untrue(&files, 3));
    let mut failed = [one, two, three, four].concat();
    failed.sort();
    let played = files.len();
    println!("{played} stories played, {} failed", failed.len());
    assert!(played > 0, "no stories found in {folders:?}");
    assert!(failed.is_empty(), "{} of {played} stories are not true:\n\n{}\n", failed.len(), failed.join("\n\n"));
}

/// Plays every fourth story from this one on; says what is not true.
async fn untrue(files: &[PathBuf], first: usize) -> Vec<String> {
    let mut failed = Vec::new();
    for file in files.iter().skip(first).step_by(4) {
        if let Err(message) = play(file).await {
            failed.push(format!("{}\n  {message}", file.display()));
        }
    }
    failed
}

/// A story with one expectation turned around must fail: otherwise the runner compares nothing.
#[tokio::test]
async fn a_story_that_is_not_true_is_found_out() {
    let text = std::fs::read_to_string("tests/scenarios/cancel_restores.toml").unwrap();
    let story: Story = toml::from_str(&text).unwrap();
    Player::new(&story).await.play(&story).await.unwrap();
    for (found, wrong) in [
        ("phone-1 = \"invalid\"", "phone-1 = \"active\""),
        ("enc-1 = \"suspended\"", "enc-1 = \"active\""),
        ("r1 = \"canceled\"", "r1 = \"approved\""),
        ("refused = \"wrong-state\"", "refused = \"not-permitted\""),
        ("do = \"cancel\"", "do = \"anull\""),
        ("now.requests", "now.reqests"),
    ] {
        assert!(text.contains(found), "{found}");
        let story: Result<Story, _> = toml::from_str(&text.replacen(found, wrong, 1));
        let outcome = match story {
            Ok(story) => Player::new(&story).await.play(&story).await,
            Err(error) => Err(error.to_string()),
        };
        assert!(outcome.is_err(), "the runner did not notice: {wrong}");
    }
}

/// docs/lifecycle.md names the story that shows each rule; a word of it in backticks with an underscore is a story.
#[test]
fn every_story_is_named_beside_its_rule() {
    let told: BTreeSet<_> =
        stories(Path::new("tests/scenarios")).iter().map(|file| file.file_stem().unwrap().to_str().unwrap().to_owned()).collect();
    let rules = std::fs::read_to_string("docs/lifecycle.md").unwrap();
    let is_story = |word: &&str| word.contains('_') && word.chars().all(|c| c == '_' || c.is_ascii_lowercase() || c.is_ascii_digit());
    let named: BTreeSet<_> = rules.split('`').skip(1).step_by(2).filter(is_story).map(str::to_owned).collect();
    let nowhere: Vec<_> = told.difference(&named).collect();
    let untold: Vec<_> = named.difference(&told).collect();
    assert!(nowhere.is_empty(), "not named in docs/lifecycle.md: {nowhere:?}");
    assert!(untold.is_empty(), "named in docs/lifecycle.md, and no story: {untold:?}");
}

async fn play(file: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(file).map_err(|error| error.to_string())?;
    let story: Story = toml::from_str(&text).map_err(|error| error.to_string())?;
    let title = story.title.clone();
    Player::new(&story).await.play(&story).await.map_err(|message| format!("{title}\n  {message}"))
}

fn stories(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut found: Vec<_> =
        entries.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|e| e == "toml")).collect();
    found.sort();
    found
}
