//! 200,000 altered chains and as many altered extensions: no panic, and nothing altered is accepted.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};
use remint::pki::attestation::description::KeyDescription;
use remint::pki::attestation::{Chain, RevokedKeys};

use crate::vectors::{caiman, extension, moment, roots};

const INPUTS: usize = 200_000;

fn dice() -> TestRng {
    TestRng::from_seed(RngAlgorithm::ChaCha, &[17; 32])
}

/// A few bytes changed, some cut out, some doubled.
fn mutate(bytes: &[u8], dice: &mut TestRng) -> Vec<u8> {
    let mut mutated = bytes.to_vec();
    for _ in 0..=dice.next_u32() % 3 {
        let at = dice.next_u32() as usize % mutated.len().max(1);
        let to = (at + 1 + dice.next_u32() as usize % 8).min(mutated.len());
        match dice.next_u32() % 4 {
            0 if !mutated.is_empty() => mutated[at] = dice.next_u32() as u8,
            1 if !mutated.is_empty() => mutated[at] ^= 1 << (dice.next_u32() % 8),
            2 => drop(mutated.drain(at.min(to)..to)),
            _ => {
                let piece = mutated[at.min(to)..to].to_vec();
                mutated.splice(at..at, piece);
            }
        }
    }
    mutated
}

#[test]
fn no_altered_extension_makes_the_reader_panic() {
    let (value, mut dice, mut refused) = (extension(&caiman("SB_EC_RKP.pem")[0]).unwrap(), dice(), 0);
    for _ in 0..INPUTS {
        refused += usize::from(KeyDescription::read(&mutate(&value, &mut dice)).is_err());
    }
    assert!(refused > INPUTS / 3, "{refused}");
}

#[test]
fn no_altered_chain_is_accepted() {
    let (chain, roots, mut dice) = (caiman("SB_EC_RKP.pem"), roots(std::path::Path::new("none")), dice());
    let now = moment(&chain);
    for _ in 0..INPUTS {
        let mut altered = chain.clone();
        // not the root: only its key counts, which is compared
        let index = dice.next_u32() as usize % (chain.len() - 1);
        altered[index] = mutate(&chain[index], &mut dice);
        let is_same = altered == chain;
        let verified = Chain::verify(&altered, &roots, &RevokedKeys::default(), now);
        let differs = altered[index].iter().zip(&chain[index]).position(|(ours, theirs)| ours != theirs);
        assert!(is_same || verified.is_err(), "certificate {index}, from byte {differs:?} of {}", chain[index].len());
    }
}
