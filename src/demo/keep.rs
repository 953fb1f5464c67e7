//! What the demonstration leaves behind for other programs to judge: the chain, the CRL, and the certificates of every device.

use std::fs;
use std::path::Path;

use mobile_sim::Phone;

use super::stage::Stage;
use super::story::Phones;
use crate::server::ServerError;

/// Writes `ca.pem`, `crl.der`, `devices/<device>/<slot>.pem` and, for the lost phone, `stale/phone-1/<slot>.pem`.
pub async fn keep(stage: &Stage, phones: &Phones, folder: &Path) -> Result<(), ServerError> {
    fs::create_dir_all(folder)?;
    fs::write(folder.join("ca.pem"), &stage.chain)?;
    let crl = stage.relying_party.crl().await.map_err(ServerError::new)?;
    fs::write(folder.join("crl.der"), &crl.der)?;
    export(&phones.phone_2, &folder.join("devices/phone-2"))?;
    export(&phones.tablet_1, &folder.join("devices/tablet-1"))?;
    export(&phones.phone_1, &folder.join("stale/phone-1"))?;
    tell!("left in {}: ca.pem, crl.der, devices/, stale/", folder.display());
    Ok(())
}

fn export(phone: &Phone, folder: &Path) -> Result<(), ServerError> {
    phone.export(folder, false).map_err(ServerError::new)?;
    fs::remove_file(folder.join("ca.pem"))?; // the chain is there once, for all of them
    Ok(())
}
