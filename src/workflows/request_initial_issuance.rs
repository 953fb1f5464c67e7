//! A user gets a device: an operator requests its initial issuance.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::request_initial::{RequestInitial, request_initial};
use crate::lifecycle::change::Change;
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::UserId;
use crate::lifecycle::refusal::Refusal;
use crate::lifecycle::request::Mode;

/// Which device, for whom. A remote one gives its invitation, shown once.
#[derive(Clone, Copy, Debug)]
pub struct RequestInitialIssuance {
    pub user: UserId,
    pub kind: DeviceKind,
    pub mode: Mode,
}

impl Errand for RequestInitialIssuance {
    fn name(&self) -> &'static str {
        "request-initial"
    }

    fn subject(&self) -> Subject {
        Subject::User(self.user)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::HelpDesk)
    }

    fn details(&self) -> Value {
        json!({ "kind": self.kind.as_str(), "mode": self.mode.as_str() })
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let Scene { world, actor, holdings, now, .. } = scene;
        let Self { kind, mode, .. } = *self;
        let act = RequestInitial { actor: (*actor).clone(), request: scene.request(), kind, mode, ticket: world.fresh_ticket() };
        request_initial(holdings, &world.policy, &act, *now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "cancel", role: Role::HelpDesk, until: "the device is issued" }
    }
}
