//! Names: the subjects and alternative names that we write into certificates, from text that has been looked at.
//!
//! It never parses the text form of a name (`CN=…,O=…`): in a directory, a comma is part of somebody's name. An authority's own name is
//! read from it, in [`distinguished_name`](super::distinguished_name).

use const_oid::ObjectIdentifier;
use const_oid::db::rfc4519::{COMMON_NAME, ORGANIZATION_NAME, SERIAL_NUMBER, USER_ID};
use der::Tag;
use der::asn1::{Any, Ia5String};
use uuid::Uuid;
use x509_cert::attr::AttributeTypeAndValue;
use x509_cert::ext::pkix::name::{GeneralName, OtherName};
use x509_cert::name::{RdnSequence, RelativeDistinguishedName};

use super::certificate::CertifyError;
use crate::lifecycle::directory::{Attributes, Sid};
use crate::lifecycle::fasc_n::FascN;
use crate::lifecycle::user::User;

/// The user principal name of a Windows domain ([MS-PKCA]).
const UPN: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.20.2.3");
/// szOID_NTDS_OBJECTSID ([MS-WCCE] §2.2.2.7.7.4).
const NTDS_OBJECT_SID: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.25.2.1");
/// pivFASC-N (FIPS 201-3 appendix B).
const PIV_FASC_N: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.16.840.1.101.3.6.6");

/// A user as the directory knows them. `email` and `upn` may be empty: then no certificate names them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    pub name: String,
    pub email: String,
    pub upn: String,
    pub attributes: Attributes,
}

impl From<&User> for Holder {
    fn from(user: &User) -> Self {
        let User { name, email, upn, attributes, id: _ } = user.clone();
        Self { name, email, upn, attributes }
    }
}

impl Holder {
    /// Whether certificates can carry these names. For whoever writes the directory: before anybody asks for a certificate.
    pub fn check(&self) -> Result<(), CertifyError> {
        check_text("name", &self.name, COMMON_NAME_MAX)?;
        if !self.upn.is_empty() {
            check_text("UPN", &self.upn, USER_ID_MAX)?;
        }
        if !self.email.is_empty() {
            check_email(&self.email)?;
        }
        Ok(())
    }
}

/// ub-common-name and ub-organization-name (RFC 5280 appendix A.1).
pub(super) const COMMON_NAME_MAX: usize = 64;
/// ub-user-identifier (RFC 1274 §9.3.1).
const USER_ID_MAX: usize = 256;

/// Refuses what shows differently in different programs: control characters (a NUL ends the name for some), or too much of it.
pub(super) fn check_text(field: &'static str, text: &str, max: usize) -> Result<(), CertifyError> {
    let refuse = |reason| Err(CertifyError::Name { field, reason });
    match text {
        _ if text.trim().is_empty() => refuse("it is empty".to_owned()),
        _ if text.chars().any(char::is_control) => refuse("it has control characters".to_owned()),
        _ if text.chars().count() > max => refuse(format!("found: {} characters, expected at most: {max}", text.chars().count())),
        _ => Ok(()),
    }
}

/// An rfc822Name is a bare mailbox in ASCII (RFC 5280 §4.2.1.6; the internationalized form of RFC 9598 is not supported).
fn check_email(text: &str) -> Result<(), CertifyError> {
    check_text("e-mail address", text, USER_ID_MAX)?;
    let is_mailbox = text.rsplit_once('@').is_some_and(|(local, domain)| !local.is_empty() && !domain.is_empty());
    if is_mailbox && text.chars().all(|c| c.is_ascii_graphic() && !"<>,;".contains(c)) {
        return Ok(());
    }
    Err(CertifyError::Name { field: "e-mail address", reason: "expected: local@domain in ASCII".to_owned() })
}

/// O alone.
pub(super) fn organization(text: &str) -> der::Result<RdnSequence> {
    let mut name = RdnSequence::default();
    name.push(attribute(ORGANIZATION_NAME, text)?);
    Ok(name)
}

/// CN, below what others share.
pub(super) fn below(base: &RdnSequence, common_name: &str) -> der::Result<RdnSequence> {
    let mut name = base.clone();
    name.push(attribute(COMMON_NAME, common_name)?);
    Ok(name)
}

/// The organization, CN = the holder's name, and UID = UPN or else e-mail address: two people of one name stay two subjects (RFC 5280 §4.1.2.6).
pub(super) fn of_holder(organization: RdnSequence, holder: &Holder) -> Result<RdnSequence, CertifyError> {
    holder.check()?;
    let mut name = organization;
    name.push(attribute(COMMON_NAME, &holder.name)?);
    if let Some(uid) = [&holder.upn, &holder.email].into_iter().find(|text| !text.is_empty()) {
        name.push(attribute(USER_ID, uid)?);
    }
    Ok(name)
}

/// The organization and serialNumber = the device's UUID.
pub(super) fn of_device(organization: RdnSequence, device: Uuid) -> der::Result<RdnSequence> {
    let mut name = organization;
    name.push(attribute(SERIAL_NUMBER, &device.to_string())?);
    Ok(name)
}

/// CN alone.
pub(super) fn common(text: &str) -> der::Result<RdnSequence> {
    below(&RdnSequence::default(), text)
}

/// The part of an authority's name that its subjects share: all but its CN.
pub(super) fn organization_of(authority: &RdnSequence) -> RdnSequence {
    let mut organization = RdnSequence::default();
    authority.iter().filter(|rdn| rdn.iter().all(|attribute| attribute.oid != COMMON_NAME)).for_each(|rdn| organization.push(rdn.clone()));
    organization
}

/// One attribute, in an RDN of its own. UTF8String (RFC 5280 §4.1.2.4), but serialNumber, which is a PrintableString.
fn attribute(oid: ObjectIdentifier, text: &str) -> der::Result<RelativeDistinguishedName> {
    let tag = if oid == SERIAL_NUMBER { Tag::PrintableString } else { Tag::Utf8String };
    let value = Any::new(tag, text.as_bytes())?;
    RelativeDistinguishedName::try_from(vec![AttributeTypeAndValue { oid, value }])
}

pub(super) fn upn(text: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::OtherName(OtherName { type_id: UPN, value: Any::new(Tag::Utf8String, text.as_bytes())? }))
}

pub(super) fn fasc_n(number: &FascN) -> der::Result<GeneralName> {
    other_name(PIV_FASC_N, number.as_bytes())
}

/// The SID as the text of its octets.
pub(super) fn sid(sid: Sid) -> der::Result<GeneralName> {
    other_name(NTDS_OBJECT_SID, sid.to_string().as_bytes())
}

fn other_name(type_id: ObjectIdentifier, octets: &[u8]) -> der::Result<GeneralName> {
    Ok(GeneralName::OtherName(OtherName { type_id, value: Any::new(Tag::OctetString, octets)? }))
}

pub(super) fn email(text: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::Rfc822Name(Ia5String::new(text)?))
}

pub(super) fn uri(text: &str) -> der::Result<GeneralName> {
    Ok(GeneralName::UniformResourceIdentifier(Ia5String::new(text)?))
}

/// `urn:uuid:…` (RFC 9562 §4).
pub(super) fn device(device: Uuid) -> der::Result<GeneralName> {
    uri(&device.urn().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holder(name: &str, email: &str, upn: &str) -> Holder {
        Holder { name: name.to_owned(), email: email.to_owned(), upn: upn.to_owned(), attributes: Attributes::default() }
    }

    #[test]
    fn names_that_people_have_are_accepted() {
        for name in ["Ana López", "O'Neil, Jr.", "李小龍", "A+B=\"C\" <D>; #E\\", &"x".repeat(64), "🦀"] {
            holder(name, "", "").check().unwrap();
        }
        holder("Ana", "ana.o'neil+card@example.org", "ana@corp.örg").check().unwrap();
    }

    #[test]
    fn names_that_programs_read_differently_are_refused() {
        for name in ["", " ", "Ana\0Admin", "Ana\nAdmin", &"x".repeat(65)] {
            assert!(holder(name, "", "").check().is_err(), "{name:?}");
        }
        for email in ["ana", "@example.org", "ana@", "Ana <ana@example.org>", "ana@exämple.org", "a b@example.org", "a@x,b@y"] {
            assert!(holder("Ana", email, "").check().is_err(), "{email:?}");
        }
        assert!(holder("Ana", "", "ana\0@corp").check().is_err());
    }

    #[test]
    fn a_refusal_names_the_field_and_not_the_person() {
        let refusal = holder("Ana", "ana", "").check().unwrap_err().to_string();
        assert_eq!(refusal, "a certificate cannot carry this e-mail address: expected: local@domain in ASCII");
    }
}
