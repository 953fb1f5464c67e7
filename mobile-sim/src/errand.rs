//! M5, M5h and M6 in one session: what initial issuance and update have in common.
//!
//! When the keys that the device should have change between collecting and confirming, the server says `keys-changed` and all three
//! are repeated, a few times at most. Where the plan has no `enc`, M6 is all there is.

use std::collections::BTreeMap;

use crate::confirm::{Confirmed, confirm};
use crate::device::Slot;
use crate::enroll::{collect_history, collect_key};
use crate::error::PhoneError;
use crate::message::Faults;
use crate::state::{Collected, Credential, Errand, Issued, Provisioning};
use crate::station::holder::Holder;
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
    /// Who has the keys.
    pub holder: &'a Holder,
    pub faults: &'a Faults,
}

/// Makes the errand's progress safe before the next message.
pub(crate) type Keep<'a> = &'a mut (dyn FnMut(&Errand) -> Result<(), PhoneError> + Send);

/// The encryption credentials that were collected: none where the plan has no `enc`.
struct Held {
    current: Option<Credential>,
    /// Newest first.
    history: Vec<Credential>,
}

/// What an errand ends with.
pub(crate) struct Finished {
    confirmed: Confirmed,
    held: Held,
}

impl Finished {
    /// The card that an issuance ends with.
    pub(crate) fn into_card(self, session: Provisioning, holder: &Holder) -> Issued {
        let mut credentials = session.enrolled();
        credentials.extend(self.held.current.map(|current| (Slot::enc(), current)));
        let mut history = self.held.history;
        holder.settle(&mut credentials, &mut history);
        Issued {
            invitation: session.invitation,
            server: session.server,
            standing: self.confirmed.standing,
            credentials,
            history,
            receipts: vec![self.confirmed.receipt],
            update: None,
        }
    }

    /// Puts the collected key in its slot, and returns the former one's serial. The former one, and every older one that the server
    /// did not send again, stay as history: what can read old mail is not thrown away.
    pub(crate) fn update(self, card: &mut Issued) -> Option<String> {
        let former = self.held.current.and_then(|current| card.credentials.insert(Slot::enc(), current));
        let former_serial = former.as_ref().map(|former| former.certificate.serial());
        let current = card.credentials.get(&Slot::enc()).map(|current| current.certificate.clone());
        let older = std::mem::replace(&mut card.history, self.held.history);
        for credential in former.into_iter().chain(older) {
            let is_known = |held: &Credential| held.certificate == credential.certificate;
            if current.as_ref() != Some(&credential.certificate) && !card.history.iter().any(is_known) {
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
        let held = gather(errand, route, &mut *keep).await?;
        route.holder.place(own, held.current.as_ref(), &held.history)?;
        if route.faults.stop_before_confirming {
            return Ok(None);
        }
        let enc = Slot::enc();
        let mut slots: BTreeMap<&Slot, &Credential> = own.iter().collect();
        slots.extend(held.current.as_ref().map(|current| (&enc, current)));
        match confirm(&route.confirming, errand, &slots, &held.history, route.chain, route.faults).await {
            Ok(confirmed) => return Ok(Some(Finished { confirmed, held })),
            Err(refused) if refused.code() == Some("keys-changed") && round < ROUNDS => round += 1,
            Err(other) => return Err(other),
        }
        if let Some(delivery) = &mut errand.delivery {
            delivery.collected = Collected::Nothing;
        }
        keep(errand)?;
    }
}

/// M5 and M5h, as far as the plan has `enc` and they have not been answered yet.
async fn gather(errand: &mut Errand, route: &Route<'_>, keep: Keep<'_>) -> Result<Held, PhoneError> {
    loop {
        let Some(delivery) = &mut errand.delivery else {
            return Ok(Held { current: None, history: Vec::new() });
        };
        let (client, transport) = (&route.collecting, &delivery.transport_key);
        delivery.collected = match &delivery.collected {
            Collected::Everything { current, history } => {
                return Ok(Held { current: Some(current.clone()), history: history.clone() });
            }
            Collected::Nothing => Collected::Current(collect_key(client, transport, route.chain, route.faults).await?),
            Collected::Current(current) => Collected::Everything {
                current: current.clone(),
                history: collect_history(client, &errand.session, transport, route.chain, route.faults).await?,
            },
        };
        keep(errand)?;
    }
}
