//! Certificate profiles: what a certificate of each slot contains, from `certs/profiles/*.toml`.
//!
//! A profile chooses among what is safe for a person's certificate. It cannot make a CA, an OCSP signer or a TLS server.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use const_oid::ObjectIdentifier;
use const_oid::db::rfc5280::{ANY_EXTENDED_KEY_USAGE, ID_KP_CLIENT_AUTH, ID_KP_EMAIL_PROTECTION, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH};
use der::flagset::FlagSet;
use serde::Deserialize;
use x509_cert::ext::pkix::KeyUsages;

use super::certificate::CertifyError;
use super::name::Holder;
use crate::lifecycle::credential::Slot;
use crate::lifecycle::directory::Attributes;

const SMART_CARD_LOGON: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.2");
/// RFC 4556 §3.2.2.
const PKINIT_CLIENT_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.2.3.4");
/// id-PIV-cardAuth.
const PIV_CARD_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.8");

/// What a certificate contains, besides its subject's names and key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Profile {
    #[serde(deserialize_with = "days")]
    validity_days: u16,
    subject: SubjectForm,
    key_usage: Vec<KeyUse>,
    extended_key_usage: Vec<Purpose>,
    extended_key_usage_critical: bool,
    policies: Vec<Policy>,
    policies_with_evidence: Vec<Policy>,
    policies_of_user: Vec<Policy>,
    san: Vec<AlternativeName>,
    windows_sid: bool,
    required: Vec<Attribute>,
}

/// Whom the subject names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum SubjectForm {
    Holder,
    Device,
}

/// An alternative name of the subject.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum AlternativeName {
    Upn,
    Email,
    FascN,
    Device,
}

/// What a user may lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Attribute {
    Upn,
    Email,
    FascN,
    Sid,
}

impl Attribute {
    /// Its name, where the holder lacks it.
    fn lacked_by(self, holder: &Holder) -> Option<&'static str> {
        let (name, is_there) = match self {
            Self::Upn => ("upn", !holder.upn.is_empty()),
            Self::Email => ("email", !holder.email.is_empty()),
            Self::FascN => ("fasc_n", holder.attributes.fasc_n.is_some()),
            Self::Sid => ("sid", holder.attributes.sid.is_some()),
        };
        (!is_there).then_some(name)
    }
}

/// What the key of a person or device may do. Key encipherment is for RSA, and the rest for CAs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum KeyUse {
    DigitalSignature,
    NonRepudiation,
    KeyAgreement,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
struct Purpose(ObjectIdentifier);

impl TryFrom<String> for Purpose {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let oid = match text.as_str() {
            "client-auth" => ID_KP_CLIENT_AUTH,
            "smart-card-logon" => SMART_CARD_LOGON,
            "pkinit-client-auth" => PKINIT_CLIENT_AUTH,
            "email-protection" => ID_KP_EMAIL_PROTECTION,
            "piv-card-auth" => PIV_CARD_AUTH,
            dotted => ObjectIdentifier::new(dotted).map_err(|_| {
                format!(
                    "unknown purpose, found: {dotted:?}, expected one of: client-auth, smart-card-logon, pkinit-client-auth, \
                     email-protection, piv-card-auth, or a dotted OID"
                )
            })?,
        };
        // Such a certificate on a phone would speak for the server, or for the status of others.
        if [ANY_EXTENDED_KEY_USAGE, ID_KP_OCSP_SIGNING, ID_KP_SERVER_AUTH].contains(&oid) {
            return Err(format!("a purpose that no profile may have, found: {text:?}"));
        }
        Ok(Self(oid))
    }
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
struct Policy(ObjectIdentifier);

impl TryFrom<String> for Policy {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        ObjectIdentifier::new(&text).map(Self).map_err(|_| format!("not a policy, found: {text:?}, expected a dotted OID"))
    }
}

fn days<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u16, D::Error> {
    let days = i64::deserialize(deserializer)?;
    u16::try_from(days)
        .ok()
        .filter(|days| (1..=3650).contains(days))
        .ok_or_else(|| serde::de::Error::custom(format!("validity_days out of range, found: {days}, expected: 1 to 3650")))
}

impl Profile {
    /// How long a certificate is good, in days of 24 hours.
    pub fn validity_days(&self) -> u16 {
        self.validity_days
    }

    pub(super) fn subject(&self) -> SubjectForm {
        self.subject
    }

    pub(super) fn alternative_names(&self) -> &[AlternativeName] {
        &self.san
    }

    pub(super) fn key_usages(&self) -> FlagSet<KeyUsages> {
        let flag = |usage: &KeyUse| match usage {
            KeyUse::DigitalSignature => KeyUsages::DigitalSignature,
            KeyUse::NonRepudiation => KeyUsages::NonRepudiation,
            KeyUse::KeyAgreement => KeyUsages::KeyAgreement,
        };
        self.key_usage.iter().map(flag).fold(FlagSet::default(), |all, one| all | one)
    }

    /// The purposes, and whether they are critical.
    pub(super) fn purposes(&self) -> (Vec<ObjectIdentifier>, bool) {
        (self.extended_key_usage.iter().map(|purpose| purpose.0).collect(), self.extended_key_usage_critical)
    }

    /// The policies of a certificate; more of them, where hardware vouches for its key, and where the directory says so of its holder.
    pub(super) fn policies(&self, is_proven: bool, holder: &Attributes) -> Vec<ObjectIdentifier> {
        let fulfilled: BTreeSet<&str> = holder.policies.iter().map(|policy| policy.as_str()).collect();
        let with_evidence = self.policies_with_evidence.iter().filter(|_| is_proven);
        let of_user = self.policies_of_user.iter().filter(|policy| fulfilled.contains(policy.0.to_string().as_str()));
        self.policies.iter().chain(with_evidence).chain(of_user).map(|policy| policy.0).collect()
    }

    /// Every policy that a certificate could have.
    pub(super) fn all_policies(&self) -> impl Iterator<Item = ObjectIdentifier> {
        [&self.policies, &self.policies_with_evidence, &self.policies_of_user].into_iter().flatten().map(|policy| policy.0)
    }

    /// Whether the account of a Windows domain goes in.
    pub(super) fn names_windows_account(&self) -> bool {
        self.windows_sid
    }

    /// Refuses a holder who lacks what the certificate must carry.
    pub(super) fn is_met_by(&self, holder: &Holder) -> Result<(), CertifyError> {
        let lacked = self.required.iter().find_map(|attribute| attribute.lacked_by(holder));
        lacked.map_or(Ok(()), |attribute| Err(CertifyError::Lacks { attribute }))
    }

    /// Whether an attribute ever reaches a certificate of this profile.
    fn carries(&self, attribute: Attribute) -> bool {
        match attribute {
            Attribute::Upn => self.san.contains(&AlternativeName::Upn),
            Attribute::Email => self.san.contains(&AlternativeName::Email),
            Attribute::FascN => self.san.contains(&AlternativeName::FascN),
            Attribute::Sid => self.windows_sid,
        }
    }

    fn is_for_clients(&self) -> bool {
        self.extended_key_usage.iter().any(|purpose| purpose.0 == ID_KP_CLIENT_AUTH)
    }

    /// What TOML cannot say: the words fit together. Where they do not: at which key, and why.
    fn contradiction(&self) -> Option<(&'static str, &'static str)> {
        let names_device = self.san.contains(&AlternativeName::Device);
        let names_holder = [AlternativeName::Upn, AlternativeName::Email].iter().any(|name| self.san.contains(name));
        let policies = [&self.policies, &self.policies_with_evidence, &self.policies_of_user];
        let is_device = self.subject == SubjectForm::Device;
        let rules = [
            (self.key_usage.is_empty(), "key_usage", "it is empty, expected: at least one usage"),
            (is_doubled(&self.key_usage), "key_usage", "a usage stands there twice, expected: each once"),
            (is_doubled(&self.extended_key_usage), "extended_key_usage", "a purpose stands there twice, expected: each once"),
            (is_doubled(&self.san), "san", "a name stands there twice, expected: each once"),
            // RFC 5280 §4.2.1.4
            (
                is_doubled(&policies.into_iter().flatten().map(|policy| policy.0).collect::<Vec<_>>()),
                "policies_of_user",
                "a policy stands there or in the lists above twice, expected: each once",
            ),
            (
                is_device && (names_holder || self.windows_sid || !names_device),
                "san",
                "a certificate whose subject is the device must not name its holder, expected: \"device\", or \"device\" and \"fasc-n\", and \
                 windows_sid = false",
            ),
            (
                names_device && self.key_usages().contains(KeyUsages::KeyAgreement),
                "san",
                "a key-agreement key is shared between devices and cannot name one, expected: no \"device\" in san",
            ),
            (
                !self.required.iter().all(|attribute| self.carries(*attribute)),
                "required",
                "it asks for what the certificate does not carry, expected: names that stand in san, or \"sid\" with windows_sid = true",
            ),
        ];
        rules.into_iter().find(|(is_broken, ..)| *is_broken).map(|(_, key, reason)| (key, reason))
    }
}

/// Whether something stands in a list twice.
fn is_doubled<T: PartialEq>(list: &[T]) -> bool {
    list.iter().enumerate().any(|(index, one)| list[..index].contains(one))
}

/// The profile of every slot, and of operators.
#[derive(Clone, Debug)]
pub struct Profiles {
    auth: Profile,
    sign: Profile,
    enc: Profile,
    card_auth: Profile,
    operator: Profile,
}

/// The files of `certs/profiles` as they were when this program was built, with their names.
pub const BUILT_IN: [(&str, &str); 5] = [
    ("auth.toml", include_str!("../../certs/profiles/auth.toml")),
    ("sign.toml", include_str!("../../certs/profiles/sign.toml")),
    ("enc.toml", include_str!("../../certs/profiles/enc.toml")),
    ("card-auth.toml", include_str!("../../certs/profiles/card-auth.toml")),
    ("operator.toml", include_str!("../../certs/profiles/operator.toml")),
];

impl Profiles {
    /// The profiles as they were in `certs/profiles` when this program was built.
    pub fn built_in() -> Result<Self, ProfileError> {
        Self::read(|file| {
            let (_, text) = BUILT_IN.iter().find(|(name, _)| *name == file).unwrap_or(&BUILT_IN[0]);
            Ok((*text).to_owned())
        })
    }

    /// Reads the five profiles from a folder.
    pub fn load(dir: &Path) -> Result<Self, ProfileError> {
        Self::read(|name| {
            let path = dir.join(name);
            fs::read_to_string(&path).map_err(|source| ProfileError::Unreadable { path, source })
        })
    }

    fn read(text_of: impl Fn(&str) -> Result<String, ProfileError>) -> Result<Self, ProfileError> {
        let profile = |file: &'static str| parse(file, &text_of(file)?);
        let profiles = Self {
            auth: profile("auth.toml")?,
            sign: profile("sign.toml")?,
            enc: profile("enc.toml")?,
            card_auth: profile("card-auth.toml")?,
            operator: profile("operator.toml")?,
        };
        for (file, profile) in [("auth.toml", &profiles.auth), ("operator.toml", &profiles.operator)] {
            if !profile.is_for_clients() {
                let reason = "without client-auth our own listeners would refuse it";
                return Err(contradiction(file, &text_of(file)?, "extended_key_usage", reason));
            }
        }
        if !profiles.operator.required.is_empty() || profiles.operator.subject != SubjectForm::Holder {
            let (file, reason) = ("operator.toml", "an operator is a name alone, expected: subject = \"holder\" and required = []");
            return Err(contradiction(file, &text_of(file)?, "required", reason));
        }
        Ok(profiles)
    }

    pub fn get(&self, slot: Slot) -> &Profile {
        match slot {
            Slot::Auth => &self.auth,
            Slot::Sign => &self.sign,
            Slot::Enc => &self.enc,
            Slot::CardAuth => &self.card_auth,
        }
    }

    pub fn operator(&self) -> &Profile {
        &self.operator
    }
}

fn parse(file: &'static str, text: &str) -> Result<Profile, ProfileError> {
    let profile: Profile = toml::from_str(text).map_err(|error| ProfileError::Invalid {
        file,
        line: error.span().and_then(|span| text.get(..span.start)).map_or(1, |before| before.matches('\n').count() + 1),
        reason: error.message().to_owned(),
    })?;
    match profile.contradiction() {
        Some((key, reason)) => Err(contradiction(file, text, key, reason)),
        None => Ok(profile),
    }
}

/// A fault at the line where a key stands.
fn contradiction(file: &'static str, text: &str, key: &str, reason: &'static str) -> ProfileError {
    let is_it = |line: &str| line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
    let line = text.lines().position(is_it).map_or(1, |index| index + 1);
    ProfileError::Invalid { file, line, reason: format!("{key}: {reason}") }
}

/// A profile that cannot be used: whoever wrote it must act.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    #[error("cannot read the profile {}: {source}", path.display())]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("profile {file}, line {line}: {reason}")]
    Invalid { file: &'static str, line: usize, reason: String },
}

#[cfg(test)]
mod tests {
    use super::*;

    const AUTH: &str = include_str!("../../certs/profiles/auth.toml");

    fn refusal(from: &str, to: &str) -> String {
        assert!(AUTH.contains(from), "{from}");
        parse("auth.toml", &AUTH.replace(from, to)).unwrap_err().to_string()
    }

    #[test]
    fn the_built_in_profiles_are_the_files_in_certs() {
        let built_in = Profiles::built_in().unwrap();
        let loaded = Profiles::load(Path::new("certs/profiles")).unwrap();
        assert_eq!(format!("{built_in:?}"), format!("{loaded:?}"));
    }

    #[test]
    fn an_unknown_key_or_word_is_refused_with_its_line() {
        let line = AUTH.lines().position(|line| line.starts_with("subject")).unwrap() + 1;
        assert!(refusal("subject =", "subjct =").starts_with(&format!("profile auth.toml, line {line}: unknown field `subjct`")));
        let refused = refusal("[\"client-auth\"", "[\"client\"");
        assert!(refused.contains("unknown purpose, found: \"client\", expected one of: client-auth"), "{refused}");
        assert!(refusal("[\"digital-signature\"]", "[\"key-cert-sign\"]").contains("unknown variant `key-cert-sign`"));
        assert!(refusal("policies = []", "policies = [\"2.16.x\"]").contains("not a policy, found: \"2.16.x\""));
        for days in ["0", "-1", "3651"] {
            assert!(refusal("= 1095", &format!("= {days}")).contains(&format!("found: {days}, expected: 1 to 3650")));
        }
        assert!(refusal("validity_days = 1095", "").contains("missing field `validity_days`"));
    }

    #[test]
    fn no_profile_can_speak_for_a_server_or_for_the_status_of_others() {
        for oid in ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.9", "2.5.29.37.0"] {
            assert!(refusal("\"client-auth\"", &format!("{oid:?}")).contains("a purpose that no profile may have"));
        }
    }

    #[test]
    fn a_device_certificate_never_names_its_holder_and_a_shared_key_never_a_device() {
        assert!(refusal("\"holder\"\n\n#", "\"device\"\n\n#").contains("must not name its holder"));
        let card_auth = include_str!("../../certs/profiles/card-auth.toml");
        for (right, wrong) in [("\"fasc-n\", \"device\"", "\"fasc-n\""), ("windows_sid = false", "windows_sid = true")] {
            let refused = parse("card-auth.toml", &card_auth.replace(right, wrong)).unwrap_err().to_string();
            assert!(refused.contains("must not name its holder"), "{refused}");
        }
        assert!(refusal("[\"digital-signature\"]", "[\"key-agreement\"]").contains("shared between devices"));
    }

    #[test]
    fn a_contradiction_is_told_with_the_line_of_its_key() {
        let line = |key: &str| AUTH.lines().position(|line| line.starts_with(key)).unwrap() + 1;
        let doubled = refusal("[\"upn\", ", "[\"upn\", \"upn\", ");
        assert_eq!(doubled, format!("profile auth.toml, line {}: san: a name stands there twice, expected: each once", line("san =")));
        let lacking = refusal("required = []", "required = [\"email\"]");
        assert!(lacking.starts_with(&format!("profile auth.toml, line {}: required: it asks for", line("required ="))), "{lacking}");
        let text = AUTH.replace("policies_with_evidence = []", "policies_with_evidence = [\"2.5.29.32.0\"]");
        let text = text.replace("policies_of_user = []", "policies_of_user = [\"2.5.29.32.0\"]");
        assert!(parse("auth.toml", &text).unwrap_err().to_string().contains("a policy stands there"));
    }

    #[test]
    fn an_operator_needs_nothing_from_the_directory() {
        let dir = tempfile::tempdir().unwrap();
        for (name, text) in BUILT_IN {
            let text =
                text.replace("san = []\nwindows_sid = false\nrequired = []", "san = [\"upn\"]\nwindows_sid = false\nrequired = [\"upn\"]");
            fs::write(dir.path().join(name), text).unwrap();
        }
        assert!(Profiles::load(dir.path()).unwrap_err().to_string().contains("operator.toml, line"));
    }

    #[test]
    fn a_folder_without_a_profile_names_the_missing_file() {
        let dir = tempfile::tempdir().unwrap();
        assert!(Profiles::load(dir.path()).unwrap_err().to_string().contains("auth.toml"));
    }

    #[test]
    fn an_auth_profile_that_our_listeners_would_refuse_is_refused_first() {
        let dir = tempfile::tempdir().unwrap();
        for name in ["auth", "sign", "enc", "card-auth", "operator"] {
            let text = fs::read_to_string(format!("certs/profiles/{name}.toml")).unwrap();
            fs::write(dir.path().join(format!("{name}.toml")), text.replace("[\"client-auth\", ", "[")).unwrap();
        }
        assert!(Profiles::load(dir.path()).unwrap_err().to_string().contains("without client-auth"));
    }
}
