//! When those who are turned away may come again: each at a turn of its own, and so many in a second as are let in.
//!
//! Told a fixed time, or one that has an end, the crowd that comes again grows with everyone who has been turned away before, until nothing is done
//! but turning away. So each is given a second that still has room. Nobody is remembered, only how many were told to come: who does not come
//! leaves a gap, and who comes without a turn takes his chance.

use std::collections::VecDeque;

use jiff::Timestamp;

/// The soonest turn, from now; also of who was on the way and has none.
pub(super) const SHORTEST_WAIT_S: u32 = 2;
/// The latest: beyond it turns are shared.
const LONGEST_WAIT_S: u32 = 3600;
/// How many come again in each second at least, before anybody knows how many are let in.
const FEWEST: f64 = 32.0;
/// What the last second counts for in how many are let in.
const NEWEST: f64 = 0.125;

/// Who was let in lately, and who comes when.
#[derive(Default)]
pub(super) struct Turns {
    /// The second that is counted, in Unix time.
    second: i64,
    let_in: u32,
    /// In a second, on average.
    lately: f64,
    /// How many were told to come in each second from [`SHORTEST_WAIT_S`] on.
    told: VecDeque<u32>,
}

impl Turns {
    /// One more is let in.
    pub fn let_in(&mut self, now: Timestamp) {
        self.come_to(now);
        self.let_in += 1;
    }

    /// The wait of one who is turned away.
    pub fn next_s(&mut self, now: Timestamp) -> u32 {
        self.come_to(now);
        let room = self.lately.max(FEWEST).round() as u32;
        let longest = (LONGEST_WAIT_S - SHORTEST_WAIT_S) as usize;
        let at = self.told.iter().position(|told| *told < room).unwrap_or(self.told.len()).min(longest);
        match self.told.get_mut(at) {
            Some(told) => *told += 1,
            None => self.told.push_back(1),
        }
        SHORTEST_WAIT_S + u32::try_from(at).unwrap_or(LONGEST_WAIT_S)
    }

    fn come_to(&mut self, now: Timestamp) {
        let gone = now.as_second() - self.second;
        if !(0..=i64::from(LONGEST_WAIT_S)).contains(&gone) {
            // nobody has come for long, or the clock was set
            *self = Self { second: now.as_second(), ..Self::default() };
        }
        for _ in self.second..now.as_second() {
            self.lately += (f64::from(std::mem::take(&mut self.let_in)) - self.lately) * NEWEST;
            self.told.pop_front();
        }
        self.second = now.as_second();
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    fn at(second: i64) -> Timestamp {
        "2026-11-27T12:00:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_secs(second)
    }

    fn waits(turns: &mut Turns, second: i64, count: usize) -> Vec<u32> {
        (0..count).map(|_| turns.next_s(at(second))).collect()
    }

    #[test]
    fn a_second_has_so_many_turns_as_are_let_in() {
        let mut turns = Turns::default();
        assert_eq!(waits(&mut turns, 0, 64), [vec![2; 32], vec![3; 32]].concat());
        assert_eq!(waits(&mut turns, 1, 33), [vec![3; 32], vec![4; 1]].concat(), "a second later they are a second nearer");
        for second in 1..100 {
            (0..80).for_each(|_| turns.let_in(at(second)));
        }
        assert_eq!(waits(&mut turns, 100, 80), vec![2; 80], "of eighty in a second");
    }

    #[test]
    fn however_many_have_been_turned_away_no_more_come_again_than_are_let_in() {
        let mut turns = Turns::default();
        let mut come = vec![0_u32; 2000];
        for second in 0..600 {
            (0..80).for_each(|_| turns.let_in(at(second)));
            let again = come[second as usize];
            for wait in waits(&mut turns, second, 160 + again as usize - 80) {
                come[second as usize + wait as usize] += 1;
            }
        }
        assert_eq!(come.iter().max(), Some(&80));
        assert!(come[..600].iter().rev().take(500).all(|again| *again >= 70), "and hardly fewer");
    }

    #[test]
    fn nobody_is_told_to_come_after_more_than_an_hour() {
        let mut turns = Turns::default();
        assert_eq!(waits(&mut turns, 0, 200_000).into_iter().max(), Some(3600));
        assert_eq!(turns.told.len(), 3599);
    }

    #[test]
    fn a_clock_that_is_set_begins_anew() {
        let mut turns = Turns::default();
        assert_eq!(waits(&mut turns, 0, 1000).last(), Some(&33));
        assert_eq!(waits(&mut turns, -7200, 1), [2]);
        assert_eq!(waits(&mut turns, 100_000, 1), [2]);
    }
}
