//! Passwords: stretched with argon2id (RFC 9106), kept as PHC strings. On purpose slow and greedy: callers bound how many are stretched at once.

use std::sync::OnceLock;

use argon2::password_hash::phc::PasswordHash;
use argon2::password_hash::{PasswordHasher, PasswordVerifier};
use argon2::{Algorithm, Argon2, Params, Version};

use super::key::{Entropy, random};

/// OWASP's least for argon2id: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// A password could not be stretched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a password could not be stretched")]
pub struct StretchError;

fn argon2id() -> Result<Argon2<'static>, StretchError> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).map_err(|_| StretchError)?;
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
}

/// The PHC string of a password, under a salt of its own.
pub fn stretch(password: &str, entropy: &dyn Entropy) -> Result<String, StretchError> {
    let salt = random::<16>(entropy);
    let hash: PasswordHash = argon2id()?.hash_password_with_salt(password.as_bytes(), &salt).map_err(|_| StretchError)?;
    Ok(hash.to_string())
}

/// Whether a password is the one of a PHC string. Without one, the same work is done for nothing, so that nobody can tell.
pub fn is_right(password: &str, phc: Option<&str>) -> bool {
    static DECOY: OnceLock<String> = OnceLock::new();
    let decoy = || DECOY.get_or_init(|| stretch("nobody's", &Zeros).unwrap_or_default()).as_str();
    let Ok(hash) = PasswordHash::new(phc.unwrap_or_else(decoy)) else { return false };
    let is_right = argon2id().is_ok_and(|argon2| argon2.verify_password(password.as_bytes(), &hash).is_ok());
    is_right && phc.is_some()
}

/// The salt of the decoy need not be random: it is nobody's.
struct Zeros;

impl Entropy for Zeros {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_right_for_its_own_hash_only() {
        let phc = stretch("correct horse battery", &Zeros).unwrap();
        assert!(phc.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{phc}");
        assert!(is_right("correct horse battery", Some(&phc)));
        assert!(!is_right("correct horse batterY", Some(&phc)));
        assert!(!is_right("nobody's", None));
        assert!(!is_right("x", Some("no hash")));
    }
}
