//! The policy file, read and checked: from TOML to what the rules are told. What is wrong is said with its line.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use jiff::SignedDuration;
use serde::Deserialize;

use super::ServerError;
use super::policy_text::{Setting, line_at, line_of, settings};
use crate::lifecycle::device::DeviceKind;
use crate::lifecycle::policy::{EvidenceRule, InvitationPolicy, KeyKind, KindPolicy, PinPolicy, Policy};
use crate::lifecycle::reason::Reason;
use crate::lifecycle::words::words;

words! {
    /// A policy that is delivered with the product.
    pub enum Delivered {
        Default = "default",
        Federal = "federal",
    }
}

impl Delivered {
    /// Its file.
    pub const fn text(self) -> &'static str {
        match self {
            Self::Default => include_str!("../../certs/policies/default.toml"),
            Self::Federal => include_str!("../../certs/policies/federal.toml"),
        }
    }
}

/// The policy that a new installation gets, if it is not told otherwise.
pub const BUILT_IN: &str = Delivered::Default.text();

/// What is wrong with a policy file, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    pub line: usize,
    pub what: String,
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.line, self.what)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    users_may_issue_remotely: bool,
    validate_initial: bool,
    validate_replacements: bool,
    separate_issuer: bool,
    stand_in_days: u16,
    session_hours: u16,
    renewal_days: u16,
    escalation_hours: u16,
    invitation: InvitationFile,
    kind: BTreeMap<String, KindFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationFile {
    lifetime_minutes: u32,
    attempts: u32,
    second_channel: bool,
    by_mail: bool,
    plain_bootstrap: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindFile {
    slots: Vec<String>,
    key: String,
    evidence: String,
    enc: EncFile,
    pin: PinFile,
    limit: u32,
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
    let text = read(path)?;
    parse(&text).map_err(|error| ServerError::new(format!("{}:{error}", path.display())))
}

fn read(path: &Path) -> Result<String, ServerError> {
    fs::read_to_string(path).map_err(|source| ServerError::new(format!("{}: {source}", path.display())))
}

/// Every setting of a policy file that is allowed, for people: what it is, what it means, and where it comes from.
pub fn explain(path: &Path) -> Result<Vec<Setting>, ServerError> {
    load(path)?;
    Ok(settings(&read(path)?))
}

/// The same of a policy that is delivered.
pub fn settings_of(delivered: Delivered) -> Vec<Setting> {
    settings(delivered.text())
}

/// Reads a policy and checks it against the rules.
pub fn parse(text: &str) -> Result<Policy, PolicyError> {
    let file: PolicyFile = toml::from_str(text).map_err(|error| unreadable(text, &error))?;
    let wrong = |key: &str, what: String| PolicyError { line: line_of(text, key), what: format!("{key}: {what}") };
    let kinds = file.kind.iter().map(|(name, kind)| kind_policy(name, kind, &wrong)).collect::<Result<_, _>>()?;
    let policy = Policy {
        kinds,
        invitation: InvitationPolicy {
            lifetime: SignedDuration::from_mins(i64::from(file.invitation.lifetime_minutes)),
            attempts: file.invitation.attempts,
            second_channel: file.invitation.second_channel,
            by_mail: file.invitation.by_mail,
            plain_bootstrap: file.invitation.plain_bootstrap,
        },
        stand_in_lifetime: SignedDuration::from_hours(24 * i64::from(file.stand_in_days)),
        renewal_window: SignedDuration::from_hours(24 * i64::from(file.renewal_days)),
        session_lifetime: SignedDuration::from_hours(i64::from(file.session_hours)),
        escalation: (file.escalation_hours > 0).then(|| SignedDuration::from_hours(i64::from(file.escalation_hours))),
        users_may_issue_remotely: file.users_may_issue_remotely,
        validate_initial: file.validate_initial,
        validate_replacements: file.validate_replacements,
        separate_issuer: file.separate_issuer,
    };
    policy.check().map_err(|fault| wrong(&fault.key(), fault.to_string()))?;
    Ok(policy)
}

fn unreadable(text: &str, error: &toml::de::Error) -> PolicyError {
    let line = error.span().map_or(1, |span| line_at(text, span.start));
    PolicyError { line, what: error.message().replace('\n', " ") }
}

fn kind_policy(name: &str, file: &KindFile, wrong: &impl Fn(&str, String) -> PolicyError) -> Result<(DeviceKind, KindPolicy), PolicyError> {
    let kind = name.parse().map_err(|error| wrong(&format!("kind.{name}"), format!("{error}")))?;
    let slots = file.slots.iter().map(|slot| slot.parse()).collect::<Result<Vec<_>, _>>();
    let slots = slots.map_err(|error| wrong(&format!("kind.{name}.slots"), format!("{error}")))?;
    let key: KeyKind = file.key.parse().map_err(|error| wrong(&format!("kind.{name}.key"), format!("{error}")))?;
    let evidence: EvidenceRule = file.evidence.parse().map_err(|error| wrong(&format!("kind.{name}.evidence"), format!("{error}")))?;
    for (reason, fate) in [("lost", file.enc.lost), ("stolen", file.enc.stolen)] {
        if fate == Fate::Keep {
            let what = "found: keep, expected: renew, as the key may be in other hands".to_owned();
            return Err(wrong(&format!("kind.{name}.enc.{reason}"), what));
        }
    }
    let renews = [(Reason::Damaged, file.enc.damaged), (Reason::Expired, file.enc.expired)];
    let renews_enc: BTreeSet<_> = renews.into_iter().filter(|(_, fate)| *fate == Fate::Renew).map(|(reason, _)| reason).collect();
    let PinFile { min_digits, max_digits, attempts } = &file.pin;
    let pin = PinPolicy { min_digits: *min_digits, max_digits: *max_digits, attempts: *attempts };
    Ok((kind, KindPolicy { slots, key, evidence, renews_enc, pin, limit: file.limit }))
}

/// The settings, for a terminal of a hundred columns.
pub fn told(settings: &[Setting]) -> String {
    let mut lines = Vec::new();
    for Setting { key, value, about, source, .. } in settings {
        lines.push(format!("{key} = {value}"));
        lines.extend(wrapped(about));
        lines.extend(wrapped(&format!("Source: {source}")));
        lines.push(String::new());
    }
    lines.join("\n")
}

fn wrapped(text: &str) -> Vec<String> {
    const WIDTH: usize = 96;
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(format!("    {word}")),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(found: &str, instead: &str) -> String {
        assert!(BUILT_IN.contains(found), "{found}");
        parse(&BUILT_IN.replacen(found, instead, 1)).unwrap_err().to_string()
    }

    /// The line of the first occurrence.
    fn line(of: &str) -> usize {
        BUILT_IN.lines().position(|line| line.contains(of)).unwrap() + 1
    }

    #[test]
    fn the_policies_that_are_delivered_are_allowed_by_the_rules() {
        for delivered in Delivered::ALL {
            let policy = parse(delivered.text()).unwrap();
            assert_eq!(policy.kinds.len(), DeviceKind::ALL.len(), "{delivered}");
        }
    }

    #[test]
    fn every_key_of_both_is_explained_and_has_its_source() {
        for delivered in Delivered::ALL {
            for setting in settings(delivered.text()) {
                assert!(setting.about.len() > 15 && !setting.source.is_empty(), "{delivered}: {setting:?}");
            }
        }
        let keys = |text: &str| settings(text).into_iter().map(|setting| setting.key).collect::<Vec<_>>();
        assert_eq!(keys(Delivered::Default.text()), keys(Delivered::Federal.text()));
        assert_eq!(keys(BUILT_IN).len(), 8 + 5 + 3 * 6);
    }

    #[test]
    fn federal_is_nowhere_laxer_than_default() {
        let [default, federal] = [Delivered::Default, Delivered::Federal].map(|delivered| parse(delivered.text()).unwrap());
        assert!(federal.validate_initial && federal.validate_replacements && federal.separate_issuer && !federal.invitation.by_mail);
        assert!(federal.invitation.lifetime <= SignedDuration::from_mins(10) && federal.invitation.attempts <= default.invitation.attempts);
        assert!(federal.escalation.is_some_and(|after| after < SignedDuration::from_hours(18)));
        assert!(federal.stand_in_lifetime <= default.stand_in_lifetime && federal.session_lifetime <= default.session_lifetime);
        for (kind, policy) in &federal.kinds {
            assert!(policy.renews_enc.is_superset(&default.kinds[kind].renews_enc) && policy.limit <= default.kinds[kind].limit);
        }
    }

    #[test]
    fn a_policy_that_keeps_the_key_of_a_lost_or_stolen_device_is_refused() {
        let at = line("stolen = \"renew\"");
        for reason in ["lost", "stolen"] {
            let error = wrong(&format!("{reason} = \"renew\""), &format!("{reason} = \"keep\""));
            let expected = format!("{at}: kind.smart-card.enc.{reason}: found: keep, expected: renew, as the key may be in other hands");
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (found, instead, says) in [
            ("min_digits = 6", "min_digits = 9", "found: 9 to 8 digits"),
            ("slots = [\"auth\", \"sign\", \"enc\"]", "slots = [\"sign\"]", "slot auth"),
            ("slots = [\"auth\", \"sign\", \"enc\"]", "slots = [\"auth\", \"auth\"]", "slot listed twice"),
            ("slots = [\"auth\", \"sign\", \"enc\"]", "slots = [\"auth\", \"seal\"]", "found: \"seal\""),
            ("key = \"p-256\"", "key = \"rsa-1024\"", "found: \"rsa-1024\", expected one of: p-256"),
            ("limit = 3", "limit = 0", "expected: more than zero"),
            ("limit = 3", "limit = \"three\"", "expected u32"),
            ("stand_in_days = 30", "stand_in_days = 0", "expected: more than zero"),
            ("lifetime_minutes = 4320", "lifetime_minutes = 0", "expected: more than zero"),
            ("session_hours = 24", "session_hours = 0", "expected: more than zero"),
            ("escalation_hours = 0", "escalation_hours = -1", "invalid value"),
            ("attempts = 5", "attempts = 0", "expected: more than zero"),
            ("damaged = \"keep\"", "damaged = \"lend\"", "unknown variant `lend`"),
            ("by_mail = true", "by_mail = true\nby_pigeon = true", "unknown field `by_pigeon`"),
        ] {
            let error = wrong(found, instead);
            let at = line(found) + usize::from(instead.contains('\n'));
            assert!(error.starts_with(&format!("{at}: ")) && error.contains(says), "{instead}: {error}");
        }
        let missing = wrong("escalation_hours = 0\n", "");
        assert!(missing.contains("missing field `escalation_hours`"), "{missing}");
        let missing = wrong("by_mail = true\n", "");
        assert!(missing.starts_with(&format!("{}: ", line("[invitation]"))) && missing.contains("missing field `by_mail`"), "{missing}");
        let kind = wrong("[kind.mobile-app]", "[kind.tablet]");
        assert!(kind.starts_with(&format!("{}: kind.tablet: ", line("[kind.mobile-app]"))), "{kind}");
        let twice = wrong("attempts = 5", "attempts = 5\nattempts = 6");
        assert!(twice.contains("duplicate key"), "{twice}");
    }
}
