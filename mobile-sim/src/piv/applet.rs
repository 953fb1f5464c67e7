//! The PIV card application: one whole command in, the data of its answer or a status out (SP 800-73-5 part 2 §3).

use aws_lc_rs::rand;

use super::apdu::Command;
use super::authenticate::Pending;
use super::contents::{Contents, Memory};
use super::objects::{self, BIOMETRICS, DISCOVERY};
use super::reference::{KeyReference, P256, PIN, PUK};
use super::secret::{Guarded, new_pin, new_puk};
use super::status::Status;
use super::tlv::{first, only, wrap};
use super::{AID, authenticate};
use crate::key::Key;

/// How an answer ends: with data, or with what is wrong.
pub type Answer = Result<Vec<u8>, Status>;

/// The largest object that a card takes. The largest of the standard is some 3 kB but for biometrics, which no card of ours has.
const OBJECT_LIMIT: usize = 3072;

/// The application, and who has shown what since the last reset.
pub struct Applet {
    pub(super) contents: Contents,
    memory: Box<dyn Memory>,
    pub(super) session: Session,
}

/// What is forgotten at a reset.
#[derive(Debug, Default)]
pub struct Session {
    is_selected: bool,
    pub(super) pin: Shown,
    pub(super) is_managed: bool,
    pub(super) pending: Option<Pending>,
}

/// Whether the PIN has been shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Shown {
    #[default]
    No,
    Earlier,
    /// By the command before this one.
    JustNow,
}

impl Applet {
    pub fn new(contents: Contents, memory: impl Memory + 'static) -> Self {
        Self { contents, memory: Box::new(memory), session: Session::default() }
    }

    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// As after the card was put into the reader.
    pub fn reset(&mut self) {
        self.session = Session::default();
    }

    /// A command has come: what was shown right before it was shown earlier from now on, and what was sent is answered by it or never.
    pub(super) fn age(&mut self) -> Option<Pending> {
        if self.session.pin == Shown::JustNow {
            self.session.pin = Shown::Earlier;
        }
        self.session.pending.take()
    }

    /// Carries out one command.
    pub fn answer(&mut self, command: &Command<'_>) -> Answer {
        command.check_class()?;
        let shown = self.session.pin;
        let pending = self.age();
        match (command.instruction, command.p1, command.p2) {
            (0xA4, 0x04, 0x00) => self.select(command.data),
            (0xA4, ..) => Err(Status::WrongParameters),
            _ if !self.session.is_selected => Err(Status::ConditionsNotSatisfied),
            (0xCB, 0x3F, 0xFF) => self.get_data(command.data),
            (0x20, 0x00, PIN) => self.verify(command.data),
            (0x20, 0xFF, PIN) => self.forget_pin(command.data),
            (0x24, 0x00, PIN) => self.change_pin(command.data),
            (0x24, 0x00, PUK) => self.change_puk(command.data),
            (0x2C, 0x00, PIN) => self.unblock_pin(command.data),
            (0x20, 0x00 | 0xFF, _) | (0x24 | 0x2C, 0x00, _) => Err(Status::ReferenceNotFound),
            (0x87, algorithm, reference) => authenticate::answer(self, algorithm, reference, command.data, pending, shown),
            (0xDB, 0x3F, 0xFF) => self.put_data(command.data),
            (0x47, 0x00, reference) => self.generate(reference, command.data),
            (0xFE, algorithm, reference) => self.import(algorithm, reference, command.data),
            (0xCB | 0x20 | 0x24 | 0x2C | 0xDB | 0x47, ..) => Err(Status::WrongParameters),
            _ => Err(Status::NoInstruction),
        }
    }

    /// Keeps what `change` makes of the contents; if that fails, nothing has changed.
    fn change(&mut self, change: impl FnOnce(&mut Contents)) -> Result<(), Status> {
        let mut changed = self.contents.clone();
        change(&mut changed);
        self.memory.keep(&changed).map_err(|_| Status::MemoryFailure)?;
        self.contents = changed;
        Ok(())
    }

    /// §3.1.1, but that a selection forgets the PIN, also when the application was selected before: a program that begins anew begins without
    /// what another one has shown.
    fn select(&mut self, name: &[u8]) -> Answer {
        if name.len() < 5 || !AID.starts_with(name) {
            return Err(Status::NotFound);
        }
        self.session = Session { is_selected: true, ..Session::default() };
        let authority = wrap(0x79, &wrap(0x4F, &AID[..5]));
        let algorithms = wrap(0xAC, &[wrap(0x80, &[P256]), wrap(0x06, &[0])].concat());
        Ok(wrap(0x61, &[wrap(0x4F, &AID[5..]), authority, algorithms].concat()))
    }

    /// §3.1.2.
    fn get_data(&self, data: &[u8]) -> Answer {
        let tag = object_tag(only(0x5C, data).ok_or(Status::WrongData)?)?;
        if objects::is_behind_pin(tag) && self.session.pin == Shown::No {
            return Err(Status::SecurityNotSatisfied);
        }
        let object = self.contents.objects.get(&tag).ok_or(Status::NotFound)?;
        Ok(wrap(if tag == DISCOVERY { DISCOVERY } else { 0x53 }, object))
    }

    /// §3.2.1: whether it is the PIN, or how many tries are left.
    fn verify(&mut self, data: &[u8]) -> Answer {
        if data.is_empty() {
            return if self.session.pin == Shown::No { Err(self.contents.pin.standing()) } else { Ok(Vec::new()) };
        }
        let pin = new_pin(data.try_into().map_err(|_| Status::WrongData)?)?;
        self.show(|contents| Some(&mut contents.pin), pin.bytes())?;
        self.session.pin = Shown::JustNow;
        Ok(Vec::new())
    }

    fn forget_pin(&mut self, data: &[u8]) -> Answer {
        if !data.is_empty() {
            return Err(Status::WrongData);
        }
        self.session.pin = Shown::No;
        Ok(Vec::new())
    }

    /// §3.2.2.
    fn change_pin(&mut self, data: &[u8]) -> Answer {
        let (old, new) = two(data)?;
        let new = new_pin(new)?;
        self.show(|contents| Some(&mut contents.pin), &old)?;
        self.change(|contents| contents.pin.replace(new))?;
        self.session.pin = Shown::Earlier;
        Ok(Vec::new())
    }

    fn change_puk(&mut self, data: &[u8]) -> Answer {
        let (old, new) = two(data)?;
        self.show(|contents| contents.puk.as_mut(), &old)?;
        self.change(|contents| contents.puk = Some(Guarded::new(new_puk(new))))?;
        Ok(Vec::new())
    }

    /// §3.2.3: a new PIN by the PUK. Whether the PIN counts as shown stays as it is.
    fn unblock_pin(&mut self, data: &[u8]) -> Answer {
        let (puk, new) = two(data)?;
        let new = new_pin(new)?;
        self.show(|contents| contents.puk.as_mut(), &puk)?;
        self.change(|contents| contents.pin.replace(new))?;
        Ok(Vec::new())
    }

    /// Counts a try and keeps the count, and only then looks.
    fn show(&mut self, which: impl Fn(&mut Contents) -> Option<&mut Guarded>, shown: &[u8; 8]) -> Result<(), Status> {
        let guarded = which(&mut self.contents).ok_or(Status::ReferenceNotFound)?;
        let mut counted = guarded.clone();
        counted.spend()?;
        let is_right = counted.is(shown);
        self.change(|contents| {
            if let Some(guarded) = which(contents) {
                *guarded = counted.clone();
            }
        })?;
        if !is_right {
            self.session.pin = Shown::No;
            return Err(counted.standing());
        }
        self.change(|contents| {
            if let Some(guarded) = which(contents) {
                guarded.forgive();
            }
        })
    }

    /// §3.3.1. An empty object is removed.
    fn put_data(&mut self, data: &[u8]) -> Answer {
        self.must_be_managed()?;
        let (tag, value) = match first(data).ok_or(Status::WrongData)? {
            (DISCOVERY, value, []) => (DISCOVERY, value),
            (0x5C, tag, rest) => (object_tag(tag)?, only(0x53, rest).ok_or(Status::WrongData)?),
            _ => return Err(Status::WrongData),
        };
        if !objects::is_writable(tag) {
            return Err(Status::NotFound);
        }
        if value.len() > OBJECT_LIMIT {
            return Err(Status::NoMemory);
        }
        self.change(|contents| {
            match value {
                [] => contents.objects.remove(&tag),
                value => contents.objects.insert(tag, value.to_vec()),
            };
        })?;
        Ok(Vec::new())
    }

    /// §3.3.2: a new key pair on the card, of which only the public key leaves it.
    fn generate(&mut self, reference: u8, data: &[u8]) -> Answer {
        self.must_be_managed()?;
        let reference = KeyReference::from_byte(reference).ok_or(Status::WrongParameters)?;
        if only(0x80, only(0xAC, data).ok_or(Status::WrongData)?) != Some(&[P256]) {
            return Err(Status::WrongData);
        }
        let key = Key::generate().map_err(|_| Status::MemoryFailure)?;
        let public = wrap(0x7F49, &wrap(0x86, key.point()));
        self.change(|contents| {
            contents.keys.insert(reference, key);
        })?;
        Ok(public)
    }

    /// A private key from outside, as an extension that YubiKey began and others have taken up: the standard leaves to each card how escrowed keys
    /// come onto it.
    fn import(&mut self, algorithm: u8, reference: u8, data: &[u8]) -> Answer {
        self.must_be_managed()?;
        let reference = KeyReference::from_byte(reference).ok_or(Status::WrongParameters)?;
        if algorithm != P256 {
            return Err(Status::WrongParameters);
        }
        let scalar: &[u8; 32] = only(0x06, data).and_then(|scalar| scalar.try_into().ok()).ok_or(Status::WrongData)?;
        let key = Key::of_scalar(scalar).map_err(|_| Status::WrongData)?;
        self.change(|contents| {
            contents.keys.insert(reference, key);
        })?;
        Ok(Vec::new())
    }

    fn must_be_managed(&self) -> Result<(), Status> {
        if self.session.is_managed { Ok(()) } else { Err(Status::SecurityNotSatisfied) }
    }
}

/// The tag of a data object. One of three bytes begins with 5FC1; the others are the two that have shorter ones.
fn object_tag(tag: &[u8]) -> Result<u32, Status> {
    match *tag {
        [0x7E] => Ok(DISCOVERY),
        [0x7F, 0x61] => Ok(BIOMETRICS),
        [first, second, third] => Ok(u32::from_be_bytes([0, first, second, third])),
        _ => Err(Status::WrongData),
    }
}

/// An old secret and a new one, or a PUK and a PIN.
fn two(data: &[u8]) -> Result<([u8; 8], [u8; 8]), Status> {
    match data.split_first_chunk() {
        Some((old, new)) => Ok((*old, new.try_into().map_err(|_| Status::WrongData)?)),
        None => Err(Status::WrongData),
    }
}

/// Bytes that nobody can foresee.
pub fn random<const N: usize>() -> Result<[u8; N], Status> {
    let mut bytes = [0; N];
    rand::fill(&mut bytes).map_err(|_| Status::MemoryFailure)?;
    Ok(bytes)
}
