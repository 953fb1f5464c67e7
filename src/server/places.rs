//! Places for connections: how many a listener has, how many of them one source may take, and who gives way when all are taken.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::AbortHandle;
use tokio::time::Instant;

use crate::workflows::limits::{Allowed, Source, turned_away};

/// How many connections a listener serves at once at most.
const MOST: usize = 12_288;
/// How long a connection may be silent when others want its place.
const TO_ASK: Duration = Duration::from_secs(2);
/// How many open files the process keeps for everything else.
const OTHER_FILES: u64 = 256;

/// How many connections each of so many listeners may have, by how many files this process may have open, once it has raised that to what it is
/// allowed.
pub fn for_each_of(listeners: usize) -> usize {
    let listeners = listeners as u64;
    let wanted = MOST as u64 * listeners + OTHER_FILES;
    let limit = getrlimit(Resource::Nofile);
    let (soft, hard) = (limit.current.unwrap_or(u64::MAX), limit.maximum.unwrap_or(u64::MAX));
    let raised = wanted.min(hard).max(soft);
    let files = match setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum: limit.maximum }) {
        Ok(()) => raised,
        Err(_) => soft,
    };
    let each = files.saturating_sub(OTHER_FILES) / listeners.max(1);
    usize::try_from(each).unwrap_or(MOST).clamp(16, MOST)
}

/// The places of one listener.
pub struct Places {
    free: Arc<Semaphore>,
    /// How many one source may take; any number if there is none.
    of_source: Option<usize>,
    unlimited: Vec<Source>,
    /// [`TO_ASK`], but for tests.
    to_ask: Duration,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    by_source: HashMap<Source, usize>,
    /// Those who have not asked anything yet, oldest first.
    silent: BTreeMap<u64, (Instant, AbortHandle)>,
    count: u64,
}

impl Taken {
    /// Who has waited longest without asking anything, and long enough to have asked.
    fn give_way(&mut self, to_ask: Duration) -> Option<AbortHandle> {
        let oldest = self.silent.first_entry().filter(|oldest| oldest.get().0.elapsed() >= to_ask)?;
        Some(oldest.remove().1)
    }
}

/// A taken place; it is free again when this is dropped.
pub struct Place {
    places: Arc<Places>,
    source: Source,
    number: u64,
    has_asked: AtomicBool,
    _place: OwnedSemaphorePermit,
}

impl Places {
    pub fn new(count: usize, allowed: &Allowed) -> Arc<Self> {
        let of_source = usize::try_from(allowed.connections_of_source).ok().filter(|count| *count > 0);
        let (free, unlimited) = (Arc::new(Semaphore::new(count)), allowed.unlimited());
        Arc::new(Self { free, of_source, unlimited, to_ask: TO_ASK, taken: Mutex::default() })
    }

    /// A place for a connection, unless its source has its share. When all are taken, who has waited longest without asking anything gives way.
    pub async fn take(self: &Arc<Self>, address: IpAddr) -> Option<Place> {
        let source = Source::from(address);
        if !self.has_room_for(source) {
            turned_away("connections-of-source");
            return None;
        }
        let place = match Arc::clone(&self.free).try_acquire_owned() {
            Ok(place) => place,
            Err(_) => {
                let Some(oldest) = self.lock().give_way(self.to_ask) else {
                    turned_away("connections");
                    return None;
                };
                turned_away("silent");
                oldest.abort();
                Arc::clone(&self.free).acquire_owned().await.ok()?
            }
        };
        let mut taken = self.lock();
        *taken.by_source.entry(source).or_default() += 1;
        taken.count += 1;
        let number = taken.count;
        drop(taken);
        Some(Place { places: Arc::clone(self), source, number, has_asked: AtomicBool::new(false), _place: place })
    }

    /// Serves the connection of a place, which gives way until it has asked something.
    pub fn serve<F: Future<Output = ()> + Send + 'static>(&self, place: Place, serve: impl FnOnce(Arc<Place>) -> F) {
        let (number, place) = (place.number, Arc::new(place));
        // nobody has asked before the lock is free
        let mut taken = self.lock();
        let served = tokio::spawn(serve(place));
        taken.silent.insert(number, (Instant::now(), served.abort_handle()));
    }

    fn has_room_for(&self, source: Source) -> bool {
        let most = self.of_source.filter(|_| !self.unlimited.contains(&source));
        most.is_none_or(|most| self.lock().by_source.get(&source).is_none_or(|taken| *taken < most))
    }

    fn lock(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// It has asked something: it does not give way any more.
    pub fn asks(&self) {
        if !self.has_asked.swap(true, Ordering::Relaxed) {
            self.places.lock().silent.remove(&self.number);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut taken = self.places.lock();
        taken.silent.remove(&self.number);
        if let Some(count) = taken.by_source.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                taken.by_source.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    const HERE: [u8; 4] = [192, 0, 2, 1];
    const THERE: [u8; 4] = [192, 0, 2, 2];

    fn places(count: usize, of_source: u32, to_ask: Duration) -> Arc<Places> {
        let allowed = Allowed { connections_of_source: of_source, ..Allowed::default() };
        let Some(places) = Arc::into_inner(Places::new(count, &allowed)) else { unreachable!() };
        Arc::new(Places { to_ask, ..places })
    }

    #[tokio::test]
    async fn a_source_takes_its_share_and_no_more() {
        let places = places(10, 2, Duration::ZERO);
        let first = places.take(HERE.into()).await;
        let second = places.take(HERE.into()).await;
        assert!(first.is_some() && second.is_some());
        assert!(places.take(HERE.into()).await.is_none());
        assert!(places.take(THERE.into()).await.is_some());
        drop(first);
        assert!(places.take(HERE.into()).await.is_some(), "a place that was left is free");
        let balancer = [127, 0, 0, 1];
        let many = [places.take(balancer.into()).await, places.take(balancer.into()).await, places.take(balancer.into()).await];
        assert!(many.iter().all(Option::is_some));
    }

    #[tokio::test]
    async fn who_has_asked_nothing_gives_way_and_who_has_stays() {
        let places = places(2, 0, Duration::ZERO);
        let asked = Arc::new(Mutex::new(None));
        let kept = Arc::clone(&asked);
        let place = places.take(HERE.into()).await.unwrap();
        places.serve(place, |place| async move {
            place.asks();
            *kept.lock().unwrap() = Some(place);
            pending().await
        });
        let (silent, mut has_ended) = tokio::sync::mpsc::channel::<()>(1);
        let place = places.take(HERE.into()).await.unwrap();
        places.serve(place, |place| async move {
            let _kept_until_the_end = (silent, place);
            pending().await
        });
        while asked.lock().unwrap().is_none() {
            tokio::task::yield_now().await;
        }
        let third = places.take(THERE.into()).await.unwrap();
        assert_eq!(has_ended.recv().await, None, "the silent one has ended");
        third.asks();
        assert!(places.take(THERE.into()).await.is_none(), "nobody is left who gives way");
    }

    #[tokio::test]
    async fn who_may_still_be_about_to_ask_keeps_its_place() {
        let places = places(1, 0, Duration::from_secs(3600));
        let place = places.take(HERE.into()).await.unwrap();
        places.serve(place, |place| async move {
            let _kept_until_the_end = place;
            pending().await
        });
        assert!(places.take(THERE.into()).await.is_none());
    }
}
