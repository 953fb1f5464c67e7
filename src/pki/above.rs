//! What stands above the issuing CA in a hierarchy that the organization has already: read from what an administrator was given, in any
//! order, and judged before anything is signed below it.

use jiff::Timestamp;
use x509_cert::name::RdnSequence;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::asked::{Asked, BELOW};
use super::distinguished_name::say_the_same;

/// More certificates, or bytes, are no chain.
const MOST_GIVEN: usize = 32;
const MAX_PEM_BYTES: usize = 1024 * 1024;

/// A chain that was judged: every certificate DER.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chain {
    pub issuing: Vec<u8>,
    /// Between the issuing CA and the root, the nearest first.
    pub between: Vec<Vec<u8>>,
    pub root: Vec<u8>,
}

/// Why what was given is no chain for the issuing CA. The administrator must act.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChainFault {
    #[error("found: {found}, expected: certificates in PEM (-----BEGIN CERTIFICATE-----)")]
    NotPem { found: &'static str },
    #[error("found: {found} certificates, expected: the issuing CA's and those above it, at most {MOST_GIVEN}")]
    TooMany { found: usize },
    #[error("found: a certificate that cannot be read, number {number}, expected: X.509 in DER")]
    Unreadable { number: usize },
    #[error("found: no certificate of the key that was asked for, but of: {found}, expected: the answer to ca/request.pem")]
    WrongKey { found: String },
    #[error("found: {found} different certificates {of}, expected: one")]
    Several { found: usize, of: String },
    #[error("found: the name {found}, expected: the name that was asked for, {expected}")]
    OtherName { found: String, expected: String },
    #[error(
        "found: no certificate of {issuer}, which issued {subject}, expected: all of them up to a self-signed root, here or with --root"
    )]
    NoIssuer { subject: String, issuer: String },
    #[error(
        "found: {subject}, not signed by the key of {issuer} that was given, expected: the certificate of the authority that signed it"
    )]
    BadSignature { subject: String, issuer: String },
    #[error("found: the issuing CA's certificate signed by itself, expected: signed by the organization's authority")]
    SelfSigned,
    #[error("found: {subject}, which is above nothing that was given, expected: only the certificates of the one chain")]
    Unused { subject: String },
    #[error("{subject}: found: not good before {not_before}, expected: good now, at {now}")]
    NotYetValid { subject: String, not_before: Timestamp, now: Timestamp },
    #[error("{subject}: found: expired at {not_after}, expected: good now, at {now}")]
    Expired { subject: String, not_after: Timestamp, now: Timestamp },
    #[error("{subject}: found: {found}, expected: {expected}")]
    NotAnAuthority { subject: String, found: String, expected: String },
}

/// The certificates of a PEM text.
pub fn read_pem(text: &[u8]) -> Result<Vec<Vec<u8>>, ChainFault> {
    use rustls::pki_types::CertificateDer;
    use rustls::pki_types::pem::PemObject;
    if text.len() > MAX_PEM_BYTES {
        return Err(ChainFault::NotPem { found: "more than a megabyte" });
    }
    let read: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    match read {
        Ok(certificates) if certificates.is_empty() => Err(ChainFault::NotPem { found: "no certificate" }),
        Ok(certificates) => Ok(certificates.iter().map(|certificate| certificate.to_vec()).collect()),
        Err(_) => Err(ChainFault::NotPem { found: "broken PEM" }),
    }
}

impl Chain {
    /// Puts in order what was given, and judges it at `now`: that it is the answer to what was asked, signed up to a root that signed
    /// itself, and that everybody in it may do what they do (RFC 5280 §6.1).
    pub fn judge(given: &[Vec<u8>], asked: &Asked, now: Timestamp) -> Result<Self, ChainFault> {
        // 1 each certificate once
        if given.len() > MOST_GIVEN {
            return Err(ChainFault::TooMany { found: given.len() });
        }
        let mut rest: Vec<X509Certificate<'_>> = Vec::new();
        for (number, der) in (1..).zip(given) {
            match X509Certificate::from_der(der) {
                Ok(([], read)) if rest.iter().all(|earlier| earlier.as_raw() != read.as_raw()) => rest.push(read),
                Ok(([], _)) => {}
                Ok(_) | Err(_) => return Err(ChainFault::Unreadable { number }),
            }
        }

        // 2 the answer, then upwards to a root
        let mut chain = vec![answer(&mut rest, asked)?];
        while let Some(issuer) = issuer_of(chain.last(), &mut rest)? {
            chain.push(issuer);
        }
        if let Some(unused) = rest.first() {
            return Err(ChainFault::Unused { subject: named(unused) });
        }

        // 3 each at its place
        for (below, certificate) in chain.iter().enumerate() {
            in_time(certificate, now)?;
            if below == 0 { may_issue(certificate)? } else { may_stand_above(certificate, below)? }
        }
        let mut ders = chain.iter().map(|certificate| certificate.as_raw().to_vec());
        let (Some(issuing), Some(root)) = (ders.next(), ders.next_back()) else { return Err(ChainFault::SelfSigned) };
        Ok(Self { issuing, between: ders.collect(), root })
    }
}

/// The certificate of the key that was asked for, taken out of the others.
fn answer<'a>(rest: &mut Vec<X509Certificate<'a>>, asked: &Asked) -> Result<X509Certificate<'a>, ChainFault> {
    let is_answer = |certificate: &X509Certificate<'_>| certificate.public_key().raw == asked.spki.as_der();
    let all: Vec<String> = rest.iter().map(named).collect();
    let mut answers: Vec<_> = rest.extract_if(.., |certificate| is_answer(certificate)).collect();
    let Some(answer) = answers.pop() else { return Err(ChainFault::WrongKey { found: all.join("; ") }) };
    if !answers.is_empty() {
        return Err(ChainFault::Several { found: answers.len() + 1, of: "of the issuing CA's key".to_owned() });
    }
    let subject = subject_of(&answer);
    if !subject.as_ref().is_some_and(|subject| say_the_same(subject, &asked.subject)) {
        let found = subject.map_or_else(|| named(&answer), |subject| subject.to_string());
        return Err(ChainFault::OtherName { found, expected: asked.subject.to_string() });
    }
    Ok(answer)
}

/// Who signed it, taken out of the others; `None` if it did so itself.
fn issuer_of<'a>(
    certificate: Option<&X509Certificate<'a>>,
    rest: &mut Vec<X509Certificate<'a>>,
) -> Result<Option<X509Certificate<'a>>, ChainFault> {
    let Some(certificate) = certificate else { return Ok(None) };
    let (subject, issuer) = (named(certificate), certificate.issuer().to_string());
    if certificate.issuer().as_raw() == certificate.subject().as_raw() && certificate.verify_signature(None).is_ok() {
        return Ok(None);
    }
    let is_named = |candidate: &X509Certificate<'_>| candidate.subject().as_raw() == certificate.issuer().as_raw();
    let has_signed = |candidate: &X509Certificate<'_>| certificate.verify_signature(Some(candidate.public_key())).is_ok();
    if !rest.iter().any(is_named) {
        return Err(ChainFault::NoIssuer { subject, issuer });
    }
    let mut found: Vec<_> = rest.extract_if(.., |candidate| is_named(candidate) && has_signed(candidate)).collect();
    let Some(above) = found.pop() else { return Err(ChainFault::BadSignature { subject, issuer }) };
    if !found.is_empty() {
        return Err(ChainFault::Several { found: found.len() + 1, of: format!("of {issuer}, which signed {subject}") });
    }
    Ok(Some(above))
}

fn in_time(certificate: &X509Certificate<'_>, now: Timestamp) -> Result<(), ChainFault> {
    let time = |second: i64| Timestamp::from_second(second).unwrap_or(Timestamp::MAX);
    let (not_before, not_after) = (time(certificate.validity().not_before.timestamp()), time(certificate.validity().not_after.timestamp()));
    let subject = || named(certificate);
    if now < not_before {
        return Err(ChainFault::NotYetValid { subject: subject(), not_before, now });
    }
    if now >= not_after {
        return Err(ChainFault::Expired { subject: subject(), not_after, now });
    }
    Ok(())
}

/// What was asked for: an authority without others below it, that signs certificates and CRLs.
fn may_issue(certificate: &X509Certificate<'_>) -> Result<(), ChainFault> {
    let path_length = path_length(certificate)?;
    if path_length != Some(u32::from(BELOW)) {
        let found = path_length.map_or("no path length".to_owned(), |length| format!("path length {length}"));
        return Err(unfit(certificate, found, format!("path length {BELOW}, as was asked for")));
    }
    let usage = certificate.key_usage().ok().flatten();
    if !usage.as_ref().is_some_and(|usage| usage.value.key_cert_sign() && usage.value.crl_sign()) {
        let found = usage.map_or("no key usage".to_owned(), |usage| format!("key usage {}", usage.value));
        return Err(unfit(certificate, found, "key usage Certificate Sign and CRL Sign"));
    }
    Ok(())
}

/// RFC 5280 §6.1.4 (k) to (n). Without a path length there is no limit, and without a key usage every use is open.
fn may_stand_above(certificate: &X509Certificate<'_>, below: usize) -> Result<(), ChainFault> {
    let length = path_length(certificate)?;
    if let Some(length) = length.filter(|length| usize::try_from(*length).is_ok_and(|length| length < below)) {
        return Err(unfit(
            certificate,
            format!("path length {length}"),
            format!("at least {below}, or none, to have the issuing CA below it"),
        ));
    }
    match certificate.key_usage() {
        Ok(usage) if usage.as_ref().is_none_or(|usage| usage.value.key_cert_sign()) => Ok(()),
        Ok(usage) => {
            let found = usage.map_or(String::new(), |usage| format!("key usage {}", usage.value));
            Err(unfit(certificate, found, "key usage Certificate Sign"))
        }
        Err(_) => Err(unfit(certificate, "a key usage that cannot be read", "one")),
    }
}

/// The path length of an authority; whoever is none is refused.
fn path_length(certificate: &X509Certificate<'_>) -> Result<Option<u32>, ChainFault> {
    match certificate.basic_constraints() {
        Ok(Some(constraints)) if constraints.value.ca => Ok(constraints.value.path_len_constraint),
        _ => Err(unfit(certificate, "not the certificate of an authority", "basic constraints with CA:TRUE")),
    }
}

fn unfit(certificate: &X509Certificate<'_>, found: impl Into<String>, expected: impl Into<String>) -> ChainFault {
    ChainFault::NotAnAuthority { subject: named(certificate), found: found.into(), expected: expected.into() }
}

fn subject_of(certificate: &X509Certificate<'_>) -> Option<RdnSequence> {
    use der::Decode;
    RdnSequence::from_der(certificate.subject().as_raw()).ok()
}

fn named(certificate: &X509Certificate<'_>) -> String {
    certificate.subject().to_string()
}

/// Whether the key of `above` signed `certificate`, by any algorithm that a hierarchy may use.
pub(super) fn has_signed(above: &[u8], certificate: &[u8]) -> bool {
    let (Ok(([], above)), Ok(([], certificate))) = (X509Certificate::from_der(above), X509Certificate::from_der(certificate)) else {
        return false;
    };
    certificate.issuer().as_raw() == above.subject().as_raw() && certificate.verify_signature(Some(above.public_key())).is_ok()
}
