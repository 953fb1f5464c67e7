//! The phone: the order of its messages, and what it remembers between them.
//!
//! Every step has the same shape: act on what is remembered, send, check the reply, remember, go on. Nothing in memory changes before
//! it is kept, so a phone after a failed call is the same as one that is opened anew.

use std::collections::BTreeMap;
use std::path::Path;

use zeroize::Zeroizing;

use crate::card::Card;
use crate::certificate::Certificate;
use crate::cms::{self, EnvelopeError};
use crate::device::{DeviceFacts, Slot};
use crate::enroll::enroll;
use crate::errand::{Route, carry_out};
use crate::error::PhoneError;
use crate::identity::Identity;
use crate::invitation::Invitation;
use crate::keeper::{Folder, Keeper, Nowhere, Tries};
use crate::key::Key;
use crate::message::{Faults, Message};
use crate::piv::Secret;
use crate::session::Introduction;
use crate::state::{Bench, Errand, Issued, Opening, Provisioning, Stage, Standing, State};
use crate::station::holder::{Holder, InReader};
use crate::trust::Server;
use crate::vault::Pin;
use crate::wire::{Client, Connection};
use crate::{export, session, sync, trust};

/// A phone with its memory.
pub struct Phone {
    state: State,
    keeper: Box<dyn Keeper>,
    shows_evidence: bool,
    holder: Holder,
}

/// How an issuance ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The card is active.
    Issued,
    /// The card was issued with this invitation before; nothing was sent.
    AlreadyIssued,
    /// Everything is signed and collected, and not confirmed, as the faults asked.
    Signed,
}

/// What a sync found and did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    pub before: Standing,
    pub now: Standing,
    pub update: UpdateOutcome,
}

/// What became of an update.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UpdateOutcome {
    /// There was none.
    None,
    /// Collected, and not confirmed, as the faults asked.
    Collected,
    /// The serials of the encryption certificate before and now.
    Done { former: Option<String>, current: String },
}

impl Phone {
    /// Opens the phone whose state is in a folder, which is made where it is missing. Nobody else can open it meanwhile.
    pub fn open(folder: impl AsRef<Path>, pin: &str) -> Result<Self, PhoneError> {
        let pin = Pin::new(pin).map_err(|error| PhoneError::Usage(error.to_string()))?;
        let (keeper, state) = Folder::open(folder.as_ref(), &pin)?;
        Ok(Self { state, keeper: Box::new(keeper), shows_evidence: false, holder: Holder::Own })
    }

    /// A phone that forgets everything at its end.
    pub fn in_memory() -> Self {
        Self { state: State::default(), keeper: Box::new(Nowhere), shows_evidence: false, holder: Holder::Own }
    }

    /// The same phone; with each key that it enrolls it shows evidence by simulated hardware ([`crate::evidence`]).
    pub fn showing_evidence(self) -> Self {
        Self { shows_evidence: true, ..self }
    }

    /// What the phone said about itself when it was first invited.
    pub fn device(&self) -> Option<&DeviceFacts> {
        self.state.device.as_ref()
    }

    /// The public facts.
    pub fn card(&self) -> Card {
        Card::of(&self.state)
    }

    /// The receipts of every confirmation, oldest first, as compact JWS.
    pub fn receipts(&self) -> &[String] {
        match &self.state.stage {
            Stage::Issued(issued) => &issued.receipts,
            Stage::Blank | Stage::Opening(_) | Stage::Provisioning(_) => &[],
        }
    }

    /// The client certificate that the phone shows from its confirmation on.
    pub fn identity(&self) -> Option<Identity> {
        let auth = self.state.credentials().remove(&Slot::auth())?;
        Some(Identity::new(&auth.certificate, &auth.key, &self.card().authorities))
    }

    /// Issues the card, or continues where an earlier call with the same invitation was cut short. `code` is that of the second channel.
    pub async fn issue(
        &mut self,
        invitation: &Invitation,
        code: Option<&str>,
        device: &DeviceFacts,
        faults: &Faults,
    ) -> Result<Outcome, PhoneError> {
        self.begin(invitation, device)?;
        if let Stage::Opening(opening) = &self.state.stage {
            let opening = opening.clone();
            let provisioning = self.open_session(opening, invitation, code, device, faults).await?;
            self.enter(Stage::Provisioning(Box::new(provisioning)))?;
        }
        match &self.state.stage {
            Stage::Provisioning(session) => {
                let session = session.as_ref().clone();
                self.provision(session, faults).await
            }
            Stage::Blank | Stage::Opening(_) | Stage::Issued(_) => Ok(Outcome::AlreadyIssued),
        }
    }

    /// Forgets an issuance that is not finished. The server is not told (see [`Phone::give_up`]); a finished card stays.
    pub fn discard_unfinished(&mut self) -> Result<(), PhoneError> {
        match self.state.stage {
            Stage::Opening(_) | Stage::Provisioning(_) => self.enter(Stage::Blank),
            Stage::Blank | Stage::Issued(_) => Ok(()),
        }
    }

    /// M7: gives up the session that is open, and forgets it. What was signed in it is revoked.
    pub async fn give_up(&mut self, faults: &Faults) -> Result<(), PhoneError> {
        let Stage::Provisioning(session) = &self.state.stage else {
            return Err(PhoneError::Usage("there is no open session to give up".to_owned()));
        };
        let client = client(&session.server, &session.bootstrap, &session.session_key, &Message::GiveUp)?;
        sync::give_up(&client, &session.errand.session, faults).await?;
        self.enter(Stage::Blank)
    }

    /// M8: asks for news, and carries out an open update.
    pub async fn sync(&mut self, faults: &Faults) -> Result<Synced, PhoneError> {
        let Stage::Issued(issued) = &self.state.stage else {
            return Err(PhoneError::Usage("there is no card yet: issue one first".to_owned()));
        };
        let mut issued = issued.as_ref().clone();
        let auth = issued.credentials.get(&Slot::auth()).cloned().ok_or_else(no_auth)?;
        let speaking = client(&issued.server, &auth.certificate, &auth.key, &Message::Sync)?;
        let (now, open) = sync::news(&speaking, faults).await?;
        let before = std::mem::replace(&mut issued.standing, now);
        let is_open = open.is_some();
        issued.update = next_errand(issued.update.take(), open)?;
        self.enter(Stage::Issued(Box::new(issued.clone())))?;
        let Some(errand) = issued.update.take() else {
            return Ok(Synced { before, now: issued.standing, update: UpdateOutcome::None });
        };
        let confirming = client(&issued.server, &auth.certificate, &auth.key, &Message::Confirm)?;
        let update = match self.update(issued.clone(), errand, speaking, confirming, faults).await {
            Err(PhoneError::Refused { .. }) if !is_open => {
                // It was not that: the update has been closed.
                self.enter(Stage::Issued(Box::new(issued)))?;
                UpdateOutcome::None
            }
            other => other?,
        };
        let now = self.card().standing.ok_or_else(no_auth)?;
        Ok(Synced { before, now, update })
    }

    /// Decrypts CMS EnvelopedData (DER) with the current encryption key, or with the older one that it was made for.
    pub fn decrypt(&self, envelope: &[u8]) -> Result<Zeroizing<Vec<u8>>, EnvelopeError> {
        let current = self.state.credentials().remove(&Slot::enc());
        let keys: Vec<_> = current.iter().chain(self.state.history()).map(cms::Recipient::credential).collect();
        cms::open(envelope, &keys)
    }

    /// Writes the certificates, and if asked the private keys, as PEM files (see [`crate::export`]).
    pub fn export(&self, folder: impl AsRef<Path>, with_private_keys: bool) -> Result<(), PhoneError> {
        export::certificates(&self.card(), folder.as_ref())?;
        if with_private_keys {
            export::private_keys(&self.state, folder.as_ref())?;
        }
        Ok(())
    }

    /// Seals the state under another PIN.
    pub fn change_pin(&mut self, pin: &str) -> Result<(), PhoneError> {
        let pin = Pin::new(pin).map_err(|error| PhoneError::Usage(error.to_string()))?;
        self.keeper.change_pin(&pin)?;
        self.keeper.keep(&self.state)
    }

    pub(crate) fn change_pin_if_new(&mut self, pin: &str) -> Result<(), PhoneError> {
        if self.keeper.is_pin(pin) { Ok(()) } else { self.change_pin(pin) }
    }

    pub(crate) fn stage(&self) -> &Stage {
        &self.state.stage
    }

    pub(crate) fn puk(&self) -> Option<&Secret> {
        self.state.puk.as_ref()
    }

    pub(crate) fn keep_puk(&mut self, puk: Secret) -> Result<(), PhoneError> {
        self.keep(State { puk: Some(puk), ..self.state.clone() })
    }

    /// The card in the reader has the keys, those that are made and those that will be.
    pub(crate) fn seat(&mut self, card: &InReader) {
        self.state.keys().into_iter().filter_map(Key::seat).for_each(|seat| seat.take(card));
        self.holder = Holder::Card(card.clone());
    }

    pub(crate) fn bench(&self) -> Option<&Bench> {
        self.state.bench.as_ref()
    }

    pub(crate) fn keep_bench(&mut self, bench: Bench) -> Result<(), PhoneError> {
        self.keep(State { bench: Some(bench), ..self.state.clone() })
    }

    pub(crate) fn tries(&self) -> Result<Tries, PhoneError> {
        self.keeper.tries()
    }

    pub(crate) fn keep_tries(&self, tries: Tries) -> Result<(), PhoneError> {
        self.keeper.keep_tries(tries)
    }

    /// Enters the stage that this invitation calls for, or says why it cannot.
    fn begin(&mut self, invitation: &Invitation, device: &DeviceFacts) -> Result<(), PhoneError> {
        if self.state.bench.is_some() && matches!(self.holder, Holder::Own) {
            return Err(PhoneError::Usage(
                "the keys of this state folder are in a card: use personalize, with the card in a reader".to_owned(),
            ));
        }
        match self.is_for(invitation)? {
            true => Ok(()),
            false => self.remember(device, Stage::Opening(new_opening(invitation)?)),
        }
    }

    /// Whether an issuance with this invitation was begun, or even finished; none was begun if not.
    fn is_for(&self, invitation: &Invitation) -> Result<bool, PhoneError> {
        let (ours, finished) = match &self.state.stage {
            Stage::Blank => return Ok(false),
            Stage::Opening(opening) => (opening.invitation, false),
            Stage::Provisioning(session) => (session.invitation, false),
            Stage::Issued(issued) => (issued.invitation, true),
        };
        match ours == invitation.id {
            true => Ok(true),
            false if finished => {
                Err(PhoneError::Usage("this phone has a card already: take another state folder for another card".to_owned()))
            }
            false => Err(PhoneError::Usage(
                "an issuance with another invitation is unfinished: finish it, or discard it with --restart".to_owned(),
            )),
        }
    }

    /// Whether this is the memory of a workstation, or may become one, for the card of this invitation.
    pub(crate) fn may_be_a_card(&self, invitation: &Invitation) -> Result<(), PhoneError> {
        if self.is_for(invitation)? && self.state.bench.is_none() {
            return Err(PhoneError::Usage("this state folder is that of a phone: take another one for a card".to_owned()));
        }
        Ok(())
    }

    /// M1, unless the chain is known, and M2 on the same connection.
    async fn open_session(
        &mut self,
        mut opening: Opening,
        invitation: &Invitation,
        code: Option<&str>,
        device: &DeviceFacts,
        faults: &Faults,
    ) -> Result<Provisioning, PhoneError> {
        let authority = opening.authority.clone();
        let (mut connection, server) = match opening.chain.clone() {
            Some(chain) => {
                let server = Server { authority, chain };
                let unreachable = |source| PhoneError::without_reply(Message::OpenSession, source);
                let config = server.config(None).map_err(unreachable)?;
                (Connection::open(&server.authority, config).await.map_err(unreachable)?, server)
            }
            None => {
                let (connection, chain) = trust::meet(&authority, &invitation.pin, faults).await?;
                opening.chain = Some(chain.clone());
                (connection, Server { authority, chain })
            }
        };
        self.remember(device, Stage::Opening(opening.clone()))?;
        let opened =
            session::open(&mut connection, &opening, server, &Introduction { invitation, code, device }, &self.holder, faults).await?;
        let (least, most) = (opened.pin_policy.min_digits, opened.pin_policy.max_digits);
        match self.keeper.pin_length() {
            Some(digits) if !(least..=most).contains(&digits) => Err(PhoneError::Usage(format!(
                "the card wants a PIN of {least} to {most} digits: change it with change-pin, then run again"
            ))),
            Some(_) | None => Ok(opened.provisioning),
        }
    }

    /// M4 for every slot that lacks its certificate, then M5, M5h and M6.
    async fn provision(&mut self, mut session: Provisioning, faults: &Faults) -> Result<Outcome, PhoneError> {
        let server = session.server.clone();
        let bootstrap = client(&server, &session.bootstrap, &session.session_key, &Message::CollectKey)?;
        let challenge = self.shows_evidence.then_some(session.errand.challenge);
        for slot in session.enrollments.keys().cloned().collect::<Vec<_>>() {
            let Some(enrollment) = session.enrollments.get_mut(&slot).filter(|enrollment| enrollment.certificate.is_none()) else {
                continue;
            };
            enrollment.certificate = Some(enroll(&bootstrap, &slot, &enrollment.key, challenge.as_ref(), &server.chain, faults).await?);
            self.enter(Stage::Provisioning(Box::new(session.clone())))?;
        }
        let own = session.enrolled();
        let auth = own.get(&Slot::auth()).ok_or_else(no_auth)?;
        let confirming = client(&server, &auth.certificate, &auth.key, &Message::Confirm)?;
        let holder = self.holder.clone();
        let route = Route { collecting: bootstrap, confirming, chain: &server.chain, holder: &holder, faults };
        let mut errand = session.errand.clone();
        let mut keep =
            |errand: &Errand| self.enter(Stage::Provisioning(Box::new(Provisioning { errand: errand.clone(), ..session.clone() })));
        match carry_out(&mut errand, &own, &route, &mut keep).await? {
            Some(finished) => self.enter(Stage::Issued(Box::new(finished.into_card(session, &holder)))).map(|()| Outcome::Issued),
            None => Ok(Outcome::Signed),
        }
    }

    /// M5, M5h and M6 of an update. `issued` is the card without it.
    async fn update(
        &mut self,
        mut issued: Issued,
        mut errand: Errand,
        collecting: Client,
        confirming: Client,
        faults: &Faults,
    ) -> Result<UpdateOutcome, PhoneError> {
        let chain = issued.server.chain.clone();
        let holder = self.holder.clone();
        let route = Route { collecting, confirming, chain: &chain, holder: &holder, faults };
        let mut keep = |errand: &Errand| self.enter(Stage::Issued(Box::new(Issued { update: Some(errand.clone()), ..issued.clone() })));
        let Some(finished) = carry_out(&mut errand, &BTreeMap::new(), &route, &mut keep).await? else {
            return Ok(UpdateOutcome::Collected);
        };
        let former = finished.update(&mut issued);
        let current = issued.credentials.get(&Slot::enc()).map(|enc| enc.certificate.serial()).unwrap_or_default();
        self.enter(Stage::Issued(Box::new(issued)))?;
        Ok(UpdateOutcome::Done { former, current })
    }

    fn enter(&mut self, stage: Stage) -> Result<(), PhoneError> {
        self.keep(State { stage, ..self.state.clone() })
    }

    fn remember(&mut self, device: &DeviceFacts, stage: Stage) -> Result<(), PhoneError> {
        self.keep(State { device: Some(device.clone()), stage, ..self.state.clone() })
    }

    fn keep(&mut self, state: State) -> Result<(), PhoneError> {
        self.keeper.keep(&state)?;
        self.state = state;
        Ok(())
    }
}

/// What is to be done after M8: go on with the update that was begun, begin the one that is open, or nothing.
fn next_errand(begun: Option<Errand>, open: Option<sync::Update>) -> Result<Option<Errand>, PhoneError> {
    match (begun, open) {
        (Some(begun), Some(open)) if begun.session == open.session => Ok(Some(begun)),
        (_, Some(open)) => open.begin().map(Some),
        // Collected and no longer open: the confirmation may have been answered, and the answer lost.
        (begun, None) => Ok(begun.filter(Errand::is_collected)),
    }
}

pub(crate) fn new_opening(invitation: &Invitation) -> Result<Opening, PhoneError> {
    let refused = || PhoneError::Usage("the cryptographic library refused to make a key".to_owned());
    let mut nonce = [0; 16];
    aws_lc_rs::rand::fill(&mut nonce).map_err(|_| refused())?;
    Ok(Opening {
        invitation: invitation.id,
        authority: invitation.authority.clone(),
        chain: None,
        session_key: Key::generate().map_err(|_| refused())?,
        nonce,
    })
}

fn client(server: &Server, certificate: &Certificate, key: &Key, message: &Message) -> Result<Client, PhoneError> {
    let made = server.client(Some(&Identity::new(certificate, key, server.chain.authorities())));
    made.map_err(|source| PhoneError::Unreachable { message: message.clone(), source })
}

fn no_auth() -> PhoneError {
    PhoneError::Usage("the phone has no auth credential".to_owned())
}
