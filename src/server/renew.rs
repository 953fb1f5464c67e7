//! Renewing what the issuing CA signed for the house itself: the TLS server, the signers of OCSP answers and of deliveries. They last two years.

use std::path::Path;

use super::config::Config;
use super::init::{naming, reserved};
use super::{ServerError, house};
use crate::pki::hierarchy::Renewal;
use crate::store::commit::Commit;
use crate::workflows::create_user::administrator;

/// Signs new certificates for the keys that there are, and says until when they are good. A server takes them at its next start.
pub async fn renew(dir: &Path) -> Result<String, ServerError> {
    let config = Config::load(dir)?;
    let world = house::open_to_write(dir, &config).await?;
    // 1 the serials, on record before anything is signed
    let now = world.now();
    let renewal = Renewal::draw(&world.authority, &naming(&config, ""), now, world.entropy.as_ref())?;
    let writes = reserved(&renewal.recorded(), now);
    let audit = Some(administrator().entry("renew", now));
    world.store.commit(Commit { name: "renew", guard: None, writes, audit }).await?;
    world.store.close().await;
    // 2 sign
    renewal.sign(dir)?;
    let until = renewal.recorded().map(|recorded| recorded.period.not_after).into_iter().min().unwrap_or(now);
    Ok(format!(
        "{}: new certificates of the server and of the signers of OCSP answers and deliveries, good until {until}\n\
         next: copy ca/ocsp.pem, ca/delivery.pem and ca/server.pem to every other server, and start each anew",
        dir.display()
    ))
}
