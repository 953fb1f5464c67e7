//! Store equals rules: a long walk through the real workflows, over a real database, with real keys. After each step what the database holds of
//! everybody, loaded from the file, equals what the changes make by `Holdings::apply` alone: the store remembers what it loaded once and applies
//! each commit to it in memory (`store/recent.rs`), so that is what it is compared with.

use std::collections::BTreeSet;

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::credential::Slot;
use remint::lifecycle::device::{DeviceKind, DeviceState};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::hold::Held;
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{RequestId, UserId};
use remint::lifecycle::reason::{Reason, Termination};
use remint::lifecycle::request::{Mode, RequestState};
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::approve_request::{ApproveRequest, RejectRequest};
use remint::workflows::bind_device::{BindDevice, UnbindDevice};
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::{Done, Errand, carry_out};
use remint::workflows::failure::Failure;
use remint::workflows::identify::Bearer;
use remint::workflows::invite_again::InviteAgain;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::settle_dues::settle_all;
use remint::workflows::stock::{NewStock, add_stock};
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::suspend::{Resume, Suspend};
use remint::workflows::take_back_original::TakeBackOriginal;
use remint::workflows::terminate_device::TerminateDevice;
use remint::workflows::world::Caller;

/// Numbers that repeat themselves for a seed (Knuth's MMIX multiplier).
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides.max(1)
    }

    fn pick<T: Clone>(&mut self, things: &[T]) -> Option<T> {
        let place = self.roll(things.len());
        things.get(place).cloned()
    }
}

struct Walk {
    house: House,
    dice: Dice,
    users: Vec<UserId>,
    /// Somebody with every role, and somebody else with every role: so that approvals happen.
    desk: [Caller; 2],
    at_work: Vec<(RequestId, Device)>,
    done: usize,
}

async fn hire(house: &House, name: &str) -> Caller {
    let roles = BTreeSet::from([Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]);
    let operator = add_operator(&house.world, name, roles, None).await.unwrap().operator;
    let who = Who::Operator { id: operator.id, fingerprint: "AB".to_owned() };
    Caller { actor: Actor::Operator(operator), who, source: "test".to_owned(), session: None }
}

impl Walk {
    async fn new(seed: u64) -> Self {
        let house = House::new(seed, |policy| policy.escalation = Some(SignedDuration::from_hours(300))).await;
        let desk = [hire(&house, "hana").await, hire(&house, "olaf").await];
        let mut users = Vec::new();
        for name in ["ana", "bo"] {
            let new = NewUser {
                name: name.to_owned(),
                email: format!("{name}@example.org"),
                upn: format!("{name}@corp.example.org"),
                attributes: Attributes::default(),
            };
            users.push(create_user(&house.world, &administrator(), new).await.unwrap().id);
        }
        for n in 0..4 {
            let new = NewStock { kind: DeviceKind::SmartCard, serial: format!("card-{n}"), model: "card".to_owned() };
            add_stock(&house.world, &desk[0], new, false).await.unwrap();
        }
        Self { house, dice: Dice(seed), users, desk, at_work: Vec::new(), done: 0 }
    }

    async fn held(&self, user: UserId) -> Holdings {
        self.house.world.store.holdings(user).await.unwrap().unwrap().holdings
    }

    /// Done or refused; anything else is a fault of ours.
    async fn tried(&mut self, caller: &Caller, errand: &impl Errand) -> Option<Done> {
        match carry_out(&self.house.world, caller, errand).await {
            Ok(done) => {
                self.done += 1;
                Some(done)
            }
            Err(Failure::Refused(_)) => None,
            Err(other) => panic!("{}: {other:?}", errand.name()),
        }
    }

    async fn step(&mut self) {
        self.house.clock.advance(SignedDuration::from_secs(1));
        let user = self.dice.pick(&self.users).unwrap();
        let caller = self.dice.pick(&self.desk).unwrap();
        let the_user = Caller { actor: Actor::User(user), who: Who::User(user), source: "test".to_owned(), session: None };
        let held = self.held(user).await;
        let device = self.dice.pick(&held.devices.keys().copied().collect::<Vec<_>>());
        let credential = self.dice.pick(&held.credentials.keys().copied().collect::<Vec<_>>());
        let requests: Vec<RequestId> = held.requests.values().filter(|request| request.is_open()).map(|request| request.id).collect();
        let request = self.dice.pick(&requests);
        match (self.dice.roll(36), device, credential, request) {
            (0 | 1, ..) => {
                let (kind, mode) = [
                    (DeviceKind::MobileSmartCard, Mode::Remote),
                    (DeviceKind::MobileApp, Mode::SelfEnrollment),
                    (DeviceKind::SmartCard, Mode::Local),
                ][self.dice.roll(3)];
                self.tried(&caller, &RequestInitialIssuance { user, kind, mode }).await;
            }
            (2..=5, Some(target), ..) => {
                let mode = self.dice.pick(Mode::fitting(held.devices[&target].kind)).unwrap();
                let reason = self.dice.pick(Reason::ALL).unwrap();
                let caller = if self.dice.roll(3) == 0 { the_user } else { caller };
                self.tried(&caller, &SubmitReplacement { target, reason, mode }).await;
            }
            (6, .., Some(request)) => drop(self.tried(&caller, &ApproveRequest { request }).await),
            (7, .., Some(request)) => drop(self.tried(&caller, &RejectRequest { request, because: None }).await),
            (8, .., Some(request)) => drop(self.tried(&caller, &CancelRequest { request }).await),
            (9, .., Some(request)) => {
                let stock = self.house.world.store.stock(None, 10).await.unwrap();
                if let Some(card) = self.dice.pick(&stock) {
                    self.tried(&caller, &BindDevice { request, device: card.id }).await;
                }
            }
            (10, Some(device), _, Some(request)) => drop(self.tried(&caller, &UnbindDevice { request, device }).await),
            (11, Some(device), ..) => drop(self.tried(&caller, &Suspend { what: Held::Device(device) }).await),
            (12, Some(device), ..) => drop(self.tried(&caller, &Resume { what: Held::Device(device) }).await),
            (13, _, Some(credential), _) => drop(self.tried(&caller, &Suspend { what: Held::Credential(credential) }).await),
            (14, _, Some(credential), _) => drop(self.tried(&caller, &Resume { what: Held::Credential(credential) }).await),
            (15, Some(device), ..) => {
                let reason = self.dice.pick(Termination::ALL).unwrap();
                self.tried(&caller, &TerminateDevice { device, reason }).await;
            }
            (16, Some(original), ..) => drop(self.tried(&caller, &TakeBackOriginal { original }).await),
            (17, ..) => {
                let hours = [1, 30, 400, 800][self.dice.roll(4)];
                self.house.clock.advance(SignedDuration::from_hours(hours));
                settle_all(&self.house.world).await.unwrap();
            }
            (18 | 19, Some(device), ..) => self.update(user, &held, device).await,
            (.., Some(request)) => self.provision(&held, request, &caller, &the_user).await,
            _ => {}
        }
    }

    /// A device goes on with a session, or begins one.
    async fn provision(&mut self, held: &Holdings, request: RequestId, caller: &Caller, the_user: &Caller) {
        let asked = &held.requests[&request];
        let is_at_work = matches!(asked.state, RequestState::Issuing(_)) && self.at_work.iter().any(|(id, _)| *id == request);
        if !is_at_work {
            let caller = if asked.mode() == Some(Mode::SelfEnrollment) { the_user } else { caller };
            let Some(done) = self.tried(caller, &InviteAgain { request }).await else { return };
            let serial = match &asked.state {
                RequestState::Bound { device } => held.devices[device].serial.clone(),
                _ => self.house.world.store.stock(None, 1).await.unwrap().first().map_or("none".to_owned(), |card| card.serial.clone()),
            };
            let facts = DeviceFacts { kind: asked.kind, model: "m".to_owned(), serial, name: "n".to_owned() };
            let mut device = Device::new(facts);
            if device.open(&self.house.world, &Secret::of(&done.invitation.unwrap())).await.is_err() {
                return; // no card is left
            }
            self.at_work.retain(|(id, _)| *id != request);
            self.at_work.push((request, device));
        }
        let (_, device) = self.at_work.iter_mut().find(|(id, _)| *id == request).unwrap();
        if device.provision(&self.house.world).await.is_ok() && self.dice.roll(4) > 0 && device.confirm(&self.house.world).await.is_ok() {
            self.done += 1;
            self.at_work.retain(|(id, _)| *id != request);
        }
    }

    async fn update(&mut self, user: UserId, held: &Holdings, device: remint::lifecycle::ids::DeviceId) {
        let found = &held.devices[&device];
        let auth = held.carried_by(device).find(|(credential, _)| credential.slot == Slot::Auth).map(|(credential, _)| credential.id);
        let (DeviceState::Issued { .. }, Some(credential)) = (&found.state, auth) else { return };
        let facts = DeviceFacts { kind: found.kind, model: String::new(), serial: String::new(), name: String::new() };
        let mut device_at_work = Device::new(facts);
        let bearer = Bearer::Auth { user, device, credential };
        if matches!(device_at_work.sync(&self.house.world, bearer).await, Ok(true))
            && device_at_work.provision(&self.house.world).await.is_ok()
            && device_at_work.confirm(&self.house.world).await.is_ok()
        {
            self.done += 1;
        }
    }

    /// What is on file is what the changes make, and breaks no invariant.
    async fn agrees(&self, step: usize) {
        let world = &self.house.world;
        for user in &self.users {
            let remembered = world.store.holdings(*user).await.unwrap().unwrap();
            let on_file = world.store.holdings_on_file(*user).await.unwrap().unwrap();
            assert_eq!(remembered, on_file, "step {step}");
            assert_eq!(on_file.holdings.faults(&world.policy, world.now()), [], "step {step}");
        }
    }
}

#[tokio::test]
async fn what_the_store_holds_is_what_the_changes_make() {
    for seed in [1, 2, 3] {
        let mut walk = Walk::new(seed).await;
        for step in 0..200 {
            walk.step().await;
            walk.agrees(step).await;
        }
        println!("seed {seed}: {} acts done", walk.done);
        assert!(walk.done > 40, "seed {seed}: the walk got nowhere: {}", walk.done);
    }
}
