//! The policy file, read and checked: from TOML to what the rules are told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use serde::Deserialize;

use super::ServerError;
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::policy::{InvitationPolicy, KindPolicy, PinPolicy, Policy};
use crate::lifecycle::reason::Reason;

/// The policy that is delivered with the product.
pub const BUILT_IN: &str = include_str!("../../certs/policy.toml");

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    users_may_issue_remotely: bool,
    validate_initial: bool,
    stand_in_days: u16,
    session_hours: u16,
    invitation: InvitationFile,
    kind: BTreeMap<String, KindFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationFile {
    lifetime_minutes: u32,
    attempts: u32,
    second_channel: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindFile {
    slots: Vec<String>,
    enc: EncFile,
    pin: PinFile,
}

/// All four are written out, so that the file says what happens.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EncFile {
    damaged: Fate,
    expired: Fate,
    lost: Fate,
    stolen: Fate,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
enum Fate {
    Keep,
    Renew,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PinFile {
    min_digits: u32,
    max_digits: u32,
    attempts: u32,
}

/// Reads the policy of a data folder.
pub fn load(path: &Path) -> Result<Policy, ServerError> {
    let text = fs::read_to_string(path).map_err(|source| ServerError::new(format!("{}: {source}", path.display())))?;
    parse(&text).map_err(|error| ServerError::new(format!("{}: {error}", path.display())))
}

/// Reads a policy and checks it against the rules.
pub fn parse(text: &str) -> Result<Policy, ServerError> {
    let file: PolicyFile = toml::from_str(text).map_err(|error| ServerError::new(error.message()))?;
    let kinds = file.kind.iter().map(|(name, kind)| kind_policy(name, kind)).collect::<Result<_, _>>()?;
    let policy = Policy {
        kinds,
        invitation: InvitationPolicy {
            lifetime: SignedDuration::from_mins(i64::from(file.invitation.lifetime_minutes)),
            attempts: file.invitation.attempts,
            second_channel: file.invitation.second_channel,
            by_mail: true,
        },
        stand_in_lifetime: SignedDuration::from_hours(24 * i64::from(file.stand_in_days)),
        session_lifetime: SignedDuration::from_hours(i64::from(file.session_hours)),
        users_may_issue_remotely: file.users_may_issue_remotely,
        validate_initial: file.validate_initial,
        validate_replacements: false,
        separate_issuer: false,
        escalation: None,
    };
    policy.check().map_err(ServerError::new)?;
    Ok(policy)
}

fn kind_policy(name: &str, file: &KindFile) -> Result<(DeviceKind, KindPolicy), ServerError> {
    let kind = name.parse().map_err(|error| ServerError::new(format!("kind: {error}")))?;
    let slots = file.slots.iter().map(|slot| slot.parse()).collect::<Result<Vec<_>, _>>();
    let slots = slots.map_err(|error| ServerError::new(format!("kind.{name}.slots: {error}")))?;
    for (reason, fate) in [("lost", file.enc.lost), ("stolen", file.enc.stolen)] {
        if fate == Fate::Keep {
            let message = format!("kind.{name}.enc.{reason}: found: keep, expected: renew, as the key may be in other hands");
            return Err(ServerError::new(message));
        }
    }
    let renews = [(Reason::Damaged, file.enc.damaged), (Reason::Expired, file.enc.expired)];
    let renews_enc: BTreeSet<_> = renews.into_iter().filter(|(_, fate)| *fate == Fate::Renew).map(|(reason, _)| reason).collect();
    let PinFile { min_digits, max_digits, attempts } = &file.pin;
    let pin = PinPolicy { min_digits: *min_digits, max_digits: *max_digits, attempts: *attempts };
    Ok((kind, KindPolicy { slots, renews_enc, pin, limit: 10 }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_that_is_delivered_is_allowed_by_the_rules() {
        let policy = parse(BUILT_IN).unwrap();
        assert_eq!(policy.kinds.len(), DeviceKind::ALL.len());
    }

    #[test]
    fn a_policy_that_keeps_the_key_of_a_stolen_device_is_refused() {
        let laxer = BUILT_IN.replacen("stolen = \"renew\"", "stolen = \"keep\"", 1);
        let error = parse(&laxer).unwrap_err();
        assert_eq!(error.to_string(), "kind.smart-card.enc.stolen: found: keep, expected: renew, as the key may be in other hands");
    }

    #[test]
    fn a_pin_that_nobody_could_choose_is_refused() {
        let error = parse(&BUILT_IN.replacen("min_digits = 6", "min_digits = 9", 1)).unwrap_err();
        assert!(error.to_string().contains("pin: found: 9 to 8 digits"), "{error}");
    }

    #[test]
    fn a_key_that_no_policy_has_is_refused() {
        let error = parse(&format!("lenient = true\n{BUILT_IN}")).unwrap_err();
        assert!(error.to_string().contains("unknown field `lenient`"), "{error}");
    }
}
