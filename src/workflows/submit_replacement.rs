//! Somebody reports a device lost, stolen, damaged, expired or forgotten: at once it is invalid, and what it carries is suspended.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::submit::{Submit, submit};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::DeviceId;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::refusal::{Refusal, RefusalCode};
use crate::lifecycle::request::Mode;

/// What is reported. A remote one that is approved by being submitted gives its invitation, shown once.
#[derive(Clone, Copy, Debug)]
pub struct SubmitReplacement {
    pub target: DeviceId,
    pub reason: Reason,
    pub mode: Mode,
}

impl Errand for SubmitReplacement {
    fn name(&self) -> &'static str {
        "submit"
    }

    fn subject(&self) -> Subject {
        Subject::Device(self.target)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        match actor {
            Actor::User(_) => Ok(()),
            Actor::Operator(_) | Actor::System => actor.must_be(Role::HelpDesk),
        }
    }

    fn details(&self) -> Value {
        json!({ "target": self.target.to_string(), "reason": self.reason.as_str(), "mode": self.mode.as_str() })
    }

    fn is_in_stock(&self) -> Refusal {
        Refusal::new(RefusalCode::NotReplaceable, "available: a device in stock", "a device in use")
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let Scene { world, actor, holdings, now, .. } = scene;
        let Self { target, reason, mode } = *self;
        let act = Submit { actor: (*actor).clone(), request: scene.request(), target, reason, mode, ticket: world.fresh_ticket() };
        submit(holdings, &world.policy, &act, *now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "cancel", role: Role::HelpDesk, until: "the replacement is issued" }
    }
}
