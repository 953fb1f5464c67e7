//! Codes that people type: decimal digits, each number equally likely.

use zeroize::Zeroizing;

use super::world::World;
use crate::pki::key::random;

/// So many digits; up to nine.
pub fn digits<const N: usize>(world: &World) -> Zeroizing<String> {
    const { assert!(N <= 9) }
    let range = 10_u32.pow(N as u32);
    loop {
        let number = u32::from_be_bytes(random::<4>(world.entropy.as_ref()));
        if number < u32::MAX - u32::MAX % range {
            return Zeroizing::new(format!("{:0N$}", number % range));
        }
    }
}
