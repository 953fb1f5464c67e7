//! The player: carries out each step by the workflow that it means, and compares what is with what the story says.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use remint::lifecycle::actor::{Actor, Operator, Role};
use remint::lifecycle::acts::redeem::DeviceFacts;
use remint::lifecycle::change::Carried;
use remint::lifecycle::credential::{Credential, CredentialState, Slot};
use remint::lifecycle::device::DeviceKind;
use remint::lifecycle::holdings::{Holdings, Standing};
use remint::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use remint::lifecycle::request::{Mode, RequestState};
use remint::lifecycle::user::User;
use remint::store::audit::Who;
use remint::workflows::abandon_session::abandon_expired;
use remint::workflows::add_operator::add_operator;
use remint::workflows::cancel_request::cancel_request;
use remint::workflows::failure::Failure;
use remint::workflows::identify::Bearer;
use remint::workflows::invite_again::invite_again;
use remint::workflows::request_initial_issuance::{Opened, request_initial_issuance};
use remint::workflows::submit_replacement::{Incident, submit_replacement};
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
        let house = House::new(u64::try_from(story.title.len()).unwrap(), |_| {}).await;
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
            if line.state.is_some() {
                return Err(format!("device {}: stock is not built yet", line.name));
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
            (Ok(()), None) => self.compare(&step.now, &after),
            (Err(Trouble::Refused(code)), Some(expected)) if code == *expected => {
                if before != after {
                    return Err("refused, and yet something has changed".to_owned());
                }
                self.compare(&step.now, &after)
            }
            (Ok(()), Some(expected)) => Err(format!("expected: refused with {expected}, found: done")),
            (Err(Trouble::Refused(code)), None) => Err(format!("expected: done, found: refused with {code}")),
            (Err(Trouble::Refused(code)), Some(expected)) => Err(format!("expected: refused with {expected}, found: {code}")),
            (Err(Trouble::Broken(message)), _) => Err(message),
        }
    }

    async fn act(&mut self, step: &Step) -> Result<(), Trouble> {
        let caller = self.caller(&step.by).await?;
        let world = &self.house.world;
        match step.act.as_str() {
            "initial" => {
                let user = needed(&step.user, "user")?.to_owned();
                let user = self.user(&user).await.id;
                let (kind, mode) = (word(&step.kind, "kind")?, word(&step.mode, "mode")?);
                let opened = request_initial_issuance(&self.house.world, &caller, user, kind, mode).await?;
                self.opened(needed(&step.request, "request")?, opened)
            }
            "submit" => {
                let incident = Incident {
                    target: self.latest(needed(&step.target, "target")?)?,
                    reason: word(&step.reason, "reason")?,
                    mode: word(&step.mode, "mode")?,
                };
                let opened = submit_replacement(world, &caller, incident).await?;
                self.opened(needed(&step.request, "request")?, opened)
            }
            "cancel" => {
                cancel_request(world, &caller, self.request(needed(&step.request, "request")?)?).await?;
                Ok(())
            }
            "issue" | "retry" => self.issue(step, &caller).await,
            "update" => self.update(step, &caller).await,
            "wait" => {
                let hours = step.hours.unwrap_or(0) + 24 * step.days.unwrap_or(0);
                self.house.clock.advance(SignedDuration::from_hours(hours));
                abandon_expired(world).await?;
                Ok(())
            }
            other => Err(Trouble::Broken(format!("unknown act, or not built yet: {other}"))),
        }
    }

    fn opened(&mut self, label: &str, opened: Opened) -> Result<(), Trouble> {
        self.requests.insert(label.to_owned(), opened.request.id);
        if let Some(invitation) = &opened.invitation {
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

    /// A new device redeems the ticket; a fresh one is made when the last no longer opens.
    async fn begin(
        &mut self,
        label: &str,
        device_label: &str,
        request: RequestId,
        holdings: &Holdings,
        by: &Caller,
    ) -> Result<(), Trouble> {
        let world = &self.house.world;
        let kind = holdings.requests[&request].kind;
        let facts = DeviceFacts { kind, model: "story".to_owned(), serial: device_label.to_owned(), name: device_label.to_owned() };
        let mut device = Device::new(facts);
        let opened = match self.secrets.get(label) {
            Some(secret) => device.open(world, secret).await,
            None => Err(Failure::missing("invitation")),
        };
        if opened.is_err() {
            let inviter =
                if holdings.requests[&request].mode() == Some(Mode::Remote) { self.caller("help-desk").await? } else { by.clone() };
            let again = invite_again(&self.house.world, &inviter, request).await?;
            let secret = Secret::of(again.invitation.as_ref().expect("a ticket"));
            device.open(&self.house.world, &secret).await?;
            self.secrets.insert(label.to_owned(), secret);
        }
        let id = device.session.as_ref().expect("a session").device;
        self.devices.entry(device_label.to_owned()).or_default().push(id);
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
        let user = self.house.world.store.user_of_device(id).await.map_err(Failure::from)?.expect("an owner");
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
            return Ok(Caller { actor: Actor::User(user), who: Who::User(user), source });
        }
        let role: Role = role.parse().map_err(|error| Trouble::Broken(format!("by: {error}")))?;
        let user = name.and_then(|name| self.users.get(name)).map(|user| user.id);
        if !self.operators.contains_key(by) {
            let hired = add_operator(&self.house.world, by, BTreeSet::from([role]), user).await?;
            self.operators.insert(by.to_owned(), hired.operator);
        }
        let operator = &self.operators[by];
        let who = Who::Operator { id: operator.id, fingerprint: by.to_owned() };
        Ok(Caller { actor: Actor::Operator(operator.clone()), who, source })
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

    fn compare(&self, now: &Now, all: &BTreeMap<UserId, Holdings>) -> Result<(), String> {
        let mut wrong = Vec::new();
        for (label, expected) in &now.devices {
            let id = self.latest(label).map_err(|_| format!("unknown device: {label}"))?;
            let found = all.values().find_map(|held| held.devices.get(&id).map(|device| held.device_status(device).as_str()));
            note(&mut wrong, label, expected, found.unwrap_or("not there"));
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
