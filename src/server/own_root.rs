//! `remint init` below a root that the organization has already, in two commands: `--csr` asks, `--install-chain` takes the answer and
//! completes the data folder. Each may be cut short at any point; the same command again continues. docs/hierarchy.md tells the whole way.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use der::pem::{LineEnding, encode_string};

use super::config::Config;
use super::init::{FIRST_ESCROW_KEY, Foundation, begin, naming, record};
use super::{ServerError, database, hsm};
use crate::pki::above::{Chain, read_pem};
use crate::pki::asked::Asked;
use crate::pki::distinguished_name;
use crate::pki::escrow::Escrow;
use crate::pki::hierarchy::{BelowOwnRoot, issuing_name};
use crate::pki::key::Entropy;
use crate::pki::keystore::KeyStore;
use crate::pki::master::MasterKey;
use crate::workflows::world::Clock;

/// The request, as it was written; while the answer is not there, it says that one is awaited.
const REQUEST: &str = "ca/request.pem";
const REQUEST_LABEL: &str = "CERTIFICATE REQUEST";
/// The last certificate that is made.
const LAST: &str = "ca/server.pem";

/// Makes the data folder up to where the organization's root has to sign, and writes the request to `out`. `name`: the issuing CA's, RFC 4514.
pub fn ask(
    dir: &Path,
    foundation: &Foundation,
    name: Option<&str>,
    out: &Path,
    master: Option<&str>,
    entropy: &dyn Entropy,
) -> Result<(), ServerError> {
    let config = begin(dir, foundation, may_ask)?;
    let subject = match name {
        Some(name) => distinguished_name::of_text(name).map_err(ServerError::new)?,
        None => issuing_name(&naming(&config, &foundation.organization))?,
    };
    let kept = dir.join(REQUEST);
    if !kept.exists() {
        let master = match (master, dir.join("master.key").exists()) {
            (None, false) => MasterKey::create(dir, entropy)?,
            (given, _) => MasterKey::load(dir, given)?,
        };
        let keys = KeyStore::open(dir, &master)?.with_token(hsm::open(config.hsm.as_ref())?);
        let request = BelowOwnRoot::ask(&keys, &subject, entropy)?;
        let pem = encode_string(REQUEST_LABEL, LineEnding::LF, &request).map_err(ServerError::new)?;
        fs::create_dir_all(dir.join("ca"))?;
        write_whole(&kept, pem.as_bytes())?;
    }
    let asked = read_request(dir)?;
    if asked.subject != subject {
        let found = format!("found: a request for {}, expected: one for {subject}, or another folder", asked.subject);
        return Err(ServerError::new(format!("{}: {found}", kept.display())));
    }
    let request = fs::read(&kept)?;
    if fs::read(out).ok().is_none_or(|there| there != request) {
        if out.exists() {
            return Err(ServerError::new(format!("{}: it exists, expected: a new file", out.display())));
        }
        write_whole(out, &request)?;
    }
    if dir.join("remint.toml").exists() { Ok(()) } else { config.save(dir) }
}

/// Takes the answer, judges it, and completes the data folder.
pub async fn install(
    dir: &Path,
    chain: &Path,
    root: Option<&Path>,
    master: Option<&str>,
    clock: &dyn Clock,
    entropy: &dyn Entropy,
) -> Result<(), ServerError> {
    // 1 what was asked for, and what was answered
    if !dir.join(REQUEST).exists() {
        let found = "found: no ca/request.pem, expected: a data folder made by remint init --csr";
        return Err(ServerError::new(format!("{}: {found}", dir.display())));
    }
    let config = Config::load(dir)?;
    let asked = read_request(dir)?;
    let mut given = certificates(chain)?;
    if let Some(root) = root {
        given.extend(certificates(root)?);
    }
    let judged = Chain::judge(&given, &asked, clock.now()).map_err(|fault| ServerError::new(format!("{}: {fault}", chain.display())))?;

    // 2 the serials of what the issuing CA will sign: on record before it signs, those of an earlier attempt first
    let master = Arc::new(MasterKey::load(dir, master)?);
    let mut hierarchy = BelowOwnRoot::draw(judged, &naming(&config, ""), clock.now(), entropy)?;
    let token = hsm::open(config.hsm.as_ref())?;
    Escrow::at(dir, Arc::clone(&master)).with_token(token.clone()).make(FIRST_ESCROW_KEY, entropy)?;
    let store = database::make(dir, &config).await?;
    let earlier = store.service_certificates().await?;
    store.close().await;
    for kept in earlier.iter().filter(|kept| kept.operator.is_none()) {
        hierarchy.signers().take_up(&kept.name, kept.serial, kept.reserved_at, kept.not_after);
    }
    if earlier.is_empty() {
        record(dir, &config, &hierarchy.signers().recorded(), clock).await?;
    }

    // 3 keep the chain, and sign
    Ok(hierarchy.create(dir, &KeyStore::open(dir, &master)?.with_token(token))?)
}

/// Refuses a folder whose issuing CA waits for the organization's signature.
pub fn must_be_complete(dir: &Path) -> Result<(), ServerError> {
    if !dir.join(REQUEST).exists() || dir.join(LAST).exists() {
        return Ok(());
    }
    let missing = if dir.join("ca/issuing.pem").exists() { LAST } else { "ca/issuing.pem" };
    let data = dir.display();
    Err(ServerError::new(format!(
        "{data}: the organization's root has not certified the issuing CA yet, found: no {missing}, expected: its answer to {REQUEST}; \
         with it: remint init --data {data} --install-chain CHAIN.pem"
    )))
}

/// Whether the root of this folder is the organization's, which has its key.
pub fn is_below_own_root(dir: &Path) -> bool {
    dir.join(REQUEST).exists()
}

/// A request is made in an empty folder, or again in one where it is still unanswered.
fn may_ask(dir: &Path) -> Result<(), ServerError> {
    let has = |name: &str| dir.join(name).exists();
    if has("ca/root.pem") || has("ca/issuing.pem") || (has("remint.toml") && !has(REQUEST)) {
        return Err(ServerError::new(format!("{}: found: an installation, expected: an empty folder", dir.display())));
    }
    Ok(())
}

fn read_request(dir: &Path) -> Result<Asked, ServerError> {
    let path = dir.join(REQUEST);
    let pem = named(&path, fs::read(&path))?;
    let der = der::pem::decode_vec(&pem).ok().filter(|(label, _)| *label == REQUEST_LABEL).map(|(_, der)| der);
    let asked = der.and_then(|der| Asked::read(&der));
    asked.ok_or_else(|| ServerError::new(format!("{}: expected: the request that remint init --csr wrote, PEM", path.display())))
}

fn certificates(path: &Path) -> Result<Vec<Vec<u8>>, ServerError> {
    read_pem(&named(path, fs::read(path))?).map_err(|fault| ServerError::new(format!("{}: {fault}", path.display())))
}

fn named<T>(path: &Path, outcome: std::io::Result<T>) -> Result<T, ServerError> {
    outcome.map_err(|source| ServerError::new(format!("{}: {source}", path.display())))
}

/// Writes beside and renames: after a crash it is there as a whole, or not there.
fn write_whole(path: &Path, bytes: &[u8]) -> Result<(), ServerError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".unfinished");
    let beside = PathBuf::from(beside);
    named(&beside, fs::write(&beside, bytes))?;
    named(path, fs::rename(&beside, path))
}
