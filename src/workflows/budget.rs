//! A budget: how often a minute something is done that strangers can ask for.

use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

/// How often a minute.
const A_MINUTE: u32 = 60;

/// Counts within the minute at hand.
#[derive(Debug, Default)]
pub struct Budget(Mutex<(i64, u32)>);

impl Budget {
    /// Whether it may be done once more in this minute; asking counts.
    pub fn has_room(&self, now: Timestamp) -> bool {
        let mut spent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let minute = now.as_second().div_euclid(60);
        if spent.0 != minute {
            *spent = (minute, 0);
        }
        spent.1 = spent.1.saturating_add(1);
        spent.1 <= A_MINUTE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spent_budget_is_full_again_in_the_next_minute() {
        let budget = Budget::default();
        let now: Timestamp = "2026-11-22T12:00:00Z".parse().unwrap();
        let allowed = (0..100).filter(|_| budget.has_room(now)).count();
        assert_eq!(allowed, 60);
        assert!(budget.has_room(now + jiff::SignedDuration::from_secs(60)));
    }
}
