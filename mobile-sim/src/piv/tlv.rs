//! Tags, lengths and values as PIV uses them (BER-TLV, ISO 7816-4 §5.2.2): tags of one to three bytes, lengths up to two bytes.

/// What stands first in the bytes: its tag, its value, and what is behind it.
pub fn first(bytes: &[u8]) -> Option<(u32, &[u8], &[u8])> {
    let (tag, rest) = tag(bytes)?;
    let (length, rest) = length(rest)?;
    let (value, rest) = rest.split_at_checked(length)?;
    Some((tag, value, rest))
}

/// The value under a tag, where the bytes are that one thing and nothing else.
pub fn only(tag: u32, bytes: &[u8]) -> Option<&[u8]> {
    first(bytes).filter(|(found, _, rest)| *found == tag && rest.is_empty()).map(|(_, value, _)| value)
}

/// Everything in the bytes, in order; nothing if they end in the middle.
pub fn all(mut bytes: &[u8]) -> Option<Vec<(u32, &[u8])>> {
    let mut found = Vec::new();
    while !bytes.is_empty() {
        let (tag, value, rest) = first(bytes)?;
        found.push((tag, value));
        bytes = rest;
    }
    Some(found)
}

/// What stands under a tag, the first time; nothing if the bytes end in the middle.
pub fn value(tag: u32, bytes: &[u8]) -> Option<&[u8]> {
    all(bytes)?.into_iter().find(|(found, _)| *found == tag).map(|(_, value)| value)
}

/// The bytes of a tag.
pub fn tag_bytes(tag: u32) -> Vec<u8> {
    tag.to_be_bytes().into_iter().skip_while(|byte| *byte == 0).collect()
}

/// A tag, the length and the value.
pub fn wrap(tag: u32, value: &[u8]) -> Vec<u8> {
    let mut bytes = tag_bytes(tag);
    match value.len() {
        short @ 0..=0x7F => bytes.push(short as u8),
        longer @ 0x80..=0xFF => bytes.extend([0x81, longer as u8]),
        long => bytes.extend([0x82, (long >> 8) as u8, long as u8]),
    }
    bytes.extend_from_slice(value);
    bytes
}

fn tag(bytes: &[u8]) -> Option<(u32, &[u8])> {
    let (&first, mut rest) = bytes.split_first()?;
    let mut tag = u32::from(first);
    if first & 0x1F == 0x1F {
        for _ in 0..2 {
            let (&next, behind) = rest.split_first()?;
            (tag, rest) = (tag << 8 | u32::from(next), behind);
            if next & 0x80 == 0 {
                return Some((tag, rest));
            }
        }
        return None;
    }
    Some((tag, rest))
}

fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match *bytes {
        [length @ 0..=0x7F, ref rest @ ..] => Some((usize::from(length), rest)),
        [0x81, length, ref rest @ ..] => Some((usize::from(length), rest)),
        [0x82, high, low, ref rest @ ..] => Some((usize::from(u16::from_be_bytes([high, low])), rest)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrapped_is_found_again() {
        for length in [0, 1, 0x7F, 0x80, 0xFF, 0x100, 0xFFFF] {
            for tag in [0x53, 0x7F49] {
                let value = vec![7; length];
                assert_eq!(only(tag, &wrap(tag, &value)), Some(value.as_slice()));
            }
        }
        assert_eq!(wrap(0x7F49, &[1]), [0x7F, 0x49, 1, 1]);
    }

    #[test]
    fn what_ends_in_the_middle_is_nothing() {
        for wrong in [&[][..], &[0x53], &[0x53, 2, 1], &[0x53, 0x81], &[0x53, 0x83, 0, 0, 1, 1], &[0x7F], &[0x7F, 0xFF, 0xFF, 1, 0]] {
            assert_eq!(first(wrong), None, "{wrong:?}");
        }
        assert_eq!(all(&[0x81, 0, 0x82]), None);
        assert_eq!(all(&[0x81, 0, 0x82, 1, 9]), Some(vec![(0x81, &[][..]), (0x82, &[9][..])]));
        assert_eq!(only(0x53, &[0x53, 0, 0]), None);
    }
}
