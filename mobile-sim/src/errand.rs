//! M5, M5h and M6 in one session: what initial issuance and update have in common.
//!
//! When the keys that the device should have change between collecting and confirming, the server says `keys-changed` and all three
//! are repeated, a few times at most.

use std::collections::BTreeMap;

use crate::confirm::{Confirmed, confirm};
use crate::device::Slot;
use crate::enroll::{collect_history, collect_key};
use crate::error::PhoneError;
use crate::message::Faults;
use crate::state::{Collected, Credential, Errand, Issued, Provisioning};
use crate::trust::Chain;
use crate::wire::Client;

const ROUNDS: usize = 4;

/// What an errand goes by: who speaks for the phone at each step, and what is checked against.
pub(crate) struct Route<'a> {
    /// Shows the bootstrap certificate, or `auth` in an update.
    pub collecting: Client,
    /// Shows `auth`.
    pub confirming: Client,
    pub chain: &'a Chain,
    pub faults: &'a Faults,
}

/// Makes the errand's progress safe before the next message.
pub(crate) type Keep<'a> = &'a mut (dyn FnMut(&Errand) -> Result<(), PhoneError> + Send);

/// What an errand ends with.
pub(crate) struct Finished {
    pub confirmed: Confirmed,
    pub current: Credential,
    pub history: Vec<Credential>,
}

impl Finished {
    /// The card that an issuance ends with.
    pub(crate) fn into_card(self, session: Provisioning) -> Issued {
        let mut credentials = session.enrolled();
        credentials.insert(Slot::enc(), self.current);
        Issued {
            invitation: session.invitation,
            server: session.server,
            standing: self.confirmed.standing,
            credentials,
            history: self.history,
            receipts: vec![self.confirmed.receipt],
            update: None,
        }
    }

    /// Puts the collected key in its slot, and returns the former one's serial. The former one, and every older one that the server
    /// did not send again, stay as history: what can read old mail is not thrown away.
    pub(crate) fn update(self, card: &mut Issued) -> Option<String> {
        let serial = self.current.certificate.serial();
        let former = card.credentials.insert(Slot::enc(), self.current);
        let former_serial = former.as_ref().map(|former| former.certificate.serial());
        let older = std::mem::replace(&mut card.history, self.history);
        for credential in former.into_iter().chain(older) {
            let known = |held: &Credential| held.certificate == credential.certificate;
            if credential.certificate.serial() != serial && !card.history.iter().any(known) {
                card.history.push(credential);
            }
        }
        card.standing = self.confirmed.standing;
        card.receipts.push(self.confirmed.receipt);
        former_serial
    }
}

/// Collects and confirms. `own` are the credentials to confirm besides `enc`. `None` when told to stop before confirming.
pub(crate) async fn carry_out(
    errand: &mut Errand,
    own: &BTreeMap<Slot, Credential>,
    route: &Route<'_>,
    keep: Keep<'_>,
) -> Result<Option<Finished>, PhoneError> {
    let mut round = 1;
    loop {
        let (current, history) = gather(errand, route, &mut *keep).await?;
        if route.faults.stop_before_confirming {
            return Ok(None);
        }
        let enc = Slot::enc();
        let mut slots: BTreeMap<&Slot, &Credential> = own.iter().collect();
        slots.insert(&enc, &current);
        match confirm(&route.confirming, errand, &slots, &history, route.chain, route.faults).await {
            Ok(confirmed) => {
                return Ok(Some(Finished { confirmed, current, history }));
            }
            Err(refused) if refused.code() == Some("keys-changed") && round < ROUNDS => round += 1,
            Err(other) => return Err(other),
        }
        errand.collected = Collected::Nothing;
        keep(errand)?;
    }
}

/// M5 and M5h, as far as they have not been answered yet.
async fn gather(errand: &mut Errand, route: &Route<'_>, keep: Keep<'_>) -> Result<(Credential, Vec<Credential>), PhoneError> {
    loop {
        errand.collected = match &errand.collected {
            Collected::Everything { current, history } => return Ok((current.clone(), history.clone())),
            Collected::Nothing => Collected::Current(collect_key(&route.collecting, errand, route.chain, route.faults).await?),
            Collected::Current(current) => Collected::Everything {
                current: current.clone(),
                history: collect_history(&route.collecting, errand, route.chain, route.faults).await?,
            },
        };
        keep(errand)?;
    }
}
