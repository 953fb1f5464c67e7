//! A validation officer decides on a request that awaits it.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::approve::{Approve, approve, reject};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::refusal::Refusal;

/// The request may be issued.
#[derive(Clone, Copy, Debug)]
pub struct ApproveRequest {
    pub request: RequestId,
}

/// The request is closed, and everything that it placed is lifted.
#[derive(Clone, Debug)]
pub struct RejectRequest {
    pub request: RequestId,
    /// Why, in the officer's words: for the audit log.
    pub because: Option<String>,
}

impl Errand for ApproveRequest {
    fn name(&self) -> &'static str {
        "approve"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::ValidationOfficer)
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Approve { actor: scene.actor.clone(), request: self.request };
        approve(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "cancel", role: Role::HelpDesk, until: "the device is issued" }
    }
}

impl Errand for RejectRequest {
    fn name(&self) -> &'static str {
        "reject"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::ValidationOfficer)
    }

    fn details(&self) -> Value {
        self.because.as_ref().map_or(Value::Null, |because| json!({ "because": because }))
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Approve { actor: scene.actor.clone(), request: self.request };
        reject(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::Never { because: "a rejected request is closed; another can be submitted" }
    }
}
