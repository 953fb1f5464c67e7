//! The help desk ends a device. It cannot be undone.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::terminate::{Terminate, terminate};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::reason::Termination;
use crate::lifecycle::refusal::Refusal;

/// Which device, and why.
#[derive(Clone, Copy, Debug)]
pub struct TerminateDevice {
    pub device: DeviceId,
    pub reason: Termination,
}

impl Errand for TerminateDevice {
    fn name(&self) -> &'static str {
        "terminate"
    }

    fn subject(&self) -> Subject {
        Subject::Device(self.device)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::HelpDesk)
    }

    fn details(&self) -> Value {
        json!({ "device": self.device.to_string(), "reason": self.reason.as_str() })
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Terminate { actor: scene.actor.clone(), device: self.device, reason: self.reason };
        terminate(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::Never { because: "terminated and revoked are final" }
    }
}
