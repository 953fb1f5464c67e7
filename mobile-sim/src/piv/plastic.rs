//! A physical card, simulated in a folder: blank at first, and written on by whoever has its management key. It keeps its keys in a file that anybody
//! with the file can read; a real card's chip gives them to nobody.

use std::path::{Path, PathBuf};

use super::contents::{Contents, Memory, NotKept};
use super::management::ManagementKey;
use super::secret::{Guarded, Secret};
use super::{Applet, Transport};
use crate::error::PhoneError;
use crate::keeper::{self, Lock};

const FILE: &str = "plastic.json";

/// Puts the card of a folder into a reader; one that is not there yet comes blank, with these secrets.
pub fn present(folder: &Path, pin: &str, puk: &str, management: &ManagementKey) -> Result<Transport, PhoneError> {
    let usage = |error: &dyn std::fmt::Display| PhoneError::Usage(error.to_string());
    let lock = keeper::lock_folder(folder)?;
    let memory = InFolder { folder: folder.to_owned(), _lock: lock };
    let contents = match keeper::read_file(folder, FILE)? {
        Some(text) => serde_json::from_slice(&text).map_err(|_| usage(&"the file of the card is damaged"))?,
        None => {
            let pin = Secret::pin(pin).map_err(|error| usage(&error))?;
            let puk = Secret::puk(puk).map_err(|error| usage(&error))?;
            let contents = Contents::blank(Guarded::new(pin), Some(Guarded::new(puk)), management.clone());
            memory.write(&contents)?;
            contents
        }
    };
    Ok(Transport::new(Applet::new(contents, memory)))
}

struct InFolder {
    folder: PathBuf,
    _lock: Lock,
}

impl InFolder {
    fn write(&self, contents: &Contents) -> Result<(), PhoneError> {
        let text = zeroize::Zeroizing::new(serde_json::to_vec(contents).map_err(std::io::Error::from)?);
        Ok(keeper::replace(&self.folder, FILE, &text)?)
    }
}

impl Memory for InFolder {
    fn keep(&mut self, contents: &Contents) -> Result<(), NotKept> {
        self.write(contents).map_err(|error| NotKept(error.to_string()))
    }
}
