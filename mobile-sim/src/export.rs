//! Writes a card as PEM files, for openssl and for people.
//!
//! `<slot>.pem` for what is current, `history-1.pem` and so on for older encryption certificates, newest first, and `ca.pem`. Private keys
//! are written on request only, as `<slot>.key.pem` (PKCS#8), readable by their owner alone. Files of an earlier export are replaced,
//! others left alone.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use crate::card::Card;
use crate::certificate::{Certificate, pem};
use crate::key::Key;
use crate::state::State;

/// Writes the certificates.
pub fn certificates(card: &Card, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (slot, certificate) in &card.slots {
        fs::write(folder.join(format!("{slot}.pem")), certificate.pem())?;
    }
    for (at, certificate) in card.history.iter().enumerate() {
        fs::write(folder.join(format!("history-{}.pem", at + 1)), certificate.pem())?;
    }
    if !card.authorities.is_empty() {
        fs::write(folder.join("ca.pem"), card.authorities.iter().map(Certificate::pem).collect::<String>())?;
    }
    Ok(())
}

/// Writes the private keys beside the certificates.
pub(crate) fn private_keys(state: &State, folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (slot, credential) in state.credentials() {
        write_key(&folder.join(format!("{slot}.key.pem")), &credential.key)?;
    }
    for (at, older) in state.history().iter().enumerate() {
        write_key(&folder.join(format!("history-{}.key.pem", at + 1)), &older.key)?;
    }
    Ok(())
}

/// A file that nobody else could read at any moment: made anew, with its mode from the start.
fn write_key(path: &Path, key: &Key) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let text = Zeroizing::new(pem("PRIVATE KEY", key.pkcs8().map_err(|_| io::Error::other("the key is in a card, which gives none out"))?));
    OpenOptions::new().create_new(true).write(true).mode(0o600).open(path)?.write_all(text.as_bytes())
}
