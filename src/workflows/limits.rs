//! Limits: how often a source, a user or an invitation may ask. They keep one asker from taking what is there for all, and are each server's own;
//! what guards a secret (attempts at an invitation, tries at a password) is counted in the database, by all servers together.
//!
//! Each name has a bucket that drains evenly. The buckets are a table of fixed size, in which a name has its place by chance: whoever asks under
//! ever new names costs no memory, and nobody can choose whose bucket to fill.

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::world::World;
use crate::lifecycle::ids::UserId;

/// How many names have a bucket of their own, but for those that meet in one.
const BUCKETS: usize = 1 << 16;
const MINUTE_US: i64 = 60_000_000;

/// How many requests are served, as the administrator decides: so many in a minute, evenly or all at once. 0: any number.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
pub struct Allowed {
    pub source_a_minute: u32,
    pub user_a_minute: u32,
    pub invitation_a_minute: u32,
    /// How many connections one source may have at once, on each listener.
    pub connections_of_source: u32,
    /// Sources without a limit: what many come from, such as a balancer.
    pub unlimited_sources: Vec<IpAddr>,
}

impl Default for Allowed {
    fn default() -> Self {
        Self {
            source_a_minute: 3000,
            user_a_minute: 600,
            invitation_a_minute: 60,
            connections_of_source: 512,
            unlimited_sources: vec![[127, 0, 0, 1].into(), std::net::Ipv6Addr::LOCALHOST.into()],
        }
    }
}

impl Allowed {
    /// The sources without a limit.
    pub fn unlimited(&self) -> Vec<Source> {
        self.unlimited_sources.iter().map(|address| Source::from(*address)).collect()
    }
}

/// Counts who was not served, by which limit.
pub fn turned_away(why: &'static str) {
    metrics::counter!("remint_turned_away_total", "why" => why).increment(1);
}

/// Where somebody asks from: an IPv4 address, or the network of an IPv6 one, in which its holder has any number of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Source(IpAddr);

impl From<IpAddr> for Source {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(address) => IpAddr::V6((address.to_bits() >> 64 << 64).into()),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Asked too often.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooOften {
    /// Who has: `source`, `user` or `invitation`.
    pub by: &'static str,
    /// When the next one will be served.
    pub wait_s: u32,
}

/// The limits of a server.
pub struct Limits {
    source: Limit,
    user: Limit,
    invitation: Limit,
    unlimited: Vec<Source>,
}

impl Limits {
    pub fn new(allowed: &Allowed) -> Self {
        Self {
            source: Limit::new("source", allowed.source_a_minute),
            user: Limit::new("user", allowed.user_a_minute),
            invitation: Limit::new("invitation", allowed.invitation_a_minute),
            unlimited: allowed.unlimited(),
        }
    }
}

impl World {
    /// Counts a request of this source.
    pub fn count_source(&self, source: Source) -> Result<(), TooOften> {
        if self.limits.unlimited.contains(&source) {
            return Ok(());
        }
        self.limits.source.count(source, self.now())
    }

    /// Counts a request of this user, by whichever device or browser.
    pub fn count_user(&self, user: UserId) -> Result<(), TooOften> {
        self.limits.user.count(user, self.now())
    }

    /// Counts a request with this invitation, there or not.
    pub fn count_invitation(&self, invitation: [u8; 16]) -> Result<(), TooOften> {
        self.limits.invitation.count(invitation, self.now())
    }
}

/// A bucket for each name, of a minute's worth.
struct Limit {
    by: &'static str,
    /// What one request pours in, as the time that it takes to drain.
    pour_us: i64,
    /// When each bucket is empty, in Unix microseconds.
    empty_at: Box<[AtomicI64]>,
    places: RandomState,
}

impl Limit {
    fn new(by: &'static str, a_minute: u32) -> Self {
        let pour_us = MINUTE_US.checked_div(i64::from(a_minute)).unwrap_or(0);
        let buckets = if pour_us == 0 { 0 } else { BUCKETS };
        Self { by, pour_us, empty_at: (0..buckets).map(|_| AtomicI64::new(0)).collect(), places: RandomState::new() }
    }

    fn count(&self, name: impl Hash, now: Timestamp) -> Result<(), TooOften> {
        let place = usize::try_from(self.places.hash_one(name) % BUCKETS as u64).unwrap_or_default();
        let Some(bucket) = self.empty_at.get(place) else { return Ok(()) };
        let now = now.as_microsecond();
        let poured = |empty_at: i64| {
            // fuller than full: the clock was set back
            let drained = if empty_at - now > MINUTE_US { now } else { empty_at.max(now) };
            drained + self.pour_us
        };
        let counted = bucket.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |empty_at| {
            let poured = poured(empty_at);
            (poured - now <= MINUTE_US).then_some(poured)
        });
        counted.map(|_| ()).map_err(|empty_at| {
            turned_away(self.by);
            let over_us = poured(empty_at) - now - MINUTE_US;
            TooOften { by: self.by, wait_s: u32::try_from(over_us.max(0) / 1_000_000 + 1).unwrap_or(u32::MAX) }
        })
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn noon() -> Timestamp {
        "2026-11-26T12:00:00Z".parse().unwrap()
    }

    fn served(limit: &Limit, name: &str, now: Timestamp, asked: usize) -> usize {
        (0..asked).filter(|_| limit.count(name, now).is_ok()).count()
    }

    #[test]
    fn a_minutes_worth_is_served_at_once_and_then_as_fast_as_it_drains() {
        let limit = Limit::new("source", 60);
        assert_eq!(served(&limit, "here", noon(), 100), 60);
        assert_eq!(limit.count("here", noon()), Err(TooOften { by: "source", wait_s: 2 }));
        assert_eq!(served(&limit, "here", noon() + SignedDuration::from_secs(10), 100), 10);
        assert_eq!(served(&limit, "there", noon(), 100), 60, "each name has its own");
    }

    #[test]
    fn a_clock_that_is_set_back_locks_nobody_out() {
        let limit = Limit::new("source", 60);
        assert_eq!(served(&limit, "here", noon() + SignedDuration::from_hours(24), 100), 60);
        assert_eq!(served(&limit, "here", noon(), 100), 60);
    }

    #[test]
    fn zero_is_no_limit() {
        assert_eq!(served(&Limit::new("source", 0), "here", noon(), 10_000), 10_000);
    }

    #[test]
    fn who_has_a_network_of_addresses_is_one_source() {
        let source = |address: &str| Source::from(address.parse::<IpAddr>().unwrap());
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:2"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_ne!(source("192.0.2.1"), source("192.0.2.2"));
    }
}
