//! Altering inputs, and what is demanded of every parser.

use std::sync::LazyLock;

use allocation_counter::measure;

use crate::support::mutator::Mutator;

/// So many altered inputs for each parser: more, if `REMINT_INPUTS` says so.
pub static INPUTS: LazyLock<usize> =
    LazyLock::new(|| std::env::var("REMINT_INPUTS").map_or(50_000, |count| count.parse().expect("REMINT_INPUTS is a number")));

/// What a parser may hold at once, for an input of so many bytes.
fn allowance(length: usize) -> u64 {
    1024 * 1024 + 64 * length as u64
}

/// Gives each seed to a parser as it is, which must read it, and then altered. `judge` is told which seed was altered and what was read of it.
/// Gives how many altered ones were read.
pub fn altered<T>(seeds: &[Vec<u8>], read: impl Fn(&[u8]) -> Option<T>, mut judge: impl FnMut(usize, T)) -> usize {
    for (at, seed) in seeds.iter().enumerate() {
        assert!(read(seed).is_some(), "seed {at} is not read: {}", String::from_utf8_lossy(seed));
    }
    let (mut mutator, mut taken) = (Mutator::new(17), 0);
    for _ in 0..*INPUTS {
        let at = mutator.below(seeds.len());
        let input = mutator.mutate(&seeds[at]);
        let mut outcome = None;
        let held = measure(|| outcome = read(&input)).bytes_max;
        assert!(held <= allowance(input.len()), "{held} bytes for an input of {}: {input:02x?}", input.len());
        if let Some(value) = outcome {
            taken += 1;
            judge(at, value);
        }
    }
    assert!(taken < *INPUTS, "nothing is refused");
    taken
}

/// Takes whatever makes sense.
pub fn anything<T>(_: usize, _: T) {}
