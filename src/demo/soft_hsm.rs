//! `remint demo --hsm`: the same story with the private keys in a SoftHSM token of its own, in a temporary folder.
//!
//! SoftHSM reads its configuration from the environment, so that the story is told by this program run once more.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use tokio::signal::unix::{SignalKind, signal};

use crate::server::ServerError;
use crate::server::hsm::HsmSection;

const LABEL: &str = "remint-demo";
/// A demonstration has no secrets.
const PIN: &str = "123456";
const PIN_VARIABLE: &str = "REMINT_DEMO_PIN";
const CONFIGURATION: &str = "SOFTHSM2_CONF";

/// The token that the program before us made for us.
pub fn token_made(module: &Path) -> Option<HsmSection> {
    std::env::var_os(PIN_VARIABLE)?;
    Some(HsmSection { module: module.to_owned(), token: LABEL.to_owned(), pin_file: None, pin_variable: Some(PIN_VARIABLE.to_owned()) })
}

/// Makes a token and runs this program again, with the same arguments and the token in its environment.
pub async fn with_token() -> Result<ExitCode, ServerError> {
    let folder = tempfile::Builder::new().prefix("remint-demo-hsm-").tempdir()?;
    let tokens = folder.path().join("tokens");
    std::fs::create_dir(&tokens)?;
    let configuration = folder.path().join("softhsm2.conf");
    std::fs::write(&configuration, format!("directories.tokendir = {}\nlog.level = ERROR\n", tokens.display()))?;
    make_token(&configuration)?;

    // an interrupt reaches both of us: the other stops in good order, and then so do we
    let _interrupts = signal(SignalKind::interrupt())?;
    let mut again = Command::new(std::env::current_exe()?);
    again.args(std::env::args_os().skip(1)).env(CONFIGURATION, &configuration).env(PIN_VARIABLE, PIN);
    let ended = tokio::task::spawn_blocking(move || again.status()).await.map_err(ServerError::new)??;
    Ok(if ended.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn make_token(configuration: &PathBuf) -> Result<(), ServerError> {
    let words = ["--init-token", "--free", "--label", LABEL, "--so-pin", "654321", "--pin", PIN];
    let made = Command::new("softhsm2-util").args(words).env(CONFIGURATION, configuration).output();
    let made = made.map_err(|error| ServerError::new(format!("softhsm2-util: {error}, expected: SoftHSM 2 (Debian package softhsm2)")))?;
    if made.status.success() { Ok(()) } else { Err(ServerError::new(String::from_utf8_lossy(&made.stderr))) }
}
