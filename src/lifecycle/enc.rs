//! Which `enc` credentials a device is to carry, decided from what the user holds at this instant (lifecycle.md §4, issue).

use jiff::Timestamp;

use super::credential::{Credential, Slot};
use super::holdings::Holdings;
use super::ids::CredentialId;
use super::policy::Policy;
use super::reason::EncFate;
use super::request::Request;

/// What the device of a request is to carry in `enc`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedEncs {
    pub current: CurrentEnc,
    /// Every other `enc` that was ever issued to the user, revoked or not, newest first.
    pub history: Vec<CredentialId>,
}

/// Which credential is to be the current `enc`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CurrentEnc {
    /// The user's newest usable one: it becomes shared.
    Existing(CredentialId),
    /// None is usable: a new one is made for the device.
    New,
}

/// What the device of `request` is to carry; `None` where the policy gives its kind no `enc`.
pub fn wanted_encs(holdings: &Holdings, policy: &Policy, request: &Request, now: Timestamp) -> Option<WantedEncs> {
    if !policy.slots(request.kind).contains(&Slot::Enc) {
        return None;
    }
    let ever = holdings.encs_ever_issued();
    let newest = ever.iter().find(|enc| enc.is_usable(now) && !is_doomed(holdings, policy, request, enc)).map(|enc| enc.id);
    let history = ever.iter().map(|enc| enc.id).filter(|enc| Some(*enc) != newest).collect();
    Some(WantedEncs { current: newest.map_or(CurrentEnc::New, CurrentEnc::Existing), history })
}

/// Whether issuing `request` will revoke this `enc`: its target carries it, and the reason does not let it live on.
fn is_doomed(holdings: &Holdings, policy: &Policy, request: &Request, enc: &Credential) -> bool {
    request.replacement().is_some_and(|(reason, line)| {
        matches!(policy.enc_fate(request.kind, reason), EncFate::Renewed(_)) && holdings.carries.contains_key(&(line.target, enc.id))
    })
}
