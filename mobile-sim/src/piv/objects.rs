//! The data objects that computers ask a card for (SP 800-73-5 part 1 §3 and appendix A).

use super::AID;
use super::reference::RETIRED;
use super::tlv::{all, wrap};

pub const CAPABILITIES: u32 = 0x5F_C107;
pub const CHUID: u32 = 0x5F_C102;
pub const DISCOVERY: u32 = 0x7E;
pub const KEY_HISTORY: u32 = 0x5F_C10C;
/// Biometric groups; no card of ours has any.
pub const BIOMETRICS: u32 = 0x7F61;
/// Fingerprints, printed information, facial image, iris images and the pairing code: read with the PIN only.
const BEHIND_PIN: [u32; 5] = [0x5F_C103, 0x5F_C109, 0x5F_C108, 0x5F_C121, 0x5F_C123];
/// The first and the last of those that a keeper writes.
const FIRST: u32 = 0x5F_C101;
const LAST: u32 = 0x5F_C123;

const ERROR_DETECTION: u32 = 0xFE;

/// Whether a keeper may write an object there.
pub fn is_writable(tag: u32) -> bool {
    (FIRST..=LAST).contains(&tag) || tag == DISCOVERY
}

pub fn is_behind_pin(tag: u32) -> bool {
    BEHIND_PIN.contains(&tag)
}

/// A certificate in its object (appendix A): not compressed.
pub fn certificate(der: &[u8]) -> Vec<u8> {
    [wrap(0x70, der), wrap(0x71, &[0]), wrap(ERROR_DETECTION, &[])].concat()
}

/// The certificate out of its object; nothing if it is compressed, or none.
pub fn certificate_in(object: &[u8]) -> Option<&[u8]> {
    let fields = all(object)?;
    let is_plain = fields.iter().all(|(tag, value)| *tag != 0x71 || *value == [0]);
    fields.into_iter().find(|(tag, _)| *tag == 0x70 && is_plain).map(|(_, der)| der)
}

/// Whose card it is, as doors read it (§3.1.2): FASC-N, card UUID and last day, with an empty signature.
pub fn chuid(fasc_n: &[u8; 25], card: &[u8; 16], last_day: &str) -> Vec<u8> {
    let fields = [(0x30, &fasc_n[..]), (0x34, card), (0x35, last_day.as_bytes()), (0x3E, &[]), (ERROR_DETECTION, &[])];
    fields.map(|(tag, value)| wrap(tag, value)).concat()
}

/// The card capability container (§3.1.1): a card that knows the PIV data model and no other.
pub fn capabilities(card: &[u8; 16]) -> Vec<u8> {
    // 21 bytes by which the card is known: a RID, and the card UUID.
    let identifier = [&AID[..5], &card[..]].concat();
    let fields: [(u32, &[u8]); 13] = [
        (0xF0, &identifier),
        (0xF1, &[0x21]),
        (0xF2, &[0x21]),
        (0xF3, &[]),
        (0xF4, &[0x00]),
        (0xF5, &[0x10]),
        (0xF6, &[]),
        (0xF7, &[]),
        (0xFA, &[]),
        (0xFB, &[]),
        (0xFC, &[]),
        (0xFD, &[]),
        (ERROR_DETECTION, &[]),
    ];
    fields.map(|(tag, value)| wrap(tag, value)).concat()
}

/// The discovery object (§3.3.2): the application, and that its own PIN is the one to show.
pub fn discovery() -> Vec<u8> {
    [wrap(0x4F, &AID), wrap(0x5F2F, &[0x40, 0x00])].concat()
}

/// How many older keys are on the card (§3.3.3), each with its certificate, none elsewhere.
pub fn key_history(count: usize) -> Vec<u8> {
    let count = count.min(RETIRED) as u8;
    [wrap(0xC1, &[count]), wrap(0xC2, &[0]), wrap(ERROR_DETECTION, &[])].concat()
}

/// The FASC-N of a card whose issuer is no federal agency: agency code 9999, so that the card UUID names the card (SP 800-73-5 part 1 §3.1.2).
pub const FASC_N_OF_NO_AGENCY: [u8; 25] = [
    0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39, 0xCE, 0x73, 0x9D, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10, 0x84, 0x21, 0xC8, 0x42,
    0x10, 0xC3, 0xEB,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_certificate_comes_out_as_it_went_in() {
        let der = vec![0x30; 700];
        assert_eq!(certificate_in(&certificate(&der)), Some(der.as_slice()));
        let compressed = [wrap(0x70, &der), wrap(0x71, &[1])].concat();
        assert_eq!(certificate_in(&compressed), None);
        assert_eq!(certificate_in(&[]), None);
    }

    #[test]
    fn a_chuid_has_its_fields_in_the_order_of_the_standard() {
        let chuid = chuid(&FASC_N_OF_NO_AGENCY, &[7; 16], "20301231");
        let fields = all(&chuid).expect("fields");
        assert_eq!(fields[1], (0x34, &[7; 16][..]));
        assert_eq!(fields.iter().map(|(tag, _)| *tag).collect::<Vec<_>>(), [0x30, 0x34, 0x35, 0x3E, 0xFE]);
    }

    #[test]
    fn the_discovery_object_is_the_one_that_the_standard_shows() {
        let shown = [&[0x7E, 0x12, 0x4F, 0x0B][..], &AID, &[0x5F, 0x2F, 0x02, 0x40, 0x00]].concat();
        assert_eq!(wrap(DISCOVERY, &discovery()), shown);
    }
}
