//! Commands as they come over the wire (ISO 7816-4 §5.2): a header of four bytes, then data and the length of the answer that is asked for,
//! each absent, short or extended.

use super::status::Status;

/// One command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Command<'a> {
    pub class: u8,
    pub instruction: u8,
    pub p1: u8,
    pub p2: u8,
    pub data: &'a [u8],
    /// How long the answer may be, without its status word. Nothing asked: as for 256.
    pub expected: usize,
}

impl<'a> Command<'a> {
    pub fn parse(bytes: &'a [u8]) -> Result<Self, Status> {
        let (&[class, instruction, p1, p2], body) = bytes.split_first_chunk().ok_or(Status::WrongLength)?;
        let (data, expected) = split(body).ok_or(Status::WrongLength)?;
        Ok(Self { class, instruction, p1, p2, data, expected })
    }

    /// Whether more of the same command follows (§5.3.3).
    pub fn is_chained(&self) -> bool {
        self.class & 0x10 != 0
    }

    /// Whether it is for this card's only channel, in the clear.
    pub fn check_class(&self) -> Result<(), Status> {
        match self.class & !0x10 {
            0 => Ok(()),
            class if class & 0xE0 != 0 => Err(Status::NoClass),
            class if class & 0x0C != 0 => Err(Status::NoSecureMessaging),
            _ => Err(Status::NoChannels),
        }
    }
}

/// The data, and how long the answer may be.
fn split(body: &[u8]) -> Option<(&[u8], usize)> {
    match *body {
        [] => Some((&[], 256)),
        [expected] => Some((&[], short(expected))),
        [0, high, low] => Some((&[], extended(high, low))),
        [0, high, low, ref rest @ ..] => {
            let (data, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes([high, low])))?;
            match *rest {
                _ if data.is_empty() => None,
                [] => Some((data, 256)),
                [high, low] => Some((data, extended(high, low))),
                _ => None,
            }
        }
        [length, ref rest @ ..] => {
            let (data, rest) = rest.split_at_checked(usize::from(length))?;
            match *rest {
                _ if data.is_empty() => None,
                [] => Some((data, 256)),
                [expected] => Some((data, short(expected))),
                _ => None,
            }
        }
    }
}

fn short(expected: u8) -> usize {
    if expected == 0 { 256 } else { usize::from(expected) }
}

fn extended(high: u8, low: u8) -> usize {
    let expected = usize::from(u16::from_be_bytes([high, low]));
    if expected == 0 { 65536 } else { expected }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_comes_in_seven_shapes() {
        let parsed = |bytes: &'static [u8]| Command::parse(bytes).map(|command| (command.data, command.expected));
        assert_eq!(parsed(&[0, 0x20, 0, 0x80]), Ok((&[][..], 256)));
        assert_eq!(parsed(&[0, 0xC0, 0, 0, 5]), Ok((&[][..], 5)));
        assert_eq!(parsed(&[0, 0xA4, 4, 0, 2, 7, 8]), Ok((&[7, 8][..], 256)));
        assert_eq!(parsed(&[0, 0xA4, 4, 0, 2, 7, 8, 0]), Ok((&[7, 8][..], 256)));
        assert_eq!(parsed(&[0, 0xC0, 0, 0, 0, 1, 0]), Ok((&[][..], 256)));
        assert_eq!(parsed(&[0, 0xA4, 4, 0, 0, 0, 2, 7, 8]), Ok((&[7, 8][..], 256)));
        assert_eq!(parsed(&[0, 0xA4, 4, 0, 0, 0, 2, 7, 8, 0, 0]), Ok((&[7, 8][..], 65536)));
    }

    #[test]
    fn what_is_no_command_is_of_wrong_length() {
        for wrong in [&[][..], &[0, 1, 2], &[0, 1, 2, 3, 5, 1], &[0, 1, 2, 3, 1, 1, 1, 1], &[0, 1, 2, 3, 0, 0], &[0, 1, 2, 3, 0, 0, 0, 9]] {
            assert_eq!(Command::parse(wrong), Err(Status::WrongLength), "{wrong:?}");
        }
    }

    #[test]
    fn only_the_basic_channel_in_the_clear_is_served() {
        let judged = |class| Command::parse(&[class, 1, 0, 0]).expect("a command").check_class();
        assert_eq!([0x00, 0x10].map(judged), [Ok(()), Ok(())]);
        assert_eq!(judged(0x01), Err(Status::NoChannels));
        assert_eq!(judged(0x0C), Err(Status::NoSecureMessaging));
        assert_eq!([0x80, 0xFF, 0x20].map(judged), [Err(Status::NoClass); 3]);
    }
}
