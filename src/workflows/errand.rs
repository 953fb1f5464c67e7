//! Errands: what people at the desk and at the portal do to the holdings of one user, and what timed work does. Each says in a file of
//! its own who may do it, to what, and which rule decides; the steps are the same for all and are here.
//!
//! An errand can be carried out, or only previewed: both go through the same steps up to the decision, so that a preview cannot differ from
//! what is done a moment later.

use serde_json::Value;
use uuid::Uuid;

use super::failure::Failure;
use super::invitation::{Invitation, invitation_of};
use super::sign_in::falls_into_other_hands;
use super::world::{Caller, World, after, changes, retrying};
use crate::lifecycle::actor::Actor;
use crate::lifecycle::change::Change;
use crate::lifecycle::device::Device;
use crate::lifecycle::effects::{Effects, Undo};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::ids::{CredentialId, DeviceId, RequestId, UserId};
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::Request;
use crate::store::Loaded;
use crate::store::audit::Entry;
use crate::store::commit::Write;
use crate::store::device::Owner;

/// What an errand is about: whose holdings it changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject {
    User(UserId),
    Device(DeviceId),
    Credential(CredentialId),
    Request(RequestId),
}

/// What a rule is told besides the errand itself.
pub struct Scene<'a> {
    pub world: &'a World,
    pub actor: &'a Actor,
    pub holdings: &'a Holdings,
    pub now: jiff::Timestamp,
    /// The device that [`Errand::other_device`] names, whosever it is.
    pub other_device: Option<Device>,
    click: Option<Uuid>,
}

impl Scene<'_> {
    /// The id of the request that is opened: of the click that opens it, where it was a click. So no server opens a second one for it.
    pub fn request(&self) -> RequestId {
        self.click.map_or_else(|| self.world.fresh_request(), RequestId)
    }
}

/// Something that is done to the holdings of one user.
pub trait Errand: Sync {
    /// The act, on the audit log and as the name of the transaction.
    fn name(&self) -> &'static str;

    fn subject(&self) -> Subject;

    /// Refuses a role that may not, before the subject is looked up.
    fn may(&self, actor: &Actor) -> Result<(), Refusal>;

    /// What else the audit log tells.
    fn details(&self) -> Value {
        Value::Null
    }

    /// A device that need not be this user's, such as one from stock.
    fn other_device(&self) -> Option<DeviceId> {
        None
    }

    /// Refuses a device that is in stock and nobody's.
    fn is_in_stock(&self) -> Refusal {
        Refusal::new(RefusalCode::WrongState, "available: a device in stock", "a device in use")
    }

    /// The rule.
    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal>;

    /// Whether and how it can be undone.
    fn undo(&self) -> Undo;
}

/// What was done.
#[derive(Debug)]
pub struct Done {
    /// What the user holds now.
    pub holdings: Holdings,
    /// The request that was opened or acted on.
    pub request: Option<RequestId>,
    /// Shown this once, where a ticket was given out.
    pub invitation: Option<Invitation>,
}

impl Done {
    /// The request as it is now.
    pub fn request(&self) -> Result<&Request, Failure> {
        let request = self.request.and_then(|request| self.holdings.requests.get(&request));
        request.ok_or_else(|| super::failure::broken("the request that was acted on"))
    }
}

/// Carries an errand out: one transaction, with its audit entry. A refusal is on the audit log too.
pub async fn carry_out(world: &World, caller: &Caller, errand: &(impl Errand + ?Sized)) -> Result<Done, Failure> {
    retrying(|| attempt(world, caller, errand, None)).await
}

/// The same, for a click that may come again, to another server too, or much later: the request that it opened is found.
pub async fn carry_out_click(world: &World, caller: &Caller, errand: &(impl Errand + ?Sized), click: Uuid) -> Result<Done, Failure> {
    retrying(|| async {
        match world.store.user_of_request(RequestId(click)).await? {
            None => attempt(world, caller, errand, Some(click)).await,
            Some(user) => {
                let holdings = world.load(user).await?.holdings;
                Ok(Done { holdings, request: Some(RequestId(click)), invitation: None })
            }
        }
    })
    .await
}

/// What an errand would do, if it were carried out now. Nothing is changed, and nothing goes on the audit log.
pub async fn preview(world: &World, caller: &Caller, errand: &(impl Errand + ?Sized)) -> Result<Effects, Failure> {
    let decision = retrying(|| async { decide(world, caller, errand, None).await.map_err(Stopped::unrecorded) }).await?;
    let before = &decision.loaded.holdings;
    let mut after = before.clone();
    decision.changes.iter().for_each(|change| after.apply(change));
    Ok(Effects::between(before, &after, errand.undo(), decision.entry.at))
}

async fn attempt(world: &World, caller: &Caller, errand: &(impl Errand + ?Sized), click: Option<Uuid>) -> Result<Done, Failure> {
    let Decision { loaded, changes: decided, entry } = match decide(world, caller, errand, click).await {
        Ok(decision) => decision,
        Err(Stopped::Refused(refusal, entry)) => return Err(world.refused(*entry, refusal).await),
        Err(Stopped::Failed(failure)) => return Err(failure),
    };

    // 5 the invitation of the ticket that goes out, if one does
    let mut writes = changes(decided);
    let invitation = invitation_of(world, &loaded.holdings, &mut writes)?;

    // 6 a browser on a device that is lost may be signed in at the portal; who reports a device of their own stays so
    if falls_into_other_hands(&writes) {
        writes.push(Write::PortalSessionsEnded { user: loaded.holdings.user.id, except: caller.session });
    }

    // 7 keep: from here on it is what relying parties are told
    let holdings = after(&loaded.holdings, &writes);
    let request = entry.request;
    world.keep(errand.name(), &loaded, writes, entry).await?;
    Ok(Done { holdings, request, invitation })
}

/// What the rules make of an errand.
struct Decision {
    loaded: Loaded,
    changes: Vec<Change>,
    entry: Entry,
}

/// Why there is no decision.
enum Stopped {
    /// A rule forbids it; to be recorded where the errand was to be carried out.
    Refused(Refusal, Box<Entry>),
    Failed(Failure),
}

impl Stopped {
    fn unrecorded(self) -> Failure {
        match self {
            Self::Refused(refusal, _) => Failure::Refused(refusal),
            Self::Failed(failure) => failure,
        }
    }
}

impl<E: Into<Failure>> From<E> for Stopped {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

async fn decide(world: &World, caller: &Caller, errand: &(impl Errand + ?Sized), click: Option<Uuid>) -> Result<Decision, Stopped> {
    let now = world.now();
    let mut entry = caller.entry(errand.name(), now);
    entry.details = errand.details();
    let stop = |refusal: Refusal, entry: &Entry| Stopped::Refused(refusal, Box::new(entry.clone()));

    if let Subject::Request(request) = errand.subject() {
        entry.request = Some(request);
    }

    // 1 the role, before the subject is looked up
    errand.may(&caller.actor).map_err(|refusal| stop(refusal, &entry))?;

    // 2 whose it is
    let owner = match owner(world, errand).await? {
        Ok(owner) => owner,
        Err(refusal) => return Err(stop(refusal, &entry)),
    };
    entry.on_behalf_of = Some(owner);

    // 3 load
    let loaded = match caller.actor {
        Actor::System => world.load_unsettled(owner).await?, // it settles what is due itself
        Actor::Operator(_) | Actor::User(_) => world.load(owner).await?,
    };
    let other_device = match errand.other_device() {
        None => None,
        Some(id) => match world.store.device(id).await? {
            Some(device) => Some(device),
            None => return Err(stop(Refusal::unknown("device"), &entry)),
        },
    };

    // 4 decide
    let scene = Scene { world, actor: &caller.actor, holdings: &loaded.holdings, now, other_device, click };
    let changes = errand.decide(&scene).map_err(|refusal| stop(refusal, &entry))?;
    let opened = changes.iter().find_map(|change| match change {
        Change::RequestOpened(request) => Some(request.id),
        _ => None,
    });
    entry.request = entry.request.or(opened.filter(|_| !matches!(errand.subject(), Subject::Request(_))));
    Ok(Decision { loaded, changes, entry })
}

/// Whose the subject is; a refusal where there is no such thing, or it is nobody's.
async fn owner(world: &World, errand: &(impl Errand + ?Sized)) -> Result<Result<UserId, Refusal>, Failure> {
    let (found, what) = match errand.subject() {
        Subject::User(user) => (world.store.is_user(user).await?.then_some(user), "user"),
        Subject::Request(request) => (world.store.user_of_request(request).await?, "request"),
        Subject::Credential(credential) => (world.store.user_of_credential(credential).await?, "credential"),
        Subject::Device(device) => match world.store.owner_of_device(device).await? {
            Some(Owner::Stock) => return Ok(Err(errand.is_in_stock())),
            Some(Owner::User(user)) => (Some(user), "device"),
            None => (None, "device"),
        },
    };
    Ok(found.ok_or_else(|| Refusal::unknown(what)))
}
