//! GENERAL AUTHENTICATE (SP 800-73-5 part 2 §3.2.4): keys sign and agree, and the card's keeper shows the management key.

use super::applet::{Answer, Applet, Shown, random};
use super::management::{BLOCK, ManagementKey};
use super::reference::{KeyReference, MANAGEMENT, P256, PinRule};
use super::status::Status;
use super::tlv::{all, only, wrap};

const TEMPLATE: u32 = 0x7C;
const WITNESS: u32 = 0x80;
const CHALLENGE: u32 = 0x81;
const RESPONSE: u32 = 0x82;
const EXPONENTIATION: u32 = 0x85;

/// What the card has sent and waits for the answer to, in the very next command.
#[derive(Debug)]
pub enum Pending {
    /// Must come back encrypted.
    Challenge([u8; BLOCK]),
    /// Went out encrypted, and must come back as it was.
    Witness([u8; BLOCK]),
}

/// What a command says under each tag.
struct Template<'a>(Vec<(u32, &'a [u8])>);

impl<'a> Template<'a> {
    fn parse(data: &'a [u8]) -> Result<Self, Status> {
        let fields = only(TEMPLATE, data).and_then(all).ok_or(Status::WrongData)?;
        Ok(Self(fields))
    }

    fn value(&self, tag: u32) -> Option<&'a [u8]> {
        self.0.iter().find(|(found, _)| *found == tag).map(|(_, value)| *value)
    }

    /// The value, if there is one; an empty one asks for it.
    fn given(&self, tag: u32) -> Option<&'a [u8]> {
        self.value(tag).filter(|value| !value.is_empty())
    }

    fn asks_for(&self, tag: u32) -> bool {
        self.value(tag).is_some_and(<[u8]>::is_empty)
    }
}

pub fn answer(applet: &mut Applet, algorithm: u8, reference: u8, data: &[u8], pending: Option<Pending>, shown: Shown) -> Answer {
    let template = Template::parse(data)?;
    if reference == MANAGEMENT {
        return manage(applet, algorithm, &template, pending);
    }
    let reference = KeyReference::from_byte(reference).ok_or(Status::WrongParameters)?;
    let key = applet.contents.keys.get(&reference).ok_or(Status::ReferenceNotFound)?;
    if algorithm != P256 {
        return Err(Status::WrongParameters);
    }
    let may = match reference.pin_rule() {
        PinRule::Never => true,
        PinRule::Once => shown != Shown::No,
        PinRule::Always => shown == Shown::JustNow,
    };
    if !may {
        return Err(Status::SecurityNotSatisfied);
    }
    let made = match (template.given(CHALLENGE), template.given(EXPONENTIATION)) {
        (Some(digest), None) if !reference.agrees() => key.sign_digest(digest),
        (None, Some(point)) if reference.agrees() => key.agree(point).map(|secret| secret.to_vec()),
        _ => return Err(Status::WrongData),
    };
    Ok(wrap(TEMPLATE, &wrap(RESPONSE, &made.map_err(|_| Status::WrongData)?)))
}

/// Who holds the management key shows it, alone or with the card showing it too. Some programs ask for a challenge only to have random bytes, under
/// an algorithm that no key of ours has: they get eight, and nothing can come of it.
fn manage(applet: &mut Applet, algorithm: u8, template: &Template<'_>, pending: Option<Pending>) -> Answer {
    let is_ours = algorithm == applet.contents.management.algorithm();
    if !is_ours {
        return match algorithm {
            0x00 | 0x03 if template.asks_for(CHALLENGE) => Ok(wrap(TEMPLATE, &wrap(CHALLENGE, &random::<8>()?))),
            _ => Err(Status::WrongParameters),
        };
    }
    let key = &applet.contents.management;
    if let Some(response) = template.given(RESPONSE) {
        let Some(Pending::Challenge(challenge)) = pending else { return Err(Status::ConditionsNotSatisfied) };
        applet.session.is_managed = is_encrypted(key, &challenge, response)?;
        return if applet.session.is_managed { Ok(Vec::new()) } else { Err(Status::SecurityNotSatisfied) };
    }
    if let Some(witness) = template.given(WITNESS) {
        let Some(Pending::Witness(sent)) = pending else { return Err(Status::ConditionsNotSatisfied) };
        let challenge: [u8; BLOCK] = template.given(CHALLENGE).and_then(|it| it.try_into().ok()).ok_or(Status::WrongData)?;
        let shown = wrap(TEMPLATE, &wrap(RESPONSE, &key.encrypt(challenge).map_err(|_| Status::WrongData)?));
        applet.session.is_managed = aws_lc_rs::constant_time::verify_slices_are_equal(&sent, witness).is_ok();
        return if applet.session.is_managed { Ok(shown) } else { Err(Status::SecurityNotSatisfied) };
    }
    let bytes = random::<BLOCK>()?;
    let (pending, sent) = match (template.asks_for(WITNESS), template.asks_for(CHALLENGE)) {
        (true, false) => (Pending::Witness(bytes), wrap(WITNESS, &key.encrypt(bytes).map_err(|_| Status::WrongData)?)),
        (false, true) => (Pending::Challenge(bytes), wrap(CHALLENGE, &bytes)),
        _ => return Err(Status::WrongData),
    };
    applet.session.pending = Some(pending);
    Ok(wrap(TEMPLATE, &sent))
}

fn is_encrypted(key: &ManagementKey, challenge: &[u8; BLOCK], response: &[u8]) -> Result<bool, Status> {
    let expected = key.encrypt(*challenge).map_err(|_| Status::WrongData)?;
    Ok(aws_lc_rs::constant_time::verify_slices_are_equal(&expected, response).is_ok())
}
