//! Evidence of phones: the chain, its bundle and its description.

use super::altered::{INPUTS, altered, anything};
use crate::parsers;
use crate::support::android::{caiman, extension, moment, roots};
use crate::support::mutator::Mutator;

#[test]
fn an_altered_description_is_refused_or_read() {
    let seeds = ["SB_EC_RKP.pem", "TEE_EC_RKP.pem"].map(|name| extension(&caiman(name)[0]).unwrap());
    let taken = altered(&seeds, parsers::key_description, anything);
    assert!(taken < *INPUTS * 2 / 3, "{taken}");
}

#[test]
fn an_altered_bundle_is_refused_or_a_chain() {
    let kind = [0x06, 10, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];
    let statement = sequence(&[&kind[..], &sequence(&caiman("SB_EC_RKP.pem").concat())].concat());
    altered(&[sequence(&sequence(&statement))], parsers::evidence_bundle, anything);
}

fn sequence(content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    [&[0x30, 0x82][..], &length, content].concat()
}

/// On both cores: each altered chain costs up to four signatures to verify.
#[test]
fn no_altered_chain_is_accepted() {
    let (chain, roots) = (caiman("SB_EC_RKP.pem"), roots(std::path::Path::new("none")));
    let now = moment(&chain);
    assert!(parsers::evidence_chain(&chain, &roots, now).is_ok());
    let half = |seed: u8| {
        let mut mutator = Mutator::new(seed);
        for _ in 0..*INPUTS / 2 {
            let mut altered = chain.clone();
            // not the root: only its key counts, which is compared
            let index = mutator.below(chain.len() - 1);
            altered[index] = mutator.mutate(&chain[index]);
            let is_same = altered == chain;
            let verified = parsers::evidence_chain(&altered, &roots, now);
            let differs = altered[index].iter().zip(&chain[index]).position(|(ours, theirs)| ours != theirs);
            assert!(is_same || verified.is_err(), "certificate {index}, from byte {differs:?} of {}", chain[index].len());
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(|| half(17));
        half(18);
    });
}
