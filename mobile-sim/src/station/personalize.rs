//! From a blank card to an issued one. What cannot go well is refused before anything is written on the card; and a card that was pulled out is taken up
//! again where it was, by the same command with the same card.

use super::card::{CardError, PivCard};
use super::channel::Channel;
use super::holder::InReader;
use crate::device::DeviceFacts;
use crate::error::PhoneError;
use crate::invitation::Invitation;
use crate::message::Faults;
use crate::phone::{Outcome, Phone};
use crate::piv::reference::RETIRED;
use crate::piv::{KeyReference, ManagementKey, Secret, objects};
use crate::state::Bench;

/// What an officer knows of the card in the reader, and what it shall have.
pub struct Officer {
    pub management: ManagementKey,
    /// As it came from the factory.
    pub old_pin: Secret,
    pub old_puk: Secret,
    pub pin: Secret,
    pub puk: Secret,
}

/// Issues the card in a reader, or continues where an earlier call was cut short. `phone` is the memory of the workstation for this one card.
pub async fn personalize(
    phone: &mut Phone,
    channel: impl Channel + 'static,
    officer: &Officer,
    invitation: &Invitation,
    code: Option<&str>,
    device: &DeviceFacts,
    faults: &Faults,
) -> Result<Outcome, PhoneError> {
    let mut card = PivCard::select(channel)?;
    let mut bench = match phone.bench() {
        Some(bench) => {
            is_the_same(&mut card, bench)?;
            bench.clone()
        }
        None => {
            is_blank(&mut card)?;
            Bench::new().map_err(|_| PhoneError::Usage("the cryptographic library refused to draw a number".to_owned()))?
        }
    };
    has_every_place(&mut card)?;
    card.authenticate(&officer.management)?;
    set_secrets(phone, &mut card, &mut bench, officer)?;
    let card = InReader::new(card, officer.pin.clone());
    phone.seat(&card);
    let ended = phone.issue(invitation, code, device, faults).await;
    // Behind whatever went wrong, it was the card that did.
    match card.trouble() {
        Some(trouble) if ended.is_err() => Err(trouble.into()),
        _ => ended,
    }
}

/// Nobody's yet: no CHUID, and no certificate where ours go.
fn is_blank(card: &mut PivCard) -> Result<(), CardError> {
    let mut whose = card.object(objects::CHUID)?.is_some();
    for place in places() {
        whose |= card.object(place.certificate())?.is_some();
    }
    match whose {
        true => Err(CardError::NotFit(
            "this card has certificates or a CHUID: it is somebody's, or must be reset by its maker's tool first".to_owned(),
        )),
        false => Ok(()),
    }
}

/// The one that this memory was begun with: it has our mark; or it has nothing at all, as the mark was about to be written.
fn is_the_same(card: &mut PivCard, bench: &Bench) -> Result<(), CardError> {
    match card.object(objects::CAPABILITIES)? {
        Some(found) if found == objects::capabilities(&bench.mark) => Ok(()),
        None if !bench.is_marked => is_blank(card),
        Some(_) | None => Err(CardError::NotFit("another card was begun with this state folder: put that one into the reader".to_owned())),
    }
}

fn has_every_place(card: &mut PivCard) -> Result<(), CardError> {
    for place in places() {
        if !card.has_place(place)? {
            return Err(CardError::NotFit(format!(
                "this card has no place {:02X} for a key: too few for a PIV card of ours",
                place.byte()
            )));
        }
    }
    Ok(())
}

/// Every place that an issuance may fill.
fn places() -> impl Iterator<Item = KeyReference> {
    let own = [0x9A, 0x9C, 0x9D, 0x9E].into_iter().filter_map(KeyReference::from_byte);
    own.chain((0..RETIRED).map(|at| KeyReference::Retired(at as u8)))
}

/// Marks the card as the one of this memory, and gives it its PIN and PUK. What is about to be done is remembered first: whether it was done, the card
/// tells.
fn set_secrets(phone: &mut Phone, card: &mut PivCard, bench: &mut Bench, officer: &Officer) -> Result<(), PhoneError> {
    if !bench.is_begun {
        card.verify(&officer.old_pin)?;
        bench.is_begun = true;
        phone.keep_bench(bench.clone())?;
    }
    if !bench.is_marked {
        card.put(objects::CAPABILITIES, &objects::capabilities(&bench.mark))?;
        card.put(objects::DISCOVERY, &objects::discovery())?;
        bench.is_marked = true;
        phone.keep_bench(bench.clone())?;
    }
    if !bench.has_pin {
        if let Err(CardError::Wrong { .. }) = card.verify(&officer.old_pin) {
            card.verify(&officer.pin)?;
        } else {
            card.change_pin(&officer.old_pin, &officer.pin)?;
        }
        bench.has_pin = true;
        phone.keep_bench(bench.clone())?;
    }
    if !bench.has_puk {
        if let Err(CardError::Wrong { .. }) = card.change_puk(&officer.old_puk, &officer.puk) {
            card.change_puk(&officer.puk, &officer.puk)?;
        }
        bench.has_puk = true;
        phone.keep_bench(bench.clone())?;
    }
    Ok(())
}
