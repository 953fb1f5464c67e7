//! Things in every state that the desk can meet, each of a person of its own: made through the workflows, with devices that generate keys.

use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::credential::Slot;
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::hold::Held;
use remint::lifecycle::holdings::Holdings;
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use remint::lifecycle::reason::{Reason, Termination};
use remint::lifecycle::request::{Mode, RequestState};
use remint::store::audit::Who;
use remint::workflows::approve_request::{ApproveRequest, RejectRequest};
use remint::workflows::bind_device::BindDevice;
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::{Done, Errand, carry_out};
use remint::workflows::invite_again::InviteAgain;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::settle_dues::settle_all;
use remint::workflows::stock::{NewStock, add_stock};
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::suspend::Suspend;
use remint::workflows::terminate_device::TerminateDevice;
use remint::workflows::world::{Caller, World};
use uuid::Uuid;

use super::colleague::Colleague;
use crate::support::device::{Device, Secret};
use crate::support::live::Live;

pub const CARD: DeviceKind = DeviceKind::SmartCard;
pub const PHONE: DeviceKind = DeviceKind::MobileSmartCard;
pub const TABLET: DeviceKind = DeviceKind::MobileApp;

/// Of nothing that there is.
const NOTHING: Uuid = Uuid::from_u128(0x0189_0a5d_ac96_774b_bcce_b302_099a_8057);

/// What an act is done to.
pub struct Thing {
    /// Whose it is; nobody's, if it is in stock or nowhere.
    pub user: Option<UserId>,
    pub id: Uuid,
    /// The device that its request has, or a card from stock that it could have.
    pub card: DeviceId,
    pub kind: DeviceKind,
}

/// A device that has signed everything and has not confirmed.
pub struct AtWork {
    pub request: RequestId,
    pub device: Device,
}

/// Makes things.
pub struct Scene<'l> {
    live: &'l Live,
    /// Has every role that acts.
    pub clerk: Caller,
    counted: AtomicUsize,
}

impl<'l> Scene<'l> {
    pub async fn set(live: &'l Live) -> Self {
        let clerk = Colleague::hired(live, "Clara", [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]).await;
        Self { live, clerk: clerk.caller(), counted: AtomicUsize::new(0) }
    }

    /// A server whose stand-ins last a day.
    pub async fn stage() -> Live {
        Live::with_policy(|policy| policy.replace("stand_in_days = 30", "stand_in_days = 1")).await
    }

    fn world(&self) -> &World {
        self.live.world()
    }

    fn count(&self) -> usize {
        self.counted.fetch_add(1, Ordering::Relaxed)
    }

    pub async fn person(&self) -> UserId {
        let name = format!("ana{}", self.count());
        let new = NewUser {
            email: format!("{name}@example.org"),
            upn: format!("{name}@corp.example.org"),
            attributes: Attributes::default(),
            name,
        };
        create_user(self.world(), &administrator(), new).await.unwrap().id
    }

    pub async fn held(&self, user: UserId) -> Holdings {
        self.world().store.holdings(user).await.unwrap().unwrap().holdings
    }

    /// A blank card in stock.
    pub async fn blank(&self) -> DeviceId {
        let new = NewStock { kind: CARD, serial: format!("0A31-{:05}", self.count()), model: "PIV card".to_owned() };
        add_stock(self.world(), &self.clerk, new, false).await.unwrap().id
    }

    pub async fn done(&self, errand: &impl Errand) -> Done {
        self.done_by(&self.clerk, errand).await
    }

    async fn done_by(&self, caller: &Caller, errand: &impl Errand) -> Done {
        carry_out(self.world(), caller, errand).await.unwrap_or_else(|failure| panic!("{}: {failure:?}", errand.name()))
    }

    /// Opens an initial issuance.
    pub async fn initial(&self, user: UserId, kind: DeviceKind, mode: Mode) -> RequestId {
        self.done(&RequestInitialIssuance { user, kind, mode }).await.request.unwrap()
    }

    pub async fn submit(&self, target: DeviceId, reason: Reason, mode: Mode) -> RequestId {
        self.done(&SubmitReplacement { target, reason, mode }).await.request.unwrap()
    }

    /// The user reports it themselves: the request waits for approval.
    pub async fn report(&self, user: UserId, target: DeviceId, mode: Mode) -> RequestId {
        let errand = SubmitReplacement { target, reason: Reason::Damaged, mode };
        self.done_by(&the_user(user), &errand).await.request.unwrap()
    }

    pub async fn bind(&self, request: RequestId) -> DeviceId {
        let device = self.blank().await;
        self.done(&BindDevice { request, device }).await;
        device
    }

    /// A device has redeemed a ticket of the request. A card is the one that is bound, or one from stock.
    pub async fn open(&self, request: RequestId) -> AtWork {
        let owner = self.world().store.user_of_request(request).await.unwrap().unwrap();
        let held = self.held(owner).await;
        let asked = &held.requests[&request];
        let card = match &asked.state {
            RequestState::Bound { device } => Some(*device),
            _ if asked.kind == CARD => Some(self.blank().await),
            _ => None,
        };
        let serial = match card {
            Some(card) => self.world().store.device(card).await.unwrap().unwrap().serial,
            None => format!("R5CT{}", self.count()),
        };
        let is_users = asked.mode() == Some(Mode::SelfEnrollment);
        let asker = if is_users { the_user(owner) } else { self.clerk.clone() };
        let invited = self.done_by(&asker, &InviteAgain { request }).await;
        let facts = DeviceFacts { kind: asked.kind, model: "m".to_owned(), serial, name: "Ana's".to_owned() };
        let mut device = Device::new(facts);
        device.open(self.world(), &Secret::of(&invited.invitation.unwrap())).await.unwrap();
        AtWork { request, device }
    }

    /// A device has signed everything under a request, and has not confirmed.
    pub async fn provision(&self, request: RequestId) -> AtWork {
        let mut at_work = self.open(request).await;
        at_work.device.provision(self.world()).await.unwrap();
        at_work
    }

    /// A device is issued under a request.
    pub async fn issue(&self, request: RequestId) -> DeviceId {
        self.provision(request).await.device.confirm(self.world()).await.unwrap().device
    }

    pub async fn card_of(&self, user: UserId) -> DeviceId {
        self.issue(self.initial(user, CARD, Mode::Local).await).await
    }

    /// A stand-in for a forgotten card.
    async fn stand_in_for(&self, original: DeviceId) -> DeviceId {
        self.issue(self.submit(original, Reason::Forgotten, Mode::Local).await).await
    }

    /// The stand-ins lapse.
    async fn a_day_passes(&self) {
        self.live.advance(SignedDuration::from_hours(25));
        settle_all(self.world()).await.unwrap();
    }

    async fn current(&self, user: UserId, device: DeviceId, slot: Slot) -> CredentialId {
        self.held(user).await.carried_by(device).find(|(credential, _)| credential.slot == slot).unwrap().0.id
    }

    /// A request in the state that the tables call by this name.
    pub async fn request(&self, name: &str) -> Thing {
        let user = self.person().await;
        let (mut card, mut kind) = (self.blank().await, CARD);
        let request = match name {
            "awaiting" => self.report(user, self.card_of(user).await, Mode::Local).await,
            "local" => self.initial(user, CARD, Mode::Local).await,
            "remote" => self.initial(user, PHONE, Mode::Remote).await,
            "tablet's" => self.initial(user, TABLET, Mode::SelfEnrollment).await,
            "for the portal" => self.initial(user, CARD, Mode::SelfEnrollment).await,
            "by the user" => {
                let request = self.report(user, self.card_of(user).await, Mode::SelfEnrollment).await;
                self.done(&ApproveRequest { request }).await.request.unwrap()
            }
            "bound" | "a replacement, bound" => {
                let request = match name {
                    "bound" => self.initial(user, CARD, Mode::Local).await,
                    _ => self.submit(self.card_of(user).await, Reason::Lost, Mode::Local).await,
                };
                card = self.bind(request).await;
                request
            }
            "card at work" | "phone at work" => {
                let (of, mode) = if name == "card at work" { (CARD, Mode::Local) } else { (PHONE, Mode::Remote) };
                kind = of;
                let at_work = self.provision(self.initial(user, of, mode).await).await;
                card = at_work.device.session.as_ref().unwrap().device;
                at_work.request
            }
            "issued" => {
                let request = self.initial(user, CARD, Mode::Local).await;
                card = self.issue(request).await;
                request
            }
            "rejected" => {
                let request = self.report(user, self.card_of(user).await, Mode::Local).await;
                self.done(&RejectRequest { request, because: None }).await.request.unwrap()
            }
            "canceled" => {
                let request = self.initial(user, CARD, Mode::Local).await;
                self.done(&CancelRequest { request }).await.request.unwrap()
            }
            "update" => {
                let phone = self.issue(self.initial(user, PHONE, Mode::Remote).await).await;
                card = self.issue(self.initial(user, TABLET, Mode::SelfEnrollment).await).await;
                self.done(&TerminateDevice { device: phone, reason: Termination::Stolen }).await;
                self.held(user).await.open_update_of(card).expect("an update").id
            }
            "nothing" => return Thing { user: None, id: NOTHING, card, kind },
            other => panic!("no such request in the tables: {other}"),
        };
        Thing { user: Some(user), id: request.0, card, kind }
    }

    /// A device in the state that the tables call by this name.
    pub async fn device(&self, name: &str) -> Thing {
        let user = self.person().await;
        let mut kind = CARD;
        let device = match name {
            "available" => return self.thing(None, self.blank().await, CARD),
            "assigned" => DeviceId(self.request("bound").await.card.0),
            "enrolling" => {
                kind = PHONE;
                let at_work = self.provision(self.initial(user, PHONE, Mode::Remote).await).await;
                at_work.device.session.as_ref().unwrap().device
            }
            "active" => self.card_of(user).await,
            "suspended" => {
                let card = self.card_of(user).await;
                self.done(&Suspend { what: Held::Device(card) }).await;
                card
            }
            "lost" | "forgotten" => {
                let card = self.card_of(user).await;
                let reason = if name == "lost" { Reason::Lost } else { Reason::Forgotten };
                self.submit(card, reason, Mode::Local).await;
                card
            }
            "terminated" => {
                let device = self.card_of(user).await;
                self.done(&TerminateDevice { device, reason: Termination::Retired }).await;
                device
            }
            "stand-in" | "lapsed stand-in" => self.stand_in_for(self.card_of(user).await).await,
            "original" | "lapsed original" => {
                let original = self.card_of(user).await;
                self.stand_in_for(original).await;
                original
            }
            "nothing" => return self.thing(None, DeviceId(NOTHING), CARD),
            other => panic!("no such device in the tables: {other}"),
        };
        if name.starts_with("lapsed") {
            self.a_day_passes().await;
        }
        let owner = self.world().store.device(device).await.unwrap().map(|_| device);
        let user = if name == "assigned" { self.owner(owner.unwrap()).await } else { user };
        self.thing(Some(user), device, kind)
    }

    async fn owner(&self, device: DeviceId) -> UserId {
        use remint::store::device::Owner;
        match self.world().store.owner_of_device(device).await.unwrap() {
            Some(Owner::User(user)) => user,
            other => panic!("somebody's device: {other:?}"),
        }
    }

    fn thing(&self, user: Option<UserId>, device: DeviceId, kind: DeviceKind) -> Thing {
        Thing { user, id: device.0, card: device, kind }
    }

    /// A credential in the state that the tables call by this name.
    pub async fn credential(&self, name: &str) -> Thing {
        let of_device = |thing: Thing| async move {
            let (user, device) = (thing.user.unwrap(), DeviceId(thing.id));
            (user, device, self.current(user, device, Slot::Auth).await)
        };
        let (user, device, credential) = match name {
            "reserved" | "signed" => {
                let user = self.person().await;
                let request = self.initial(user, PHONE, Mode::Remote).await;
                let at_work = if name == "signed" { self.provision(request).await } else { self.open(request).await };
                let device = at_work.device.session.as_ref().unwrap().device;
                let held = self.held(user).await;
                let credential = held.unconfirmed_for(device).next().unwrap().id;
                (user, device, credential)
            }
            "active" | "suspended" => {
                let (user, device, credential) = of_device(self.device("active").await).await;
                if name == "suspended" {
                    self.done(&Suspend { what: Held::Credential(credential) }).await;
                }
                (user, device, credential)
            }
            "of a suspended device" => of_device(self.device("suspended").await).await,
            "of a lost device" => of_device(self.device("lost").await).await,
            "revoked" => of_device(self.device("terminated").await).await,
            "nothing" => return Thing { user: None, id: NOTHING, card: DeviceId(NOTHING), kind: CARD },
            other => panic!("no such credential in the tables: {other}"),
        };
        Thing { user: Some(user), id: credential.0, card: device, kind: CARD }
    }
}

/// A signed-in user, as a workflow is told of them.
pub fn the_user(user: UserId) -> Caller {
    Caller { actor: Actor::User(user), who: Who::User(user), source: "127.0.0.1".to_owned(), session: None }
}
