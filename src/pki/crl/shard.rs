//! Shards: where the population is large, a verifier need not fetch the list of everybody. Each certificate names one list of several,
//! which is chosen by the last byte of its serial, so that nothing has to be remembered of who is where. The number of lists is a power
//! of two; every such division is of all certificates, so lists of earlier numbers go on beside later ones.

use std::fmt;

use crate::lifecycle::ids::Serial;

/// How many lists there are at most: the last byte of a serial tells them apart.
pub const MOST_SHARDS: u16 = 256;

/// Into how many lists the certificates that are signed from now on are divided: a power of two; 1 is the full list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shards(u16);

impl Shards {
    /// One list of everybody.
    pub const ONE: Self = Self(1);

    /// Nothing unless it is a power of two up to 256.
    pub fn new(count: u16) -> Option<Self> {
        (count.is_power_of_two() && count <= MOST_SHARDS).then_some(Self(count))
    }

    /// The list that a certificate names; `None` where that is the full one.
    pub fn of(self, serial: &Serial) -> Option<Shard> {
        (self.0 > 1).then(|| Shard { count: self.0, index: last_byte(serial) % self.0 })
    }

    /// Every list; none where there is the full one only.
    pub fn all(self) -> impl Iterator<Item = Shard> {
        (0..self.0).filter(move |_| self.0 > 1).map(move |index| Shard { count: self.0, index })
    }
}

/// One list of several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Shard {
    count: u16,
    index: u16,
}

impl Shard {
    /// Reads `issuing-3-of-16.crl`, written as [`fmt::Display`] writes it and in no other way.
    pub fn parse(name: &str) -> Option<Self> {
        let (index, count) = name.strip_prefix("issuing-")?.strip_suffix(".crl")?.split_once("-of-")?;
        let (index, count) = (index.parse().ok()?, count.parse().ok()?);
        let shard = Shards::new(count).filter(|_| count > 1 && index < count).map(|_| Self { count, index })?;
        (shard.to_string() == name).then_some(shard)
    }

    /// Whether a certificate belongs in it.
    pub fn holds(self, serial: &Serial) -> bool {
        last_byte(serial) % self.count == self.index
    }
}

impl fmt::Display for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "issuing-{}-of-{}.crl", self.index, self.count)
    }
}

fn last_byte(serial: &Serial) -> u16 {
    let [.., last] = serial.as_bytes();
    u16::from(*last)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn serial(last: u8) -> Serial {
        let mut bytes = [7; 20];
        bytes[19] = last;
        Serial::from_random(bytes)
    }

    #[test]
    fn every_certificate_is_in_exactly_one_list_of_each_division() {
        for count in [2, 4, 16, 256] {
            let shards = Shards::new(count).unwrap();
            for last in 0..=255 {
                let holding: Vec<Shard> = shards.all().filter(|shard| shard.holds(&serial(last))).collect();
                assert_eq!(holding, [shards.of(&serial(last)).unwrap()], "{last} of {count}");
            }
            assert_eq!(shards.all().count(), usize::from(count));
        }
        assert!(Shards::ONE.of(&serial(3)).is_none() && Shards::ONE.all().next().is_none());
    }

    #[test]
    fn a_division_is_a_power_of_two_that_a_byte_tells_apart() {
        for wrong in [0, 3, 12, 255, 257, 512, u16::MAX] {
            assert_eq!(Shards::new(wrong), None, "{wrong}");
        }
        assert_eq!(Shards::new(1), Some(Shards::ONE));
    }

    #[test]
    fn a_list_has_one_name() {
        let shard = Shards::new(16).unwrap().of(&serial(0x23)).unwrap();
        assert_eq!(shard.to_string(), "issuing-3-of-16.crl");
        assert_eq!(Shard::parse("issuing-3-of-16.crl"), Some(shard));
        for wrong in [
            "issuing.crl",
            "issuing-16-of-16.crl",
            "issuing-03-of-16.crl",
            "issuing-0-of-1.crl",
            "issuing-1-of-3.crl",
            "issuing-+3-of-16.crl",
        ] {
            assert_eq!(Shard::parse(wrong), None, "{wrong}");
        }
    }
}
