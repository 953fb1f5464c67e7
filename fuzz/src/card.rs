//! A card in a reader that sends it whatever it likes. What the card may never do is looked at from outside: by what was sent, what was answered,
//! and what the card holds before and after.

use std::sync::LazyLock;

use mobile_sim::key::Key;
use mobile_sim::piv::{Applet, Contents, Guarded, KeyReference, ManagementKey, Nowhere, Secret, Transport};

/// A personalized card, as it is at first. Nobody has its management key.
static CONTENTS: LazyLock<Contents> = LazyLock::new(|| {
    let puk = Guarded::new(Secret::puk("87654321").expect("a PUK"));
    let pin = Guarded::new(Secret::pin("123456").expect("a PIN"));
    let mut contents = Contents::blank(pin, Some(puk), ManagementKey::random().expect("a key"));
    for reference in [0x9A, 0x9C, 0x9D, 0x9E, 0x82].map(|byte| KeyReference::from_byte(byte).expect("a slot")) {
        contents.keys.insert(reference, Key::generate().expect("a key"));
        contents.objects.insert(reference.certificate(), vec![0x70; 600]);
    }
    contents
});

/// What has been sent of a chain, and what was shown.
#[derive(Default)]
struct Seen {
    chain: Vec<u8>,
    is_pin_shown: bool,
    /// By the command before.
    is_pin_fresh: bool,
}

/// Commands in a row, each behind its length in two bytes; an empty one resets the card. Gives how many were done.
pub fn commands(bytes: &[u8]) -> usize {
    let mut card = Transport::new(Applet::new(CONTENTS.clone(), Nowhere));
    let (mut seen, mut rest, mut done) = (Seen::default(), bytes, 0);
    while let Some((length, behind)) = rest.split_first_chunk() {
        let (command, behind) = behind.split_at(usize::from(u16::from_be_bytes(*length)).min(behind.len()));
        rest = behind;
        done += usize::from(seen.send(&mut card, command));
    }
    done
}

impl Seen {
    /// Sends a command; whether it was answered with 9000.
    fn send(&mut self, card: &mut Transport, command: &[u8]) -> bool {
        if command.is_empty() {
            card.reset();
            *self = Self::default();
            return false;
        }
        let before = card.applet().contents().clone();
        let answer = card.answer(command);
        let (data, status) = answer.split_last_chunk::<2>().expect("a status word");
        let is_done = matches!(status, [0x90, 0x00] | [0x61, _]);
        assert!(is_done || data.is_empty(), "{command:02x?}: {answer:02x?}");
        self.chain.extend_from_slice(command);
        if is_done && command[0] & 0x10 != 0 {
            return true;
        }
        let sent = std::mem::take(&mut self.chain);
        self.judge(command, &sent, is_done, &before, card.applet().contents());
        is_done
    }

    fn judge(&mut self, command: &[u8], sent: &[u8], is_done: bool, before: &Contents, after: &Contents) {
        let has = |secret: &Secret| sent.windows(8).any(|window| window == secret.bytes());
        let (pin, puk) = (before.pin.secret(), before.puk.as_ref().map(Guarded::secret).expect("a PUK"));
        let was_fresh = std::mem::take(&mut self.is_pin_fresh);
        match (command.get(1), command.get(3)) {
            (Some(0xA4), _) if is_done => self.is_pin_shown = false,
            (Some(0x20), _) if command.get(2) == Some(&0xFF) && is_done => self.is_pin_shown = false,
            (Some(0x87), Some(0x9A | 0x9C | 0x9D | 0x82..=0x95)) if is_done => {
                assert!(self.is_pin_shown, "used without the PIN: {sent:02x?}");
                assert!(command[3] != 0x9C || was_fresh, "9c without the PIN right before: {sent:02x?}");
            }
            (Some(0x20 | 0x24), Some(0x80)) if is_done && has(pin) => {
                assert!(before.pin.tries_left() > 0, "a blocked PIN was taken: {sent:02x?}");
                (self.is_pin_shown, self.is_pin_fresh) = (true, command[1] == 0x20);
            }
            _ => {}
        }
        if after.pin.tries_left() < before.pin.tries_left() {
            self.is_pin_shown = false; // a wrong one
        }
        // Without the management key nothing is written, and without the PIN or the PUK no try comes back and no PIN is another.
        assert!(before.objects == after.objects && before.keys.keys().eq(after.keys.keys()), "written: {sent:02x?}");
        for (reference, key) in &before.keys {
            assert_eq!(key.point(), after.keys[reference].point(), "another key: {sent:02x?}");
        }
        let is_better = after.pin.tries_left() > before.pin.tries_left() || after.pin.secret().bytes() != pin.bytes();
        assert!(!is_better || has(puk) || has(pin) && before.pin.tries_left() > 0, "the PIN was set free: {sent:02x?}");
        let after_puk = after.puk.as_ref().expect("a PUK");
        let is_better =
            after_puk.tries_left() > before.puk.as_ref().map_or(0, Guarded::tries_left) || after_puk.secret().bytes() != puk.bytes();
        assert!(!is_better || has(puk), "the PUK was set free: {sent:02x?}");
    }
}
