//! The card as a person would want to see it. Everything here is public: it is shown without the PIN.
//!
//! The card does not ask the server: it shows what was last told.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::device::{DeviceFacts, Slot};
use crate::error::PhoneError;
use crate::keeper;
use crate::state::{Credential, Stage, Standing, State};

/// How far the phone has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Progress {
    Blank,
    Opening,
    Provisioning,
    Issued,
}

/// The public side of a phone.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Card {
    pub progress: Progress,
    pub device: Option<DeviceFacts>,
    /// `host:port` of the server.
    pub server: Option<String>,
    /// What the server last told, from the confirmation on.
    pub standing: Option<Standing>,
    /// The current certificates. Before the confirmation they are signed, but on hold.
    pub slots: BTreeMap<Slot, Certificate>,
    /// Certificates of older encryption keys, newest first.
    pub history: Vec<Certificate>,
    /// Issuing authority first, pinned root last.
    pub authorities: Vec<Certificate>,
}

impl Card {
    /// The public side of a state.
    pub(crate) fn of(state: &State) -> Self {
        let (progress, server, standing) = match &state.stage {
            Stage::Blank => (Progress::Blank, None, None),
            Stage::Opening(opening) => (Progress::Opening, Some(opening.authority.clone()), None),
            Stage::Provisioning(session) => (Progress::Provisioning, Some(session.server.authority.clone()), None),
            Stage::Issued(issued) => (Progress::Issued, Some(issued.server.authority.clone()), Some(issued.standing.clone())),
        };
        Self {
            progress,
            device: state.device.clone(),
            server,
            standing,
            slots: state.credentials().into_iter().map(|(slot, held)| (slot, held.certificate)).collect(),
            history: state.history().iter().map(|older| older.certificate.clone()).collect(),
            authorities: state.authorities().to_vec(),
        }
    }

    /// Reads the card of a state folder; `None` where nothing has happened yet.
    pub fn read(state: &Path) -> Result<Option<Self>, PhoneError> {
        keeper::read_card(state)
    }

    /// The current certificate of a slot.
    pub fn certificate(&self, slot: &str) -> Option<&Certificate> {
        self.slots.iter().find(|(name, _)| name.as_str() == slot).map(|(_, certificate)| certificate)
    }

    /// The person whom the certificates name.
    pub fn holder(&self) -> Option<String> {
        let named = self.certificate("auth").or_else(|| self.slots.values().next())?;
        let email = self.slots.values().find_map(Certificate::email).map(|email| format!(" <{email}>")).unwrap_or_default();
        Some(format!("{}{email}", named.common_name()?))
    }
}

impl fmt::Display for Card {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(device) = &self.device {
            writeln!(f, "{}: {} ({}, serial {})", device.kind, device.name, device.model, device.serial)?;
        }
        writeln!(f, "state: {}", self.state())?;
        if let Some(until) = self.standing.as_ref().and_then(|standing| standing.temporary_until.as_ref()) {
            writeln!(f, "temporary, until: {until}")?;
        }
        if let Some(holder) = self.holder() {
            writeln!(f, "holder: {holder}")?;
        }
        if let Some(standing) = &self.standing {
            writeln!(f, "device: {}", standing.device)?;
        }
        if let Some(server) = &self.server {
            writeln!(f, "server: {server}")?;
        }
        for (slot, certificate) in &self.slots {
            write_certificate(f, slot.as_str(), certificate)?;
        }
        for (at, certificate) in self.history.iter().enumerate() {
            write_certificate(f, &format!("history-{} (reads old mail only)", at + 1), certificate)?;
        }
        Ok(())
    }
}

impl Card {
    fn state(&self) -> String {
        match (self.progress, &self.standing) {
            (_, Some(standing)) => format!("{}, as last told", standing.state),
            (Progress::Blank, None) => "empty".to_owned(),
            (Progress::Opening, None) => "invited, no session yet: run issue again to continue".to_owned(),
            (Progress::Provisioning | Progress::Issued, None) => "not confirmed yet: run issue again to continue".to_owned(),
        }
    }
}

fn write_certificate(f: &mut fmt::Formatter<'_>, title: &str, certificate: &Certificate) -> fmt::Result {
    let (from, until) = certificate.validity();
    writeln!(f, "\n{title}\n  subject: {}\n  serial:  {}", certificate.subject(), certificate.serial())?;
    writeln!(f, "  valid:   {from} to {until}")
}

impl State {
    /// Every current credential, whatever the stage.
    pub fn credentials(&self) -> BTreeMap<Slot, Credential> {
        match &self.stage {
            Stage::Blank | Stage::Opening(_) => BTreeMap::new(),
            Stage::Provisioning(session) => {
                let mut held = session.enrolled();
                held.extend(session.errand.current().map(|current| (Slot::enc(), current.clone())));
                held
            }
            Stage::Issued(issued) => issued.credentials.clone(),
        }
    }

    /// Older encryption credentials, newest first.
    pub fn history(&self) -> &[Credential] {
        match &self.stage {
            Stage::Blank | Stage::Opening(_) => &[],
            Stage::Provisioning(session) => session.errand.history(),
            Stage::Issued(issued) => &issued.history,
        }
    }

    fn authorities(&self) -> &[Certificate] {
        match &self.stage {
            Stage::Blank => &[],
            Stage::Opening(opening) => opening.chain.as_ref().map_or(&[], |chain| chain.authorities()),
            Stage::Provisioning(session) => session.server.chain.authorities(),
            Stage::Issued(issued) => issued.server.chain.authorities(),
        }
    }
}
