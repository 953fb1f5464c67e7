//! What the secure hardware of an Android phone says about a key: the extension 1.3.6.1.4.1.11129.2.1.17 (KeyDescription), versions 1 to 400, as
//! source.android.com/docs/security/features/keystore/attestation describes it. Tags that are not known are passed over: newer hardware
//! says more. A tag that comes twice, or that is not what its number promises, is refused.

use std::collections::BTreeSet;

use super::tlv::{Malformed, Reader, Tag, unsigned};
use crate::lifecycle::words::words;

words! {
    /// Where a key, or the statement about it, lives.
    pub enum SecurityLevel {
        Software = "software",
        TrustedEnvironment = "trusted-environment",
        StrongBox = "strong-box",
    }
}

words! {
    /// How a key came to where it is.
    pub enum Origin {
        Generated = "generated",
        Derived = "derived",
        Imported = "imported",
        Reserved = "reserved",
        SecurelyImported = "securely-imported",
    }
}

words! {
    /// What the phone booted.
    pub enum BootState {
        Verified = "verified",
        SelfSigned = "self-signed",
        Unverified = "unverified",
        Failed = "failed",
    }
}

/// The whole statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyDescription {
    pub attestation_version: u64,
    pub attestation_level: SecurityLevel,
    pub key_mint_version: u64,
    pub key_mint_level: SecurityLevel,
    pub challenge: Vec<u8>,
    pub unique_id: Vec<u8>,
    pub software_enforced: AuthorizationList,
    pub hardware_enforced: AuthorizationList,
}

/// What holds for a key. An absent member was not said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthorizationList {
    pub purposes: Vec<u64>,
    pub algorithm: Option<u64>,
    pub key_size: Option<u64>,
    pub block_modes: Vec<u64>,
    pub digests: Vec<u64>,
    pub paddings: Vec<u64>,
    pub caller_nonce: bool,
    pub min_mac_length: Option<u64>,
    pub ec_curve: Option<u64>,
    pub ml_dsa_variant: Option<u64>,
    pub rsa_public_exponent: Option<u64>,
    pub rsa_oaep_mgf_digests: Vec<u64>,
    pub rollback_resistance: bool,
    pub early_boot_only: bool,
    pub active_at_ms: Option<u64>,
    pub origination_expires_at_ms: Option<u64>,
    pub usage_expires_at_ms: Option<u64>,
    pub usage_count_limit: Option<u64>,
    pub no_auth_required: bool,
    pub user_auth_type: Option<u64>,
    pub auth_timeout_s: Option<u64>,
    pub allow_while_on_body: bool,
    pub trusted_user_presence_required: bool,
    pub trusted_confirmation_required: bool,
    pub unlocked_device_required: bool,
    pub all_applications: bool,
    pub application_id: Option<Vec<u8>>,
    pub created_at_ms: Option<u64>,
    pub origin: Option<Origin>,
    pub rollback_resistant: bool,
    pub root_of_trust: Option<RootOfTrust>,
    /// As Android writes versions: 110000 is 11.
    pub os_version: Option<u64>,
    /// YYYYMM.
    pub os_patch_level: Option<u64>,
    pub application: Option<ApplicationId>,
    pub brand: Option<Vec<u8>>,
    pub device: Option<Vec<u8>>,
    pub product: Option<Vec<u8>>,
    pub serial: Option<Vec<u8>>,
    pub imei: Option<Vec<u8>>,
    pub meid: Option<Vec<u8>>,
    pub manufacturer: Option<Vec<u8>>,
    pub model: Option<Vec<u8>>,
    /// YYYYMMDD, or YYYYMM.
    pub vendor_patch_level: Option<u64>,
    pub boot_patch_level: Option<u64>,
    pub device_unique_attestation: bool,
    pub second_imei: Option<Vec<u8>>,
    pub module_hash: Option<Vec<u8>>,
}

/// What the phone booted, and whether its owner could have changed it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootOfTrust {
    pub verified_boot_key: Vec<u8>,
    pub device_locked: bool,
    pub verified_boot_state: BootState,
    /// From version 3 on.
    pub verified_boot_hash: Option<Vec<u8>>,
}

/// Which applications may use the key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApplicationId {
    pub packages: Vec<Package>,
    /// SHA-256 of each signing certificate.
    pub signatures: Vec<Vec<u8>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Package {
    pub name: Vec<u8>,
    pub version: u64,
}

impl KeyDescription {
    /// Reads the value of the extension.
    pub fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::new(der);
        let mut reader = outer.nested(Tag::SEQUENCE)?;
        outer.end()?;
        let description = Self {
            attestation_version: reader.number(Tag::INTEGER)?,
            attestation_level: level(&mut reader)?,
            key_mint_version: reader.number(Tag::INTEGER)?,
            key_mint_level: level(&mut reader)?,
            challenge: reader.expect(Tag::OCTETS)?.to_vec(),
            unique_id: reader.expect(Tag::OCTETS)?.to_vec(),
            software_enforced: AuthorizationList::read(reader.nested(Tag::SEQUENCE)?)?,
            hardware_enforced: AuthorizationList::read(reader.nested(Tag::SEQUENCE)?)?,
        };
        reader.end()?;
        Ok(description)
    }
}

fn level(reader: &mut Reader<'_>) -> Result<SecurityLevel, Malformed> {
    one_of(reader.number(Tag::ENUMERATED)?, SecurityLevel::ALL)
}

fn one_of<T: Copy>(number: u64, all: &[T]) -> Result<T, Malformed> {
    usize::try_from(number).ok().and_then(|index| all.get(index)).copied().ok_or(Malformed("a value that is not among those allowed"))
}

impl AuthorizationList {
    fn read(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let (mut list, mut seen) = (Self::default(), BTreeSet::new());
        while !reader.is_empty() {
            let (tag, content) = reader.any()?;
            let number = tag.explicit().ok_or(Malformed("an authorization without an explicit tag"))?;
            if !seen.insert(number) {
                return Err(Malformed("an authorization that is there twice"));
            }
            let mut value = Reader::new(content);
            if list.take(number, &mut value)? {
                value.end()?;
            }
        }
        Ok(list)
    }

    /// Takes one authorization; `false` for one that is not known.
    fn take(&mut self, number: u32, value: &mut Reader<'_>) -> Result<bool, Malformed> {
        Ok(self.take_key(number, value)? || self.take_use(number, value)? || self.take_platform(number, value)?)
    }

    /// What the key is.
    fn take_key(&mut self, number: u32, value: &mut Reader<'_>) -> Result<bool, Malformed> {
        match number {
            1 => self.purposes = numbers(value)?,
            2 => self.algorithm = integer(value)?,
            3 => self.key_size = integer(value)?,
            4 => self.block_modes = numbers(value)?,
            5 => self.digests = numbers(value)?,
            6 => self.paddings = numbers(value)?,
            7 => self.caller_nonce = null(value)?,
            8 => self.min_mac_length = integer(value)?,
            10 => self.ec_curve = integer(value)?,
            11 => self.ml_dsa_variant = integer(value)?,
            200 => self.rsa_public_exponent = integer(value)?,
            203 => self.rsa_oaep_mgf_digests = numbers(value)?,
            303 => self.rollback_resistance = null(value)?,
            305 => self.early_boot_only = null(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// When and by whom it may be used.
    fn take_use(&mut self, number: u32, value: &mut Reader<'_>) -> Result<bool, Malformed> {
        match number {
            400 => self.active_at_ms = integer(value)?,
            401 => self.origination_expires_at_ms = integer(value)?,
            402 => self.usage_expires_at_ms = integer(value)?,
            405 => self.usage_count_limit = integer(value)?,
            503 => self.no_auth_required = null(value)?,
            504 => self.user_auth_type = integer(value)?,
            505 => self.auth_timeout_s = integer(value)?,
            506 => self.allow_while_on_body = null(value)?,
            507 => self.trusted_user_presence_required = null(value)?,
            508 => self.trusted_confirmation_required = null(value)?,
            509 => self.unlocked_device_required = null(value)?,
            600 => self.all_applications = null(value)?,
            601 => self.application_id = octets(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }

    /// Where it came from, and what it lives on.
    fn take_platform(&mut self, number: u32, value: &mut Reader<'_>) -> Result<bool, Malformed> {
        match number {
            701 => self.created_at_ms = integer(value)?,
            702 => self.origin = Some(one_of(value.number(Tag::INTEGER)?, Origin::ALL)?),
            703 => self.rollback_resistant = null(value)?,
            704 => self.root_of_trust = Some(RootOfTrust::read(value.nested(Tag::SEQUENCE)?)?),
            705 => self.os_version = integer(value)?,
            706 => self.os_patch_level = integer(value)?,
            709 => self.application = Some(ApplicationId::read(value.expect(Tag::OCTETS)?)?),
            710 => self.brand = octets(value)?,
            711 => self.device = octets(value)?,
            712 => self.product = octets(value)?,
            713 => self.serial = octets(value)?,
            714 => self.imei = octets(value)?,
            715 => self.meid = octets(value)?,
            716 => self.manufacturer = octets(value)?,
            717 => self.model = octets(value)?,
            718 => self.vendor_patch_level = integer(value)?,
            719 => self.boot_patch_level = integer(value)?,
            720 => self.device_unique_attestation = null(value)?,
            723 => self.second_imei = octets(value)?,
            724 => self.module_hash = octets(value)?,
            _ => return Ok(false),
        }
        Ok(true)
    }
}

fn integer(value: &mut Reader<'_>) -> Result<Option<u64>, Malformed> {
    value.number(Tag::INTEGER).map(Some)
}

fn octets(value: &mut Reader<'_>) -> Result<Option<Vec<u8>>, Malformed> {
    value.expect(Tag::OCTETS).map(|octets| Some(octets.to_vec()))
}

/// NULL: it is true by being there.
fn null(value: &mut Reader<'_>) -> Result<bool, Malformed> {
    if value.expect(Tag::NULL)?.is_empty() { Ok(true) } else { Err(Malformed("a NULL with a content")) }
}

fn numbers(value: &mut Reader<'_>) -> Result<Vec<u64>, Malformed> {
    let (mut set, mut numbers) = (value.nested(Tag::SET)?, Vec::new());
    while !set.is_empty() {
        numbers.push(unsigned(set.expect(Tag::INTEGER)?)?);
    }
    Ok(numbers)
}

impl RootOfTrust {
    fn read(mut reader: Reader<'_>) -> Result<Self, Malformed> {
        let read = Self {
            verified_boot_key: reader.expect(Tag::OCTETS)?.to_vec(),
            device_locked: reader.boolean()?,
            verified_boot_state: one_of(reader.number(Tag::ENUMERATED)?, BootState::ALL)?,
            verified_boot_hash: if reader.is_empty() { None } else { octets(&mut reader)? },
        };
        reader.end()?;
        Ok(read)
    }
}

impl ApplicationId {
    fn read(der: &[u8]) -> Result<Self, Malformed> {
        let mut outer = Reader::new(der);
        let mut reader = outer.nested(Tag::SEQUENCE)?;
        outer.end()?;
        let (mut set, mut packages) = (reader.nested(Tag::SET)?, Vec::new());
        while !set.is_empty() {
            let mut package = set.nested(Tag::SEQUENCE)?;
            packages.push(Package { name: package.expect(Tag::OCTETS)?.to_vec(), version: package.number(Tag::INTEGER)? });
            package.end()?;
        }
        let (mut set, mut signatures) = (reader.nested(Tag::SET)?, Vec::new());
        while !set.is_empty() {
            signatures.push(set.expect(Tag::OCTETS)?.to_vec());
        }
        reader.end()?;
        Ok(Self { packages, signatures })
    }
}
