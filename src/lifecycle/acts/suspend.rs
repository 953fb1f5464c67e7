//! Suspend and resume (help desk operator): a help-desk hold on a device with what it carries, or on a single credential. The two are
//! different causes; each resume lifts its own.

use jiff::Timestamp;

use crate::lifecycle::actor::{Actor, Role};
use crate::lifecycle::change::Change;
use crate::lifecycle::credential::CredentialState;
use crate::lifecycle::draft::Draft;
use crate::lifecycle::hold::{Cause, Held};
use crate::lifecycle::holdings::Holdings;
use crate::lifecycle::policy::Policy;
use crate::lifecycle::refusal::{Refusal, RefusalCode};

/// An operator suspends or resumes.
#[derive(Clone, Debug)]
pub struct Suspend {
    pub actor: Actor,
    pub what: Held,
}

/// Places the help desk's hold.
pub fn suspend(holdings: &Holdings, policy: &Policy, act: &Suspend, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be(Role::HelpDesk)?;
    let cause = cause_of(holdings, act.what)?;
    if holdings.holds.stands(act.what, cause) {
        return Err(wrong("suspended by the help desk", "not suspended by the help desk"));
    }
    let mut draft = Draft::on(holdings, policy, now);
    match act.what {
        Held::Device(device) => draft.hold_device(device, cause),
        Held::Credential(_) => draft.place_hold(act.what, cause),
    }
    Ok(draft.finish())
}

/// Lifts it, wherever it stands.
pub fn resume(holdings: &Holdings, policy: &Policy, act: &Suspend, now: Timestamp) -> Result<Vec<Change>, Refusal> {
    act.actor.must_be(Role::HelpDesk)?;
    let cause = cause_of(holdings, act.what)?;
    if !holdings.holds.stands(act.what, cause) {
        return Err(wrong("not suspended by the help desk", "suspended by the help desk"));
    }
    let mut draft = Draft::on(holdings, policy, now);
    draft.lift_holds_of(cause, |_| true);
    Ok(draft.finish())
}

/// The cause of a hold on a thing that can be held: a device in use, a credential that is issued and not revoked.
fn cause_of(holdings: &Holdings, what: Held) -> Result<Cause, Refusal> {
    match what {
        Held::Device(device) => holdings.device_in_use(device).map(|device| Cause::HelpDeskDevice(device.id)),
        Held::Credential(credential) => {
            let found = holdings.credentials.get(&credential).ok_or_else(|| Refusal::unknown("credential"))?;
            match &found.state {
                CredentialState::Issued { .. } => Ok(Cause::HelpDeskCredential(credential)),
                CredentialState::Revoked { .. } => Err(wrong("revoked", "an issued credential")),
                CredentialState::Reserved { .. } | CredentialState::Signed { .. } => Err(wrong("not issued", "an issued credential")),
            }
        }
    }
}

fn wrong(found: &str, required: &str) -> Refusal {
    Refusal::new(RefusalCode::WrongState, found, required)
}
