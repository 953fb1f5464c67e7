//! Every state that one user with up to three devices can come to, explored exhaustively by stateright over the rules themselves; in each, every
//! invariant of docs/lifecycle.md §8 that can be read off holdings.
//!
//! The ordinary run explores a first part. The whole one: `cargo test --release --test lifecycle exploration -- --ignored --nocapture`.

mod acts;
mod normal;

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use acts::{Act, acts, carry_out};
use jiff::SignedDuration;
use normal::{certified, noon, normal};
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::cancel::{Cancel, cancel};
use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::{Credential, CredentialState, Slot};
use remint::lifecycle::device::{Device, DeviceKind, DeviceState};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::hold::Cause;
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, OperatorId, Serial, UserId};
use remint::lifecycle::policy::Policy;
use remint::lifecycle::user::User;
use remint::server::policy;
use stateright::{Checker, Model, Property};
use uuid::Uuid;

/// A state of the world, in its normal form, and what was wrong on the way to it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct World {
    held: Holdings,
    wrong: Option<String>,
}

impl Hash for World {
    fn hash<H: Hasher>(&self, state: &mut H) {
        format!("{:?}{:?}{:?}{:?}{:?}", self.held.devices, self.held.credentials, self.held.carries, self.held.holds, self.held.requests)
            .hash(state);
        self.wrong.hash(state);
    }
}

/// One user; what can be tried; the rules.
struct Rules {
    policy: Policy,
}

impl Rules {
    fn new() -> Self {
        let mut policy = policy::parse(policy::BUILT_IN).unwrap();
        policy.escalation = Some(SignedDuration::from_hours(17));
        for kind in policy.kinds.values_mut() {
            // `sign` is to every rule what `auth` is
            kind.slots = vec![Slot::Auth, Slot::Enc];
            kind.limit = 10;
        }
        Self { policy }
    }

    /// What an invariant says of a state, in full, before anything is forgotten.
    fn wrong(&self, before: &Holdings, after: &Holdings) -> Option<String> {
        let faults = after.faults(&self.policy, noon());
        if let Some(fault) = faults.first() {
            return Some(fault.to_string());
        }
        let is_undone = |device: &&Device| {
            matches!(device.state, DeviceState::Terminated { .. })
                && after.devices.get(&device.id).is_some_and(|now| now.state != device.state)
        };
        let is_unrevoked = |credential: &&Credential| {
            credential.is_revoked() && after.credentials.get(&credential.id).is_some_and(|now| now.state != credential.state)
        };
        if before.devices.values().any(|device| is_undone(&device)) || before.credentials.values().any(|c| is_unrevoked(&c)) {
            return Some("invariant 3: terminated or revoked was undone".to_owned());
        }
        self.uncancelable(after)
    }

    /// Every open request can be canceled, and then nothing of it stands.
    fn uncancelable(&self, held: &Holdings) -> Option<String> {
        let roles = BTreeSet::from([Role::HelpDesk]);
        let omar = Actor::Operator(Operator { id: OperatorId(Uuid::from_u128(2)), name: String::new(), roles, user: None });
        let open = held.open_requests().filter(|request| request.mode().is_some());
        for request in open {
            let Ok(changes) = cancel(held, &self.policy, &Cancel { actor: omar.clone(), request: request.id }, noon()) else {
                return Some(format!("{} cannot be canceled", request.id));
            };
            let mut after = held.clone();
            changes.iter().for_each(|change| after.apply(change));
            if after.holds.of(Cause::Replacement(request.id)).next().is_some() {
                return Some(format!("a hold of {} outlives its cancellation", request.id));
            }
            if let Some(fault) = after.faults(&self.policy, noon()).first() {
                return Some(format!("after a cancellation: {fault}"));
            }
        }
        None
    }
}

impl Model for Rules {
    type State = World;
    type Action = Act;

    /// A phone and a tablet that share one `enc`.
    fn init_states(&self) -> Vec<World> {
        let user = User {
            id: UserId(Uuid::from_u128(9)),
            name: String::new(),
            email: String::new(),
            upn: String::new(),
            attributes: Attributes::default(),
        };
        let mut held = Holdings::of(user);
        let issued = CredentialState::Issued { certified: certified(), at: noon() };
        let device = |n: u128, kind| Device {
            id: DeviceId(Uuid::from_u128(n)),
            kind,
            serial: String::new(),
            model: String::new(),
            name: String::new(),
            state: DeviceState::Issued { at: noon(), stand_in: None },
        };
        for (n, slot, made_for, carriers) in [(1, Slot::Auth, 1, vec![1]), (2, Slot::Auth, 2, vec![2]), (3, Slot::Enc, 1, vec![1, 2])] {
            let id = CredentialId(Uuid::from_u128(100 + n));
            let made_for = DeviceId(Uuid::from_u128(made_for));
            held.credentials.insert(id, Credential { id, slot, serial: Serial::from_random([0; 20]), made_for, state: issued.clone() });
            held.carries.extend(carriers.into_iter().map(|device| ((DeviceId(Uuid::from_u128(device)), id), Carried::Current)));
        }
        for device in [device(1, DeviceKind::MobileSmartCard), device(2, DeviceKind::MobileApp)] {
            held.devices.insert(device.id, device);
        }
        vec![World { held: normal(&held), wrong: None }]
    }

    fn actions(&self, state: &World, actions: &mut Vec<Act>) {
        if state.wrong.is_none() {
            actions.extend(acts(&state.held));
        }
    }

    fn next_state(&self, before: &World, act: Act) -> Option<World> {
        let after = carry_out(&before.held, &self.policy, act)?;
        let wrong = self.wrong(&before.held, &after);
        Some(World { held: normal(&after), wrong })
    }

    fn properties(&self) -> Vec<Property<Self>> {
        vec![
            Property::<Self>::always("no invariant is broken", |_, world| world.wrong.is_none()),
            Property::<Self>::always("the normal form breaks none either", |rules, world| {
                world.held.faults(&rules.policy, noon()).is_empty()
            }),
        ]
    }
}

/// Explores until that many states are known, or there are no more; prints what it came to.
fn explore(states: usize) {
    let checker = Rules::new().checker().threads(2).target_state_count(states).spawn_bfs().join();
    println!(
        "explored: {} unique states ({} generated), depth {}, {}",
        checker.unique_state_count(),
        checker.state_count(),
        checker.max_depth(),
        if checker.is_done() && checker.state_count() < states { "closed" } else { "stopped there" },
    );
    let found = checker.discoveries().into_iter().next();
    let found = found.map(|(property, path)| format!("{property}: {:?}\n{:?}", path.last_state().wrong.clone(), path.into_actions()));
    assert_eq!(found, None);
    assert!(checker.unique_state_count() > 1000, "it got nowhere");
}

#[test]
fn no_state_within_reach_breaks_an_invariant() {
    explore(25_000);
}

#[test]
#[ignore = "takes minutes: run it with --release and --nocapture"]
fn no_state_of_a_million_breaks_an_invariant() {
    let states = std::env::var("STATES").ok().and_then(|states| states.parse().ok()).unwrap_or(20_000_000);
    explore(states);
}
