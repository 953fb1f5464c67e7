//! Files that are whole or absent: written beside their place, flushed, and moved there in one step.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// Only the owner reads it: private keys, sealed or not.
pub(super) const PRIVATE: u32 = 0o600;
/// Everybody may read it: certificates.
pub(super) const PUBLIC: u32 = 0o644;

/// Writes a file that did not exist. After a crash it is there with all of `bytes`, or not there.
pub(super) fn create(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    if path.try_exists()? {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    replace(path, mode, bytes)
}

/// Writes a file, whether it existed or not. After a crash it is what it was, or all of `bytes`.
pub(super) fn replace(path: &Path, mode: u32, bytes: &[u8]) -> io::Result<()> {
    let unfinished = path.with_extension("unfinished");
    match fs::remove_file(&unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => (),
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    match path.parent() {
        Some(folder) => File::open(folder)?.sync_all(),
        None => Ok(()),
    }
}
