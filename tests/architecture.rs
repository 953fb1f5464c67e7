//! The shape of the code: imports point one way, and the heart stays pure. An ordinary test, so that nobody has to remember it.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;
use std::path::{Path, PathBuf};

use syn::visit::Visit;
use syn::{File, Item, ItemUse, UseTree};

/// Which rooms of the house a room may know, besides itself. What is not listed may not be imported.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("lifecycle", &[]),
    ("store", &["lifecycle"]),
    ("pki", &["lifecycle"]),
    ("workflows", &["store", "pki", "lifecycle"]),
    ("http", &["workflows", "store", "pki", "lifecycle"]),
    ("pages", &["http", "workflows", "store", "pki", "lifecycle"]),
    ("server", &["pages", "http", "workflows", "store", "pki", "lifecycle"]),
    ("demo", &["server", "pages", "http", "workflows", "store", "pki", "lifecycle"]),
];

/// What may stand in the heart from outside: value types and the derive of errors.
const LIFECYCLE_MAY_USE: &[&str] = &["std", "crate", "super", "self", "jiff", "uuid", "thiserror"];

/// Of `store`, what faces the network may only know the read-only lists and what they hold.
const HTTP_MAY_KNOW_OF_STORE: &[&str] = &["views"];

#[test]
fn imports_point_one_way() {
    let mut found = Vec::new();
    for (room, allowed) in MAY_IMPORT {
        for (file, path) in paths_of(room) {
            let Some(target) = target_room(&path) else { continue };
            if target != *room && !allowed.contains(&target.as_str()) {
                found.push(format!("{}: {room} imports {}", file.display(), path.join("::")));
            }
        }
    }
    assert!(found.is_empty(), "imports against the direction:\n{}", found.join("\n"));
}

#[test]
fn the_heart_is_pure() {
    let foreign: Vec<String> = paths_of("lifecycle")
        .into_iter()
        .filter(|(_, path)| path.first().is_some_and(|first| first.chars().next().is_some_and(char::is_lowercase)))
        .filter(|(_, path)| !LIFECYCLE_MAY_USE.contains(&path[0].as_str()) && path.len() > 1)
        .filter(|(_, path)| is_crate_name(&path[0]))
        .map(|(file, path)| format!("{}: {}", file.display(), path.join("::")))
        .collect();
    assert!(foreign.is_empty(), "the lifecycle knows what it must not:\n{}", foreign.join("\n"));
}

#[test]
fn http_skips_no_floor_but_to_read_lists() {
    let skipped: Vec<String> = ["http", "pages"]
        .into_iter()
        .flat_map(paths_of)
        .filter(|(_, path)| path.len() > 2 && path[0] == "crate" && path[1] == "store")
        .filter(|(_, path)| !HTTP_MAY_KNOW_OF_STORE.contains(&path[2].as_str()))
        .map(|(file, path)| format!("{}: {}", file.display(), path.join("::")))
        .collect();
    assert!(skipped.is_empty(), "http reaches past the workflows:\n{}", skipped.join("\n"));
}

#[test]
fn sql_lives_in_the_store_only() {
    let strangers: Vec<String> = ["lifecycle", "pki", "workflows", "http", "pages", "server", "demo"]
        .into_iter()
        .flat_map(paths_of)
        .filter(|(_, path)| path.first().is_some_and(|first| first == "sqlx"))
        .map(|(file, path)| format!("{}: {}", file.display(), path.join("::")))
        .collect();
    assert!(strangers.is_empty(), "{}", strangers.join("\n"));
}

#[test]
fn every_file_says_what_it_is_for_and_is_read_in_one_sitting() {
    let mut found = Vec::new();
    for file in files(Path::new("src")).into_iter().chain(files(Path::new("mobile-sim/src"))) {
        let text = fs::read_to_string(&file).unwrap();
        if !text.starts_with("//!") && file.file_name().is_some_and(|name| name != "tests.rs") {
            found.push(format!("{}: no sentence at its head", file.display()));
        }
        if text.lines().count() > 450 {
            found.push(format!("{}: {} lines", file.display(), text.lines().count()));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn the_check_sees_grouped_nested_and_inline_paths() {
    let file: File = syn::parse_str(
        "use crate::{store::{commit::Commit, Store}, lifecycle::ids};
         fn f() -> crate::http::problem::Problem { crate::server::run() }
         mod tests { use crate::pki as p; }",
    )
    .unwrap();
    let rooms: Vec<String> = paths_in(&file).iter().filter_map(|path| target_room(path)).collect();
    assert_eq!(rooms, ["store", "store", "lifecycle", "http", "server", "pki"]);
}

fn target_room(path: &[String]) -> Option<String> {
    let is_ours = path.first().is_some_and(|first| first == "crate" || first == "remint");
    let room = path.get(1).filter(|_| is_ours)?;
    MAY_IMPORT.iter().any(|(name, _)| name == room).then(|| room.clone())
}

/// Names of crates, as against modules of the same file and local functions.
fn is_crate_name(name: &str) -> bool {
    const CRATES: &[&str] = &["serde", "serde_json", "sqlx", "tokio", "axum", "rand", "getrandom", "chrono", "time", "hyper", "tracing"];
    CRATES.contains(&name)
}

fn paths_of(room: &str) -> Vec<(PathBuf, Vec<String>)> {
    let files = files(&Path::new("src").join(room));
    assert!(!files.is_empty() || room == "demo", "no files in src/{room}: has the house moved?");
    files
        .into_iter()
        .flat_map(|file| {
            let parsed = syn::parse_file(&fs::read_to_string(&file).unwrap()).unwrap();
            paths_in(&parsed).into_iter().map(move |path| (file.clone(), path)).collect::<Vec<_>>()
        })
        .collect()
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut found = Vec::new();
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every path that a file names: in `use`, grouped or not, and in its code.
fn paths_in(file: &File) -> Vec<Vec<String>> {
    let mut paths = Paths::default();
    paths.visit_file(file);
    paths.0
}

#[derive(Default)]
struct Paths(Vec<Vec<String>>);

impl Paths {
    fn flatten(&mut self, tree: &UseTree, mut before: Vec<String>) {
        match tree {
            UseTree::Path(path) => {
                before.push(path.ident.to_string());
                self.flatten(&path.tree, before);
            }
            UseTree::Group(group) => group.items.iter().for_each(|tree| self.flatten(tree, before.clone())),
            UseTree::Name(name) => {
                before.push(name.ident.to_string());
                self.0.push(before);
            }
            UseTree::Rename(name) => {
                before.push(name.ident.to_string());
                self.0.push(before);
            }
            UseTree::Glob(_) => self.0.push(before),
        }
    }
}

impl<'ast> Visit<'ast> for Paths {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        self.flatten(&item.tree, Vec::new());
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        syn::visit::visit_path(self, path);
    }

    fn visit_item(&mut self, item: &'ast Item) {
        syn::visit::visit_item(self, item);
    }
}
