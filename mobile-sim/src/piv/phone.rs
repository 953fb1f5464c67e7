//! The card that a phone is: what was issued to it, as SP 800-73-5 lays it out. Nothing can be written on it: its management key is drawn anew each
//! time and never told.

use aws_lc_rs::digest;

use super::contents::{Contents, Memory, NotKept};
use super::management::ManagementKey;
use super::objects;
use super::reference::{KeyReference, RETIRED};
use super::secret::{Guarded, Secret, TRIES};
use super::{Applet, Transport};
use crate::certificate::Certificate;
use crate::device::Slot;
use crate::error::PhoneError;
use crate::keeper::Tries;
use crate::phone::Phone;
use crate::state::{Credential, Stage};

/// Puts the phone into a reader. The PIN is the one that opened it; a PUK is set by its first use, as the PIN is.
pub fn present(mut phone: Phone, pin: &str, puk: Option<&str>) -> Result<Transport, PhoneError> {
    let usage = |error: &dyn std::fmt::Display| PhoneError::Usage(error.to_string());
    let pin = Secret::pin(pin).map_err(|error| usage(&error))?;
    let given = puk.map(Secret::puk).transpose().map_err(|error| usage(&error))?;
    let puk = match (phone.puk(), given) {
        (Some(ours), Some(given)) if ours.bytes() != given.bytes() => return Err(PhoneError::Usage("wrong PUK".to_owned())),
        (Some(ours), _) => Some(ours.clone()),
        (None, Some(given)) => {
            phone.keep_puk(given.clone())?;
            Some(given)
        }
        (None, None) => None,
    };
    let tries = phone.tries()?;
    let (pin, puk) = (Guarded::with_tries(pin, tries.pin), puk.map(|puk| Guarded::with_tries(puk, tries.puk)));
    let contents = contents(&phone, pin, puk)?;
    Ok(Transport::new(Applet::new(contents, InPhone(phone))))
}

fn contents(phone: &Phone, pin: Guarded, puk: Option<Guarded>) -> Result<Contents, PhoneError> {
    let Stage::Issued(issued) = phone.stage() else {
        return Err(PhoneError::Usage("there is no card yet: issue one first".to_owned()));
    };
    let refused = |_| PhoneError::Usage("the cryptographic library refused to make a key".to_owned());
    let mut contents = Contents::blank(pin, puk, ManagementKey::random().map_err(refused)?);
    for (slot, credential) in &issued.credentials {
        if let Some(reference) = KeyReference::of_slot(slot.as_str()) {
            place(&mut contents, reference, credential);
        }
    }
    // A card has room for twenty: the newest ones.
    for (at, older) in issued.history.iter().take(RETIRED).enumerate() {
        place(&mut contents, KeyReference::Retired(at as u8), older);
    }
    let named = issued.credentials.get(&Slot::auth()).map(|auth| &auth.certificate);
    let named = named.ok_or_else(|| PhoneError::Usage("the phone has no auth credential".to_owned()))?;
    let facts = Facts::of(named);
    contents.objects.insert(objects::CHUID, objects::chuid(&facts.fasc_n, &facts.card, &facts.last_day));
    contents.objects.insert(objects::CAPABILITIES, objects::capabilities(&facts.card));
    contents.objects.insert(objects::DISCOVERY, objects::discovery());
    contents.objects.insert(objects::KEY_HISTORY, objects::key_history(issued.history.len()));
    Ok(contents)
}

fn place(contents: &mut Contents, reference: KeyReference, credential: &Credential) {
    contents.keys.insert(reference, credential.key.clone());
    contents.objects.insert(reference.certificate(), objects::certificate(credential.certificate.der()));
}

/// What a CHUID says of a card.
pub(crate) struct Facts {
    pub fasc_n: [u8; 25],
    pub card: [u8; 16],
    /// YYYYMMDD.
    pub last_day: String,
}

impl Facts {
    /// As the certificate of 9A has them. A certificate that names no card UUID is itself the name.
    pub fn of(named: &Certificate) -> Self {
        let card = named.card_uuid().unwrap_or_else(|| {
            let digest = digest::digest(&digest::SHA256, named.der());
            std::array::from_fn(|at| digest.as_ref()[at])
        });
        let last_day: String = named.validity().1.chars().take_while(|it| *it != 'T').filter(char::is_ascii_digit).collect();
        Self { fasc_n: named.fasc_n().unwrap_or(objects::FASC_N_OF_NO_AGENCY), card, last_day }
    }
}

/// A phone remembers its tries and its PIN, and nothing else can change.
struct InPhone(Phone);

impl Memory for InPhone {
    fn keep(&mut self, contents: &Contents) -> Result<(), NotKept> {
        let not_kept = |error: PhoneError| NotKept(error.to_string());
        let tries = Tries { pin: contents.pin.tries_left(), puk: contents.puk.as_ref().map_or(TRIES, Guarded::tries_left) };
        self.0.keep_tries(tries).map_err(not_kept)?;
        if let Some(puk) = contents.puk.as_ref().filter(|puk| self.0.puk().is_none_or(|kept| kept.bytes() != puk.secret().bytes())) {
            self.0.keep_puk(puk.secret().clone()).map_err(not_kept)?;
        }
        self.0.change_pin_if_new(&contents.pin.secret().digits()).map_err(not_kept)
    }
}
