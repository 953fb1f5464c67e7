//! Secrets that an administrator keeps outside the data folder: in a file that only its owner reads, or in the environment.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use zeroize::Zeroizing;

use super::ServerError;

/// A password that a section of `remint.toml` says where to find, if it says so: in a file, by its path from `dir`, or in a variable.
pub fn password_of(
    section: &str,
    dir: &Path,
    file: Option<&Path>,
    variable: Option<&str>,
    expected: &str,
) -> Result<Option<Zeroizing<String>>, ServerError> {
    match (file, variable) {
        (Some(file), None) => from_file(&dir.join(file), expected).map(Some),
        (None, Some(variable)) => from_variable(variable, expected).map(Some),
        (None, None) => Ok(None),
        (Some(_), Some(_)) => {
            let wrong = format!("remint.toml: {section}: found: password_file and password_variable, expected: one of them");
            Err(ServerError::new(wrong))
        }
    }
}

/// What the environment variable holds.
pub fn from_variable(variable: &str, expected: &str) -> Result<Zeroizing<String>, ServerError> {
    let found = std::env::var(variable).map(Zeroizing::new);
    found.map_err(|_| ServerError::new(format!("{variable}: found: nothing in the environment, expected: {expected}")))
}

/// What the file holds, without the line's end; refused if others may read it.
pub fn from_file(file: &Path, expected: &str) -> Result<Zeroizing<String>, ServerError> {
    let failed = |source: std::io::Error| ServerError::new(format!("{}: {source}, expected: {expected}", file.display()));
    let mode = fs::metadata(file).map_err(failed)?.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(ServerError::new(format!("{}: found mode: {mode:04o}, expected: 0600 or 0400", file.display())));
    }
    let text = Zeroizing::new(fs::read_to_string(file).map_err(failed)?);
    Ok(Zeroizing::new(text.trim_end_matches(['\r', '\n']).to_owned()))
}
