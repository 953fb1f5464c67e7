//! The folder of chains, and what must be read from each.

use std::fs;
use std::path::{Path, PathBuf};

use remint::pki::attestation::description::KeyDescription;
use remint::pki::attestation::{Chain, RevokedKeys, RootKey};

use super::described::described;
use crate::support::android::{extension, folders, moment, pem, roots};

fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        if entry.is_dir() {
            found.extend(files(&entry, ending));
        } else if entry.extension().is_some_and(|extension| extension == ending) {
            found.push(entry);
        }
    }
    found.sort();
    found
}

#[test]
fn every_chain_with_a_description_is_read_as_it_says() {
    let mut read = 0;
    for (folder, file) in folders().iter().flat_map(|folder| files(folder, "pem").into_iter().map(move |file| (folder, file))) {
        let description = file.with_extension("json");
        if !description.exists() || is_invalid(&file) {
            continue;
        }
        let chain = pem(&fs::read_to_string(&file).unwrap());
        let expected: serde_json::Value = serde_json::from_str(&fs::read_to_string(description).unwrap()).unwrap();
        let value = extension(&chain[0]).unwrap_or_else(|| panic!("{}: no extension", file.display()));
        let found = KeyDescription::read(&value).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        assert_eq!(described(&found), expected, "{}", file.display());

        // a chain to the maker of the phone holds; the others lead to roots of their own, and nobody believes them
        if chain.len() > 1 {
            let is_known = roots(folder).contains(&RootKey::of(chain.last().unwrap()).unwrap());
            let verified = Chain::verify(&chain, &roots(folder), &RevokedKeys::default(), moment(&chain));
            let described = verified.and_then(|chain| chain.description());
            assert_eq!(described.is_ok(), is_known, "{}: {:?}", file.display(), described.err());
        }
        read += 1;
    }
    assert!(read >= 9, "only {read} chains were read");
}

#[test]
fn every_invalid_chain_is_refused() {
    let mut refused = 0;
    for folder in folders() {
        for file in files(&folder, "pem").into_iter().filter(|file| is_invalid(file)) {
            let chain = pem(&fs::read_to_string(&file).unwrap());
            let mut roots = roots(&folder);
            roots.extend(chain.last().and_then(|last| RootKey::of(last)));
            let verified = Chain::verify(&chain, &roots, &RevokedKeys::default(), moment(&chain));
            let described = verified.and_then(|chain| chain.description());
            assert!(described.is_err(), "{}", file.display());
            refused += 1;
        }
    }
    assert!(refused >= 1);
}

#[test]
fn a_chain_in_which_a_p256_key_signs_with_sha384_holds() {
    for file in folders().iter().flat_map(|folder| files(folder, "pem")).filter(|file| file.ends_with("p256_sha384_intermediate.pem")) {
        let chain = pem(&fs::read_to_string(&file).unwrap());
        let root = RootKey::of(chain.last().unwrap()).unwrap();
        let verified = Chain::verify(&chain, &[root], &RevokedKeys::default(), moment(&chain));
        assert!(verified.is_ok(), "{:?}", verified.err());
    }
}

#[test]
fn a_single_certificate_is_read_and_is_no_chain() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/android-key-attestation");
    let chain = pem(&fs::read_to_string(folder.join("testdata/allow_while_on_body.pem")).unwrap());
    let read = KeyDescription::read(&extension(&chain[0]).unwrap()).unwrap();
    assert!(read.hardware_enforced.allow_while_on_body || read.software_enforced.allow_while_on_body);
    assert!(Chain::verify(&chain, &roots(&folder), &RevokedKeys::default(), moment(&chain)).is_err());
}

fn is_invalid(file: &Path) -> bool {
    file.components().any(|part| part.as_os_str() == "invalid")
}
