//! What a directory knows of a user besides the names: who they are to Windows and to doors, and what they were vetted for.
//! All of it is optional, and a certificate carries of it what its profile asks for.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use super::fasc_n::FascN;

/// The attributes of one user.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// The account that a Windows domain logs in.
    pub sid: Option<Sid>,
    /// By which doors know the credential that the user carries now. A new card gets a new one (FIPS 201-3 §2.9.1).
    pub fasc_n: Option<FascN>,
    /// The certificate policies that this user fulfils; a profile says which of them it asserts.
    pub policies: BTreeSet<PolicyOid>,
}

/// The security identifier of an account of a Windows domain: S-1-5-21, the three numbers of the domain, and the account's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sid([u32; 4]);

impl FromStr for Sid {
    type Err = NotASid;

    fn from_str(text: &str) -> Result<Self, NotASid> {
        let refuse = || NotASid { found: text.chars().take(80).collect() };
        let numbers = text.strip_prefix("S-1-5-21-").ok_or_else(refuse)?.split('-').map(number);
        let numbers: Vec<u32> = numbers.collect::<Option<_>>().ok_or_else(refuse)?;
        numbers.try_into().map(Self).map_err(|_| refuse())
    }
}

/// A number that is written in one way only.
fn number(text: &str) -> Option<u32> {
    text.parse().ok().filter(|number: &u32| number.to_string() == text)
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [first, second, third, account] = self.0;
        write!(f, "S-1-5-21-{first}-{second}-{third}-{account}")
    }
}

/// Text that is not the SID of a domain account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found: {found:?}, expected: the SID of a domain account, S-1-5-21-…-…-…-…, each part a number below 2^32")]
pub struct NotASid {
    found: String,
}

/// The dotted OID of a certificate policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyOid(String);

impl PolicyOid {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for PolicyOid {
    type Err = NotAPolicy;

    fn from_str(text: &str) -> Result<Self, NotAPolicy> {
        let arcs: Option<Vec<u32>> = text.split('.').map(number).collect();
        let is_oid = matches!(arcs.as_deref(), Some([0 | 1, 0..=39, _, ..] | [2, _, _, ..])) && text.len() <= 64;
        if is_oid { Ok(Self(text.to_owned())) } else { Err(NotAPolicy { found: text.chars().take(80).collect() }) }
    }
}

/// Text that is not a policy.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found: {found:?}, expected: a dotted OID of at most 64 characters")]
pub struct NotAPolicy {
    found: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sid_of_an_account_is_read_and_written_as_it_came() {
        for text in ["S-1-5-21-3623811015-3361044348-30300820-1013", "S-1-5-21-0-0-4294967295-500"] {
            assert_eq!(text.parse::<Sid>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_not_the_sid_of_an_account_is_refused() {
        let others = ["S-1-5-18", "S-1-5-32-544", "s-1-5-21-1-2-3-4", "S-1-5-21-1-2-3", "S-1-5-21-1-2-3-4-5", "S-1-5-21-1-2-3-4294967296"];
        for text in others.into_iter().chain(["", "S-1-5-21-01-2-3-4", "S-1-5-21-+1-2-3-4", "S-1-5-21-1-2-3-4 ", "S-1-5-21--2-3-4"]) {
            assert!(text.parse::<Sid>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn a_policy_is_a_dotted_oid() {
        assert_eq!("2.16.840.1.101.3.2.1.3.40".parse::<PolicyOid>().unwrap().as_str(), "2.16.840.1.101.3.2.1.3.40");
        for text in ["", "2", "2.16", "3.1.1", "1.40.1", "2.16.x", "2..16.1", "2.016.1", "2.16.840 ", &format!("2.16{}", ".1".repeat(40))] {
            assert!(text.parse::<PolicyOid>().is_err(), "{text:?}");
        }
    }
}
