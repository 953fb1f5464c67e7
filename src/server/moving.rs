//! Moving a small installation up: everything that its file holds, to a PostgreSQL server.

use std::path::Path;

use super::config::Config;
use super::database::{self, DatabaseSection};
use super::{ServerError, check, house};
use crate::store::Place;
use crate::workflows::world::World;

/// Copies the file of a data folder to an empty database, and checks both. The configuration stays as it is: who reads what was copied is
/// the administrator's to say.
pub async fn copy(data: &Path, to: &DatabaseSection) -> Result<String, ServerError> {
    let config = Config::load(data)?;
    let Place::File(file) = config.place(data)? else {
        return Err(ServerError::new("remint.toml: database: found: a server, expected: a file to copy from"));
    };
    if check::is_served(&config).await {
        return Err(ServerError::new(format!(
            "{}: found: a running server, expected: it stopped, as what it does from here on is not copied",
            data.display()
        )));
    }
    let moved = Config { database: Some(to.clone()), ..config.clone() };
    let place = moved.place(data)?;
    let target = database::make_new(data, &moved).await?;
    let source = house::open_to_write(data, &config).await?;
    is_clean(&source, "the file").await?;
    let copied = source.store.copy_to_server(&target).await;
    let copied = database::reached(&place, copied)?;
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

async fn is_clean(world: &World, which: &str) -> Result<(), ServerError> {
    match check::first_divergence(world).await? {
        None => Ok(()),
        Some(divergence) => Err(ServerError::new(format!("{which}: {divergence}; see: remint check"))),
    }
}
