//! The wiring: configuration, clock, listeners, timed work. Nothing is decided here.

pub mod audit;
pub mod backup;
pub mod check;
pub mod clock;
pub mod config;
pub mod database;
pub mod escrow;
pub mod evidence;
pub mod house;
pub mod hsm;
pub mod init;
mod jobs;
mod listener;
mod listeners;
pub mod membership;
pub mod moving;
pub mod own_root;
mod own_threads;
mod places;
pub mod policy;
mod policy_text;
pub mod post;
pub mod renew;
pub mod root_crl;
mod secret;
pub mod smtp;
pub mod traces;

use std::fmt::Display;
use std::fs::{File, TryLockError};
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;

use self::config::Config;
use self::membership::{Duties, Duty};
use self::own_threads::OwnThreads;
use self::post::Delivery;
use crate::workflows::settle_dues::settle_all;
use crate::workflows::world::World;

/// Why the server cannot be made, opened or run: the administrator must act, and the message says on what.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct ServerError(String);

impl ServerError {
    pub fn new(message: impl Display) -> Self {
        Self(message.to_string())
    }
}

macro_rules! from {
    ($($error:ty),+ $(,)?) => { $(impl From<$error> for ServerError {
        fn from(error: $error) -> Self {
            Self::new(error)
        }
    })+ };
}

from!(
    crate::pki::authority::AuthorityError,
    crate::pki::escrow::EscrowError,
    crate::pki::hierarchy::HierarchyError,
    crate::pki::keystore::KeyStoreError,
    crate::pki::profile::ProfileError,
    crate::pki::token::TokenFault,
    crate::store::StoreError,
    crate::workflows::failure::Failure,
    rustls::Error,
    std::io::Error,
);

/// The folder of the data folder that letters are delivered to.
pub const MAIL: &str = "mail";

/// The sockets of the listeners, bound.
pub struct Sockets {
    pub devices: TcpListener,
    pub desk: TcpListener,
    pub portal: Option<TcpListener>,
    pub status: TcpListener,
    pub metrics: Option<TcpListener>,
}

impl Sockets {
    /// Binds what the configuration says.
    pub async fn bind(config: &Config) -> Result<Self, ServerError> {
        let portal = match &config.portal {
            Some(portal) => Some(bind("portal", &portal.listen).await?),
            None => None,
        };
        let metrics = match &config.metrics {
            Some(metrics) => Some(bind("metrics", &metrics.listen).await?),
            None => None,
        };
        Ok(Self {
            devices: bind("devices", &config.devices.listen).await?,
            desk: bind("desk", &config.desk.listen).await?,
            portal,
            status: bind("status", &config.status.listen).await?,
            metrics,
        })
    }
}

async fn bind(name: &str, address: &str) -> Result<TcpListener, ServerError> {
    TcpListener::bind(address).await.map_err(|source| ServerError::new(format!("listener {name}, {address}: {source}")))
}

/// A running server.
pub struct Server {
    pub world: Arc<World>,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
    duties: Duties,
    /// Those of the devices listener.
    _threads: OwnThreads,
    /// Held for as long as it serves.
    _lock: File,
}

impl Server {
    /// Opens a data folder, and settles what fell due while nobody served.
    pub async fn open(dir: &Path, config: &Config) -> Result<World, ServerError> {
        let world = house::open_to_write(dir, config).await?;
        if let Some(key) = world.store.escrow_key().await? {
            world.escrow.must_have(key.number)?;
        }
        membership::must_agree(&world).await?;
        settle_all(&world).await?;
        Ok(world)
    }

    /// Opens a data folder and serves it on sockets that are bound already.
    pub async fn start(dir: &Path, config: &Config, sockets: Sockets) -> Result<Self, ServerError> {
        Self::serve(Self::open(dir, config).await?, config, sockets)
    }

    /// Serves a world that is open: with its own clock, if a test holds it.
    pub fn serve(world: World, config: &Config, sockets: Sockets) -> Result<Self, ServerError> {
        let lock = lock(&world.folder)?;
        let post = Delivery::of(config, &world)?;
        let world = Arc::new(world);
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        let (duties, beating) = membership::enter(&world, house::rules(&world.folder)?, stopped.clone());
        tasks.spawn(beating);
        let threads = listeners::listen(&mut tasks, &world, config, sockets, &stopped)?;
        tasks.spawn(jobs::keep_copies(Arc::clone(&world), stopped.clone()));
        jobs::spawn(&mut tasks, &world, post, &duties, &stopped);
        Ok(Self { world, stop, tasks, duties, _threads: threads, _lock: lock })
    }

    /// Stops: no new connections, open requests end, queued commits are kept.
    pub async fn stop(mut self) {
        let _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
        if self.duties.borrow().contains(&Duty::CheckpointAudits) {
            jobs::checkpoint(&self.world).await;
        }
        jobs::keep_copy(&self.world).await;
        self.world.store.close().await;
    }
}

/// A data folder has one server: two of them over one SQLite file would not hear of each other's changes.
fn lock(folder: &Path) -> Result<File, ServerError> {
    let path = folder.join("serving.lock");
    let failed = |source: &dyn Display| ServerError::new(format!("{}: {source}", path.display()));
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(|error| failed(&error))?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(failed(&"found: a server that serves this data folder, expected: one server a data folder")),
        Err(TryLockError::Error(error)) => Err(failed(&error)),
    }
}

/// Waits for Ctrl-C, or for the signal by which a service is stopped.
pub async fn told_to_stop() -> Result<(), ServerError> {
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted?,
        _ = terminate.recv() => {}
    }
    Ok(())
}

/// Writes a new file that only its owner can read.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), ServerError> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(|source| ServerError::new(format!("{}: {source}", path.display())))
}
