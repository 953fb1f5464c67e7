//! Where a phone's keys are made and kept: in the phone itself, or in a physical card that lies in a reader.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use zeroize::Zeroizing;

use super::card::{CardError, PivCard};
use crate::certificate::Certificate;
use crate::device::Slot;
use crate::error::PhoneError;
use crate::key::{BadKey, Key};
use crate::piv::phone::Facts;
use crate::piv::reference::RETIRED;
use crate::piv::{KeyReference, Secret, objects};
use crate::state::Credential;

/// A card in a reader, for keys that lie in it. Keys that were read from a file find their card when it is put in.
#[derive(Clone, Default)]
pub struct Seat(Arc<Mutex<Option<InReader>>>);

/// The card, and what opens it.
#[derive(Clone)]
pub struct InReader(Arc<Inside>);

struct Inside {
    card: Mutex<PivCard>,
    pin: Secret,
    /// Why a key could not be used: those who use keys through libraries learn that it failed, and no more.
    trouble: Mutex<Option<CardError>>,
}

impl InReader {
    /// The PIN is shown to the card right before each use of a key.
    pub fn new(card: PivCard, pin: Secret) -> Self {
        Self(Arc::new(Inside { card: Mutex::new(card), pin, trouble: Mutex::default() }))
    }

    /// What was last wrong with the card.
    pub fn trouble(&self) -> Option<CardError> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Does something with the card, and remembers what is wrong.
    fn with<T>(&self, act: impl FnOnce(&mut PivCard) -> Result<T, CardError>) -> Result<T, CardError> {
        let mut card = self.0.card.lock().unwrap_or_else(PoisonError::into_inner);
        act(&mut card).inspect_err(|error| *self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.clone()))
    }

    fn use_key<T>(&self, place: KeyReference, act: impl FnOnce(&mut PivCard) -> Result<T, CardError>) -> Result<T, BadKey> {
        let used = self.with(|card| {
            if place != KeyReference::CardAuthentication {
                card.verify(&self.0.pin)?;
            }
            act(card)
        });
        used.map_err(|_| BadKey)
    }

    fn key(&self, place: KeyReference, point: Vec<u8>) -> Key {
        let seat = Seat::default();
        seat.take(self);
        Key::on_card(place, seat, point)
    }
}

impl Seat {
    /// Puts a card in, instead of what was there.
    pub fn take(&self, card: &InReader) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(card.clone());
    }

    fn card(&self) -> Option<InReader> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn sign(&self, place: KeyReference, digest: &[u8; 32]) -> Result<Vec<u8>, BadKey> {
        self.card().ok_or(BadKey)?.use_key(place, |card| card.sign(place, digest))
    }

    pub fn agree(&self, place: KeyReference, point: &[u8]) -> Result<Zeroizing<Vec<u8>>, BadKey> {
        self.card().ok_or(BadKey)?.use_key(place, |card| card.agree(place, point)).map(Zeroizing::new)
    }
}

impl fmt::Debug for Seat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.card().is_some() { "Seat(a card)" } else { "Seat(empty)" })
    }
}

/// Who has the keys of a phone.
#[derive(Clone, Default)]
pub enum Holder {
    /// The phone.
    #[default]
    Own,
    Card(InReader),
}

impl Holder {
    /// A new key for a slot.
    pub(crate) fn make(&self, slot: &Slot) -> Result<Key, BadKey> {
        let Self::Card(card) = self else { return Key::generate() };
        let made = card.with(|inside| {
            let place = place_of(slot)?;
            Ok((place, inside.generate(place)?))
        });
        made.map(|(place, point)| card.key(place, point)).map_err(|_| BadKey)
    }

    /// Puts everything in its place that is not there yet, before anybody confirms that it is.
    pub(crate) fn place(
        &self,
        own: &BTreeMap<Slot, Credential>,
        current: Option<&Credential>,
        history: &[Credential],
    ) -> Result<(), PhoneError> {
        let Self::Card(card) = self else { return Ok(()) };
        Ok(card.with(|inside| write(inside, own, current, history))?)
    }

    /// From now on the card alone has the keys that it was given.
    pub(crate) fn settle(&self, credentials: &mut BTreeMap<Slot, Credential>, history: &mut [Credential]) {
        let Self::Card(card) = self else { return };
        let enc = credentials.get_mut(&Slot::enc()).map(|current| (KeyReference::Management, current));
        let older = history.iter_mut().enumerate().map(|(at, older)| (KeyReference::Retired(at as u8), older));
        for (place, credential) in enc.into_iter().chain(older) {
            credential.key = card.key(place, credential.key.point().to_vec());
        }
    }
}

fn place_of(slot: &Slot) -> Result<KeyReference, CardError> {
    KeyReference::of_slot(slot.as_str()).ok_or_else(|| CardError::NotFit(format!("a PIV card has no place for {slot}")))
}

fn write(
    card: &mut PivCard,
    own: &BTreeMap<Slot, Credential>,
    current: Option<&Credential>,
    history: &[Credential],
) -> Result<(), CardError> {
    if history.len() > RETIRED {
        let count = history.len();
        return Err(CardError::NotFit(format!("{count} older encryption keys came, and a PIV card has room for {RETIRED}")));
    }
    for (slot, credential) in own {
        put_certificate(card, place_of(slot)?, &credential.certificate)?;
    }
    let older = history.iter().enumerate().map(|(at, older)| (KeyReference::Retired(at as u8), older));
    for (place, credential) in current.map(|current| (KeyReference::Management, current)).into_iter().chain(older) {
        if let Ok(scalar) = credential.key.scalar() {
            card.import(place, &scalar)?;
        }
        put_certificate(card, place, &credential.certificate)?;
    }
    if let Some(auth) = own.get(&Slot::auth()) {
        let facts = Facts::of(&auth.certificate);
        card.put(objects::CHUID, &objects::chuid(&facts.fasc_n, &facts.card, &facts.last_day))?;
    }
    // Some cards keep the discovery object to themselves.
    if card.object(objects::DISCOVERY)?.is_none() {
        match card.put(objects::DISCOVERY, &objects::discovery()) {
            Ok(()) | Err(CardError::Refused { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    card.put(objects::KEY_HISTORY, &objects::key_history(history.len()))
}

fn put_certificate(card: &mut PivCard, place: KeyReference, certificate: &Certificate) -> Result<(), CardError> {
    card.put(place.certificate(), &objects::certificate(certificate.der()))
}
