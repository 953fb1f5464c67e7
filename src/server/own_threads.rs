//! Threads of its own for a listener: however much is asked of it, the others have their share of the processors. They know when they are behind.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::time::Instant;

/// How often they are asked whether they are behind.
const LOOK: Duration = Duration::from_millis(20);

/// The threads, for as long as this is there.
pub struct OwnThreads {
    handle: Handle,
    /// Present until it is dropped.
    runtime: Option<Runtime>,
    delay: Delay,
}

/// How long what is ready waits until a thread takes it up.
#[derive(Clone)]
pub struct Delay(Arc<Mutex<Looked>>);

struct Looked {
    /// When the next look is due.
    due: Instant,
    /// How late the last one was.
    late: Duration,
}

impl OwnThreads {
    /// As many as there are processors.
    pub fn new(name: &str) -> io::Result<Self> {
        let runtime = Builder::new_multi_thread().thread_name(name).enable_all().build()?;
        let delay = Delay(Arc::new(Mutex::new(Looked { due: Instant::now() + LOOK, late: Duration::ZERO })));
        runtime.spawn(delay.clone().look());
        Ok(Self { handle: runtime.handle().clone(), runtime: Some(runtime), delay })
    }

    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    pub fn delay(&self) -> Delay {
        self.delay.clone()
    }

    /// The same socket, served by these threads.
    pub fn adopt(&self, listener: TcpListener) -> io::Result<TcpListener> {
        let listener = listener.into_std()?;
        let _entered = self.handle.enter();
        TcpListener::from_std(listener)
    }
}

impl Delay {
    async fn look(self) {
        let mut due = Instant::now() + LOOK;
        loop {
            tokio::time::sleep_until(due).await;
            let now = Instant::now();
            let late = now - due;
            due = now + LOOK;
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Looked { due, late };
        }
    }

    /// As of now: a look that is overdue counts too.
    pub fn now(&self) -> Duration {
        let looked = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looked.late.max(Instant::now().saturating_duration_since(looked.due))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn threads_that_are_kept_busy_are_behind() {
        let threads = OwnThreads::new("busy").unwrap();
        let delay = threads.delay();
        let (release, released) = std::sync::mpsc::channel::<()>();
        let released = Arc::new(Mutex::new(released));
        for _ in 0..std::thread::available_parallelism().unwrap().get() {
            let released = Arc::clone(&released);
            threads.handle().spawn(async move {
                let _ = released.lock().unwrap().recv();
            });
        }
        while delay.now() < Duration::from_millis(300) {
            tokio::task::yield_now().await;
        }
        drop(release);
        while delay.now() > Duration::from_millis(200) {
            tokio::task::yield_now().await;
        }
    }
}
