//! M6: the phone proves that it has every key, the server makes the card active and signs a receipt.
//!
//! It is safe to repeat: the server answers with the same receipt.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::device::Slot;
use crate::encoding::b64u;
use crate::error::{Distrust, PhoneError};
use crate::key::Key;
use crate::message::{Faults, Message};
use crate::receipt::{self, Receipt};
use crate::state::{Credential, Errand, Standing};
use crate::trust::Chain;
use crate::wire::{Client, Request};

const LABEL: &[u8] = b"msc1 confirm";

#[derive(Serialize)]
struct Ask {
    slots: Vec<SlotProof>,
    #[serde(skip_serializing_if = "Option::is_none")]
    transport_signature: Option<String>,
}

#[derive(Serialize)]
struct SlotProof {
    slot: Slot,
    serial: String,
    signature: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(flatten)]
    standing: Standing,
    receipt: String,
}

/// What M6 brings.
pub(crate) struct Confirmed {
    pub standing: Standing,
    pub receipt: String,
}

/// Confirms that the phone has `slots` and `history`, and checks that the receipt says the same.
pub(crate) async fn confirm(
    client: &Client,
    errand: &Errand,
    slots: &BTreeMap<&Slot, &Credential>,
    history: &[Credential],
    chain: &Chain,
    faults: &Faults,
) -> Result<Confirmed, PhoneError> {
    let distrusted = |error: Distrust| error.at(Message::Confirm);
    let transport = errand.delivery.as_ref().map(|delivery| sign(&delivery.transport_key, errand)).transpose();
    let ask = Ask {
        slots: slots.iter().map(|(slot, credential)| prove(slot, credential, errand)).collect::<Result<_, _>>().map_err(distrusted)?,
        transport_signature: transport.map_err(distrusted)?,
    };
    let post = Request::post(format!("/provisioning/v1/sessions/{}/confirm", errand.session))
        .with_json(&ask)
        .map_err(|source| PhoneError::Unreachable { message: Message::Confirm, source })?;
    let reply = faults.send(Message::Confirm, client, post).await?;
    let answer: Answer = reply.json().map_err(|error| distrusted(Distrust::because(error.to_string())))?;
    let receipt = receipt::verify(&answer.receipt, chain).map_err(distrusted)?;
    check(&receipt, &answer.standing, errand, slots, history).map_err(distrusted)?;
    Ok(Confirmed { standing: answer.standing, receipt: answer.receipt })
}

fn prove(slot: &Slot, credential: &Credential, errand: &Errand) -> Result<SlotProof, Distrust> {
    Ok(SlotProof { slot: slot.clone(), serial: credential.certificate.serial(), signature: sign(&credential.key, errand)? })
}

/// What every key signs.
fn signed_message(challenge: &[u8; 32]) -> Vec<u8> {
    [LABEL, challenge].concat()
}

fn sign(key: &Key, errand: &Errand) -> Result<String, Distrust> {
    let signature = key.sign(&signed_message(&errand.challenge));
    signature.map(|signature| b64u(&signature)).map_err(|error| Distrust::because(error.to_string()))
}

fn check(
    receipt: &Receipt,
    standing: &Standing,
    errand: &Errand,
    slots: &BTreeMap<&Slot, &Credential>,
    history: &[Credential],
) -> Result<(), Distrust> {
    if receipt.session != errand.session || receipt.device != standing.device {
        return Err(Distrust::because("a receipt for another session or device"));
    }
    let listed: BTreeSet<_> = receipt.slots.iter().map(|listed| (listed.slot.as_str(), listed.serial.clone())).collect();
    let ours: BTreeSet<_> = slots.iter().map(|(slot, credential)| (slot.as_str(), credential.certificate.serial())).collect();
    if ours != listed || receipt.slots.len() != slots.len() {
        return Err(Distrust::because("a receipt that lists other credentials than were confirmed"));
    }
    if !history.iter().map(|older| older.certificate.serial()).eq(receipt.history.iter().cloned()) {
        return Err(Distrust::because("a receipt that lists other older keys than were collected"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vectors::{b64u, vectors};

    #[test]
    fn what_is_signed_to_confirm_is_what_the_published_vector_says() {
        let vector = &vectors()["confirm"];
        let challenge: [u8; 32] = b64u(vector, "challenge").try_into().expect("32 bytes");
        assert_eq!(signed_message(&challenge), b64u(vector, "message"));
    }
}
