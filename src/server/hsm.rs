//! The HSM of an installation: where `remint.toml` says it is, and where its PIN is read. The PIN itself is in no file of ours.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::{ServerError, secret};
use crate::pki::key::Entropy;
use crate::pki::seal::SealingKey;
use crate::pki::token::{Place, Token, TokenFault};

/// A token that keeps the private keys.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct HsmSection {
    /// The PKCS#11 module, a shared library.
    pub module: PathBuf,
    /// The label of the token.
    pub token: String,
    /// A file that holds the user's PIN and nothing else; nobody but its owner may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pin_variable: Option<String>,
}

/// What is wanted.
const THE_PIN: &str = "the PIN of the token's user";

/// Where the PIN is remembered, sealed, that the token refused: whoever starts a server again and again must not lock the token.
const REFUSED: &str = "keys/refused-pin";

/// Finds the token of a data folder and logs in, once; a PIN that the token refused is not shown to it again, also after a restart.
pub fn open_in(
    dir: &Path,
    section: Option<&HsmSection>,
    master: &SealingKey,
    entropy: &dyn Entropy,
) -> Result<Option<Arc<Token>>, ServerError> {
    let Some(section) = section else { return Ok(None) };
    let (pin, refused) = (pin(section)?, dir.join(REFUSED));
    let earlier = fs::read(&refused).ok().and_then(|sealed| master.open(REFUSED, &sealed).ok());
    if earlier.is_some_and(|earlier| earlier.as_slice() == pin.as_bytes()) {
        let found =
            "found: the PIN that the token refused before, expected: the PIN of the token's user; it was not shown to the token again";
        return Err(ServerError::new(format!("token {}: {found}", section.token)));
    }
    match at(section, &pin) {
        Ok(token) => {
            let _ = fs::remove_file(&refused); // mostly there is none
            Ok(Some(Arc::new(token)))
        }
        Err(fault) => {
            if matches!(fault, TokenFault::Pin { .. }) {
                let sealed = master.seal(entropy, REFUSED, pin.as_bytes()).map_err(ServerError::new)?;
                fs::write(&refused, sealed)?;
            }
            Err(fault.into())
        }
    }
}

/// Finds the token and logs in, once.
pub fn open(section: Option<&HsmSection>) -> Result<Option<Arc<Token>>, ServerError> {
    let Some(section) = section else { return Ok(None) };
    Ok(Some(Arc::new(at(section, &pin(section)?)?)))
}

fn at(section: &HsmSection, pin: &str) -> Result<Token, TokenFault> {
    Token::open(Place { module: section.module.clone(), label: section.token.clone() }, pin)
}

fn pin(section: &HsmSection) -> Result<Zeroizing<String>, ServerError> {
    let pin = match (&section.pin_file, &section.pin_variable) {
        (Some(file), None) => secret::from_file(file, THE_PIN)?,
        (None, Some(variable)) => secret::from_variable(variable, THE_PIN)?,
        _ => return Err(ServerError::new("hsm: expected: either pin_file or pin_variable")),
    };
    if pin.is_empty() {
        return Err(ServerError::new("hsm: found: an empty PIN, expected: the PIN of the token's user"));
    }
    Ok(pin)
}
