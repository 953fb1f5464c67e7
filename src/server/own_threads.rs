//! Threads of its own for a listener: however much is asked of it, the others have their share of the processors.

use std::io;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};

/// The threads, for as long as this is there.
pub struct OwnThreads {
    handle: Handle,
    /// Present until it is dropped.
    runtime: Option<Runtime>,
}

impl OwnThreads {
    /// As many as there are processors.
    pub fn new(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name(name).enable_all().build()?;
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime) })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The same socket, served by these threads.
    pub fn adopt(&self, listener: TcpListener) -> io::Result<TcpListener> {
        let listener = listener.into_std()?;
        let _entered = self.handle.enter();
        TcpListener::from_std(listener)
    }
}

impl Drop for OwnThreads {
    /// Does not wait: it may be one of the others who drops this.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}
