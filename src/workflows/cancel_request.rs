//! Somebody takes a request back: everything that it placed is lifted.

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::cancel::{Cancel, cancel};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::RequestId;
use crate::lifecycle::refusal::Refusal;

/// Which request.
#[derive(Clone, Copy, Debug)]
pub struct CancelRequest {
    pub request: RequestId,
}

impl Errand for CancelRequest {
    fn name(&self) -> &'static str {
        "cancel"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        match actor {
            Actor::User(_) => Ok(()),
            Actor::Operator(_) | Actor::System => actor.must_be(Role::HelpDesk),
        }
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Cancel { actor: scene.actor.clone(), request: self.request };
        cancel(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::Never { because: "a canceled request is closed; another can be submitted" }
    }
}
