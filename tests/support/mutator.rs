//! Alters bytes: the same way each time, so that what was found is found again.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

pub struct Mutator(TestRng);

impl Mutator {
    pub fn new(seed: u8) -> Self {
        Self(TestRng::from_seed(RngAlgorithm::XorShift, &[seed; 16]))
    }

    /// A number below this one.
    pub fn below(&mut self, end: usize) -> usize {
        self.0.next_u32() as usize % end.max(1)
    }

    /// Up to three times: a byte changed, a bit turned, or up to eight bytes cut out, doubled, or copied to somewhere else.
    pub fn mutate(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut mutated = bytes.to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(mutated.len());
            let to = (at + 1 + self.below(8)).min(mutated.len());
            match self.below(6) {
                0 if !mutated.is_empty() => mutated[at] = self.below(256) as u8,
                1 if !mutated.is_empty() => mutated[at] ^= 1 << self.below(8),
                // what lengths and numbers are wrong with
                2 if !mutated.is_empty() => mutated[at] = [0x00, 0x7f, 0x80, 0x84, 0xff][self.below(5)],
                3 => drop(mutated.drain(at.min(to)..to)),
                4 => {
                    let (piece, elsewhere) = (mutated[at.min(to)..to].to_vec(), self.below(mutated.len()));
                    mutated.splice(elsewhere..elsewhere, piece);
                }
                _ => {
                    let piece = mutated[at.min(to)..to].to_vec();
                    mutated.splice(at..at, piece);
                }
            }
        }
        mutated
    }
}
