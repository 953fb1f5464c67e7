//! The help desk suspends a device or a single credential, and resumes it.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::suspend;
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::hold::Held;
use crate::lifecycle::refusal::Refusal;

/// What is suspended.
#[derive(Clone, Copy, Debug)]
pub struct Suspend {
    pub what: Held,
}

/// What is resumed.
#[derive(Clone, Copy, Debug)]
pub struct Resume {
    pub what: Held,
}

fn subject(what: Held) -> Subject {
    match what {
        Held::Device(device) => Subject::Device(device),
        Held::Credential(credential) => Subject::Credential(credential),
    }
}

fn details(what: Held) -> Value {
    match what {
        Held::Device(device) => json!({ "device": device.to_string() }),
        Held::Credential(credential) => json!({ "credential": credential.to_string() }),
    }
}

impl Errand for Suspend {
    fn name(&self) -> &'static str {
        "suspend"
    }

    fn subject(&self) -> Subject {
        subject(self.what)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::HelpDesk)
    }

    fn details(&self) -> Value {
        details(self.what)
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = suspend::Suspend { actor: scene.actor.clone(), what: self.what };
        suspend::suspend(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "resume", role: Role::HelpDesk, until: "it ends" }
    }
}

impl Errand for Resume {
    fn name(&self) -> &'static str {
        "resume"
    }

    fn subject(&self) -> Subject {
        subject(self.what)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::HelpDesk)
    }

    fn details(&self) -> Value {
        details(self.what)
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = suspend::Suspend { actor: scene.actor.clone(), what: self.what };
        suspend::resume(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "suspend", role: Role::HelpDesk, until: "it ends" }
    }
}
