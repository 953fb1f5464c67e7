//! The federal policy at work, and policy files that stop the start.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::device::{Device, Secret};
use crate::support::house::House;
use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::device::{DeviceKind, DeviceStatus};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::holdings::{Holdings, Standing};
use remint::lifecycle::ids::{DeviceId, UserId};
use remint::lifecycle::reason::Reason;
use remint::lifecycle::request::Mode;
use remint::server::policy::{Delivered, parse};
use remint::store::audit::Who;
use remint::workflows::add_operator::add_operator;
use remint::workflows::approve_request::ApproveRequest;
use remint::workflows::create_user::{NewUser, administrator, create_user};
use remint::workflows::errand::{Done, Errand, carry_out};
use remint::workflows::failure::Failure;
use remint::workflows::invite_again::InviteAgain;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::settle_dues::{next_due, settle_all};
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::world::Caller;

struct Agency {
    house: House,
    ana: UserId,
    /// Holds every role.
    hana: Caller,
    /// Another who holds every role.
    olaf: Caller,
}

async fn hire(house: &House, name: &str) -> Caller {
    let roles = BTreeSet::from([Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer]);
    let operator: Operator = add_operator(&house.world, name, roles, None).await.unwrap().operator;
    let who = Who::Operator { id: operator.id, fingerprint: "AB".to_owned() };
    Caller { actor: Actor::Operator(operator), who, source: "test".to_owned(), session: None }
}

async fn agency() -> Agency {
    let house = House::new(17, |policy| *policy = parse(Delivered::Federal.text()).unwrap()).await;
    let (hana, olaf) = (hire(&house, "hana").await, hire(&house, "olaf").await);
    let new = NewUser {
        name: "Ana".to_owned(),
        email: "ana@example.org".to_owned(),
        upn: "ana@corp.example.org".to_owned(),
        attributes: Attributes::default(),
    };
    let ana = create_user(&house.world, &administrator(), new).await.unwrap().id;
    Agency { house, ana, hana, olaf }
}

impl Agency {
    async fn by(&self, who: &Caller, errand: &impl Errand) -> Result<Done, Failure> {
        carry_out(&self.house.world, who, errand).await
    }

    async fn refused(&self, who: &Caller, errand: &impl Errand) -> String {
        let failure = self.by(who, errand).await.unwrap_err();
        failure.code().to_owned()
    }

    async fn held(&self) -> Holdings {
        self.house.world.store.holdings(self.ana).await.unwrap().unwrap().holdings
    }

    /// Asked for by hana, approved by olaf, sent out by hana, issued onto a new phone.
    async fn issued(&self, asked: Done, name: &str) -> DeviceId {
        let request = asked.request.unwrap();
        self.by(&self.olaf, &ApproveRequest { request }).await.unwrap();
        let invited = self.by(&self.hana, &InviteAgain { request }).await.unwrap();
        let facts =
            DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "m".to_owned(), serial: name.to_owned(), name: name.to_owned() };
        let mut phone = Device::new(facts);
        phone.open(&self.house.world, &Secret::of(invited.invitation.as_ref().unwrap())).await.unwrap();
        phone.provision(&self.house.world).await.unwrap();
        phone.confirm(&self.house.world).await.unwrap();
        phone.session.as_ref().unwrap().device
    }

    fn initial(&self) -> RequestInitialIssuance {
        RequestInitialIssuance { user: self.ana, kind: DeviceKind::MobileSmartCard, mode: Mode::Remote }
    }

    async fn phone(&self, name: &str) -> DeviceId {
        let asked = self.by(&self.hana, &self.initial()).await.unwrap();
        self.issued(asked, name).await
    }
}

/// One person may hold several roles; whoever asked does not approve, in whatever role they come.
#[tokio::test]
async fn an_approver_under_a_second_role_is_refused() {
    let agency = agency().await;
    let asked = agency.by(&agency.hana, &agency.initial()).await.unwrap();
    let request = asked.request.unwrap();
    assert!(asked.invitation.is_none(), "nothing goes out before it is approved");
    assert_eq!(agency.refused(&agency.hana, &ApproveRequest { request }).await, "own-request");
    assert_eq!(agency.refused(&agency.hana, &InviteAgain { request }).await, "not-approved");
    agency.by(&agency.olaf, &ApproveRequest { request }).await.unwrap();
}

/// The lost phone is held before anybody approves; the other goes on (SP 800-157r1).
#[tokio::test]
async fn a_replacement_waits_for_approval_and_leaves_the_authentication_of_other_devices_alone() {
    let agency = agency().await;
    let (first, second) = (agency.phone("one").await, agency.phone("two").await);
    let lost = SubmitReplacement { target: first, reason: Reason::Lost, mode: Mode::Remote };
    let asked = agency.by(&agency.hana, &lost).await.unwrap();
    let held = agency.held().await;
    assert_eq!(held.device_status(&held.devices[&first]), DeviceStatus::Invalid);
    assert_eq!(held.device_status(&held.devices[&second]), DeviceStatus::Active);
    for (credential, _) in held.carried_by(second) {
        let is_shared = held.carries.contains_key(&(first, credential.id));
        assert_eq!(held.standing(credential) == Standing::Good, !is_shared, "{}", credential.slot);
    }
    agency.issued(asked, "three").await;
    let held = agency.held().await;
    assert_eq!(held.device_status(&held.devices[&first]), DeviceStatus::Terminated);
    assert_eq!(held.device_status(&held.devices[&second]), DeviceStatus::Active);
}

#[tokio::test]
async fn who_asked_does_not_personalize() {
    let agency = agency().await;
    let initial = RequestInitialIssuance { user: agency.ana, kind: DeviceKind::SmartCard, mode: Mode::Local };
    let request = agency.by(&agency.hana, &initial).await.unwrap().request.unwrap();
    agency.by(&agency.olaf, &ApproveRequest { request }).await.unwrap();
    assert_eq!(agency.refused(&agency.hana, &InviteAgain { request }).await, "own-request");
    agency.by(&agency.olaf, &InviteAgain { request }).await.unwrap();
    // and a second card is one too many
    assert_eq!(agency.refused(&agency.hana, &initial).await, "limit-reached");
}

#[tokio::test]
async fn a_lost_phone_that_nobody_replaced_is_terminated_after_seventeen_hours() {
    let agency = agency().await;
    let phone = agency.phone("one").await;
    let lost = SubmitReplacement { target: phone, reason: Reason::Stolen, mode: Mode::Remote };
    let request = agency.by(&agency.hana, &lost).await.unwrap().request.unwrap();
    let world = &agency.house.world;
    assert_eq!(next_due(world).await.unwrap(), Some(world.now() + SignedDuration::from_hours(17)));
    agency.house.clock.advance(SignedDuration::from_hours(17) - SignedDuration::from_secs(1));
    assert_eq!(settle_all(world).await.unwrap(), 0);
    agency.house.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(settle_all(world).await.unwrap(), 1);
    let held = agency.held().await;
    assert_eq!(held.device_status(&held.devices[&phone]), DeviceStatus::Terminated);
    assert!(held.carried_by(phone).all(|(credential, _)| credential.is_revoked()));
    assert!(held.requests[&request].is_open(), "the replacement can still be issued");
    assert!(held.faults(&world.policy, world.now()).is_empty());
    assert_eq!(next_due(world).await.unwrap(), None);
}

/// Nobody waits for the timer: whoever looks at the user first settles what is due.
#[tokio::test]
async fn whoever_acts_on_a_user_settles_first_what_is_due() {
    let agency = agency().await;
    let phone = agency.phone("one").await;
    let lost = SubmitReplacement { target: phone, reason: Reason::Lost, mode: Mode::Remote };
    agency.by(&agency.hana, &lost).await.unwrap();
    agency.house.clock.advance(SignedDuration::from_hours(18));
    assert_eq!(agency.refused(&agency.hana, &lost).await, "not-replaceable");
    let held = agency.held().await;
    assert_eq!(held.device_status(&held.devices[&phone]), DeviceStatus::Terminated);
}

fn remint(words: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_remint")).args(words).output().unwrap()
}

fn init(folder: &Path, policy: &str) -> String {
    let data = folder.join("house").display().to_string();
    let made = remint(&["init", "--data", &data, "--policy", policy]);
    assert!(made.status.success(), "{made:?}");
    data
}

/// What is wrong with a policy stops the start, with the file, the line and the reason; the ports of a bad installation are never bound.
#[tokio::test]
async fn a_policy_that_is_wrong_stops_the_start_with_its_file_and_line() {
    let folder = tempfile::tempdir().unwrap();
    let data = init(folder.path(), "federal");
    // were the ports bound first, these would be refused before the policy is read
    let config = Path::new(&data).join("remint.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, text.replace("127.0.0.1:", "192.0.2.1:")).unwrap();
    let path = Path::new(&data).join("certs/policy.toml");
    let good = std::fs::read_to_string(&path).unwrap();
    let line = good.lines().position(|line| line.starts_with("enc = ")).unwrap() + 1;
    std::fs::write(&path, good.replacen("lost = \"renew\"", "lost = \"keep\"", 1)).unwrap();
    let served = remint(&["serve", "--data", &data]);
    let said = String::from_utf8(served.stderr).unwrap();
    assert!(!served.status.success() && served.stdout.is_empty());
    assert!(said.contains(&format!("certs/policy.toml:{line}: kind.smart-card.enc.lost: found: keep, expected: renew")), "{said}");
}

#[tokio::test]
async fn a_policy_is_explained_setting_by_setting() {
    let folder = tempfile::tempdir().unwrap();
    let data = init(folder.path(), "federal");
    for words in [vec!["policy", "explain", "--profile", "federal"], vec!["policy", "explain", "--data", &data]] {
        let told = String::from_utf8(remint(&words).stdout).unwrap();
        assert!(told.contains("escalation_hours = 17\n") && told.contains("Source: FIPS 201-3 §2.9.1"), "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= 160), "{told}");
    }
    assert!(String::from_utf8(remint(&["policy", "explain"]).stdout).unwrap().contains("escalation_hours = 0\n"));
    let wrong = remint(&["init", "--data", &format!("{data}-2"), "--policy", "lax"]);
    assert!(String::from_utf8(wrong.stderr).unwrap().contains("expected one of: default, federal"));
}
