//! M8 and M7: asking for news, and giving up.

use serde::Deserialize;

use crate::error::{Distrust, PhoneError};
use crate::message::{Faults, Message};
use crate::session::{Plan, Sorted, errand};
use crate::state::{Errand, Standing};
use crate::wire::{Client, Request};

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    standing: Standing,
    update: Option<Update>,
}

/// An update that the server has open for this device.
#[derive(Deserialize)]
pub(crate) struct Update {
    pub session: String,
    challenge: String,
    plan: Plan,
}

impl Update {
    /// A new errand for it. An update delivers the encryption key and makes no other.
    pub(crate) fn begin(self) -> Result<Errand, PhoneError> {
        let begin = || match self.plan.sorted()? {
            Sorted { own, is_enc_delivered: true } if own.is_empty() => errand(self.session, &self.challenge, true),
            Sorted { .. } => Err(Distrust::because("an update whose plan is not enc alone")),
        };
        begin().map_err(|error| error.at(Message::Sync))
    }
}

/// M8: how the device stands, and its open update.
pub(crate) async fn news(client: &Client, faults: &Faults) -> Result<(Standing, Option<Update>), PhoneError> {
    let reply = faults.send(Message::Sync, client, Request::post("/provisioning/v1/sync")).await?;
    let answer: Answer = reply.json().map_err(|error| Distrust::because(error.to_string()).at(Message::Sync))?;
    Ok((answer.standing, answer.update))
}

/// M7: gives the session up. What was signed in it is revoked.
pub(crate) async fn give_up(client: &Client, session: &str, faults: &Faults) -> Result<(), PhoneError> {
    let delete = Request::delete(format!("/provisioning/v1/sessions/{session}"));
    faults.carry(Message::GiveUp, client.send(delete)).await.map(|_| ())
}
