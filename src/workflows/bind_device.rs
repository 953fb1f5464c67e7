//! An issuance officer puts a device from stock aside for a request, and takes it back.

use serde_json::{Value, json};

use super::errand::{Errand, Scene, Subject};
use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::acts::bind::{Bind, Unbind, bind, unbind};
use crate::lifecycle::change::Change;
use crate::lifecycle::effects::Undo;
use crate::lifecycle::ids::{DeviceId, RequestId};
use crate::lifecycle::refusal::Refusal;

/// Which device, for which request.
#[derive(Clone, Copy, Debug)]
pub struct BindDevice {
    pub request: RequestId,
    pub device: DeviceId,
}

/// The device of a request goes back to stock.
#[derive(Clone, Copy, Debug)]
pub struct UnbindDevice {
    pub request: RequestId,
    pub device: DeviceId,
}

impl Errand for BindDevice {
    fn name(&self) -> &'static str {
        "bind"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::IssuanceOfficer)
    }

    fn details(&self) -> Value {
        json!({ "device": self.device.to_string() })
    }

    fn other_device(&self) -> Option<DeviceId> {
        Some(self.device)
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let device = scene.other_device.clone().ok_or_else(|| Refusal::unknown("device"))?;
        let act = Bind { actor: scene.actor.clone(), request: self.request, device };
        bind(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "unbind", role: Role::IssuanceOfficer, until: "the device is being provisioned" }
    }
}

impl Errand for UnbindDevice {
    fn name(&self) -> &'static str {
        "unbind"
    }

    fn subject(&self) -> Subject {
        Subject::Request(self.request)
    }

    fn may(&self, actor: &Actor) -> Result<(), Refusal> {
        actor.must_be(Role::IssuanceOfficer)
    }

    fn details(&self) -> Value {
        json!({ "device": self.device.to_string() })
    }

    fn other_device(&self) -> Option<DeviceId> {
        Some(self.device)
    }

    fn decide(&self, scene: &Scene<'_>) -> Result<Vec<Change>, Refusal> {
        let act = Unbind { actor: scene.actor.clone(), request: self.request, device: self.device };
        unbind(scene.holdings, &scene.world.policy, &act, scene.now)
    }

    fn undo(&self) -> Undo {
        Undo::By { act: "bind", role: Role::IssuanceOfficer, until: "the device is bound elsewhere" }
    }
}
