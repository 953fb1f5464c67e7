//! How long each message of many phones took: from when it was about to be sent, over an open connection, until its whole reply was there.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::message::{Faults, Message, Moment, Witness};

/// What was measured, by message.
#[derive(Debug, Default)]
pub(crate) struct Stopwatch(Mutex<BTreeMap<String, Vec<Duration>>>);

impl Stopwatch {
    /// Nothing goes wrong with a phone, and it is watched.
    pub fn on_a_phone(self: &Arc<Self>) -> Faults {
        Faults::witnessed_by(Arc::new(Watching { since: Mutex::default(), stopwatch: Arc::clone(self) }))
    }

    /// Each message's times, shortest first. What is measured from here on is another matter.
    pub fn take(&self) -> BTreeMap<String, Vec<Duration>> {
        let mut taken = std::mem::take(&mut *lock(&self.0));
        taken.values_mut().for_each(|times| times.sort_unstable());
        taken
    }
}

/// One phone, which sends one message at a time.
#[derive(Debug)]
struct Watching {
    since: Mutex<Option<Instant>>,
    stopwatch: Arc<Stopwatch>,
}

impl Witness for Watching {
    fn sees<'a>(&'a self, message: &'a Message, moment: Moment<'a>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        match moment {
            Moment::AboutToSend => *lock(&self.since) = Some(Instant::now()),
            Moment::Answered(reply) if reply.status < 300 => {
                if let Some(since) = lock(&self.since).take() {
                    lock(&self.stopwatch.0).entry(message.to_string()).or_default().push(since.elapsed());
                }
            }
            Moment::Answered(_) => {}
        }
        Box::pin(std::future::ready(()))
    }
}

fn lock<T>(held: &Mutex<T>) -> MutexGuard<'_, T> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}
