//! Reads DER, strictly: an identifier, a length in as few bytes as it takes, and that many bytes. No library in use reads tag numbers above 30 and
//! refuses what only BER allows, and the extension of a key attestation has both.
//!
//! Nothing is copied and nothing is allocated; whatever is read is a part of what was given.

/// Bytes that are not the DER that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not DER: {0}")]
pub struct Malformed(pub &'static str);

/// What an identifier says (X.690 §8.1.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tag {
    /// Class and the bit for *constructed*: the high three bits of the first byte.
    pub form: u8,
    pub number: u32,
}

const CONSTRUCTED: u8 = 0x20;
const CONTEXT: u8 = 0x80;

impl Tag {
    pub const BOOLEAN: Self = Self::universal(1);
    pub const INTEGER: Self = Self::universal(2);
    pub const BITS: Self = Self::universal(3);
    pub const OID: Self = Self::universal(6);
    pub const OCTETS: Self = Self::universal(4);
    pub const NULL: Self = Self::universal(5);
    pub const ENUMERATED: Self = Self::universal(10);
    pub const SEQUENCE: Self = Self { form: CONSTRUCTED, number: 16 };
    pub const SET: Self = Self { form: CONSTRUCTED, number: 17 };

    const fn universal(number: u32) -> Self {
        Self { form: 0, number }
    }

    /// The number of an explicit tag `[number]`, if it is one.
    pub fn explicit(self) -> Option<u32> {
        (self.form == CONTEXT | CONSTRUCTED).then_some(self.number)
    }
}

/// What is left to read.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The next element, whatever it is.
    pub fn any(&mut self) -> Result<(Tag, &'a [u8]), Malformed> {
        let tag = self.tag()?;
        let length = self.length()?;
        let (content, rest) = self.0.split_at_checked(length).ok_or(Malformed("it ends early"))?;
        self.0 = rest;
        Ok((tag, content))
    }

    /// The next element with its identifier and length.
    pub fn whole(&mut self) -> Result<&'a [u8], Malformed> {
        let before = self.0;
        self.any()?;
        before.get(..before.len() - self.0.len()).ok_or(Malformed("it ends early"))
    }

    /// The content of the next element, which must have this tag.
    pub fn expect(&mut self, tag: Tag) -> Result<&'a [u8], Malformed> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed("another type than was expected")),
        }
    }

    pub fn nested(&mut self, tag: Tag) -> Result<Self, Malformed> {
        self.expect(tag).map(Self)
    }

    pub fn end(&self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed("something behind the end")) }
    }

    /// A number from 0 to 2^64 - 1.
    pub fn number(&mut self, tag: Tag) -> Result<u64, Malformed> {
        unsigned(self.expect(tag)?)
    }

    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.expect(Tag::BOOLEAN)? {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(Malformed("a BOOLEAN that is neither 00 nor FF")),
        }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.0.split_first().ok_or(Malformed("it ends early"))?;
        self.0 = rest;
        Ok(*first)
    }

    fn tag(&mut self) -> Result<Tag, Malformed> {
        let first = self.byte()?;
        let (form, low) = (first & 0xe0, u32::from(first & 0x1f));
        if low != 0x1f {
            return Ok(Tag { form, number: low });
        }
        let mut number = 0_u32;
        for position in 0..4 {
            let byte = self.byte()?;
            if position == 0 && byte == 0x80 {
                return Err(Malformed("a tag number with a leading zero"));
            }
            number = number << 7 | u32::from(byte & 0x7f);
            if byte & 0x80 == 0 {
                return if number > 30 { Ok(Tag { form, number }) } else { Err(Malformed("a small tag number in the long form")) };
            }
        }
        Err(Malformed("a tag number that is too large"))
    }

    fn length(&mut self) -> Result<usize, Malformed> {
        let first = self.byte()?;
        if first < 0x80 {
            return Ok(usize::from(first));
        }
        let count = usize::from(first & 0x7f);
        if !(1..=4).contains(&count) {
            return Err(Malformed("a length that is indefinite or too large"));
        }
        let mut length = 0_usize;
        for _ in 0..count {
            length = length << 8 | usize::from(self.byte()?);
        }
        let shortest = if length < 0x80 { 0 } else { (usize::BITS - length.leading_zeros()).div_ceil(8) as usize };
        if shortest == count { Ok(length) } else { Err(Malformed("a length that is not the shortest")) }
    }
}

/// The value of a non-negative INTEGER or ENUMERATED.
pub fn unsigned(content: &[u8]) -> Result<u64, Malformed> {
    let digits = match content {
        [] => return Err(Malformed("a number of no bytes")),
        [0, rest @ ..] if rest.first().is_some_and(|next| next & 0x80 != 0) => rest,
        [0, _, ..] => return Err(Malformed("a number that is not the shortest")),
        [first, ..] if first & 0x80 != 0 => return Err(Malformed("a negative number")),
        digits => digits,
    };
    if digits.len() > 8 {
        return Err(Malformed("a number that is too large"));
    }
    Ok(digits.iter().fold(0, |number, digit| number << 8 | u64::from(*digit)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shortest_form_is_read_and_every_other_is_refused() {
        assert_eq!(Reader::new(&[0x02, 0x02, 0x00, 0x80]).number(Tag::INTEGER), Ok(128));
        assert_eq!(Reader::new(&[0xbf, 0x85, 0x40, 0x00]).any(), Ok((Tag { form: 0xa0, number: 704 }, &[][..])));
        let refused: [&[u8]; 9] = [
            &[0x02, 0x02, 0x00, 0x7f],             // a leading zero
            &[0x02, 0x01, 0x80],                   // negative
            &[0x02, 0x81, 0x01, 0x01],             // a long length
            &[0x02, 0x80, 0x01, 0x00, 0x00],       // an indefinite length
            &[0x02, 0x05, 0x01],                   // too short
            &[0x02, 0x00],                         // nothing
            &[0x02, 0x84, 0xff, 0xff, 0xff, 0xff], // longer than there is
            &[0x1f, 0x02, 0x01, 0x01],             // a small tag in the long form
            &[],
        ];
        for bytes in refused {
            assert!(Reader::new(bytes).number(Tag::INTEGER).is_err(), "{bytes:02x?}");
        }
        assert!(Reader::new(&[0x01, 0x01, 0x01]).boolean().is_err());
    }
}
