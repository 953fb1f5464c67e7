//! The rules, walked at random: any acts, in any order, on any user; after every step no invariant of docs/lifecycle.md §8 is broken.
//! A failing walk is printed by proptest and kept in `proptest-regressions`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod walk;

use proptest::prelude::*;
use walk::{Act, Walk};

fn act() -> impl Strategy<Value = Act> {
    let index = 0..6_usize;
    prop_oneof![
        2 => (0..2_usize).prop_map(Act::RequestInitial),
        5 => (index.clone(), 0..5_usize).prop_map(|(device, reason)| Act::Submit(device, reason)),
        6 => index.clone().prop_map(Act::Begin),
        6 => index.clone().prop_map(Act::Provision),
        6 => index.clone().prop_map(Act::Confirm),
        3 => index.clone().prop_map(Act::Cancel),
        2 => index.clone().prop_map(Act::Abandon),
        2 => index.clone().prop_map(Act::InviteAgain),
        4 => index.clone().prop_map(Act::Update),
        8 => index.prop_map(Act::Carry),
        1 => (1..80_i64).prop_map(Act::Wait),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_walk_breaks_an_invariant(acts in prop::collection::vec(act(), 1..60)) {
        let mut walk = Walk::new();
        for (step, act) in acts.iter().enumerate() {
            walk.take(act);
            let faults = walk.faults();
            prop_assert!(faults.is_empty(), "after step {step} ({act:?}): {faults:?}");
        }
    }

    #[test]
    fn cancel_is_the_inverse_of_submit(acts in prop::collection::vec(act(), 0..40), target in 0..6_usize, reason in 0..5_usize, provisioned in any::<bool>()) {
        let mut walk = Walk::new();
        acts.iter().for_each(|act| walk.take(act));
        let before = walk.shown();
        if let Some(request) = walk.submit(target, reason) {
            if provisioned {
                walk.begin_request(request);
                walk.provision_request(request);
            }
            walk.cancel_request(request);
            prop_assert_eq!(before, walk.shown());
        }
    }

    #[test]
    fn what_is_terminated_or_revoked_stays_so(acts in prop::collection::vec(act(), 1..60)) {
        let mut walk = Walk::new();
        let mut ended = walk.ended();
        for act in &acts {
            walk.take(act);
            let now = walk.ended();
            prop_assert!(ended.is_subset(&now), "after {act:?}");
            ended = now;
        }
    }
}

/// A replacement of a stand-in also holds the original behind it, with what it carries, under a cause of its own: it stays invalid
/// whatever becomes of the arrangement meanwhile (lifecycle.md §4, submit 2).
#[test]
fn a_replacement_of_a_stand_in_holds_the_original_too() {
    let mut walk = Walk::new();
    walk.take(&Act::RequestInitial(0));
    walk.take(&Act::Carry(0));
    let forgotten = walk.submit(0, 4).unwrap();
    walk.carry_out(forgotten);
    assert_eq!(walk.devices_in_use(), 2);
    assert_eq!(walk.held_by(forgotten).len(), 1 + 2, "the original, its auth and sign; its enc is lent");
    let stolen = walk.submit(1, 3).unwrap();
    assert_eq!(walk.held_by(stolen).len(), 2 + 2 + 2 + 1, "both devices, the auth and sign of each, and the enc that they share");
}

/// The walk reaches what it is there to reach: else it would prove nothing.
#[test]
fn the_walk_gets_somewhere() {
    let mut walk = Walk::new();
    for act in [
        Act::RequestInitial(0),
        Act::Begin(0),
        Act::Provision(0),
        Act::Confirm(0),
        Act::RequestInitial(1),
        Act::InviteAgain(0), // a self-enrollment: somebody hands the ticket out
        Act::Begin(0),
        Act::Provision(0),
        Act::Confirm(0),
        Act::Submit(0, 2),
        Act::Begin(0),
        Act::Provision(0),
        Act::Confirm(0),
        Act::Update(0),
        Act::Provision(0),
        Act::Confirm(0),
    ] {
        walk.take(&act);
        assert!(walk.faults().is_empty(), "{act:?}: {:?}", walk.faults());
    }
    assert_eq!(walk.devices_in_use(), 2);
    assert_eq!(walk.usable_encs(), 1);
    assert!(!walk.ended().is_empty());
}
