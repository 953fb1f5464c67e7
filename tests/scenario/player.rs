//! The player: carries out each step by the workflow that it means, and compares what is with what the story says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::{Credential, CredentialState, Slot};
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::effects::Effects;
use remint::lifecycle::hold::Held;
use remint::lifecycle::holdings::{Holdings, Standing};
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use remint::lifecycle::policy::Policy;
use remint::lifecycle::reason::Termination;
use remint::lifecycle::request::{Mode, RequestState};
use remint::lifecycle::user::User;
use remint::store::audit::Who;
use remint::store::device::Owner;
use remint::workflows::add_operator::add_operator;
use remint::workflows::approve_request::{ApproveRequest, RejectRequest};
use remint::workflows::bind_device::{BindDevice, UnbindDevice};
use remint::workflows::cancel_request::CancelRequest;
use remint::workflows::errand::{Done, Errand, carry_out, preview};
use remint::workflows::failure::Failure;
use remint::workflows::identify::Bearer;
use remint::workflows::invite_again::InviteAgain;
use remint::workflows::request_initial_issuance::RequestInitialIssuance;
use remint::workflows::settle_dues::settle_all;
use remint::workflows::submit_replacement::SubmitReplacement;
use remint::workflows::suspend::{Resume, Suspend};
use remint::workflows::take_back_original::TakeBackOriginal;
use remint::workflows::terminate_device::TerminateDevice;
use remint::workflows::world::Caller;

use super::seed;
use super::story::{Now, Step, Story};
use crate::support::device::{Device, Secret};
use crate::support::house::House;

/// What went otherwise than the story says: a refusal with its code, or a story that cannot be played.
enum Trouble {
    Refused(String),
    Broken(String),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Unavailable(_) | Failure::Conflict => Self::Broken(format!("{failure:?}")),
            other => Self::Refused(in_words_of_the_rules(other.code()).to_owned()),
        }
    }
}

/// What the wire says to a device, in the codes of the stories.
fn in_words_of_the_rules(code: &str) -> &str {
    match code {
        "canceled" | "invitation-canceled" | "invitation-used" | "already-confirmed" => "wrong-state",
        "bound-elsewhere" | "wrong-kind" => "not-available",
        other => other,
    }
}

pub struct Player {
    house: House,
    users: BTreeMap<String, User>,
    operators: BTreeMap<String, Operator>,
    /// Every device that went by a label: a phone that starts anew is a new device.
    devices: BTreeMap<String, Vec<DeviceId>>,
    credentials: BTreeMap<String, (UserId, CredentialId)>,
    requests: BTreeMap<String, RequestId>,
    secrets: BTreeMap<String, Secret>,
    /// Devices in the middle of a session, by request.
    at_work: BTreeMap<String, (String, Device)>,
}

impl Player {
    pub async fn new(story: &Story) -> Self {
        let house = House::new(u64::try_from(story.title.len()).unwrap(), the_policy_of_the_stories).await;
        Self {
            house,
            users: BTreeMap::new(),
            operators: BTreeMap::new(),
            devices: BTreeMap::new(),
            credentials: BTreeMap::new(),
            requests: BTreeMap::new(),
            secrets: BTreeMap::new(),
            at_work: BTreeMap::new(),
        }
    }

    pub async fn play(mut self, story: &Story) -> Result<(), String> {
        self.set_the_scene(story).await?;
        for (number, step) in story.step.iter().enumerate() {
            self.house.clock.advance(SignedDuration::from_secs(1));
            self.step(step).await.map_err(|message| format!("step {} ({}): {message}", number + 1, step.act))?;
        }
        Ok(())
    }

    async fn set_the_scene(&mut self, story: &Story) -> Result<(), String> {
        for line in &story.user {
            self.user(&line.name).await;
        }
        let named = story.step.iter().flat_map(|step| [step.by.split_once(':').map(|(_, name)| name), step.user.as_deref()]);
        for name in named.flatten() {
            self.user(name).await;
        }
        for line in &story.device {
            if let Some(state) = &line.state {
                if state != "available" || line.user.is_some() || !line.carries.is_empty() {
                    return Err(format!("device {}: expected: a device of a user, or state available", line.name));
                }
                let id = seed::stock(&self.house, line).await?;
                self.devices.entry(line.name.clone()).or_default().push(id);
                continue;
            }
            let owner = line.user.as_deref().ok_or(format!("device {}: it needs a user", line.name))?;
            let owner = self.user(owner).await;
            let id = seed::device(&self.house, &owner, line, &mut self.credentials).await?;
            self.devices.entry(line.name.clone()).or_default().push(id);
        }
        Ok(())
    }

    async fn step(&mut self, step: &Step) -> Result<(), String> {
        let before = self.everything().await;
        let outcome = self.act(step).await;
        let after = self.everything().await;
        self.no_faults(&after)?;
        match (outcome, &step.refused) {
            (Ok(()), None) => self.compare(&step.now, &after).await,
            (Err(Trouble::Refused(code)), Some(expected)) if code == *expected => {
                if without_tickets(before) != without_tickets(after.clone()) {
                    return Err("refused, and yet something has changed".to_owned());
                }
                self.compare(&step.now, &after).await
            }
            (Ok(()), Some(expected)) => Err(format!("expected: refused with {expected}, found: done")),
            (Err(Trouble::Refused(code)), None) => Err(format!("expected: done, found: refused with {code}")),
            (Err(Trouble::Refused(code)), Some(expected)) => Err(format!("expected: refused with {expected}, found: {code}")),
            (Err(Trouble::Broken(message)), _) => Err(message),
        }
    }

    async fn act(&mut self, step: &Step) -> Result<(), Trouble> {
        let caller = self.caller(&step.by).await?;
        match step.act.as_str() {
            "initial" => {
                let user = needed(&step.user, "user")?.to_owned();
                let user = self.user(&user).await.id;
                let (kind, mode) = (word(&step.kind, "kind")?, word(&step.mode, "mode")?);
                let done = self.errand(&caller, &RequestInitialIssuance { user, kind, mode }).await?;
                self.opened(needed(&step.request, "request")?, done)
            }
            "submit" => {
                let target = self.latest(needed(&step.target, "target")?)?;
                let (reason, mode) = (word(&step.reason, "reason")?, word(&step.mode, "mode")?);
                let done = self.errand(&caller, &SubmitReplacement { target, reason, mode }).await?;
                self.opened(needed(&step.request, "request")?, done)
            }
            "approve" => self.done(&caller, &ApproveRequest { request: self.named_request(step)? }).await,
            "reject" => self.done(&caller, &RejectRequest { request: self.named_request(step)?, because: None }).await,
            "cancel" => self.done(&caller, &CancelRequest { request: self.named_request(step)? }).await,
            "bind" => {
                let errand = BindDevice { request: self.named_request(step)?, device: self.named_device(step)? };
                self.done(&caller, &errand).await
            }
            "unbind" => {
                let errand = UnbindDevice { request: self.named_request(step)?, device: self.named_device(step)? };
                self.done(&caller, &errand).await
            }
            "suspend" => self.done(&caller, &Suspend { what: self.named(step).await? }).await,
            "resume" => self.done(&caller, &Resume { what: self.named(step).await? }).await,
            "terminate" => {
                let reason = if step.reason.is_some() { word(&step.reason, "reason")? } else { Termination::Retired };
                self.done(&caller, &TerminateDevice { device: self.named_device(step)?, reason }).await
            }
            "returned" => self.done(&caller, &TakeBackOriginal { original: self.named_device(step)? }).await,
            "issue" | "retry" => self.issue(step, &caller).await,
            "update" => self.update(step, &caller).await,
            "wait" => {
                let hours = step.hours.unwrap_or(0) + 24 * step.days.unwrap_or(0);
                if hours <= 0 {
                    return Err(Trouble::Broken("wait: expected: days or hours".to_owned()));
                }
                self.house.clock.advance(SignedDuration::from_hours(hours));
                settle_all(&self.house.world).await?;
                Ok(())
            }
            other => Err(Trouble::Broken(format!("unknown act: {other}"))),
        }
    }

    async fn done(&self, caller: &Caller, errand: &impl Errand) -> Result<(), Trouble> {
        self.errand(caller, errand).await.map(|_| ())
    }

    /// Asks for the effects first, then carries it out: both must tell the same, and asking must change nothing.
    async fn errand(&self, caller: &Caller, errand: &impl Errand) -> Result<Done, Trouble> {
        let world = &self.house.world;
        let before = self.everything().await;
        let foretold = preview(world, caller, errand).await;
        if self.everything().await != before {
            return Err(Trouble::Broken("the preview changed something".to_owned()));
        }
        let done = carry_out(world, caller, errand).await;
        match (foretold, done) {
            (Ok(foretold), Ok(done)) => {
                let user = done.holdings.user.id;
                let effects = Effects::between(&before[&user], &self.load(user).await, errand.undo(), world.now());
                if effects == foretold {
                    return Ok(done);
                }
                Err(Trouble::Broken(format!("the preview foretold {foretold:?}, and done was {effects:?}")))
            }
            (Err(foretold), Err(failure)) if foretold.code() == failure.code() => Err(failure.into()),
            (foretold, done) => Err(Trouble::Broken(format!("the preview foretold {foretold:?}, and done was {done:?}"))),
        }
    }

    fn opened(&mut self, label: &str, done: Done) -> Result<(), Trouble> {
        self.requests.insert(label.to_owned(), done.request()?.id);
        if let Some(invitation) = &done.invitation {
            self.secrets.insert(label.to_owned(), Secret::of(invitation));
        }
        Ok(())
    }

    /// Provisions a device to its end, by whoever's turn it is.
    async fn issue(&mut self, step: &Step, caller: &Caller) -> Result<(), Trouble> {
        let (request_label, device_label) = (needed(&step.request, "request")?, needed(&step.device, "device")?);
        let request = self.request(request_label)?;
        let holdings = self.holdings_of(request).await?;
        self.whose_turn(caller, &holdings, request)?;

        let is_at_work = matches!(&holdings.requests[&request].state, RequestState::Issuing(_));
        match self.at_work.get(request_label) {
            Some((label, _)) if is_at_work && label != device_label => return Err(Trouble::Refused("not-available".to_owned())),
            Some(_) if is_at_work => {}
            _ => self.begin(request_label, device_label, request, &holdings, caller).await?,
        }
        let (_, device) = self.at_work.get_mut(request_label).expect("just begun");
        device.provision(&self.house.world).await?;
        match step.until.as_deref() {
            Some("signed") => Ok(()),
            Some(other) => Err(Trouble::Broken(format!("until: found: {other}, expected: signed"))),
            None => {
                device.confirm(&self.house.world).await?;
                self.at_work.remove(request_label);
                Ok(())
            }
        }
    }

    /// A device redeems the ticket; a fresh one is made when the last no longer opens. A phone is new; a card is the one of this name.
    async fn begin(
        &mut self,
        label: &str,
        device_label: &str,
        request: RequestId,
        holdings: &Holdings,
        by: &Caller,
    ) -> Result<(), Trouble> {
        let kind = match self.latest(device_label) {
            Ok(known) => self.house.world.store.device(known).await.map_err(Failure::from)?.expect("a device").kind,
            Err(trouble) if holdings.requests[&request].kind.is_stock() => return Err(trouble),
            Err(_) => holdings.requests[&request].kind,
        };
        let facts = DeviceFacts { kind, model: "story".to_owned(), serial: device_label.to_owned(), name: device_label.to_owned() };
        let mut device = Device::new(facts);
        let opened = match self.secrets.get(label) {
            Some(secret) => device.open(&self.house.world, secret).await,
            None => Err(Failure::missing("invitation")),
        };
        match opened {
            Ok(()) => {}
            Err(Failure::Refused(refusal)) if !refusal.code.as_str().starts_with("invitation-") => {
                return Err(Failure::Refused(refusal).into());
            }
            Err(_) => {
                let mode = holdings.requests[&request].mode();
                let inviter = if mode == Some(Mode::Remote) { self.caller("help-desk").await? } else { by.clone() };
                let again = self.errand(&inviter, &InviteAgain { request }).await?;
                let secret = Secret::of(again.invitation.as_ref().expect("a ticket"));
                device.open(&self.house.world, &secret).await?;
                self.secrets.insert(label.to_owned(), secret);
            }
        }
        let id = device.session.as_ref().expect("a session").device;
        let known = self.devices.entry(device_label.to_owned()).or_default();
        if known.last() != Some(&id) {
            known.push(id);
        }
        self.at_work.insert(label.to_owned(), (device_label.to_owned(), device));
        Ok(())
    }

    fn whose_turn(&self, caller: &Caller, holdings: &Holdings, request: RequestId) -> Result<(), Trouble> {
        let is_turn = match (holdings.requests[&request].mode(), &caller.actor) {
            (Some(Mode::Local), actor) => actor.must_be(Role::IssuanceOfficer).is_ok(),
            (_, Actor::User(user)) => *user == holdings.user.id,
            (_, _) => false,
        };
        if is_turn { Ok(()) } else { Err(Trouble::Refused("not-permitted".to_owned())) }
    }

    async fn update(&mut self, step: &Step, caller: &Caller) -> Result<(), Trouble> {
        let id = self.latest(needed(&step.device, "device")?)?;
        let Some(Owner::User(user)) = self.house.world.store.owner_of_device(id).await.map_err(Failure::from)? else {
            return Err(Trouble::Refused("not-permitted".to_owned()));
        };
        if caller.actor != Actor::User(user) {
            return Err(Trouble::Refused("not-permitted".to_owned()));
        }
        let holdings = self.load(user).await;
        let auth = holdings.carried_by(id).find(|(credential, _)| credential.slot == Slot::Auth).map(|(credential, _)| credential.id);
        let auth = auth.ok_or_else(|| Trouble::Refused("wrong-state".to_owned()))?;
        let kind = holdings.devices.get(&id).map_or(DeviceKind::MobileApp, |device| device.kind);
        let mut device = Device::new(DeviceFacts { kind, model: "story".to_owned(), serial: String::new(), name: String::new() });
        let bearer = Bearer::Auth { user, device: id, credential: auth };
        match device.sync(&self.house.world, bearer).await {
            Ok(true) => {}
            Ok(false) => return Err(Trouble::Refused("wrong-state".to_owned())),
            Err(failure) if failure.code() == "wrong-certificate" => return Err(Trouble::Refused("wrong-state".to_owned())),
            Err(failure) => return Err(failure.into()),
        }
        device.provision(&self.house.world).await?;
        device.confirm(&self.house.world).await?;
        Ok(())
    }

    // ---- who and what ----

    async fn user(&mut self, name: &str) -> User {
        if !self.users.contains_key(name) {
            let user = seed::user(&self.house.world, name).await;
            self.users.insert(name.to_owned(), user);
        }
        self.users[name].clone()
    }

    async fn caller(&mut self, by: &str) -> Result<Caller, Trouble> {
        let (role, name) = by.split_once(':').map_or((by, None), |(role, name)| (role, Some(name)));
        let source = "story".to_owned();
        if role == "system" {
            return Ok(Caller::system());
        }
        if role == "user" {
            let name = name.ok_or_else(|| Trouble::Broken("by: a user needs a name".to_owned()))?;
            let user = self.user(name).await.id;
            return Ok(Caller { actor: Actor::User(user), who: Who::User(user), source, session: None });
        }
        let role: Role = role.parse().map_err(|error| Trouble::Broken(format!("by: {error}")))?;
        let user = name.and_then(|name| self.users.get(name)).map(|user| user.id);
        let person = name.unwrap_or(role.as_str());
        if !self.operators.contains_key(person) {
            let hired = add_operator(&self.house.world, person, BTreeSet::from([role]), user).await?;
            self.operators.insert(person.to_owned(), hired.operator);
        }
        // one person may hold several roles: a story says in which they come
        let operator = Operator { roles: BTreeSet::from([role]), ..self.operators[person].clone() };
        let who = Who::Operator { id: operator.id, fingerprint: by.to_owned() };
        Ok(Caller { actor: Actor::Operator(operator), who, source, session: None })
    }

    fn named_request(&self, step: &Step) -> Result<RequestId, Trouble> {
        self.request(needed(&step.request, "request")?)
    }

    fn named_device(&self, step: &Step) -> Result<DeviceId, Trouble> {
        self.latest(needed(&step.device, "device")?)
    }

    /// The device or the credential that a step names.
    async fn named(&self, step: &Step) -> Result<Held, Trouble> {
        match (&step.device, &step.credential) {
            (Some(device), None) => Ok(Held::Device(self.latest(device)?)),
            (None, Some(label)) => {
                let all = self.everything().await;
                let found = self.credential(label, &all).ok_or_else(|| Trouble::Broken(format!("unknown credential: {label}")))?;
                Ok(Held::Credential(found.1.id))
            }
            _ => Err(Trouble::Broken("this act needs: device or credential".to_owned())),
        }
    }

    fn request(&self, label: &str) -> Result<RequestId, Trouble> {
        self.requests.get(label).copied().ok_or_else(|| Trouble::Broken(format!("unknown request: {label}")))
    }

    /// The device that goes by a label now.
    fn latest(&self, label: &str) -> Result<DeviceId, Trouble> {
        let found = self.devices.get(label).and_then(|devices| devices.last()).copied();
        found.ok_or_else(|| Trouble::Broken(format!("unknown device: {label}")))
    }

    async fn holdings_of(&self, request: RequestId) -> Result<Holdings, Trouble> {
        let user = self.house.world.store.user_of_request(request).await.map_err(Failure::from)?;
        Ok(self.load(user.expect("an owner")).await)
    }

    async fn load(&self, user: UserId) -> Holdings {
        self.house.world.store.holdings(user).await.unwrap().expect("a user").holdings
    }

    // ---- comparing ----

    async fn everything(&self) -> BTreeMap<UserId, Holdings> {
        let mut all = BTreeMap::new();
        for user in self.users.values() {
            all.insert(user.id, self.load(user.id).await);
        }
        all
    }

    fn no_faults(&self, all: &BTreeMap<UserId, Holdings>) -> Result<(), String> {
        let now = self.house.world.clock.now();
        let faults: Vec<_> =
            all.values().flat_map(|held| held.faults(&self.house.world.policy, now)).map(|fault| fault.to_string()).collect();
        if faults.is_empty() { Ok(()) } else { Err(format!("faults: {}", faults.join("; "))) }
    }

    /// What a device is now: stock is in nobody's holdings.
    async fn device_status(&self, device: DeviceId, all: &BTreeMap<UserId, Holdings>) -> &'static str {
        let found = all.values().find_map(|held| held.devices.get(&device).map(|device| held.device_status(device).as_str()));
        match (found, self.house.world.store.owner_of_device(device).await.unwrap()) {
            (Some(found), _) => found,
            (None, Some(Owner::Stock)) => "available",
            (None, _) => "not there",
        }
    }

    async fn compare(&self, now: &Now, all: &BTreeMap<UserId, Holdings>) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (label, expected) in &now.devices {
            let id = self.latest(label).map_err(|_| format!("unknown device: {label}"))?;
            note(&mut wrong, label, expected, self.device_status(id, all).await);
        }
        for (label, expected) in &now.credentials {
            let (held, credential) = self.credential(label, all).ok_or(format!("unknown credential: {label}"))?;
            note(&mut wrong, label, expected, &self.status(held, credential));
        }
        for (label, expected) in &now.requests {
            let id = self.request(label).map_err(|_| format!("unknown request: {label}"))?;
            let found = all.values().find_map(|held| held.requests.get(&id)).map_or("not there", |request| request.state.as_str());
            note(&mut wrong, label, expected, found);
        }
        for (label, expected) in &now.carries {
            let id = self.latest(label).map_err(|_| format!("unknown device: {label}"))?;
            let mut found: Vec<String> =
                all.values().flat_map(|held| held.carried_by(id)).map(|(c, how)| self.carried(c, how, all)).collect();
            let mut expected = expected.clone();
            found.sort();
            expected.sort();
            note(&mut wrong, &format!("{label} carries"), &expected.join(", "), &found.join(", "));
        }
        if wrong.is_empty() { Ok(()) } else { Err(wrong.join("; ")) }
    }

    fn status(&self, held: &Holdings, credential: &Credential) -> String {
        let now = self.house.world.clock.now();
        match (&credential.state, held.standing(credential)) {
            (CredentialState::Issued { certified, .. }, _) if now >= certified.not_after => "expired".to_owned(),
            (_, Standing::Good) => "active".to_owned(),
            (_, Standing::OnHold { .. }) => "suspended".to_owned(),
            (_, Standing::Revoked { reason, .. }) => format!("revoked:{reason}"),
        }
    }

    fn carried(&self, credential: &Credential, how: Carried, all: &BTreeMap<UserId, Holdings>) -> String {
        let name = self.name_of(credential, all);
        match how {
            Carried::Current => name,
            Carried::History => format!("{name} (history)"),
        }
    }

    fn name_of(&self, credential: &Credential, all: &BTreeMap<UserId, Holdings>) -> String {
        if let Some((label, _)) = self.credentials.iter().find(|(_, (_, id))| *id == credential.id) {
            return label.clone();
        }
        let label = self.devices.iter().find(|(_, ids)| ids.contains(&credential.made_for)).map_or("?", |(label, _)| label);
        let made = self.made_in(credential.slot, label, all);
        let position = made.iter().position(|(_, other)| other.id == credential.id).map_or(0, |position| position + 1);
        if position == 1 { format!("{}@{label}", credential.slot) } else { format!("{}@{label}#{position}", credential.slot) }
    }

    /// `auth-1`, or `<slot>@<device>`, or `<slot>@<device>#2`.
    fn credential<'a>(&self, label: &str, all: &'a BTreeMap<UserId, Holdings>) -> Option<(&'a Holdings, &'a Credential)> {
        if let Some((user, id)) = self.credentials.get(label) {
            return all.get(user).and_then(|held| Some((held, held.credentials.get(id)?)));
        }
        let (slot, device) = label.split_once('@')?;
        let (device, number) = device.split_once('#').map_or((device, 1), |(device, number)| (device, number.parse().unwrap_or(0)));
        self.made_in(slot.parse().ok()?, device, all).into_iter().nth(usize::checked_sub(number, 1)?)
    }

    /// The credentials that were signed in the story for a slot of the devices of a label, oldest first.
    fn made_in<'a>(&self, slot: Slot, label: &str, all: &'a BTreeMap<UserId, Holdings>) -> Vec<(&'a Holdings, &'a Credential)> {
        let devices = self.devices.get(label).map_or(&[][..], Vec::as_slice);
        let is_seeded = |id: CredentialId| self.credentials.values().any(|(_, seeded)| *seeded == id);
        let mut made: Vec<_> = all
            .values()
            .flat_map(|held| held.credentials.values().map(move |credential| (held, credential)))
            .filter(|(_, credential)| credential.slot == slot && devices.contains(&credential.made_for))
            .filter(|(_, credential)| credential.certified().is_some() && !is_seeded(credential.id))
            .collect();
        made.sort_by_key(|(_, credential)| (credential.certified().map(|certified| certified.not_before), credential.id));
        made
    }
}

/// A ticket that was handed out and then not used is no change of the world.
fn without_tickets(mut all: BTreeMap<UserId, Holdings>) -> BTreeMap<UserId, Holdings> {
    all.values_mut().for_each(|held| held.tickets.clear());
    all
}

/// The policy of the stories (`tests/scenarios/README.md`), whatever the product is delivered with.
fn the_policy_of_the_stories(policy: &mut Policy) {
    for kind in policy.kinds.values_mut() {
        kind.slots = vec![Slot::Auth, Slot::Sign, Slot::Enc];
        kind.limit = u32::MAX;
        kind.renews_enc.clear();
    }
    policy.stand_in_lifetime = SignedDuration::from_hours(30 * 24);
    policy.invitation.lifetime = SignedDuration::from_hours(72);
    policy.escalation = None;
    policy.validate_initial = false;
    policy.validate_replacements = false;
    policy.separate_issuer = false;
    policy.users_may_issue_remotely = false;
}

fn note(wrong: &mut Vec<String>, label: &str, expected: &str, found: &str) {
    if expected != found {
        wrong.push(format!("{label}: expected: {expected}, found: {found}"));
    }
}

fn needed<'a>(field: &'a Option<String>, name: &str) -> Result<&'a str, Trouble> {
    field.as_deref().ok_or_else(|| Trouble::Broken(format!("this act needs: {name}")))
}

fn word<T: std::str::FromStr>(field: &Option<String>, name: &str) -> Result<T, Trouble>
where
    T::Err: std::fmt::Display,
{
    needed(field, name)?.parse().map_err(|error| Trouble::Broken(format!("{name}: {error}")))
}
