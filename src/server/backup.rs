//! Backups: everything that an installation is, as of one instant, in a folder; and the way back.
//!
//! What was backed up is older than what was served since. Nobody may take it for the present: it begins with a CRL number that nothing
//! published before it can have had, and the audit log says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::check::first_divergence;
use super::config::Config;
use super::database::FILE;
use super::jobs::CHECKPOINTS;
use super::{ServerError, audit, house};
use crate::pki::key::{hex, sha256};
use crate::store::views::AuditFilter;
use crate::store::{Place, Store};
use crate::workflows::checkpoint_audit::{checkpoint_audit, stated_number};
use crate::workflows::create_user::administrator;
use crate::workflows::publish_crl::begin_numbers_anew;
use crate::workflows::world::World;

/// What a backup says of itself.
const ABOUT: &str = "backup.json";
const MASTER_KEY: &str = "master.key";
/// What is copied beside the database.
const PARTS: [&str; 5] = ["remint.toml", CHECKPOINTS, "ca", "certs", "keys"];

#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct About {
    release: String,
    made_at: String,
    /// Whether the database is in it: that of a server is backed up by other means.
    has_database: bool,
    crl_number: i64,
    /// The newest checkpoint of the audit log.
    checkpoint: i64,
    /// SHA-256 of every file, by its path.
    files: BTreeMap<String, String>,
}

/// Backs up a data folder into a new folder, while it is served.
pub async fn backup(data: &Path, out: &Path, with_master_key: bool) -> Result<String, ServerError> {
    if out.exists() {
        return Err(ServerError::new(format!("{}: it exists, expected: a new folder", out.display())));
    }
    let config = Config::load(data)?;
    let world = house::open_to_write(data, &config).await?;
    if out
        .canonicalize()
        .or_else(|_| out.parent().unwrap_or(out).canonicalize())
        .is_ok_and(|out| data.canonicalize().is_ok_and(|data| out.starts_with(data)))
    {
        return Err(ServerError::new(format!("{}: expected: a folder outside of the data folder", out.display())));
    }
    make_private(out)?;
    // 1 a signed statement of how far the log is, so that the backup can be held against it, and what was served against the backup
    checkpoint_audit(&world).await?;
    keep_checkpoints(&world).await?;
    let made_at = world.now();
    // 2 the database as of one instant, and what it says
    let has_database = matches!(config.place(data)?, Place::File(_));
    let copied = if has_database {
        world.store.copy_to_file(&out.join(FILE)).await?;
        Some(Store::open(&Place::File(out.join(FILE))).await?)
    } else {
        None
    };
    let store = copied.as_ref().unwrap_or(&world.store);
    let crl_number = store.latest_crl_edition().await?.map_or(0, |edition| edition.number);
    let checkpoint = store.last_audit_checkpoint().await?.map_or(0, |(number, _)| number);
    store.close().await;
    world.store.close().await;
    // 3 the files
    let parts = PARTS.into_iter().chain(with_master_key.then_some(MASTER_KEY));
    for part in parts {
        copy(&data.join(part), &out.join(part))?;
    }
    let files = digests(out)?;
    let count = files.len();
    let about =
        About { release: env!("CARGO_PKG_VERSION").to_owned(), made_at: made_at.to_string(), has_database, crl_number, checkpoint, files };
    let text = serde_json::to_string_pretty(&about).map_err(ServerError::new)?;
    std::fs::write(out.join(ABOUT), text).map_err(|source| ServerError::new(format!("{}: {source}", out.join(ABOUT).display())))?;
    let key = match with_master_key {
        true => "the master key is in it: whoever has this folder can sign",
        false => "the master key is not in it: keep a copy of it elsewhere",
    };
    let database = match has_database {
        true => "",
        false => "\nthe database is not in it: back up the PostgreSQL server (docs/operations.md)",
    };
    Ok(format!(
        "{}: {count} files, as of {made_at}, CRL number {crl_number}, audit checkpoint {checkpoint}\n{key}{database}",
        out.display()
    ))
}

/// Makes a data folder of a backup, and verifies it: every file, every entry of the log, every checkpoint, every invariant.
pub async fn restore(from: &Path, data: &Path) -> Result<String, ServerError> {
    let is_empty = |folder: &Path| std::fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_none());
    if data.exists() && !is_empty(data) {
        return Err(ServerError::new(format!("{}: found: something in it, expected: an empty folder, or none", data.display())));
    }
    let text = std::fs::read_to_string(from.join(ABOUT)).map_err(|source| {
        ServerError::new(format!("{}: {source}, expected: a folder made by remint backup", from.join(ABOUT).display()))
    })?;
    let about: About = serde_json::from_str(&text).map_err(|error| ServerError::new(format!("{ABOUT}: {error}")))?;
    if about.release != env!("CARGO_PKG_VERSION") {
        tracing::warn!(found = about.release, "the backup was made by another release");
    }
    let found = digests(from)?;
    for (path, digest) in &about.files {
        if found.get(path) != Some(digest) {
            return Err(ServerError::new(format!("{path}: found: another file than was backed up, or none, expected: SHA-256 {digest}")));
        }
    }
    // whole or not at all: it takes its place in one step, when everything is verified
    let unfinished = data.with_extension("unfinished");
    if unfinished.exists() {
        std::fs::remove_dir_all(&unfinished).map_err(|source| ServerError::new(format!("{}: {source}", unfinished.display())))?;
    }
    make_private(&unfinished)?;
    match restore_into(from, &unfinished, &about).await {
        Ok(told) => {
            std::fs::rename(&unfinished, data).map_err(|source| ServerError::new(format!("{}: {source}", data.display())))?;
            Ok(format!("{}: {told}", data.display()))
        }
        Err(error) => {
            let _ = std::fs::remove_dir_all(&unfinished);
            Err(error)
        }
    }
}

async fn restore_into(from: &Path, data: &Path, about: &About) -> Result<String, ServerError> {
    for path in about.files.keys() {
        let to = data.join(path);
        make_private(to.parent().unwrap_or(data))?;
        std::fs::copy(from.join(path), &to).map_err(|source| ServerError::new(format!("{}: {source}", to.display())))?;
    }
    if house::master_from_environment().is_none() && !data.join(MASTER_KEY).exists() {
        return Err(ServerError::new(format!(
            "{}: found: no master key in the backup, expected: it in {}",
            from.display(),
            house::MASTER_KEY_VARIABLE
        )));
    }
    if !about.has_database {
        return Ok("the files are restored; restore the database by the means of its server, then: remint check".to_owned());
    }
    let verdict = audit::verify_data(data, &[]).await?;
    if let Some(fault) = verdict.faults.first() {
        return Err(ServerError::new(format!("the audit log: {fault}")));
    }
    accept(data).await
}

/// Goes on from a database that is older than what was served: says so in the log, and begins the numbers of CRLs anew.
pub async fn accept_loss(data: &Path) -> Result<String, ServerError> {
    let config = Config::load(data)?;
    let world = house::open(data, &config).await?;
    let is_older = older(&world).await?.is_some();
    world.store.close().await;
    if !is_older {
        return Err(ServerError::new(format!(
            "{}: found: a database as new as everything that this folder has seen, expected: an older one",
            data.display()
        )));
    }
    let told = accept(data).await?;
    // last: until the loss is on the log, the folder remembers what it has seen
    let file = data.join(CHECKPOINTS);
    let free = |number: &u32| !data.join(format!("{CHECKPOINTS}.before-loss-{number}")).exists();
    let kept = data.join(format!("{CHECKPOINTS}.before-loss-{}", (1..).find(free).unwrap_or(1)));
    std::fs::rename(&file, &kept).map_err(|source| ServerError::new(format!("{}: {source}", file.display())))?;
    Ok(format!("{}: {told}", data.display()))
}

async fn accept(data: &Path) -> Result<String, ServerError> {
    let config = Config::load(data)?;
    let world = house::open(data, &config).await?;
    let last = world.store.audit_page(&AuditFilter::default(), i64::MAX, 1).await?;
    let last = last.first().map_or_else(|| "the beginning".to_owned(), |entry| entry.at.to_string());
    let number = begin_numbers_anew(&world, &administrator()).await?;
    let divergence = first_divergence(&world).await?;
    world.store.close().await;
    if let Some(divergence) = divergence {
        return Err(ServerError::new(format!("the check: {divergence}")));
    }
    Ok(format!(
        "the audit log and the check found nothing\nCRL number {number}, beyond every one that was published before\n\
         LOST: everything that was done after {last}. Certificates that were issued later are unknown to OCSP, and devices that were reported \
         lost later are good again: report them again now"
    ))
}

/// Refuses a database that is older than what this data folder has seen: it would say good of what was suspended since.
pub async fn must_not_be_older(world: &World) -> Result<(), ServerError> {
    let Some((found, seen)) = older(world).await? else { return Ok(()) };
    Err(ServerError::new(format!(
        "the database is older than what was served from this folder, found: {found}, expected: audit checkpoint {seen} as it is in {CHECKPOINTS}. \
         Restore a newer one; or, if there is none, accept that what was done since is lost: remint restore --accept-loss --data {}",
        world.folder.display()
    )))
}

/// What is found instead of the newest checkpoint that the folder has seen, and its number. A database that was put back may have made others
/// of the same number since.
async fn older(world: &World) -> Result<Option<(String, i64)>, ServerError> {
    let Some((seen, jws)) = newest_seen(&world.folder)? else { return Ok(None) };
    let on_record = world.store.audit_checkpoints(seen - 1).await?.into_iter().next();
    Ok(match on_record {
        Some((number, found)) if number == seen && found == jws => None,
        Some((number, _)) if number == seen => Some((format!("another audit checkpoint {number}"), seen)),
        _ => {
            let known = world.store.last_audit_checkpoint().await?.map_or(0, |(number, _)| number);
            Some((format!("audit checkpoint {known}"), seen))
        }
    })
}

/// The newest checkpoint that was written to the folder.
fn newest_seen(data: &Path) -> Result<Option<(i64, String)>, ServerError> {
    let file = data.join(CHECKPOINTS);
    if !file.exists() {
        return Ok(None);
    }
    let text = std::fs::read_to_string(&file).map_err(|source| ServerError::new(format!("{}: {source}", file.display())))?;
    Ok(text.lines().filter_map(|line| Some((stated_number(line)?, line.to_owned()))).max())
}

/// Writes the checkpoints to the folder that it has not seen yet, whoever made them. From then on no older database is taken for the present.
pub async fn keep_checkpoints(world: &World) -> Result<(), ServerError> {
    use std::io::Write;
    let seen = newest_seen(&world.folder)?.map_or(0, |(number, _)| number);
    let lines: String = world.store.audit_checkpoints(seen).await?.into_iter().map(|(_, jws)| jws + "\n").collect();
    if lines.is_empty() {
        return Ok(());
    }
    let path = world.folder.join(CHECKPOINTS);
    let file = std::fs::OpenOptions::new().append(true).create(true).open(&path);
    file.and_then(|mut file| file.write_all(lines.as_bytes())).map_err(|source| ServerError::new(format!("{}: {source}", path.display())))
}

fn make_private(folder: &Path) -> Result<(), ServerError> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|source| ServerError::new(format!("{}: {source}", folder.display())))
}

/// A file or a folder with all that is in it; what is not there is left out. Modes are kept.
fn copy(from: &Path, to: &Path) -> Result<(), ServerError> {
    let failed = |source: std::io::Error| ServerError::new(format!("{}: {source}", from.display()));
    if !from.exists() {
        return Ok(());
    }
    if !from.is_dir() {
        return std::fs::copy(from, to).map(|_| ()).map_err(failed);
    }
    make_private(to)?;
    for entry in std::fs::read_dir(from).map_err(failed)? {
        let name = entry.map_err(failed)?.file_name();
        copy(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// SHA-256 of every file in a folder but the one that says so, by its path there.
fn digests(folder: &Path) -> Result<BTreeMap<String, String>, ServerError> {
    let mut digests = BTreeMap::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(within) = folders.pop() {
        for entry in std::fs::read_dir(folder.join(&within))? {
            let path = within.join(entry?.file_name());
            let found = folder.join(&path);
            if found.is_dir() {
                folders.push(path);
            } else if path != Path::new(ABOUT) {
                digests.insert(path.display().to_string(), hex(&sha256(&std::fs::read(&found)?)));
            }
        }
    }
    Ok(digests)
}
