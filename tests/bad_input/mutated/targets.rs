//! The fuzz targets compile with nightly Rust only, so nothing here builds them: this keeps them in step with the parsers.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use syn::{FnArg, Item, Visibility};

/// The functions of fuzz/src/lib.rs that take bytes alone.
fn parsers() -> BTreeSet<String> {
    let parsed = syn::parse_file(&fs::read_to_string("fuzz/src/lib.rs").unwrap()).unwrap();
    let functions = parsed.items.into_iter().filter_map(|item| match item {
        Item::Fn(function) if matches!(function.vis, Visibility::Public(_)) => Some(function.sig),
        _ => None,
    });
    let of_bytes = functions.filter(|signature| {
        let named = |argument: &FnArg| matches!(argument, FnArg::Typed(typed) if matches!(&*typed.pat, syn::Pat::Ident(name) if name.ident == "bytes"));
        signature.inputs.len() == 1 && signature.inputs.iter().all(named)
    });
    of_bytes.map(|signature| signature.ident.to_string()).collect()
}

#[test]
fn every_parser_has_its_fuzz_target_and_its_test() {
    let parsers = parsers();
    assert!(parsers.len() >= 20, "{parsers:?}");
    let manifest = fs::read_to_string("fuzz/Cargo.toml").unwrap();
    let tests: String =
        fs::read_dir("tests/bad_input/mutated").unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap()).collect();
    for name in &parsers {
        let target = fs::read_to_string(Path::new("fuzz/fuzz_targets").join(name).with_extension("rs"));
        let target = target.unwrap_or_else(|error| panic!("{name}: no target: {error}"));
        assert!(target.contains(&format!("remint_fuzz::{name}(bytes)")), "{name}: its target calls something else");
        assert!(manifest.contains(&format!("path = \"fuzz_targets/{name}.rs\"")), "{name}: fuzz/Cargo.toml does not list it");
        assert!(tests.contains(&format!("parsers::{name}")), "{name}: no test here alters its input");
    }
    let targets = fs::read_dir("fuzz/fuzz_targets").unwrap();
    let targets = targets.map(|file| file.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned());
    assert_eq!(targets.collect::<BTreeSet<_>>(), parsers);
}
