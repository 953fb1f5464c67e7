//! Moving a small installation up: everything that its file holds, to a PostgreSQL server.

use std::path::Path;

use super::config::Config;
use super::database::{DatabaseSection, told};
use super::{ServerError, house};
use crate::store::{Place, Store};
use crate::workflows::check_house::{InProcess, check_house};

/// Copies the file of a data folder to an empty database, and checks both. The configuration stays as it is: who reads what was copied is
/// the administrator's to say.
pub async fn copy(data: &Path, to: &DatabaseSection) -> Result<String, ServerError> {
    let config = Config::load(data)?;
    let Place::File(file) = config.place(data)? else {
        return Err(ServerError::new("remint.toml: database: found: a server, expected: a file to copy from"));
    };
    if tokio::net::TcpStream::connect(&config.status.listen).await.is_ok() {
        return Err(ServerError::new(format!(
            "{}: found: a running server, expected: it stopped, as what it does from here on is not copied",
            data.display()
        )));
    }
    let moved = Config { database: Some(to.clone()), ..config.clone() };
    let place = moved.place(data)?;
    let reached = |error: crate::store::StoreError| ServerError::new(format!("{place}: {}", told(&error)));
    Store::migrate(&place).await.map_err(reached)?;
    let target = Store::open(&place).await.map_err(reached)?;
    if !target.service_certificates().await?.is_empty() {
        return Err(ServerError::new(format!("{place}: found: the database of an installation, expected: an empty one")));
    }
    let source = house::open_to_write(data, &config).await?;
    is_clean(&source, "the file").await?;
    let copied = source.store.copy_to_server(&target).await.map_err(reached)?;
    source.store.close().await;
    target.close().await;
    let world = house::open(data, &moved).await?;
    is_clean(&world, "the copy").await?;
    world.store.close().await;
    let rows: u64 = copied.iter().map(|(_, rows)| rows).sum();
    Ok(format!(
        "{place}: {rows} rows of {} tables, checked on both sides\nnext, in remint.toml of every server:\n\n[database]\nurl = \"…\"\n\n\
         then keep {} where nobody serves it",
        copied.len(),
        file.display()
    ))
}

async fn is_clean(world: &crate::workflows::world::World, which: &str) -> Result<(), ServerError> {
    let report = check_house(world, &InProcess::alone(world)).await?;
    match report.divergences.first() {
        None => Ok(()),
        Some(divergence) => Err(ServerError::new(format!("{which}: {divergence}; see: remint check"))),
    }
}
