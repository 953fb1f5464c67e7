//! What a phone must not forget, as three stages: it knows of an invitation, it is in a session, it has a card.
//!
//! Each stage carries its facts and no others. All of it is secret and is sealed as one piece (see `vault`); what may be
//! shown without the PIN is the [`crate::Card`] that is made of it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::device::{DeviceFacts, Slot};
use crate::encoding::as_b64u;
use crate::key::Key;
use crate::piv::Secret;
use crate::trust::{Chain, Server};

/// The whole memory of the phone.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct State {
    pub device: Option<DeviceFacts>,
    pub stage: Stage,
    /// Unblocks the PIN of the card that a reader sees.
    #[serde(default)]
    pub puk: Option<Secret>,
    /// Where the keys are not the phone's own.
    #[serde(default)]
    pub bench: Option<Bench>,
}

/// How far the workstation has come with the physical card that it personalizes.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bench {
    /// By which the card is known again.
    pub mark: [u8; 16],
    pub is_marked: bool,
    pub pin: Given,
    pub puk: Given,
}

/// Which PIN or PUK a card has, as far as is known.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Given {
    /// The one that it came with.
    Factory,
    /// The change was sent, and may not have arrived.
    Sent {
        from: Secret,
        to: Secret,
    },
    Set(Secret),
}

impl Bench {
    pub fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        let mut mark = [0; 16];
        aws_lc_rs::rand::fill(&mut mark)?;
        Ok(Self { mark, is_marked: false, pin: Given::Factory, puk: Given::Factory })
    }
}

/// How far the phone has come.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Nothing has happened yet.
    #[default]
    Blank,
    /// The session key and the nonce are made; M2 may have been sent.
    Opening(Opening),
    /// M2 has been answered; keys are being certified and collected, M6 may have been sent.
    Provisioning(Box<Provisioning>),
    /// M6 has been answered.
    Issued(Box<Issued>),
}

/// Before M2 is answered. The secret of the invitation is not kept: whoever runs the command again has it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Opening {
    #[serde(with = "as_b64u")]
    pub invitation: [u8; 16],
    pub authority: String,
    /// Known from M1 on.
    pub chain: Option<Chain>,
    pub session_key: Key,
    #[serde(with = "as_b64u")]
    pub nonce: [u8; 16],
}

/// Between M2 and M6.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Provisioning {
    #[serde(with = "as_b64u")]
    pub invitation: [u8; 16],
    pub server: Server,
    pub session_key: Key,
    /// Good for the session key; authenticates M4, M5 and M5h.
    pub bootstrap: Certificate,
    pub enrollments: BTreeMap<Slot, Enrollment>,
    pub errand: Errand,
}

/// A key made on the phone, and its certificate once M4 has been answered.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Enrollment {
    pub key: Key,
    pub certificate: Option<Certificate>,
}

/// What initial issuance and update have in common: collect the encryption keys in a session, then confirm it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Errand {
    pub session: String,
    #[serde(with = "as_b64u")]
    pub challenge: [u8; 32],
    /// `None` where the plan has no `enc`: then there is nothing to collect.
    pub delivery: Option<Delivery>,
}

/// The encryption keys that a session delivers.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Delivery {
    pub transport_key: Key,
    pub collected: Collected,
}

/// How much has been collected.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Collected {
    Nothing,
    /// M5 is answered.
    Current(Credential),
    /// M5h is answered too; history is newest first.
    Everything {
        current: Credential,
        history: Vec<Credential>,
    },
}

/// A certificate and the private key that it names.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Credential {
    pub certificate: Certificate,
    pub key: Key,
}

/// From M6 on.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Issued {
    #[serde(with = "as_b64u")]
    pub invitation: [u8; 16],
    pub server: Server,
    pub standing: Standing,
    pub credentials: BTreeMap<Slot, Credential>,
    /// Older encryption credentials, newest first.
    pub history: Vec<Credential>,
    /// The server's signed receipts, oldest first.
    pub receipts: Vec<String>,
    /// An update that has been begun.
    pub update: Option<Errand>,
}

/// What the server last told about the device (M6, M8).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    pub device: String,
    pub state: String,
    pub temporary_until: Option<String>,
}

impl Provisioning {
    /// The credentials of the slots whose certificates have arrived.
    pub fn enrolled(&self) -> BTreeMap<Slot, Credential> {
        let signed = |enrollment: &Enrollment| {
            let certificate = enrollment.certificate.clone()?;
            Some(Credential { certificate, key: enrollment.key.clone() })
        };
        self.enrollments.iter().filter_map(|(slot, enrollment)| Some((slot.clone(), signed(enrollment)?))).collect()
    }
}

impl State {
    /// Every private key that is kept.
    pub fn keys(&self) -> Vec<&Key> {
        match &self.stage {
            Stage::Blank | Stage::Opening(_) => Vec::new(),
            Stage::Provisioning(session) => session.enrollments.values().map(|enrollment| &enrollment.key).collect(),
            Stage::Issued(issued) => issued.credentials.values().chain(&issued.history).map(|held| &held.key).collect(),
        }
    }
}

impl Errand {
    /// The encryption credential, once it is collected.
    pub fn current(&self) -> Option<&Credential> {
        match &self.delivery.as_ref()?.collected {
            Collected::Nothing => None,
            Collected::Current(current) | Collected::Everything { current, .. } => Some(current),
        }
    }

    /// The older encryption credentials, once they are collected.
    pub fn history(&self) -> &[Credential] {
        match self.delivery.as_ref().map(|delivery| &delivery.collected) {
            None | Some(Collected::Nothing | Collected::Current(_)) => &[],
            Some(Collected::Everything { history, .. }) => history,
        }
    }

    /// Whether nothing is left but to confirm.
    pub fn is_collected(&self) -> bool {
        self.delivery.as_ref().is_none_or(|delivery| matches!(delivery.collected, Collected::Everything { .. }))
    }
}
