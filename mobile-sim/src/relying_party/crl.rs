//! A certificate revocation list, verified (RFC 5280 §5 and §6.3.3, for a full list of one issuer).
//!
//! Lists in parts, by somebody else or as a difference are refused: each says so in a critical extension.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use x509_parser::prelude::FromDer;
use x509_parser::revocation_list::{CertificateRevocationList, RevokedCertificate};
use x509_parser::time::ASN1Time;

use super::{Status, check_fresh};
use crate::certificate::Certificate;
use crate::encoding::hex;
use crate::error::Distrust;

/// A list that has been verified.
#[derive(Clone, Debug)]
pub struct Crl {
    /// Grows from list to list.
    pub number: u64,
    /// As it came.
    pub der: Vec<u8>,
    listed: HashMap<String, Status>,
}

impl Crl {
    /// Verifies a list under the certificate of its issuer.
    pub(super) fn read(der: Vec<u8>, issuing: &Certificate, now: SystemTime) -> Result<Self, Distrust> {
        let list = match CertificateRevocationList::from_der(&der) {
            Ok(([], list)) => list,
            Ok(_) | Err(_) => return Err(Distrust::because("not a CRL")),
        };
        check_issuer(&list, issuing)?;
        check_fresh(time(list.last_update())?, list.next_update().map(time).transpose()?, now)?;
        if list.extensions().iter().any(|extension| extension.critical) {
            return Err(Distrust::because("a CRL with a critical extension: not a full list"));
        }
        let number = list.crl_number().and_then(|number| u64::try_from(number).ok());
        let number = number.ok_or_else(|| Distrust::because("a CRL without a number"))?;
        let listed = list.iter_revoked_certificates().map(entry).collect::<Result<_, _>>()?;
        Ok(Self { number, listed, der })
    }

    /// What the list says of a serial number (40 upper-case hexadecimal digits). What is not listed is good, or was never issued.
    pub fn status_of(&self, serial: &str) -> Status {
        self.listed.get(serial).cloned().unwrap_or(Status::Good)
    }

    /// How many certificates are listed.
    pub fn len(&self) -> usize {
        self.listed.len()
    }

    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }
}

fn check_issuer(list: &CertificateRevocationList<'_>, issuing: &Certificate) -> Result<(), Distrust> {
    let issuer = issuing.read()?;
    let may_sign = issuer.key_usage().is_ok_and(|usage| usage.is_none_or(|usage| usage.value.crl_sign()));
    if !may_sign || list.issuer().as_raw() != issuer.subject().as_raw() || list.verify_signature(issuer.public_key()).is_err() {
        return Err(Distrust::because("a CRL that the issuing authority did not sign"));
    }
    Ok(())
}

fn entry(revoked: &RevokedCertificate<'_>) -> Result<(String, Status), Distrust> {
    if revoked.extensions().iter().any(|extension| extension.critical) {
        return Err(Distrust::because("a CRL entry with a critical extension"));
    }
    let serial = format!("{:0>40}", hex(&revoked.serial().to_bytes_be()));
    Ok((serial, Status::for_reason(revoked.reason_code().map(|(_, reason)| reason.0))?))
}

fn time(at: ASN1Time) -> Result<SystemTime, Distrust> {
    let seconds = u64::try_from(at.timestamp()).map_err(|_| Distrust::because("a CRL from before 1970"))?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}
