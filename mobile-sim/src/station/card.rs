//! A PIV card as its keeper uses it (SP 800-73-5 part 2). Every command is of the standard but one: a private key from outside is imported as YubiKeys
//! and the cards that follow them do (instruction FE), since the standard leaves that to each card.

use aws_lc_rs::rand;

use super::channel::{Channel, Gone};
use crate::piv::objects::{self, certificate_in};
use crate::piv::reference::{MANAGEMENT, P256, PIN, PUK};
use crate::piv::tlv::{first, only, tag_bytes, value, wrap};
use crate::piv::{AID, KeyReference, ManagementKey, Secret};

/// How much of a command's data fits into one piece.
const PIECE: usize = 255;
/// How many pieces of an answer are asked for: 64 kB, more than any object of the standard.
const PIECES: usize = 256;

/// Why a card did not do what it was asked to.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum CardError {
    #[error(transparent)]
    Gone(#[from] Gone),
    #[error("there is no PIV application on this card (it answers {0:04X})")]
    NotPiv(u16),
    #[error("the card does not take this {what}: {left} tries are left")]
    Wrong { what: &'static str, left: u8 },
    #[error("the {0} of the card is blocked")]
    Blocked(&'static str),
    #[error("this is not the management key of the card")]
    WrongManagementKey,
    #[error("the card refuses to {what} (it answers {status:04X})")]
    Refused { what: &'static str, status: u16 },
    #[error("the card answers {0} with what cannot be read")]
    Unreadable(&'static str),
    #[error("{0}")]
    NotFit(String),
}

/// A card with its PIV application selected.
pub struct PivCard {
    channel: Box<dyn Channel>,
}

/// The data of an answer, and its status word.
struct Answer {
    data: Vec<u8>,
    status: u16,
}

impl Answer {
    fn done(self, what: &'static str) -> Result<Vec<u8>, CardError> {
        if self.status == 0x9000 { Ok(self.data) } else { Err(CardError::Refused { what, status: self.status }) }
    }

    /// As an answer to a PIN or a PUK.
    fn shown(self, what: &'static str, doing: &'static str) -> Result<(), CardError> {
        match self.status {
            0x9000 => Ok(()),
            0x63C0 | 0x6983 => Err(CardError::Blocked(what)),
            status @ 0x63C1..=0x63CF => Err(CardError::Wrong { what, left: status as u8 & 0x0F }),
            status => Err(CardError::Refused { what: doing, status }),
        }
    }
}

impl PivCard {
    pub fn select(channel: impl Channel + 'static) -> Result<Self, CardError> {
        let mut card = Self { channel: Box::new(channel) };
        match card.ask(0xA4, 0x04, 0x00, &AID)?.status {
            0x9000 => Ok(card),
            status => Err(CardError::NotPiv(status)),
        }
    }

    /// A data object; `None` where there is none.
    pub fn object(&mut self, tag: u32) -> Result<Option<Vec<u8>>, CardError> {
        let answer = self.ask(0xCB, 0x3F, 0xFF, &wrap(0x5C, &tag_bytes(tag)))?;
        if answer.status == 0x6A82 {
            return Ok(None);
        }
        let data = answer.done("show a data object")?;
        let (_, value, _) = first(&data).ok_or(CardError::Unreadable("a question for a data object"))?;
        Ok(Some(value.to_vec()).filter(|value| !value.is_empty()))
    }

    pub fn certificate(&mut self, place: KeyReference) -> Result<Option<Vec<u8>>, CardError> {
        let object = self.object(place.certificate())?;
        Ok(object.as_deref().and_then(certificate_in).map(<[u8]>::to_vec))
    }

    pub fn put(&mut self, tag: u32, value: &[u8]) -> Result<(), CardError> {
        let data = match tag {
            objects::DISCOVERY => wrap(tag, value),
            tag => [wrap(0x5C, &tag_bytes(tag)), wrap(0x53, value)].concat(),
        };
        self.ask(0xDB, 0x3F, 0xFF, &data)?.done("keep a data object").map(drop)
    }

    /// Each shows the other that it has the key.
    pub fn authenticate(&mut self, key: &ManagementKey) -> Result<(), CardError> {
        let wrong = |_| CardError::WrongManagementKey;
        let unreadable = || CardError::Unreadable("the management key");
        let answer = self.ask(0x87, key.algorithm(), MANAGEMENT, &wrap(0x7C, &wrap(0x80, &[])))?;
        if answer.status != 0x9000 {
            let (bits, status) = (key.bits(), answer.status);
            return Err(CardError::NotFit(format!("this card has no AES management key of {bits} bits (it answers {status:04X})")));
        }
        let witness = said(&answer.data, 0x80).and_then(|it| it.try_into().ok()).ok_or_else(unreadable)?;
        let mut challenge = [0; 16];
        rand::fill(&mut challenge).map_err(|_| unreadable())?;
        // Without an empty 82 that asks for the answer: Nitrokey's card takes none there.
        let shown = [wrap(0x80, &key.decrypt(witness).map_err(wrong)?), wrap(0x81, &challenge)].concat();
        let answer = self.ask(0x87, key.algorithm(), MANAGEMENT, &wrap(0x7C, &shown))?;
        let expected = key.encrypt(challenge).map_err(wrong)?;
        if answer.status == 0x9000 && said(&answer.data, 0x82) == Some(&expected) { Ok(()) } else { Err(CardError::WrongManagementKey) }
    }

    pub fn verify(&mut self, pin: &Secret) -> Result<(), CardError> {
        self.ask(0x20, 0x00, PIN, pin.bytes())?.shown("PIN", "look at a PIN")
    }

    /// How many tries the PIN has left.
    pub fn pin_tries(&mut self) -> Result<u8, CardError> {
        match self.ask(0x20, 0x00, PIN, &[])?.status {
            status @ 0x63C0..=0x63CF => Ok(status as u8 & 0x0F),
            0x6983 => Ok(0),
            // Shown already, so that there are some.
            0x9000 => Ok(u8::MAX),
            status => Err(CardError::Refused { what: "say how many tries are left", status }),
        }
    }

    pub fn change_pin(&mut self, old: &Secret, new: &Secret) -> Result<(), CardError> {
        self.change(PIN, "PIN", old, new)
    }

    pub fn change_puk(&mut self, old: &Secret, new: &Secret) -> Result<(), CardError> {
        self.change(PUK, "PUK", old, new)
    }

    fn change(&mut self, which: u8, what: &'static str, old: &Secret, new: &Secret) -> Result<(), CardError> {
        self.ask(0x24, 0x00, which, &[&old.bytes()[..], new.bytes()].concat())?.shown(what, "change a secret")
    }

    /// A new P-256 key pair; gives the public point.
    pub fn generate(&mut self, place: KeyReference) -> Result<Vec<u8>, CardError> {
        let data = self.ask(0x47, 0x00, place.byte(), &wrap(0xAC, &wrap(0x80, &[P256])))?.done("make a key")?;
        let point = only(0x7F49, &data).and_then(|key| value(0x86, key)).filter(|point| point.len() == 65);
        point.map(<[u8]>::to_vec).ok_or(CardError::Unreadable("a new key"))
    }

    /// A private key from outside: the 32 bytes of its scalar.
    pub fn import(&mut self, place: KeyReference, scalar: &[u8; 32]) -> Result<(), CardError> {
        self.ask(0xFE, P256, place.byte(), &wrap(0x06, scalar))?.done("take a private key from outside").map(drop)
    }

    /// ECDSA over a SHA-256 digest.
    pub fn sign(&mut self, place: KeyReference, digest: &[u8; 32]) -> Result<Vec<u8>, CardError> {
        self.use_key(place, 0x81, digest, "sign")
    }

    /// The ECDH shared secret with a public point.
    pub fn agree(&mut self, place: KeyReference, point: &[u8]) -> Result<Vec<u8>, CardError> {
        self.use_key(place, 0x85, point, "agree on a key")
    }

    fn use_key(&mut self, place: KeyReference, tag: u32, given: &[u8], what: &'static str) -> Result<Vec<u8>, CardError> {
        let template = wrap(0x7C, &[wrap(0x82, &[]), wrap(tag, given)].concat());
        let data = self.ask(0x87, P256, place.byte(), &template)?.done(what)?;
        said(&data, 0x82).map(<[u8]>::to_vec).ok_or(CardError::Unreadable(what))
    }

    /// Whether the card takes private keys from outside at all: asked without one, it says what is wrong, or that it does not know how.
    pub fn takes_keys(&mut self) -> Result<bool, CardError> {
        let status = self.ask(0xFE, P256, KeyReference::Management.byte(), &[])?.status;
        Ok(!matches!(status, 0x6A81 | 0x6D00))
    }

    /// Whether the card has such a place for a key, with a key in it or without.
    pub fn has_place(&mut self, place: KeyReference) -> Result<bool, CardError> {
        let template = wrap(0x7C, &[wrap(0x82, &[]), wrap(0x81, &[])].concat());
        let status = self.ask(0x87, P256, place.byte(), &template)?.status;
        Ok(status != 0x6A86)
    }

    /// Sends a command in pieces if it is long, and collects its answer.
    fn ask(&mut self, instruction: u8, p1: u8, p2: u8, data: &[u8]) -> Result<Answer, CardError> {
        let mut pieces = data.chunks(PIECE).peekable();
        if data.is_empty() {
            return self.send(&[0x00, instruction, p1, p2]);
        }
        let mut answer = Answer { data: Vec::new(), status: 0 };
        while let Some(piece) = pieces.next() {
            let class = if pieces.peek().is_some() { 0x10 } else { 0x00 };
            let head = [class, instruction, p1, p2, piece.len() as u8];
            answer = self.send(&[&head[..], piece, &[0][..usize::from(class == 0)]].concat())?;
            if class != 0 && answer.status != 0x9000 {
                return Ok(answer);
            }
        }
        for _ in 0..PIECES {
            let [0x61, left] = answer.status.to_be_bytes() else { break };
            let more = self.send(&[0x00, 0xC0, 0x00, 0x00, left])?;
            answer.data.extend(more.data);
            answer.status = more.status;
        }
        Ok(answer)
    }

    fn send(&mut self, command: &[u8]) -> Result<Answer, CardError> {
        let bytes = self.channel.transmit(command)?;
        let (data, status) = bytes.split_last_chunk().ok_or(CardError::Unreadable("a command"))?;
        Ok(Answer { data: data.to_vec(), status: u16::from_be_bytes(*status) })
    }
}

/// What a dynamic authentication template says under a tag.
fn said(data: &[u8], tag: u32) -> Option<&[u8]> {
    value(tag, only(0x7C, data)?)
}
