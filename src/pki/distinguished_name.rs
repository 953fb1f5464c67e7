//! The name of an authority in an organization's own tree, from its text form (RFC 4514): `CN=…,OU=…,DC=…`, the nearest first.
//!
//! An administrator writes it once, so that it may be demanding: what a program could read in two ways is refused.

use const_oid::db::rfc4519::{COUNTRY_NAME, DOMAIN_COMPONENT, SERIAL_NUMBER};
use der::asn1::{Any, Ia5StringRef, PrintableStringRef, Utf8StringRef};
use der::{Decode, Encode, Tag, Tagged};
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::name::RdnSequence;

use super::certificate::CertifyError;
use super::name::{COMMON_NAME_MAX, check_text};

/// More levels are no tree that anybody has.
const MOST_LEVELS: usize = 16;

/// Reads the text. DC becomes an IA5String (RFC 4519 §2.4), C and serialNumber PrintableStrings, all else UTF8String.
pub fn of_text(text: &str) -> Result<RdnSequence, CertifyError> {
    let name: RdnSequence = text.parse().map_err(|_| not_a_name(text))?;
    if name.is_empty() || name.len() > MOST_LEVELS {
        return Err(not_a_name(text));
    }
    for attribute in name.iter().flat_map(|level| level.iter()) {
        let value = text_of(&attribute.value).ok_or_else(|| not_a_name(text))?;
        check_text("name", &value, COMMON_NAME_MAX)?;
        if value.trim() != value || !is_of_its_kind(attribute) {
            return Err(not_a_name(text));
        }
    }
    // what was read must also be what others read
    RdnSequence::from_der(&name.to_der()?)?;
    Ok(name)
}

fn not_a_name(found: &str) -> CertifyError {
    let reason = format!("found: {found}, expected: RFC 4514, as CN=Remint issuing CA,OU=Devices,DC=example,DC=org");
    CertifyError::Name { field: "name", reason }
}

/// The strings that this file writes, and nothing else: a value in hexadecimal could be of any type.
fn is_of_its_kind(attribute: &AttributeTypeAndValue) -> bool {
    let expected = match attribute.oid {
        DOMAIN_COMPONENT => Tag::Ia5String,
        COUNTRY_NAME | SERIAL_NUMBER => Tag::PrintableString,
        const_oid::db::rfc3280::EMAIL_ADDRESS => Tag::Ia5String,
        _ => Tag::Utf8String,
    };
    let is_country = attribute.oid == COUNTRY_NAME;
    attribute.value.tag() == expected && (!is_country || attribute.value.value().len() == 2)
}

/// What a string of a name says, whatever type carries it.
fn text_of(value: &Any) -> Option<String> {
    match value.tag() {
        Tag::Utf8String => value.decode_as::<Utf8StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::PrintableString => value.decode_as::<PrintableStringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        Tag::Ia5String => value.decode_as::<Ia5StringRef<'_>>().ok().map(|text| text.as_str().to_owned()),
        _ => None,
    }
}

/// Whether two names say the same. Authorities may write a text again in another type of string (RFC 5280 §7.1).
pub(super) fn say_the_same(one: &RdnSequence, other: &RdnSequence) -> bool {
    let said = |name: &RdnSequence| -> Option<Vec<Vec<_>>> {
        let level = |level: &x509_cert::name::RelativeDistinguishedName| {
            level.iter().map(|attribute| Some((attribute.oid, text_of(&attribute.value)?))).collect()
        };
        name.iter().map(level).collect()
    };
    one == other || said(one).is_some_and(|one| Some(one) == said(other))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_with_repeated_levels_keeps_all_of_them_the_root_of_the_tree_first() {
        let name = of_text("CN=Remint issuing CA,OU=Devices,OU=Security,DC=corp,DC=example,DC=org").unwrap();
        let said: Vec<_> = name.iter().flat_map(|level| level.iter()).map(|attribute| text_of(&attribute.value).unwrap()).collect();
        assert_eq!(said, ["org", "example", "corp", "Security", "Devices", "Remint issuing CA"]);
        let tags: Vec<_> = name.iter().flat_map(|level| level.iter()).map(|attribute| attribute.value.tag()).collect();
        assert_eq!(tags, [[Tag::Ia5String; 3], [Tag::Utf8String; 3]].concat());
    }

    #[test]
    fn what_rfc_4514_escapes_is_text() {
        let name = of_text("CN=Devices\\, Inc.\\+1,O=Örg \\C3\\A9,C=ES").unwrap();
        let said: Vec<_> = name.iter().flat_map(|level| level.iter()).map(|attribute| text_of(&attribute.value).unwrap()).collect();
        assert_eq!(said, ["ES", "Örg é", "Devices, Inc.+1"]);
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for text in [
            "",
            "Remint",
            "CN=",
            "CN=a,",
            "CN=a, OU=b",
            "CN= a",
            "XX=a",
            "CN=#0500",
            "C=Spain,CN=a",
            "DC=exämple,CN=a",
            "CN=a\nb",
            "CN=\\ff",
        ] {
            assert!(of_text(text).is_err(), "{text}");
        }
        assert!(of_text(&format!("CN={}", "x".repeat(65))).is_err());
        assert!(of_text(&vec!["OU=x"; 17].join(",")).is_err());
    }

    #[test]
    fn the_type_of_a_string_is_no_difference_and_every_letter_is() {
        let name = of_text("CN=Remint,C=ES").unwrap();
        let mut other = RdnSequence::default();
        for (oid, text) in [(COUNTRY_NAME, "ES"), (const_oid::db::rfc4519::COMMON_NAME, "Remint")] {
            let value = Any::new(Tag::PrintableString, text.as_bytes()).unwrap();
            other.push(vec![AttributeTypeAndValue { oid, value }].try_into().unwrap());
        }
        assert!(name != other && say_the_same(&name, &other));
        assert!(!say_the_same(&name, &of_text("CN=remint,C=ES").unwrap()));
        assert!(!say_the_same(&name, &of_text("C=ES,CN=Remint").unwrap()));
    }
}
