//! The CRL of the root: empty, as the issuing CA is not revoked while this house stands. For verifiers that will not look at any certificate
//! unless there is a CRL for each authority above it. The root's key rests while the server runs, so that an administrator makes it by hand.

use std::path::Path;

use der::pem::{LineEnding, encode_string};
use jiff::SignedDuration;

use super::clock::SystemEntropy;
use super::config::Config;
use super::house::master_from_environment;
use super::own_root::is_below_own_root;
use super::{ServerError, hsm};
use crate::pki::authority::Authority;
use crate::pki::crl::{Edition, Entries, Scope, sign_crl};
use crate::pki::keystore::{KeyName, KeyStore};
use crate::pki::master::MasterKey;
use crate::workflows::world::Clock;

/// Signs it, as PEM. It may be relied upon for `days`. Its number is the time, which rises.
pub fn root_crl(dir: &Path, days: u16, clock: &dyn Clock) -> Result<String, ServerError> {
    if is_below_own_root(dir) {
        let found = "found: a root of the organization's, expected: the CRL that its own authority publishes for it";
        return Err(ServerError::new(format!("{}: {found}", dir.display())));
    }
    let config = Config::load(dir)?;
    let master = MasterKey::load(dir, master_from_environment().as_deref())?;
    let keys = KeyStore::open(dir, &master)?.with_token(hsm::open_in(dir, config.hsm.as_ref(), &master, &SystemEntropy)?);
    let authority = Authority::load_with(dir, &keys, &config.status.url)?;
    let key = keys.load(KeyName::Root)?;
    let now = clock.now();
    let number = u64::try_from(now.as_second()).unwrap_or_default();
    let next_update = now + SignedDuration::from_hours(24 * i64::from(days));
    let edition = Edition { number, this_update: now, next_update };
    let der = sign_crl(authority.root_certificate(), &key, &edition, &Scope::Full { delta_url: None }, &Entries::default())
        .map_err(ServerError::new)?;
    encode_string("X509 CRL", LineEnding::LF, &der).map_err(ServerError::new)
}
