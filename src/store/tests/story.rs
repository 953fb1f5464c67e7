//! Stories made of the acts themselves: after every step, what is loaded is what the changes make in memory, and what relying parties
//! are told is what can be read off it.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::lifecycle::actor::Actor;
use crate::lifecycle::acts::abandon::{Abandon, abandon};
use crate::lifecycle::acts::cancel::{Cancel, cancel};
use crate::lifecycle::acts::collect::{Collect, Collection, collect, collected};
use crate::lifecycle::acts::enroll::{Enroll, Enrollment, enroll, signed};
use crate::lifecycle::acts::invite::{Invite, NewTicket, invite};
use crate::lifecycle::acts::issue::{Issue, issue};
use crate::lifecycle::acts::redeem::{Admission, DeviceFacts, NewCredential, Redeem, admission, redeem};
use crate::lifecycle::acts::request_initial::{RequestInitial, request_initial};
use crate::lifecycle::acts::submit::{Submit, submit};
use crate::lifecycle::acts::update::{Update, update};
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::policy::{EvidenceRule, InvitationPolicy, KeyKind, KindPolicy, PinPolicy, Policy};
use crate::lifecycle::reason::Reason;
use crate::lifecycle::refusal::Refusal;
use crate::lifecycle::request::EncPlan;
use crate::store::crl::Listed;

fn policy() -> Policy {
    let kind = |slots: &[Slot]| KindPolicy {
        slots: slots.to_vec(),
        key: KeyKind::P256,
        evidence: EvidenceRule::None,
        renews_enc: BTreeSet::new(),
        pin: PinPolicy { min_digits: 6, max_digits: 8, attempts: 5 },
        limit: 10,
    };
    let slots = [Slot::Auth, Slot::Sign, Slot::Enc];
    Policy {
        kinds: BTreeMap::from([(DeviceKind::MobileSmartCard, kind(&slots)), (DeviceKind::MobileApp, kind(&slots))]),
        invitation: InvitationPolicy {
            lifetime: SignedDuration::from_hours(72),
            attempts: 5,
            second_channel: false,
            by_mail: false,
            plain_bootstrap: false,
        },
        stand_in_lifetime: SignedDuration::from_hours(24 * 30),
        session_lifetime: SignedDuration::from_hours(24),
        users_may_issue_remotely: false,
        renewal_window: SignedDuration::from_hours(24 * 60),
        validate_initial: false,
        validate_replacements: false,
        separate_issuer: false,
        escalation: None,
    }
}

/// One step: what is done, and to which of the things that it could be done to.
type Step = (u8, u8, u8);

/// What an act changes, and what else is kept with it; nothing where there is nothing to do it to.
type Decided = Option<Result<(Vec<Change>, Vec<Write>), Refusal>>;

struct Story {
    house: House,
    policy: Policy,
    next: u128,
    minute: i64,
}

impl Story {
    async fn new() -> Self {
        Self { house: House::new().await, policy: policy(), next: 100, minute: 0 }
    }

    fn fresh(&mut self) -> u128 {
        self.next += 1;
        self.next
    }

    fn new_credential(&mut self) -> NewCredential {
        let n = self.fresh();
        NewCredential { id: credential_id(n), serial: serial(n) }
    }

    fn olga() -> Actor {
        Actor::Operator(Operator { id: OLGA, name: "Olga".to_owned(), roles: BTreeSet::from([Role::HelpDesk]), user: None })
    }

    fn pick<K: Copy, V>(things: &BTreeMap<K, V>, pick: u8) -> Option<K> {
        things.keys().copied().nth(usize::from(pick) % things.len().max(1))
    }

    /// Takes a step; one that the rules refuse changes nothing.
    async fn step(&mut self, (what, first, second): Step) {
        self.minute += 1;
        let decided = self.decide(what, first, second);
        if let Some(Ok((changes, more))) = decided {
            self.house.keep_with(changes, more).await;
            self.relying_parties_are_told_the_truth().await;
        }
    }

    fn decide(&mut self, what: u8, first: u8, second: u8) -> Decided {
        let now = at(self.minute);
        let n = self.fresh();
        let ticket = NewTicket { id: ticket_id(n) };
        let held = self.house.held.clone();
        let policy = self.policy.clone();
        let request = Self::pick(&held.requests, first);
        let decided = match what % 12 {
            0 => {
                let (kind, mode) = match first % 2 {
                    0 => (DeviceKind::MobileSmartCard, Mode::Remote),
                    _ => (DeviceKind::MobileApp, Mode::SelfEnrollment),
                };
                let act = RequestInitial { actor: Self::olga(), request: request_id(n), kind, mode, ticket };
                request_initial(&held, &policy, &act, now)
            }
            1 => {
                let target = Self::pick(&held.devices, first)?;
                let act = Submit {
                    actor: Self::olga(),
                    request: request_id(n),
                    target,
                    reason: Reason::ALL[usize::from(second) % Reason::ALL.len()],
                    mode: Mode::fitting(held.devices[&target].kind).last().copied()?,
                    ticket,
                };
                submit(&held, &policy, &act, now)
            }
            2 => cancel(&held, &policy, &Cancel { actor: Self::olga(), request: request? }, now),
            3 => {
                let is_users = held.requests[&request?].mode() == Some(Mode::SelfEnrollment);
                let actor = if is_users { Actor::User(held.user.id) } else { Self::olga() };
                invite(&held, &policy, &Invite { actor, request: request?, ticket }, now)
            }
            4 | 5 => return self.redeem(n, now),
            6 => return self.enroll(n),
            7 | 8 => return self.collect(n, now),
            9 => {
                let (request, session) = self.at_work()?;
                let confirmed = held.credentials.keys().copied().collect();
                issue(&held, &policy, &Issue { request, session, confirmed }, now)
            }
            10 => {
                let (request, session) = self.at_work()?;
                abandon(&held, &policy, &Abandon { request, session }, now)
            }
            _ => {
                let device = Self::pick(&held.devices, first)?;
                let session = session_id(n);
                update(&held, &policy, &Update { device, session }, now)
            }
        };
        Some(decided.map(|changes| (changes, Vec::new())))
    }

    /// The session that is at work.
    fn at_work(&self) -> Option<(RequestId, SessionId)> {
        let mut working = self.house.held.open_requests();
        working.find_map(|request| Some((request.id, request.issuing()?.session)))
    }

    fn redeem(&mut self, n: u128, now: Timestamp) -> Decided {
        let held = &self.house.held;
        let admits = |ticket: &&crate::lifecycle::ticket::Ticket| admission(held, ticket, now) == Ok(Admission::Anybody);
        let ticket = held.tickets.values().find(admits)?.clone();
        let request = held.requests.get(&ticket.request)?.clone();
        let reserve = (0..3).map(|_| self.new_credential()).collect();
        let act = Redeem {
            ticket: ticket.id,
            session: session_id(n),
            device: device_id(n),
            facts: DeviceFacts {
                kind: request.kind,
                model: "Pixel 11".to_owned(),
                serial: "R5CT30ABCDE".to_owned(),
                name: "phone".to_owned(),
            },
            known: None,
            reserve,
        };
        let opened = Session {
            request: request.id,
            opened: Opened::ByTicket {
                ticket: ticket.id,
                session_key: n.to_be_bytes().to_vec(),
                bootstrap: serial(0xb000_0000 + n),
                is_plain: false,
            },
            ..session(n, 0, n, 0)
        };
        let redeemed = redeem(&self.house.held, &self.policy, &act, now);
        Some(redeemed.map(|changes| (changes, vec![Write::Session(opened)])))
    }

    fn enroll(&mut self, n: u128) -> Decided {
        let (request, session) = self.at_work()?;
        let next = [Slot::Auth, Slot::Sign].into_iter().find_map(|slot| {
            let key = certified(n).key;
            let act = Enroll { request, session, slot, key };
            enroll(&self.house.held, &act).ok()
        })?;
        let Enrollment::Sign(credential) = next else { return None };
        let certificate = Write::Certificate { credential: credential.id, der: vec![1, 2, 3] };
        Some(Ok((signed(credential.id, certified(n)), vec![certificate])))
    }

    fn collect(&mut self, n: u128, now: Timestamp) -> Decided {
        let (request, session) = self.at_work()?;
        let new = self.new_credential();
        let held = &self.house.held;
        let (plan, made, more) = match collect(held, &self.policy, &Collect { request, session, new }, now).ok()? {
            Collection::Reserve(changes) => return Some(Ok((changes, Vec::new()))),
            Collection::Deliver(plan) => (plan, None, Vec::new()),
            Collection::Make { credential, history } => {
                let credential = credential.id;
                let plan = EncPlan { current: credential, history };
                let sealed = vec![4, 5, 6];
                (plan, Some((credential, certified(n))), vec![Write::Escrow { credential, key: 0, sealed }])
            }
        };
        let changes = collected(held, request, session, plan, made);
        Some(changes.map(|changes| (changes, more)))
    }

    async fn relying_parties_are_told_the_truth(&self) {
        let held = &self.house.held;
        let mut listed = BTreeMap::new();
        for credential in held.credentials.values() {
            let standing = held.standing(credential);
            assert_eq!(self.house.store.standings(vec![credential.serial]).await.unwrap(), [Some(standing)]);
            if standing != Standing::Good && credential.certified().is_some() {
                listed.insert(credential.serial, standing);
            }
        }
        let not_good = self.house.store.not_good(at(self.minute)).await.unwrap();
        let not_good: BTreeMap<_, _> = not_good.into_iter().map(|Listed { serial, standing }| (serial, standing)).collect();
        assert_eq!(not_good, listed);
    }

    /// A new request is issued: redeemed, three slots filled, confirmed.
    async fn issue_all(&mut self) {
        for what in [4, 6, 6, 7, 7, 9] {
            self.step((what, 0, 0)).await;
        }
    }
}

#[tokio::test]
async fn a_lost_phone_is_replaced_and_the_tablet_updated() {
    let mut story = Story::new().await;
    for kind in [0, 1] {
        story.step((0, kind, 0)).await;
        if kind == 1 {
            let tablet = story.house.held.requests.values().position(|request| request.is_open()).unwrap();
            story.step((3, tablet as u8, 0)).await;
        }
        story.issue_all().await;
    }
    assert_eq!(story.house.held.devices_in_use().count(), 2);
    let lost = Reason::ALL.iter().position(|reason| *reason == Reason::Lost).unwrap();
    story.step((1, 0, lost as u8)).await;
    story.issue_all().await;
    assert_eq!(story.house.held.devices_in_use().count(), 2);
    let tablet = story.house.held.devices.values().position(|device| device.kind == DeviceKind::MobileApp);
    for what in [11, 7, 7, 9] {
        story.step((what, tablet.unwrap() as u8, 0)).await;
    }
    assert_eq!(story.house.held.open_requests().count(), 0);
    assert_eq!(story.house.held.faults(&story.policy, at(story.minute)), []);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_store_holds_what_the_changes_make(steps in proptest::collection::vec(any::<Step>(), 1..80)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut story = Story::new().await;
            for step in steps {
                story.step(step).await;
            }
            story.house.store.close().await;
        });
    }
}
