//! Lint of what relying parties are told: CRLs (RFC 5280 §5) and OCSP answers (RFC 6960 §4.2.1).

use x509_parser::asn1_rs::{Any, Class, Tag};
use x509_parser::extensions::{ParsedExtension, X509Extension};
use x509_parser::prelude::{FromDer, X509Certificate};
use x509_parser::time::ASN1Time;
use x509_parser::x509::{AlgorithmIdentifier, X509Name};

use super::{Unfit, is_encoded_by_its_year, must, signature};

const DER: Unfit = Unfit { rule: "DER (RFC 5280 §5.1, RFC 6960 §4.2.1)" };

/// Judges a TBSCertList. `issuer` is the certificate of who will sign, DER. Entries are counted, not looked at: they are many.
pub fn crl(tbs: &[u8], issuer: &[u8]) -> Result<(), Unfit> {
    let content = only(tbs, Tag::Sequence)?;
    let mut rest = content;
    for _ in 0..5 {
        rest = next(rest)?.1;
    }
    let head = &content[..content.len() - rest.len()];
    let entries = match rest.first() {
        Some(0x30) => {
            let (entries, after) = next(rest)?;
            rest = after;
            Some(entries.data.len())
        }
        _ => None,
    };
    let explicit = Any::from_der(rest).map_err(|_| DER)?;
    must(explicit.0.is_empty() && is_context(&explicit.1, 0), "extensions at its end (§5.1.2.7)")?;
    crl_parts(head, entries, explicit.1.data, issuer)
}

/// The same for a list that is never whole in memory: what stands before its entries (version to nextUpdate, without the SEQUENCE around
/// them), how many bytes of entries there are (`None` where the field is absent), and its extensions (the SEQUENCE).
pub fn crl_parts(head: &[u8], entries: Option<usize>, extensions: &[u8], issuer: &[u8]) -> Result<(), Unfit> {
    let (_, issuer) = X509Certificate::from_der(issuer).map_err(|_| Unfit { rule: "an issuer whose certificate can be read" })?;
    let (version, rest) = next(head)?;
    must(version.tag() == Tag::Integer && version.data == [1], "version 2 (§5.1.2.1)")?;
    let (rest, algorithm) = AlgorithmIdentifier::from_der(rest).map_err(|_| DER)?;
    signature(&algorithm)?;
    let (rest, name) = X509Name::from_der(rest).map_err(|_| DER)?;
    must(name.as_raw() == issuer.subject().as_raw(), "the issuer's own name, byte for byte (§5.1.2.3)")?;
    let (rest, this_update) = ASN1Time::from_der(rest).map_err(|_| DER)?;
    let (rest, next_update) = ASN1Time::from_der(rest).map_err(|_| Unfit { rule: "a nextUpdate (§5.1.2.5)" })?;
    must(rest.is_empty(), "nothing between nextUpdate and the entries (§5.1)")?;
    must([&this_update, &next_update].into_iter().all(is_encoded_by_its_year), "UTCTime until 2049 and GeneralizedTime after (§5.1.2.4)")?;
    must(this_update.timestamp() < next_update.timestamp(), "a next update after this one (§5.1.2.5)")?;
    must(entries != Some(0), "no list of entries where there are none (§5.1.2.6)")?;
    crl_extensions(only(extensions, Tag::Sequence)?, &issuer)
}

/// RFC 5280 §5.2: the number and the issuer's key; what limits the list is critical.
fn crl_extensions(mut rest: &[u8], issuer: &X509Certificate<'_>) -> Result<(), Unfit> {
    let (mut seen, mut has_number, mut has_key) = (Vec::new(), false, false);
    while !rest.is_empty() {
        let (after, extension) = X509Extension::from_der(rest).map_err(|_| DER)?;
        must(!seen.contains(&extension.oid), "each extension once (§5.2)")?;
        let is_critical = match extension.parsed_extension() {
            ParsedExtension::CRLNumber(number) => {
                must(number.bits() > 0 && extension.value.len() <= 22, "a number above zero, of at most 20 octets (§5.2.3)")?;
                has_number = true;
                false
            }
            ParsedExtension::AuthorityKeyIdentifier(authority) => {
                let own = issuer.iter_extensions().find_map(|extension| match extension.parsed_extension() {
                    ParsedExtension::SubjectKeyIdentifier(identifier) => Some(identifier.0),
                    _ => None,
                });
                let named = authority.key_identifier.as_ref().map(|identifier| identifier.0);
                must(named.is_some() && (own.is_none() || named == own), "the subject key identifier of the issuer (§5.2.1)")?;
                has_key = true;
                false
            }
            ParsedExtension::IssuingDistributionPoint(_) => true,
            ParsedExtension::ParseError { .. } => return Err(Unfit { rule: "extensions that can be read (§5.2)" }),
            _ => match extension.oid.to_id_string().as_str() {
                "2.5.29.27" => true,  // deltaCRLIndicator
                "2.5.29.46" => false, // freshestCRL
                _ => return Err(Unfit { rule: "no extension that nobody here knows (§5.2)" }),
            },
        };
        must(extension.critical == is_critical, "extensions as critical as they must be (§5.2)")?;
        seen.push(extension.oid);
        rest = after;
    }
    must(has_number, "a CRL number (§5.2.3)")?;
    must(has_key, "an authority key identifier (§5.2.1)")
}

/// Judges an OCSP ResponseData. On the path of every answer: it allocates nothing.
pub fn ocsp(data: &[u8]) -> Result<(), Unfit> {
    let content = only(data, Tag::Sequence)?;
    let (responder, rest) = next(content)?;
    let key_hash = is_context(&responder, 2).then(|| only(responder.data, Tag::OctetString)).transpose()?;
    must(key_hash.is_some_and(|hash| hash.len() == 20), "the responder named by the hash of its key (RFC 6960 §4.2.1)")?;
    let (produced_at, rest) = next(rest)?;
    let produced_at = time(&produced_at)?;
    let (responses, rest) = next(rest)?;
    must(responses.tag() == Tag::Sequence && !responses.data.is_empty(), "at least one answer (RFC 6960 §4.2.1)")?;
    let mut answers = responses.data;
    while !answers.is_empty() {
        let (answer, after) = next(answers)?;
        single(answer.data, produced_at)?;
        answers = after;
    }
    if rest.is_empty() {
        return Ok(());
    }
    let (extensions, rest) = next(rest)?;
    must(rest.is_empty() && is_context(&extensions, 1), "nothing but extensions behind the answers (RFC 6960 §4.2.1)")?;
    let list = only(extensions.data, Tag::Sequence)?;
    must(!list.is_empty(), "no list of extensions where there are none (RFC 5280 §4.1.2.9)")?;
    let (nonce, rest) = next(list)?;
    let (_, value) = next(nonce.data)?;
    let value = only(only(value, Tag::OctetString)?, Tag::OctetString)?;
    must(rest.is_empty() && (1..=128).contains(&value.len()), "a nonce of 1 to 128 octets, not critical, and nothing else (RFC 9654 §2.1)")
}

/// RFC 6960 §4.2.1, SingleResponse: what of, what, and from when to when.
fn single(answer: &[u8], produced_at: &[u8]) -> Result<(), Unfit> {
    let (of, rest) = next(answer)?;
    must(of.tag() == Tag::Sequence && of.data.len() > 40, "an answer that says what certificate it is about")?;
    let (status, rest) = next(rest)?;
    match (status.class(), status.tag().0) {
        (Class::ContextSpecific, 0 | 2) => must(status.data.is_empty(), "good and unknown that say no more")?,
        (Class::ContextSpecific, 1) => {
            let (since, _) = next(status.data)?;
            must(time(&since)? <= produced_at, "a revocation that has happened (§4.2.1)")?;
        }
        _ => return Err(Unfit { rule: "good, revoked or unknown (RFC 6960 §4.2.1)" }),
    }
    let (this_update, rest) = next(rest)?;
    let this_update = time(&this_update)?;
    must(this_update <= produced_at, "knowledge that is not of the future (RFC 6960 §4.2.2.1)")?;
    if rest.is_empty() {
        return Ok(());
    }
    let (next_update, rest) = next(rest)?;
    must(rest.is_empty() && is_context(&next_update, 0), "nothing but nextUpdate behind thisUpdate")?;
    let (next_update, _) = next(next_update.data)?;
    must(time(&next_update)? > this_update, "a next update after this one (RFC 6960 §4.2.2.1)")
}

/// A GeneralizedTime in the one form of DER, whose octets sort as the times do.
fn time<'a>(any: &Any<'a>) -> Result<&'a [u8], Unfit> {
    let is_time = any.tag() == Tag::GeneralizedTime
        && any.data.len() == 15
        && any.data.strip_suffix(b"Z").is_some_and(|digits| digits.iter().all(u8::is_ascii_digit));
    must(is_time, "GeneralizedTime in whole seconds, UTC (RFC 6960 §4.2.2.1)")?;
    Ok(any.data)
}

fn next(bytes: &[u8]) -> Result<(Any<'_>, &[u8]), Unfit> {
    Any::from_der(bytes).map(|(rest, any)| (any, rest)).map_err(|_| DER)
}

/// The content of one value, and nothing behind it.
fn only(bytes: &[u8], tag: Tag) -> Result<&[u8], Unfit> {
    let (any, rest) = next(bytes)?;
    must(rest.is_empty() && any.class() == Class::Universal && any.tag() == tag, DER.rule)?;
    Ok(any.data)
}

fn is_context(any: &Any<'_>, tag: u32) -> bool {
    any.class() == Class::ContextSpecific && any.tag() == Tag(tag)
}
