//! The rules, walked at random: any acts, in any order, on any user; after every step no invariant of docs/lifecycle.md §8 is broken.
//! A failing walk is printed by proptest and kept in `proptest-regressions`.

use proptest::prelude::*;

use super::walk::{Act, Walk};

fn act() -> impl Strategy<Value = Act> {
    let index = 0..6_usize;
    prop_oneof![
        3 => (0..4_usize).prop_map(Act::RequestInitial),
        5 => (index.clone(), 0..5_usize).prop_map(|(device, reason)| Act::Submit(device, reason)),
        3 => (index.clone(), 0..5_usize, 0..3_usize).prop_map(|(device, reason, mode)| Act::Report(device, reason, mode)),
        3 => index.clone().prop_map(Act::Approve),
        1 => index.clone().prop_map(Act::Reject),
        3 => (index.clone(), index.clone()).prop_map(|(request, card)| Act::Bind(request, card)),
        1 => index.clone().prop_map(Act::Unbind),
        4 => index.clone().prop_map(Act::Begin),
        4 => index.clone().prop_map(Act::Provision),
        4 => index.clone().prop_map(Act::Confirm),
        3 => index.clone().prop_map(Act::Cancel),
        2 => index.clone().prop_map(Act::Abandon),
        2 => index.clone().prop_map(Act::InviteAgain),
        4 => index.clone().prop_map(Act::Update),
        12 => index.clone().prop_map(Act::Carry),
        2 => holding(),
        2 => (index.clone(), index.clone()).prop_map(|(device, reason)| Act::Terminate(device, reason)),
        2 => index.prop_map(Act::Returned),
        2 => (-2..900_i64).prop_map(Act::Wait),
        1 => Just(Act::Next),
    ]
}

/// Acts of the help desk that touch nobody's line: holds, and new requests.
fn holding() -> impl Strategy<Value = Act> {
    let index = 0..8_usize;
    prop_oneof![
        index.clone().prop_map(Act::Suspend),
        index.clone().prop_map(Act::Resume),
        index.clone().prop_map(Act::SuspendCredential),
        index.prop_map(Act::ResumeCredential),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

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
    fn cancel_is_the_inverse_of_submit_whatever_is_interleaved(
        acts in prop::collection::vec(act(), 0..40),
        target in 0..6_usize,
        reason in 0..5_usize,
        provisioned in any::<bool>(),
        between in prop::collection::vec(holding(), 0..8),
    ) {
        let mut walk = Walk::new();
        acts.iter().for_each(|act| walk.take(act));
        let mut without = walk.clone();
        if let Some(request) = walk.submit(target, reason) {
            if provisioned {
                walk.begin_request(request);
                walk.provision_request(request);
            }
            for act in &between {
                without.draw_as(&walk);
                walk.take(act);
                without.take(act);
            }
            walk.cancel_request(request);
            prop_assert_eq!(without.shown(), walk.shown());
        }
    }

    /// Holds by different causes, lifted in any order, come to the same end.
    #[test]
    fn holds_are_released_in_any_order_with_the_same_end(
        acts in prop::collection::vec(act(), 10..40),
        devices in prop::collection::vec(0..6_usize, 1..4),
        order in Just((0..4_usize).collect::<Vec<_>>()).prop_shuffle(),
    ) {
        let mut walk = Walk::new();
        acts.iter().for_each(|act| walk.take(act));
        let submitted: Vec<_> = devices.iter().filter_map(|device| walk.submit(*device, 2)).collect();
        devices.iter().for_each(|device| walk.take(&Act::Suspend(*device)));
        let mut other = walk.clone();
        let release = |walk: &mut Walk, step: usize| match step {
            0 => devices.iter().for_each(|device| walk.take(&Act::Resume(*device))),
            step => submitted.iter().skip(step - 1).take(1).for_each(|request| walk.cancel_request(*request)),
        };
        (0..4).for_each(|step| release(&mut walk, step));
        order.iter().for_each(|step| release(&mut other, *step));
        prop_assert_eq!(walk.shown(), other.shown());
    }

    #[test]
    fn nobody_does_what_is_not_theirs(acts in prop::collection::vec(act(), 1..50)) {
        let mut walk = Walk::new();
        acts.iter().for_each(|act| walk.take(act));
        prop_assert!(walk.is_closed_to_strangers());
    }

    #[test]
    fn what_is_terminated_or_revoked_stays_so(acts in prop::collection::vec(act(), 1..60)) {
        let mut walk = Walk::new();
        let mut ended = walk.ended();
        for act in &acts {
            walk.take(act);
            let now = walk.ended();
            if !matches!(act, Act::Next) {
                prop_assert!(ended.is_subset(&now), "after {act:?}");
            }
            ended = now;
        }
    }
}

/// The clock steps back between placing a hold and lifting it, and jumps ahead: what is lifted is what was placed, whatever the time says.
#[test]
fn a_release_with_skewed_clocks_lifts_what_was_placed() {
    for skew in [-48, -1, 0, 1, 5000] {
        let mut walk = Walk::new();
        walk.take(&Act::RequestInitial(0));
        walk.take(&Act::Carry(0));
        let before = walk.shown();
        walk.take(&Act::Suspend(0));
        let damaged = walk.submit(0, 0).unwrap();
        walk.take(&Act::Wait(skew));
        walk.cancel_request(damaged);
        assert_ne!(walk.shown(), before, "the help desk's own hold still stands");
        walk.take(&Act::Wait(-skew));
        walk.take(&Act::Resume(0));
        assert_eq!(walk.shown(), before, "skew: {skew} hours");
        assert!(walk.faults().is_empty());
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
