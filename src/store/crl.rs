//! Published CRLs: their numbers only ever rise.

use jiff::Timestamp;

use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::holdings::Standing;
use crate::lifecycle::ids::Serial;

/// A published CRL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Crl {
    pub number: i64,
    pub this_update: Timestamp,
    pub next_update: Timestamp,
    pub der: Vec<u8>,
}

/// What a CRL says of one certificate that is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Listed {
    pub serial: Serial,
    pub standing: Standing,
}

/// A service certificate's standing, from whether it was revoked.
pub fn service_standing(revoked: Option<(Timestamp, RevocationReason)>) -> Standing {
    revoked.map_or(Standing::Good, |(at, reason)| Standing::Revoked { at, reason })
}
