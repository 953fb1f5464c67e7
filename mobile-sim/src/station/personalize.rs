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
use crate::state::{Bench, Given};

/// What an officer knows of the card in the reader, and what it shall have.
pub struct Officer {
    pub management: ManagementKey,
    /// As it came from the factory.
    pub old_pin: Secret,
    pub old_puk: Secret,
    pub pin: Secret,
    pub puk: Secret,
    /// Whether the card gets an encryption key, as the policy of the server says; it comes from outside.
    pub gives_enc: bool,
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
    phone.may_be_a_card(invitation)?;
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
    if officer.gives_enc && !card.takes_keys()? {
        return Err(CardError::NotFit("this card takes no private key from outside, as the encryption key would be".to_owned()).into());
    }
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

/// Nobody's yet: no certificate where ours go. A CHUID says nothing, as some cards come with one.
fn is_blank(card: &mut PivCard) -> Result<(), CardError> {
    for place in places() {
        if card.object(place.certificate())?.is_some() {
            let what = format!("this card has a certificate in {:02X}", place.byte());
            return Err(CardError::NotFit(format!("{what}: it is somebody's, or must be reset by its maker's tool first")));
        }
    }
    Ok(())
}

/// The one that this memory was begun with: it has our mark; or it is nobody's yet, as the mark was about to be written.
fn is_the_same(card: &mut PivCard, bench: &Bench) -> Result<(), CardError> {
    match card.object(objects::CAPABILITIES)? {
        Some(found) if found == objects::capabilities(&bench.mark) => Ok(()),
        _ if !bench.is_marked => is_blank(card),
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

/// Marks the card as the one of this memory, and gives it its PIN and PUK. What is about to be done is remembered first.
fn set_secrets(phone: &mut Phone, card: &mut PivCard, bench: &mut Bench, officer: &Officer) -> Result<(), PhoneError> {
    let left = card.pin_tries()?;
    if left < 2 {
        return Err(CardError::NotFit(format!("{left} tries are left for the PIN of this card: show it the right one first")).into());
    }
    if matches!(bench.pin, Given::Factory) {
        card.verify(&officer.old_pin)?;
    }
    if !bench.is_marked {
        phone.keep_bench(bench.clone())?;
        card.put(objects::CAPABILITIES, &objects::capabilities(&bench.mark))?;
        bench.is_marked = true;
        phone.keep_bench(bench.clone())?;
    }
    give(phone, card, bench, Which::Pin, &officer.old_pin, &officer.pin)?;
    give(phone, card, bench, Which::Puk, &officer.old_puk, &officer.puk)
}

#[derive(Clone, Copy)]
enum Which {
    Pin,
    Puk,
}

impl Which {
    fn of(self, bench: &mut Bench) -> &mut Given {
        match self {
            Self::Pin => &mut bench.pin,
            Self::Puk => &mut bench.puk,
        }
    }

    fn change(self, card: &mut PivCard, old: &Secret, new: &Secret) -> Result<(), CardError> {
        match self {
            Self::Pin => card.change_pin(old, new),
            Self::Puk => card.change_puk(old, new),
        }
    }
}

/// Gives the card a new PIN or PUK. Where a change was sent before and nobody knows whether it arrived, the card is asked to change from either: that
/// costs one try at most.
fn give(phone: &mut Phone, card: &mut PivCard, bench: &mut Bench, which: Which, old: &Secret, new: &Secret) -> Result<(), PhoneError> {
    let found = which.of(bench).clone();
    let (from, sent) = match &found {
        Given::Set(set) if set.bytes() == new.bytes() => return Ok(()),
        Given::Set(set) => (set.clone(), None),
        Given::Factory => (old.clone(), None),
        Given::Sent { from, to } => (from.clone(), Some(to.clone())),
    };
    *which.of(bench) = Given::Sent { from: from.clone(), to: sent.clone().unwrap_or_else(|| new.clone()) };
    phone.keep_bench(bench.clone())?;
    let (changed, known) = match which.change(card, &from, new) {
        // It has arrived. That is kept before the next command, so that no further try is spent on learning it again.
        Err(CardError::Wrong { .. }) if let Some(to) = sent => {
            *which.of(bench) = Given::Set(to.clone());
            phone.keep_bench(bench.clone())?;
            (which.change(card, &to, new), Given::Set(to))
        }
        changed => (changed, found),
    };
    match changed {
        Ok(()) => *which.of(bench) = Given::Set(new.clone()),
        // It has said no: it is as it was.
        Err(CardError::Wrong { .. } | CardError::Blocked(_) | CardError::Refused { .. }) => *which.of(bench) = known,
        Err(_) => {}
    }
    phone.keep_bench(bench.clone())?;
    Ok(changed?)
}

#[cfg(test)]
mod tests {
    use super::super::channel::Gone;
    use super::*;
    use crate::piv::{Applet, Contents, Guarded, Nowhere, Transport};
    use crate::{DeviceKind, encoding::b64u};

    /// A card that does not know the last place.
    struct Small(Transport);

    impl Channel for Small {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
            match *command {
                [_, 0x87, _, 0x95, ..] => Ok(vec![0x6A, 0x86]),
                [_, 0x20 | 0x24 | 0xDB | 0x47 | 0xFE, ..] => panic!("written, or a PIN shown: {command:02x?}"),
                _ => self.0.transmit(command),
            }
        }
    }

    #[tokio::test]
    async fn a_card_with_too_few_places_is_refused_before_anything_is_written() {
        let (pin, puk) = (Secret::pin("123456").expect("a PIN"), Secret::puk("12345678").expect("a PUK"));
        let management = ManagementKey::random().expect("a key");
        let blank = Contents::blank(Guarded::new(pin.clone()), Some(Guarded::new(puk.clone())), management.clone());
        let card = Small(Transport::new(Applet::new(blank, Nowhere)));
        let officer = Officer { management, old_pin: pin.clone(), old_puk: puk.clone(), pin, puk, gives_enc: true };
        let uri = format!("msc1:?h=localhost:1&i={}&c={}&p={}&x=1", b64u(&[1; 16]), b64u(&[2; 16]), b64u(&[3; 32]));
        let (invitation, named) = (uri.parse().expect("an invitation"), || "x".to_owned());
        let device = DeviceFacts { kind: DeviceKind::SmartCard, model: named(), serial: named(), name: named() };
        let mut phone = Phone::in_memory();
        let ended = personalize(&mut phone, card, &officer, &invitation, None, &device, &Faults::default()).await;
        assert!(ended.expect_err("refused").to_string().contains("no place 95"));
        assert!(phone.bench().is_none());
    }
}
