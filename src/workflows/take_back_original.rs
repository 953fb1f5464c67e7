//! Returned: the help desk has seen that an original is back, after its stand-in lapsed.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::returned::{Returned, returned};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::refusal::Refusal;

/// Which original.
#[derive(Clone, Copy, Debug)]
pub struct TakeBackOriginal {
    pub original: DeviceId,
}

impl Errand for TakeBackOriginal {
    fn name(&self) -> &'static str {
        "returned"
    }

    fn subject(&self) -> Subject {
        Subject::Device(self.original)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::HelpDesk)
    }

    fn details(&self) -> Value {
        json!({ "device": self.original.to_string() })
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Returned { actor: scene.actor.clone(), original: self.original };
        returned(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "suspend", role: Role::HelpDesk, until: "it ends" }
    }
}
