//! The story: a phone and a tablet are issued, the phone is lost, sometimes found again, replaced, and the tablet is brought up to date. Whoever
//! is told "unavailable" asks again; whoever asks again is told what was done.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::Slot;
use remint::lifecycle::device::{DeviceKind, DeviceStatus};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::Mode;
use remint::store::audit::{Outcome, Who};
use remint::store::fault::Order;
use remint::store::views::AuditFilter;
use remint::workflows::add_operator::add_operator;
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::check_house::{InProcess, check_house};
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::{Errand, carry_out};
use remint::workflows::failure::Failure;
use remint::workflows::identify::Bearer;
use remint::workflows::invite_again::InviteAgain;
use remint::workflows::publish_crl::publish_crl;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::world::{Caller, World};

use crate::random::Dice;
use crate::support::device::{Device, Secret};
use crate::support::house::House;

/// By how much the clock steps: less than a session lives.
const STEP: SignedDuration = SignedDuration::from_mins(40);
/// How often somebody asks before they think that it will never be.
const PATIENCE: usize = 200;

pub struct Town {
    house: House,
    desk: Caller,
    met: Arc<AtomicU64>,
}

impl Town {
    pub async fn new(seed: u64) -> Self {
        let house = House::new(seed, |_| {}).await;
        let operator = add_operator(&house.world, "hana", [Role::HelpDesk].into(), None).await.unwrap().operator;
        let who = Who::Operator { id: operator.id, fingerprint: "AB".to_owned() };
        let desk = Caller { actor: Actor::Operator(operator), who, source: "test".to_owned(), session: None };
        Self { house, desk, met: Arc::default() }
    }

    /// Tells the story of one seed; says how many commits met trouble.
    pub async fn tell(&self, seed: u64, troubles: Arc<Order>) -> u64 {
        let name = format!("ana{seed}");
        let new = NewUser {
            email: format!("{name}@example.org"),
            upn: format!("{name}@corp.example.org"),
            attributes: Attributes::default(),
            name,
        };
        let user = create_user(self.world(), &administrator(), new).await.unwrap().id;
        let before = self.met.load(Ordering::Relaxed);
        let (met, clock) = (Arc::clone(&self.met), Arc::clone(&self.house.clock));
        let steps = Arc::new(Mutex::new((Dice(!seed), false)));
        let stepping = Arc::clone(&steps);
        self.world().store.order_trouble(Some(Arc::new(move |commit, statements| {
            // now and then somebody sets the clock, and sets it back
            let (dice, is_ahead) = &mut *stepping.lock().unwrap();
            if dice.roll(8) == 0 {
                *is_ahead = !*is_ahead;
                clock.advance(if *is_ahead { STEP } else { -STEP });
            }
            let trouble = troubles(commit, statements);
            met.fetch_add(u64::from(trouble.is_some()), Ordering::Relaxed);
            trouble
        })));
        Person { world: self.world(), desk: &self.desk, user, seed }.live().await;
        self.world().store.order_trouble(None);
        if steps.lock().unwrap().1 {
            self.house.clock.advance(-STEP);
        }
        self.met.load(Ordering::Relaxed) - before
    }

    /// What the check finds in the house, which is nothing.
    pub async fn close(self) -> Vec<String> {
        publish_crl(self.world()).await.unwrap();
        let found = check_house(self.world(), &InProcess::alone(self.world())).await.unwrap().divergences;
        self.world().store.close().await;
        found
    }

    fn world(&self) -> &World {
        &self.house.world
    }
}

struct Person<'t> {
    world: &'t World,
    desk: &'t Caller,
    user: UserId,
    seed: u64,
}

impl Person<'_> {
    async fn live(&self) {
        let phone = self.issued(DeviceKind::MobileSmartCard, Mode::Remote).await;
        let tablet = self.issued(DeviceKind::MobileApp, Mode::SelfEnrollment).await;
        if self.seed.is_multiple_of(3) {
            self.lose_and_find(phone).await;
        }
        let lost = SubmitReplacement { target: phone, reason: Reason::Lost, mode: Mode::Remote };
        let (request, secret) = self.ask(self.desk, &lost).await;
        let held = self.held().await;
        assert_eq!(held.device_status(&held.devices[&phone]), DeviceStatus::Invalid, "seed {}", self.seed);
        let new = self.issue(DeviceKind::MobileSmartCard, &secret).await;
        self.update(tablet).await;

        let held = self.held().await;
        assert_eq!(held.faults(&self.world.policy, self.world.now()), [], "seed {}", self.seed);
        let found = [phone, new, tablet].map(|device| held.device_status(&held.devices[&device]));
        assert_eq!(found, [DeviceStatus::Terminated, DeviceStatus::Active, DeviceStatus::Active], "seed {}", self.seed);
        assert_eq!(held.devices.len(), 3, "seed {}: nothing was issued twice", self.seed);
        assert_eq!(held.open_requests().count(), 0, "seed {}", self.seed);
        assert_eq!(current(&held, new, Slot::Enc), current(&held, tablet, Slot::Enc), "seed {}: both read the same mail", self.seed);
        let filter = AuditFilter { request: Some(request), act: Some("issue".to_owned()), ..AuditFilter::default() };
        let entries = self.world.store.audit_page(&filter, i64::MAX, 10).await.unwrap();
        assert_eq!(entries.iter().filter(|entry| entry.outcome == Outcome::Done).count(), 1, "seed {}", self.seed);
    }

    async fn held(&self) -> Holdings {
        self.world.store.holdings(self.user).await.unwrap().unwrap().holdings
    }

    /// A first device.
    async fn issued(&self, kind: DeviceKind, mode: Mode) -> DeviceId {
        let the_user = Caller { actor: Actor::User(self.user), who: Who::User(self.user), source: "test".to_owned(), session: None };
        let errand = RequestInitialIssuance { user: self.user, kind, mode };
        let (request, secret) = self.ask_for(self.desk, &errand).await;
        let secret = match secret {
            Some(secret) => secret,
            None => self.invited(&the_user, request).await, // self-enrollment: the user's own ticket
        };
        self.issue(kind, &secret).await
    }

    /// Everything is as it was when a phone that was lost is found again.
    async fn lose_and_find(&self, phone: DeviceId) {
        let before = self.held().await;
        let lost = SubmitReplacement { target: phone, reason: Reason::Lost, mode: Mode::Remote };
        let (request, _) = self.ask(self.desk, &lost).await;
        self.until(async || {
            match carry_out(self.world, self.desk, &CancelRequest { request }).await {
                Err(Failure::Refused(_)) => Ok(()), // canceled before, and the answer was lost
                other => other.map(drop),
            }
        })
        .await;
        let after = self.held().await;
        assert_eq!((&before.devices, &before.credentials, &before.holds), (&after.devices, &after.credentials, &after.holds));
    }

    /// Asks until it is done; the request, and its invitation.
    async fn ask(&self, caller: &Caller, errand: &impl Errand) -> (RequestId, Secret) {
        let (request, secret) = self.ask_for(caller, errand).await;
        (request, secret.unwrap())
    }

    async fn ask_for(&self, caller: &Caller, errand: &impl Errand) -> (RequestId, Option<Secret>) {
        let known: Vec<RequestId> = self.held().await.requests.keys().copied().collect();
        let mut is_unheard = false;
        for _ in 0..PATIENCE {
            match carry_out(self.world, caller, errand).await {
                Ok(done) => {
                    let request = self.new_request(&known).await.unwrap();
                    return (request, done.invitation.as_ref().map(Secret::of));
                }
                Err(Failure::Unavailable(_)) => is_unheard = true,
                // it was done, and nobody heard of it: the invitation is gone with the answer, and another one is made
                Err(Failure::Refused(_)) if is_unheard => {
                    let request = self.new_request(&known).await.unwrap();
                    return (request, Some(self.invited(caller, request).await));
                }
                Err(other) => panic!("seed {}: {}: {other:?}", self.seed, errand.name()),
            }
            if is_unheard && let Some(request) = self.new_request(&known).await {
                // self-enrollment has no invitation to lose
                let is_self =
                    errand.name() == "request-initial" && self.held().await.requests[&request].mode() == Some(Mode::SelfEnrollment);
                return (request, if is_self { None } else { Some(self.invited(caller, request).await) });
            }
        }
        panic!("seed {}: {}: never done", self.seed, errand.name())
    }

    async fn new_request(&self, known: &[RequestId]) -> Option<RequestId> {
        self.held().await.open_requests().map(|request| request.id).find(|request| !known.contains(request))
    }

    async fn invited(&self, caller: &Caller, request: RequestId) -> Secret {
        self.until(async || {
            let done = carry_out(self.world, caller, &InviteAgain { request }).await?;
            Ok(Secret::of(done.invitation.as_ref().unwrap()))
        })
        .await
    }

    /// A new device, from its invitation to its confirmation.
    async fn issue(&self, kind: DeviceKind, secret: &Secret) -> DeviceId {
        let facts = DeviceFacts { kind, model: "m".to_owned(), serial: format!("s{}", self.seed), name: "n".to_owned() };
        let mut device = Device::new(facts);
        self.goes_on(async || device.open(self.world, secret).await).await;
        self.goes_on(async || device.provision(self.world).await).await;
        self.goes_on(async || device.confirm(self.world).await.map(drop)).await;
        device.session.as_ref().unwrap().device
    }

    /// A device that shared the key of one that was lost gets the new one.
    async fn update(&self, tablet: DeviceId) {
        let held = self.held().await;
        let credential = current(&held, tablet, Slot::Auth).unwrap();
        let bearer = Bearer::Auth { user: self.user, device: tablet, credential };
        let facts = DeviceFacts { kind: DeviceKind::MobileApp, model: "m".to_owned(), serial: "t".to_owned(), name: "n".to_owned() };
        let mut device = Device::new(facts);
        self.goes_on(async || device.sync(self.world, bearer).await.map(|is_there| assert!(is_there, "an update"))).await;
        self.goes_on(async || device.provision(self.world).await).await;
        self.goes_on(async || device.confirm(self.world).await.map(drop)).await;
    }

    /// Again and again, as long as the server cannot.
    async fn goes_on(&self, mut step: impl AsyncFnMut() -> Result<(), Failure>) {
        for _ in 0..PATIENCE {
            match step().await {
                Ok(()) => return,
                Err(Failure::Unavailable(_)) => {}
                Err(other) => panic!("seed {}: {other:?}", self.seed),
            }
        }
        panic!("seed {}: never done", self.seed)
    }

    async fn until<T>(&self, step: impl AsyncFn() -> Result<T, Failure>) -> T {
        for _ in 0..PATIENCE {
            match step().await {
                Ok(done) => return done,
                Err(Failure::Unavailable(_)) => {}
                Err(other) => panic!("seed {}: {other:?}", self.seed),
            }
        }
        panic!("seed {}: never done", self.seed)
    }
}

/// What a device carries in a slot.
fn current(held: &Holdings, device: DeviceId, slot: Slot) -> Option<CredentialId> {
    let mut carried = held.carried_by(device).filter(|(credential, how)| *how == Carried::Current && credential.slot == slot);
    carried.next().map(|(credential, _)| credential.id)
}
