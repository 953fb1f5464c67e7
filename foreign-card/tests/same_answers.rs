//! Where both claim what the standard says, our card answers as the foreign one does: the same commands in a row, the same status words, and the same
//! data where it is not each card's own.

#![allow(clippy::unwrap_used)]

use foreign_card::{ForeignCard, MANAGEMENT_KEY_HEX};
use mobile_sim::piv::{ManagementKey, Transport, plastic};
use mobile_sim::station::channel::Gone;
use mobile_sim::station::{Channel, PivCard};

/// Both cards, with the same secrets, which are told the same.
struct Both {
    foreign: ForeignCard,
    ours: Transport,
    _folder: tempfile::TempDir,
}

/// One of them, as a keeper uses it.
struct One<'a>(&'a mut dyn FnMut(&[u8]) -> Vec<u8>);

impl Both {
    fn new() -> Self {
        let (folder, key) = (tempfile::tempdir().unwrap(), ManagementKey::from_hex(MANAGEMENT_KEY_HEX).unwrap());
        let ours = plastic::present(folder.path(), "123456", "12345678", &key).unwrap();
        Self { foreign: ForeignCard::new(), ours, _folder: folder }
    }

    /// The answers, which are of the same status.
    fn tell(&mut self, command: &str) -> (Vec<u8>, Vec<u8>, String) {
        let command = hex(command);
        let (theirs, ours) = (self.foreign.transmit(&command), self.ours.answer(&command));
        let status = |answer: &[u8]| answer[answer.len() - 2..].iter().map(|byte| format!("{byte:02X}")).collect::<String>();
        assert_eq!(status(&ours), status(&theirs), "{command:02x?}");
        (ours.clone(), theirs, status(&ours))
    }

    fn all(&mut self, row: &[(&str, &str)]) {
        for (command, expected) in row {
            assert_eq!(self.tell(command).2, *expected, "{command}");
        }
    }
}

fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits.bytes().filter(u8::is_ascii_hexdigit).map(|digit| (digit as char).to_digit(16).unwrap() as u8).collect();
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

const SELECT: &str = "00A404000BA00000030800001000010000";
const PIN: &str = "0020008008 313233343536FFFF";
const WRONG: &str = "0020008008 363534333231FFFF";
const SIGN_9A: &str = "0087119A26 7C24 8200 8120 0101010101010101010101010101010101010101010101010101010101010101 00";

#[test]
fn applications_are_selected_alike() {
    let mut both = Both::new();
    both.all(&[
        (SELECT, "9000"),
        ("00A4040006A00000030801", "6A82"),
        ("00A4040008A000000151000000", "6A82"),
    ]);
}

#[test]
fn pins_are_counted_alike() {
    let mut both = Both::new();
    both.all(&[
        (SELECT, "9000"),
        ("00200080", "63C3"),
        (WRONG, "63C2"),
        ("00200080", "63C2"),
        (PIN, "9000"),
        ("00200080", "9000"),
        ("0020FF80", "9000"),
        ("00200080", "63C3"),
        ("0020008007 31323334353637", "6A80"),
        ("0020008008 3132333435FFFFFF", "6A80"),
        ("0020000008 313233343536FFFF", "6A88"),
        (WRONG, "63C2"),
        (WRONG, "63C1"),
        (WRONG, "6983"),
        (PIN, "6983"),
        ("002C008010 3132333435363738 363534333231FFFF", "9000"),
        (WRONG, "9000"), // it is the right one now
        ("0024008010 363534333231FFFF 313233343536FFFF", "9000"),
        (PIN, "9000"),
    ]);
}

#[test]
fn nothing_is_written_without_the_management_key_and_keys_are_used_alike_behind_it() {
    let mut both = Both::new();
    both.all(&[
        (SELECT, "9000"),
        ("0047009A05AC03800111", "6982"),
        ("00DB3FFF0C5C035FC105530570030102FF", "6982"),
        ("00CB3FFF055C035FC10500", "6A82"),
    ]);
    let key = ManagementKey::from_hex(MANAGEMENT_KEY_HEX).unwrap();
    let Both { foreign, ours, .. } = &mut both;
    for card in [&mut |command: &[u8]| foreign.transmit(command) as Vec<u8>, &mut |command: &[u8]| ours.answer(command)]
        as [&mut dyn FnMut(&[u8]) -> Vec<u8>; 2]
    {
        authenticate(&mut One(card), &key);
    }
    both.all(&[
        ("0047009A05AC03800111 00", "9000"),
        (SIGN_9A, "6982"),
        ("0087119926 7C24 8200 8120 0101010101010101010101010101010101010101010101010101010101010101 00", "6A86"),
        (PIN, "9000"),
        (SIGN_9A, "9000"),
        (SIGN_9A, "9000"),
    ]);
    // an object of 600 bytes goes in by pieces and comes out by pieces
    let object = "5A".repeat(600);
    let whole = format!("5C035FC105 53820258 {object}").replace(' ', "");
    let (first, rest) = whole.split_at(510);
    let (second, third) = rest.split_at(510);
    both.all(&[
        (&format!("10DB3FFFFF{first}"), "9000"),
        (&format!("10DB3FFFFF{second}"), "9000"),
        (&format!("00DB3FFF{:02X}{third}", third.len() / 2), "9000"),
    ]);
    let mut command = "00CB3FFF055C035FC10500".to_owned();
    let mut read = Vec::new();
    loop {
        let (ours, theirs, status) = both.tell(&command);
        assert_eq!(ours, theirs);
        read.extend_from_slice(&ours[..ours.len() - 2]);
        match status.strip_prefix("61") {
            Some(left) => command = format!("00C00000{left}"),
            None => break,
        }
    }
    assert_eq!(read.len(), 604);
}

/// By each card's own witness.
fn authenticate(card: &mut One<'_>, key: &ManagementKey) {
    let asked = (card.0)(&hex("00870C9B047C02800000"));
    let witness = key.decrypt(asked[4..20].try_into().unwrap()).unwrap();
    let shown = [&hex("00870C9B26 7C24 8010")[..], &witness, &hex("8110"), &[7; 16], &[0]].concat();
    let answer = (card.0)(&shown);
    assert_eq!(answer[answer.len() - 2..], [0x90, 0x00], "{answer:02x?}");
    assert_eq!(answer[4..20], key.encrypt([7; 16]).unwrap());
}

/// Both are cards that the workstation takes.
#[test]
fn both_know_every_place() {
    struct Foreign(ForeignCard);
    impl Channel for Foreign {
        fn transmit(&mut self, command: &[u8]) -> Result<Vec<u8>, Gone> {
            Ok(self.0.transmit(command))
        }
    }
    let Both { foreign, ours, _folder } = Both::new();
    for mut card in [PivCard::select(Foreign(foreign)).unwrap(), PivCard::select(ours).unwrap()] {
        for place in (0..=u8::MAX).filter_map(mobile_sim::piv::KeyReference::from_byte) {
            assert!(card.has_place(place).unwrap(), "{place:?}");
        }
    }
}
