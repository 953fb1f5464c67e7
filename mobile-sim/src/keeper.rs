//! Where the state is kept: in a folder, so that it survives a kill at any point, or nowhere.
//!
//! The folder has one file that matters, `card.json`: the public card in the clear, the whole state sealed. It is replaced as a
//! whole: written beside, synced, renamed, and the folder synced. A lock keeps a second run away.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::card::Card;
use crate::error::PhoneError;
use crate::piv::TRIES;
use crate::state::State;
use crate::vault::{Pin, Sealed, VaultError, VaultKey};

const VERSION: u32 = 1;
const FILE: &str = "card.json";
const TRIES_FILE: &str = "tries.json";
const LOCK: &str = "lock";

/// Keeps the state of a phone.
pub(crate) trait Keeper: Send + Sync {
    /// Returns when the state is safe.
    fn keep(&self, state: &State) -> Result<(), PhoneError>;
    /// Seals under another PIN from now on.
    fn change_pin(&mut self, pin: &Pin) -> Result<(), PhoneError>;
    /// The number of digits of the PIN, where there is one.
    fn pin_length(&self) -> Option<usize>;
    /// Whether it is sealed under this PIN.
    fn is_pin(&self, pin: &str) -> bool;
    /// The tries that the card in a reader has left.
    fn tries(&self) -> Result<Tries, PhoneError>;
    fn keep_tries(&self, tries: Tries) -> Result<(), PhoneError>;
}

/// How many wrong PINs and PUKs a reader may still show. Beside the vault, as they must be counted while it is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tries {
    pub pin: u8,
    pub puk: u8,
}

impl Tries {
    const ALL: Self = Self { pin: TRIES, puk: TRIES };
}

/// Keeps nothing: for many phones at once, which live as long as their process.
pub(crate) struct Nowhere;

impl Keeper for Nowhere {
    fn keep(&self, _state: &State) -> Result<(), PhoneError> {
        Ok(())
    }

    fn change_pin(&mut self, _pin: &Pin) -> Result<(), PhoneError> {
        Ok(())
    }

    fn pin_length(&self) -> Option<usize> {
        None
    }

    fn is_pin(&self, _pin: &str) -> bool {
        true
    }

    fn tries(&self) -> Result<Tries, PhoneError> {
        Ok(Tries::ALL)
    }

    fn keep_tries(&self, _tries: Tries) -> Result<(), PhoneError> {
        Ok(())
    }
}

/// The file, as it is written.
#[derive(Serialize, Deserialize)]
struct Stored {
    version: u32,
    card: Card,
    vault: Sealed,
}

/// Keeps the state in a folder.
pub(crate) struct Folder {
    path: PathBuf,
    vault: VaultKey,
    pin: Pin,
    _lock: Lock,
}

impl Folder {
    /// Opens a folder, which is made where it is missing, and reads the state in it.
    pub(crate) fn open(path: &Path, pin: &Pin) -> Result<(Self, State), PhoneError> {
        let lock = lock_folder(path)?;
        let (vault, state) = match read(path)? {
            Some(stored) => {
                let (vault, content) = stored.vault.open(pin).map_err(refused)?;
                (vault, serde_json::from_slice(&content).map_err(|_| refused(VaultError::Damaged))?)
            }
            None => (VaultKey::new(pin).map_err(refused)?, State::default()),
        };
        Ok((Self { path: path.to_owned(), vault, pin: pin.clone(), _lock: lock }, state))
    }
}

impl Keeper for Folder {
    fn keep(&self, state: &State) -> Result<(), PhoneError> {
        // Roomy from the start, since what a growing buffer leaves behind is not wiped.
        let mut content = Zeroizing::new(Vec::with_capacity(64 * 1024));
        serde_json::to_writer(&mut *content, state).map_err(io::Error::from)?;
        let stored = Stored { version: VERSION, card: Card::of(state), vault: self.vault.seal(&content).map_err(refused)? };
        let text = serde_json::to_vec_pretty(&stored).map_err(io::Error::from)?;
        Ok(replace(&self.path, FILE, &text)?)
    }

    fn change_pin(&mut self, pin: &Pin) -> Result<(), PhoneError> {
        self.vault = VaultKey::new(pin).map_err(refused)?;
        self.pin = pin.clone();
        Ok(())
    }

    fn pin_length(&self) -> Option<usize> {
        Some(self.pin.length())
    }

    fn is_pin(&self, pin: &str) -> bool {
        self.pin.is(pin)
    }

    fn tries(&self) -> Result<Tries, PhoneError> {
        let Some(text) = read_file(&self.path, TRIES_FILE)? else { return Ok(Tries::ALL) };
        serde_json::from_slice(&text).map_err(|_| PhoneError::Usage(format!("{TRIES_FILE} of the phone is damaged")))
    }

    fn keep_tries(&self, tries: Tries) -> Result<(), PhoneError> {
        Ok(replace(&self.path, TRIES_FILE, &serde_json::to_vec(&tries).map_err(io::Error::from)?)?)
    }
}

/// The public card in a folder. Needs neither the PIN nor the lock.
pub(crate) fn read_card(path: &Path) -> Result<Option<Card>, PhoneError> {
    Ok(read(path)?.map(|stored| stored.card))
}

fn read(path: &Path) -> Result<Option<Stored>, PhoneError> {
    let Some(text) = read_file(path, FILE)? else { return Ok(None) };
    let stored: Stored = serde_json::from_slice(&text).map_err(|_| refused(VaultError::Damaged))?;
    if stored.version == VERSION { Ok(Some(stored)) } else { Err(refused(VaultError::Damaged)) }
}

/// A file of a folder; `None` where there is none.
pub(crate) fn read_file(folder: &Path, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>, PhoneError> {
    match fs::read(folder.join(name)) {
        Ok(text) => Ok(Some(Zeroizing::new(text))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// Makes a folder where it is missing, and keeps every other run out of it.
pub(crate) fn lock_folder(folder: &Path) -> Result<Lock, PhoneError> {
    DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    lock(folder)
}

/// Held for as long as this lives; the system releases it too when the process is killed.
pub(crate) struct Lock(File);

/// Closing the file would not do at once: a child that is being started just now has a copy of it for a moment, and the lock with it.
impl Drop for Lock {
    fn drop(&mut self) {
        self.0.unlock().ok();
    }
}

fn lock(path: &Path) -> Result<Lock, PhoneError> {
    let file = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(path.join(LOCK))?;
    match file.try_lock() {
        Ok(()) => Ok(Lock(file)),
        Err(TryLockError::WouldBlock) => Err(PhoneError::Usage("another run is using this state folder".to_owned())),
        Err(TryLockError::Error(error)) => Err(error.into()),
    }
}

/// Replaces a file as a whole, and returns when both its content and its name are on disk.
pub(crate) fn replace(folder: &Path, name: &str, content: &[u8]) -> io::Result<()> {
    let beside = folder.join(format!("{name}.new"));
    let mut file = OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    file.sync_all()?;
    fs::rename(&beside, folder.join(name))?;
    File::open(folder)?.sync_all()
}

fn refused(error: VaultError) -> PhoneError {
    PhoneError::Usage(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{DeviceFacts, DeviceKind};

    fn pin(digits: &str) -> Pin {
        Pin::new(digits).expect("digits")
    }

    fn named(name: &str) -> State {
        let device = DeviceFacts { kind: DeviceKind::MobileApp, model: "m".into(), serial: "s".into(), name: name.into() };
        State { device: Some(device), ..State::default() }
    }

    #[test]
    fn what_is_kept_is_there_after_reopening_and_only_with_the_pin() {
        let folder = tempfile::tempdir().expect("folder");
        let (keeper, state) = Folder::open(folder.path(), &pin("123456")).expect("new");
        assert!(state.device.is_none());
        keeper.keep(&named("first")).expect("kept");
        keeper.keep(&named("second")).expect("kept");
        drop(keeper);
        let wrong = Folder::open(folder.path(), &pin("654321")).err().expect("wrong PIN");
        assert_eq!(wrong.to_string(), "wrong PIN");
        let (_keeper, state) = Folder::open(folder.path(), &pin("123456")).expect("again");
        assert_eq!(state.device, named("second").device);
    }

    #[test]
    fn a_half_written_file_beside_does_no_harm() {
        let folder = tempfile::tempdir().expect("folder");
        let (keeper, _) = Folder::open(folder.path(), &pin("123456")).expect("new");
        keeper.keep(&named("whole")).expect("kept");
        drop(keeper);
        fs::write(folder.path().join("card.json.new"), "{ torn").expect("written");
        let (keeper, state) = Folder::open(folder.path(), &pin("123456")).expect("again");
        assert_eq!(state.device, named("whole").device);
        keeper.keep(&named("next")).expect("kept");
    }

    #[test]
    fn a_second_run_is_kept_away_until_the_first_ends() {
        let folder = tempfile::tempdir().expect("folder");
        let first = Folder::open(folder.path(), &pin("123456")).expect("new");
        let second = Folder::open(folder.path(), &pin("123456")).err().expect("locked");
        assert_eq!(second.to_string(), "another run is using this state folder");
        drop(first);
        assert!(Folder::open(folder.path(), &pin("123456")).is_ok());
    }

    #[test]
    fn a_copy_of_the_lock_in_a_child_does_not_outlive_the_run() {
        let folder = tempfile::tempdir().expect("folder");
        let (first, _) = Folder::open(folder.path(), &pin("123456")).expect("new");
        let _copy = first._lock.0.try_clone().expect("copied, as a fork does");
        drop(first);
        assert!(Folder::open(folder.path(), &pin("123456")).is_ok());
    }

    #[test]
    fn a_new_pin_replaces_the_old_one() {
        let folder = tempfile::tempdir().expect("folder");
        let (mut keeper, _) = Folder::open(folder.path(), &pin("123456")).expect("new");
        keeper.change_pin(&pin("87654321")).expect("changed");
        keeper.keep(&named("x")).expect("kept");
        drop(keeper);
        assert!(Folder::open(folder.path(), &pin("123456")).is_err());
        assert!(Folder::open(folder.path(), &pin("87654321")).is_ok());
    }
}
