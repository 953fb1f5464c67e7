//! How evidence travels: in the attribute id-aa-evidence of a certification request, as an EvidenceBundle with one statement.
//!
//! ```text
//! EvidenceBundle ::= SEQUENCE { evidences SEQUENCE SIZE (1) OF SEQUENCE {
//!     type  OBJECT IDENTIFIER (1.3.6.1.4.1.11129.2.1.17),
//!     stmt  SEQUENCE SIZE (1..10) OF Certificate } }             -- the attested key's first
//! ```

use super::LONGEST;
use super::tlv::{Malformed, Reader, Tag};

/// id-aa-evidence (draft-ietf-lamps-csr-attestation).
pub const ID_AA_EVIDENCE: &str = "1.2.840.113549.1.9.16.2.59";

/// 1.3.6.1.4.1.11129.2.1.17
const ANDROID_KEY_ATTESTATION: [u8; 10] = [0x2b, 0x06, 0x01, 0x04, 0x01, 0xd6, 0x79, 0x02, 0x01, 0x11];

/// Reads a bundle; gives the certificates, DER each.
pub fn read_bundle(der: &[u8]) -> Result<Vec<Vec<u8>>, Malformed> {
    let mut outer = Reader::new(der);
    let mut bundle = outer.nested(Tag::SEQUENCE)?;
    outer.end()?;
    let mut evidences = bundle.nested(Tag::SEQUENCE)?;
    bundle.end()?;
    let mut statement = evidences.nested(Tag::SEQUENCE)?;
    evidences.end()?;
    if statement.expect(Tag::OID)? != ANDROID_KEY_ATTESTATION {
        return Err(Malformed("evidence of a type that is not known"));
    }
    let mut certificates = statement.nested(Tag::SEQUENCE)?;
    statement.end()?;
    let mut chain = Vec::new();
    while !certificates.is_empty() {
        if chain.len() == LONGEST {
            return Err(Malformed("a chain that is too long"));
        }
        chain.push(certificates.whole()?.to_vec());
    }
    Ok(chain)
}
