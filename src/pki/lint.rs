//! Lint: what is about to be signed, read back and judged, so that a mistake of ours ends as a refusal and not as a certificate.
//!
//! It shares no code with what builds: it reads the bytes with x509-parser, and what they must say is taken from RFC 5280 and from the
//! profile. It looks at what we write and nothing else: an extension that it does not know is a finding. [`status`] does the same for
//! CRLs and OCSP answers.

pub(super) mod status;

use x509_parser::asn1_rs::Oid;
use x509_parser::certificate::TbsCertificate;
use x509_parser::extensions::{DistributionPointName, GeneralName, ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer, X509Certificate, X509Version};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, X509Name};

use super::key::Spki;
use super::name::COMMON_NAME_MAX;
use super::profile::{AlternativeName, Profile};
use crate::lifecycle::ids::Serial;

pub(super) use status::{crl, ocsp};

/// What was about to be signed breaks a rule. Nobody but us can act: it was not signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("lint stopped a signature, expected: {rule}")]
pub struct Unfit {
    pub rule: &'static str,
}

fn must(is_kept: bool, rule: &'static str) -> Result<(), Unfit> {
    if is_kept { Ok(()) } else { Err(Unfit { rule }) }
}

const ECDSA_WITH_SHA256: &str = "1.2.840.10045.4.3.2";
const OCSP_NO_CHECK: &str = "1.3.6.1.5.5.7.48.1.5";
const WINDOWS_ACCOUNT: &str = "1.3.6.1.4.1.311.25.2";
const UPN: &str = "1.3.6.1.4.1.311.20.2.3";
const FASC_N: &str = "2.16.840.1.101.3.6.6";
const ANY_PURPOSE: &str = "2.5.29.37.0";
const SERVER_AUTH: &str = "1.3.6.1.5.5.7.3.1";
const OCSP_SIGNING: &str = "1.3.6.1.5.5.7.3.9";

/// keyCertSign and cRLSign.
const SIGNS_FOR_AUTHORITIES: u16 = 1 << 5 | 1 << 6;

/// Judges a TBSCertificate by RFC 5280 §4. `issuer` is the certificate of who will sign, DER; empty for who certifies themself.
pub fn certificate(tbs: &[u8], issuer: &[u8]) -> Result<(), Unfit> {
    let read = read(tbs)?;
    fields(&read)?;
    let found = Found::of(&read)?;
    let issuer = if issuer.is_empty() {
        None
    } else {
        let parsed = X509Certificate::from_der(issuer).map_err(|_| Unfit { rule: "an issuer whose certificate can be read" })?;
        Some(parsed.1.tbs_certificate)
    };
    below(&read, issuer.as_ref().unwrap_or(&read))?;
    found.identifies(&read)?;
    found.is_for_what_it_says()
}

/// Judges that it says what its profile says, and nothing more.
pub(super) fn by_profile(tbs: &[u8], profile: &Profile) -> Result<(), Unfit> {
    let read = read(tbs)?;
    let found = Found::of(&read)?;
    let (purposes, is_critical) = profile.purposes();
    let purposes: Vec<String> = purposes.iter().map(ToString::to_string).collect();
    let days = (read.validity.not_after.timestamp() - read.validity.not_before.timestamp()) / 86_400;
    let allowed: Vec<String> = profile.all_policies().map(|oid| oid.to_string()).collect();
    must(!found.is_authority, "a profile never makes an authority")?;
    must(found.usage == Some(profile.key_usages().bits()), "the key usage of the profile")?;
    must(found.purposes == purposes, "the purposes of the profile, in its order")?;
    must(purposes.is_empty() || found.are_purposes_critical == is_critical, "purposes as critical as the profile says")?;
    must(found.policies.iter().all(|policy| allowed.contains(policy)), "no policy that the profile does not have")?;
    must(found.names.iter().all(|name| is_of(profile, name)), "no alternative name that the profile does not have")?;
    must(!found.has_windows_account || profile.names_windows_account(), "no Windows account where the profile has none")?;
    must(days <= i64::from(profile.validity_days()), "no longer good than the profile says")?;
    must(found.has_status_pointers, "where to ask for the status (RFC 5280 §4.2.1.13, §4.2.2.1)")
}

/// Whether the profile has names of this form.
fn is_of(profile: &Profile, name: &GeneralName<'_>) -> bool {
    let form = match name {
        GeneralName::OtherName(form, _) if form.to_id_string() == UPN => AlternativeName::Upn,
        GeneralName::OtherName(form, _) if form.to_id_string() == FASC_N => AlternativeName::FascN,
        GeneralName::RFC822Name(_) => AlternativeName::Email,
        GeneralName::URI(uri) if uri.starts_with("urn:uuid:") => AlternativeName::Device,
        _ => return false,
    };
    profile.alternative_names().contains(&form)
}

fn read(tbs: &[u8]) -> Result<TbsCertificate<'_>, Unfit> {
    match TbsCertificate::from_der(tbs) {
        Ok(([], read)) => Ok(read),
        Ok(_) | Err(_) => Err(Unfit { rule: "a TBSCertificate in DER, and nothing behind it (RFC 5280 §4.1)" }),
    }
}

/// RFC 5280 §4.1.2, but for what concerns the issuer.
fn fields(read: &TbsCertificate<'_>) -> Result<(), Unfit> {
    must(read.version == X509Version::V3, "version 3 (§4.1.2.1)")?;
    must(is_random(read.raw_serial()), "a serial of 20 octets, positive and random (§4.1.2.2)")?;
    signature(&read.signature)?;
    let (from, until) = (&read.validity.not_before, &read.validity.not_after);
    must([from, until].into_iter().all(is_encoded_by_its_year), "UTCTime until 2049 and GeneralizedTime after (§4.1.2.5)")?;
    must(from.timestamp() < until.timestamp(), "a validity that begins before it ends (§4.1.2.5)")?;
    name(&read.subject)?;
    must(Spki::from_der(read.subject_pki.raw).is_some(), "an uncompressed key on P-256 (RFC 5480 §2)")?;
    must(read.issuer_uid.is_none() && read.subject_uid.is_none(), "no unique identifiers (§4.1.2.8)")
}

/// Ours are 160 bits long, two of them fixed; what repeats itself was not drawn.
fn is_random(serial: &[u8]) -> bool {
    let mut different = [false; 256];
    serial.iter().for_each(|byte| different[usize::from(*byte)] = true);
    Serial::from_bytes(serial).is_some() && different.iter().filter(|is_there| **is_there).count() >= 8
}

fn signature(algorithm: &AlgorithmIdentifier<'_>) -> Result<(), Unfit> {
    let is_ours = algorithm.algorithm.to_id_string() == ECDSA_WITH_SHA256 && algorithm.parameters.is_none();
    must(is_ours, "ecdsa-with-SHA256 without parameters (§4.1.2.3, RFC 5758 §3.2)")
}

fn is_encoded_by_its_year(time: &ASN1Time) -> bool {
    // 2050-01-01T00:00:00Z
    time.is_utctime() == (time.timestamp() < 2_524_608_000)
}

/// RFC 5280 §4.1.2.4 and §4.1.2.6; the upper bounds of appendix A.1.
fn name(name: &X509Name<'_>) -> Result<(), Unfit> {
    let mut attributes = name.iter_attributes().peekable();
    must(attributes.peek().is_some(), "a name that is not empty (§4.1.2.6)")?;
    must(attributes.all(|attribute| !attribute.attr_value().data.is_empty()), "no empty attribute in a name")?;
    let fits = |text: &str| text.chars().count() <= COMMON_NAME_MAX;
    must(name.iter_common_name().all(|name| name.as_str().is_ok_and(fits)), "a common name of at most 64 characters in UTF-8")
}

/// What follows from who signs.
fn below(read: &TbsCertificate<'_>, issuer: &TbsCertificate<'_>) -> Result<(), Unfit> {
    must(read.issuer.as_raw() == issuer.subject.as_raw(), "the issuer's own name, byte for byte (§4.1.2.4, §7.1)")?;
    must(read.issuer.iter_rdn().next().is_some(), "an issuer that is not empty (§4.1.2.4)")?;
    let (end, limit) = (read.validity.not_after.timestamp(), issuer.validity.not_after.timestamp());
    must(end <= limit, "a validity that ends before the issuer's (§6.1.3)")?;
    let key_of = |certificate: &TbsCertificate<'_>| {
        certificate.iter_extensions().find_map(|extension| match extension.parsed_extension() {
            ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0.to_vec()),
            _ => None,
        })
    };
    let named = read.iter_extensions().find_map(|extension| match extension.parsed_extension() {
        ParsedExtension::AuthorityKeyIdentifier(authority) => authority.key_identifier.as_ref().map(|identifier| identifier.0.to_vec()),
        _ => None,
    });
    let identifier = key_of(issuer).or_else(|| Some(Spki::from_der(issuer.subject_pki.raw)?.subject_key_identifier().to_vec()));
    must(named.is_some() && named == identifier, "the subject key identifier of the issuer (§4.2.1.1)")?;
    let is_authority = issuer.basic_constraints().ok().flatten().is_some_and(|constraints| constraints.value.ca);
    let may_sign = issuer.key_usage().ok().flatten().is_some_and(|usage| usage.value.key_cert_sign());
    must(is_authority && may_sign, "an issuer that may sign certificates (§4.2.1.3, §4.2.1.9)")
}

/// What the extensions say.
#[derive(Default)]
struct Found<'a> {
    usage: Option<u16>,
    is_authority: bool,
    purposes: Vec<String>,
    are_purposes_critical: bool,
    policies: Vec<String>,
    names: Vec<&'a GeneralName<'a>>,
    subject_key: Option<&'a [u8]>,
    has_status_pointers: bool,
    has_windows_account: bool,
    is_not_asked_about: bool,
}

impl<'a> Found<'a> {
    /// RFC 5280 §4.2: each extension once, readable, not empty, and as critical as it must be.
    fn of(read: &'a TbsCertificate<'a>) -> Result<Self, Unfit> {
        let mut found = Self::default();
        let extensions = read.extensions();
        must(!extensions.is_empty(), "extensions (§4.1.2.9)")?;
        for (index, extension) in extensions.iter().enumerate() {
            must(extensions[..index].iter().all(|earlier| earlier.oid != extension.oid), "each extension once (§4.2)")?;
            found.take(extension)?;
        }
        Ok(found)
    }

    fn take(&mut self, extension: &'a X509Extension<'a>) -> Result<(), Unfit> {
        let is_critical = match extension.parsed_extension() {
            ParsedExtension::KeyUsage(usage) => {
                must(usage.flags != 0, "a key usage with a bit set (§4.2.1.3)")?;
                self.usage = Some(usage.flags);
                Some(true)
            }
            ParsedExtension::BasicConstraints(constraints) => {
                must(constraints.ca && constraints.path_len_constraint.is_some(), "basic constraints of an authority alone (§4.2.1.9)")?;
                self.is_authority = true;
                Some(true)
            }
            ParsedExtension::ExtendedKeyUsage(_) => {
                let (_, purposes) = Vec::<Oid>::from_der(extension.value).map_err(|_| Unfit { rule: "purposes that can be read" })?;
                self.purposes = purposes.iter().map(Oid::to_id_string).collect();
                self.are_purposes_critical = extension.critical;
                must(are_distinct(&self.purposes), "purposes, each once (§4.2.1.12)")?;
                None
            }
            ParsedExtension::CertificatePolicies(policies) => {
                self.policies = policies.iter().map(|policy| policy.policy_id.to_id_string()).collect();
                must(are_distinct(&self.policies), "policies, each once (§4.2.1.4)")?;
                Some(false)
            }
            ParsedExtension::SubjectAlternativeName(alternative) => {
                self.names = alternative.general_names.iter().collect();
                must(!self.names.is_empty() && self.names.iter().all(|name| says_something(name)), "names that say something (§4.2.1.6)")?;
                Some(false)
            }
            ParsedExtension::SubjectKeyIdentifier(identifier) => {
                self.subject_key = Some(identifier.0);
                Some(false)
            }
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                let is_key_alone = authority.authority_cert_issuer.is_none() && authority.authority_cert_serial.is_none();
                must(is_key_alone, "the issuer named by its key alone (§4.2.1.1)")?;
                Some(false)
            }
            ParsedExtension::AuthorityInfoAccess(access) => {
                let is_public = access.accessdescs.iter().all(|at| is_http(&at.access_location));
                must(is_public && !access.accessdescs.is_empty(), "http:// URLs (§4.2.2.1, §8)")?;
                Some(false)
            }
            ParsedExtension::CRLDistributionPoints(points) => {
                let is_public = points.points.iter().all(|point| match &point.distribution_point {
                    Some(DistributionPointName::FullName(names)) => !names.is_empty() && names.iter().all(is_http),
                    Some(DistributionPointName::NameRelativeToCRLIssuer(_)) | None => false,
                });
                must(is_public && !points.points.is_empty(), "distribution points at http:// URLs (§4.2.1.13, §8)")?;
                self.has_status_pointers = true;
                Some(false)
            }
            ParsedExtension::ParseError { .. } => return Err(Unfit { rule: "extensions that can be read (§4.2)" }),
            _ => self.take_other(extension)?,
        };
        must(is_critical.is_none_or(|is_critical| is_critical == extension.critical), "extensions as critical as they must be (§4.2.1)")
    }

    /// What RFC 5280 does not define.
    fn take_other(&mut self, extension: &X509Extension<'_>) -> Result<Option<bool>, Unfit> {
        match extension.oid.to_id_string().as_str() {
            OCSP_NO_CHECK => self.is_not_asked_about = true,
            WINDOWS_ACCOUNT => self.has_windows_account = true,
            "2.5.29.46" => {} // freshestCRL
            _ => return Err(Unfit { rule: "no extension that nobody here knows (§4.2)" }),
        }
        Ok(Some(false))
    }

    fn identifies(&self, read: &TbsCertificate<'_>) -> Result<(), Unfit> {
        let own = Spki::from_der(read.subject_pki.raw).map(|spki| spki.subject_key_identifier());
        must(own.is_some() && own.as_ref().map(|own| &own[..]) == self.subject_key, "the identifier of its own key (§4.2.1.2)")
    }

    /// RFC 5280 §4.2.1.3, §4.2.1.9, §4.2.1.12: authorities sign certificates and CRLs, and nobody else does.
    fn is_for_what_it_says(&self) -> Result<(), Unfit> {
        let usage = self.usage.ok_or(Unfit { rule: "a key usage (§4.2.1.3)" })?;
        let has = |purpose: &str| self.purposes.iter().any(|found| found == purpose);
        if self.is_authority {
            must(usage == SIGNS_FOR_AUTHORITIES, "an authority that signs certificates and CRLs, and nothing else (§4.2.1.3)")?;
            return must(self.purposes.is_empty() && self.names.is_empty(), "an authority without purposes and alternative names");
        }
        must(usage & SIGNS_FOR_AUTHORITIES == 0, "no keyCertSign or cRLSign but in an authority (§4.2.1.3)")?;
        must(!has(ANY_PURPOSE), "no purpose that means all of them (§4.2.1.12)")?;
        let is_responder = has(OCSP_SIGNING);
        must(is_responder == self.is_not_asked_about, "ocsp-nocheck with OCSP signing, and only there (RFC 6960 §4.2.2.2.1)")?;
        must(!is_responder || self.purposes.len() == 1, "an OCSP signer that is nothing else (RFC 6960 §4.2.2.2)")?;
        let names_host = self.names.iter().any(|name| matches!(name, GeneralName::DNSName(_) | GeneralName::IPAddress(_)));
        must(has(SERVER_AUTH) == names_host, "hosts in a TLS server's certificate, and only there (RFC 9525 §3)")
    }
}

fn are_distinct(list: &[String]) -> bool {
    !list.is_empty() && list.iter().enumerate().all(|(index, one)| !list[..index].contains(one))
}

fn says_something(name: &GeneralName<'_>) -> bool {
    match name {
        GeneralName::OtherName(_, value) => value.len() > 4,
        GeneralName::RFC822Name(text) => text.is_ascii() && text.contains('@'),
        GeneralName::DNSName(text) => text.is_ascii() && !text.trim().is_empty(),
        GeneralName::URI(text) => text.is_ascii() && text.contains(':'),
        GeneralName::IPAddress(octets) => matches!(octets.len(), 4 | 16),
        _ => false,
    }
}

fn is_http(name: &GeneralName<'_>) -> bool {
    matches!(name, GeneralName::URI(url) if url.is_ascii() && url.starts_with("http://") && url.len() > 7)
}

#[cfg(test)]
mod tests;
