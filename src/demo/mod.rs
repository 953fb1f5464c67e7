//! `remint demo`: the story of a lost phone, told by running it. A real server in a temporary folder, real TLS on free ports of this
//! machine, real keys; the phones are the independent simulator, and what relying parties are told is asked over OCSP and the CRL.

/// Says a line. Where nobody reads on (`| head`), the story goes on: what it made is cleared away in the end.
macro_rules! tell {
    ($($words:tt)*) => {{
        use std::io::Write as _;
        let _ = writeln!(std::io::stdout(), $($words)*);
    }};
}

mod door;
mod keep;
mod ledger;
pub mod soft_hsm;
mod stage;
mod story;

use std::path::Path;
use std::process::ExitCode;

use self::ledger::Ledger;
use self::stage::Stage;
use crate::server::hsm::HsmSection;
use crate::server::{ServerError, told_to_stop};

/// Tells the story. With `exit` it ends afterwards, with success only if every check held; else it keeps serving until interrupted.
/// `keep` is a folder for the certificates and the CRL; `hsm` a token that keeps the private keys.
pub async fn run(exit: bool, keep: Option<&Path>, hsm: Option<HsmSection>) -> Result<ExitCode, ServerError> {
    let stage = Stage::set(hsm).await?;
    let mut ledger = Ledger::default();
    let told = story::tell(&stage, &mut ledger).await;
    let kept = match (&told, keep) {
        (Ok(phones), Some(folder)) => keep::keep(&stage, phones, folder).await,
        (Ok(_) | Err(_), _) => Ok(()),
    };
    let is_true = told.as_ref().map(|_| ()).map_err(ToString::to_string);
    let phone_2 = told.as_ref().ok().and_then(|phones| phones.phone_2.card().standing).map(|standing| standing.device);
    drop(told); // lets go of the phones, so that they can be used by hand
    ledger.conclude(&is_true);
    if let Some(phone_2) = phone_2.filter(|_| !exit) {
        let door = stage.door().await?;
        stage.explain(&phone_2, &door.address);
        told_to_stop().await?;
    }
    stage.strike().await;
    kept?;
    is_true.map_err(ServerError::new)?;
    Ok(if ledger.holds() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
