//! Trouble with the database in the middle of everything, while somebody sets the clock: commits that fail after some of their statements, commits that are kept and whose
//! answer is lost, and a server that dies at any statement. Everybody goes on until they have what they wanted; in the end it is there, once.
//!
//! `REMINT_FAULT_RUNS=10000 cargo test --test trouble random` plays as many stories as docs/reliability.md tells of; each seed is one story.

use std::sync::{Arc, Mutex};

use crate::story::Town;
use crate::support::device::serial_of;
use crate::support::house::House;
use jiff::SignedDuration;
use remint::lifecycle::actor::Role;
use remint::lifecycle::holdings::Standing;
use remint::store::fault::Trouble;
use remint::workflows::add_operator::{add_operator, end_operator};
use remint::workflows::check_house::{InProcess, check_house};
use remint::workflows::publish_crl::publish_crl;

/// How many stories are told in the ordinary run.
const RUNS: u64 = 40;
/// How many of them share a house: each house is checked in the end.
const IN_ONE_HOUSE: u64 = 100;

/// Numbers that a seed gives.
#[derive(Clone)]
pub struct Dice(pub u64);

impl Dice {
    /// SplitMix64.
    pub fn roll(&mut self, sides: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % sides
    }
}

/// Of every four commits one meets trouble, at any of its statements or after the last.
fn troubles(seed: u64) -> Arc<remint::store::fault::Order> {
    let dice = Mutex::new(Dice(seed));
    Arc::new(move |_, statements| {
        let mut dice = dice.lock().unwrap();
        match dice.roll(8) {
            0 => Some(Trouble::Fails { after: usize::try_from(dice.roll(statements as u64 + 1)).unwrap() }),
            1 => Some(Trouble::AnswerLost),
            _ => None,
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn random_trouble_leaves_nothing_half_done() {
    let runs = std::env::var("REMINT_FAULT_RUNS").map_or(RUNS, |runs| runs.parse().unwrap());
    let first: u64 = std::env::var("REMINT_FAULT_SEED").map_or(1, |seed| seed.parse().unwrap());
    let (mut told, mut met) = (0, 0);
    while told < runs {
        let town = Town::new(first + told).await;
        for seed in (first + told..).take(IN_ONE_HOUSE.min(runs - told).try_into().unwrap()) {
            met += town.tell(seed, troubles(seed)).await;
        }
        told += IN_ONE_HOUSE.min(runs - told);
        assert_eq!(town.close().await, Vec::<String>::new(), "after the story of seed {}", first + told - 1);
    }
    println!("{told} stories, {met} commits that met trouble, nothing diverged");
    assert!(met >= told, "trouble is rare: {met} in {told} stories");
}

/// Found by a story in which the clock was set back: what was revoked later than now was refused by the rules of what we sign, and OCSP had
/// no answer.
#[tokio::test]
async fn what_is_on_record_for_the_future_is_told_since_now() {
    let house = House::new(5, |_| {}).await;
    let world = &house.world;
    let identity = add_operator(world, "olga", [Role::HelpDesk].into(), None).await.unwrap();
    house.clock.advance(SignedDuration::from_hours(1));
    end_operator(world, "olga").await.unwrap();
    publish_crl(world).await.unwrap();
    house.clock.advance(SignedDuration::from_hours(-1));
    publish_crl(world).await.unwrap();
    assert_eq!(check_house(world, &InProcess::alone(world)).await.unwrap().divergences, Vec::<String>::new());
    let serial = serial_of(&identity.certificate);
    let standing = world.store.standings(vec![serial]).await.unwrap()[0].unwrap();
    assert!(matches!(standing, Standing::Revoked { at, .. } if at > world.now()), "what is on record stays as it is");
}
