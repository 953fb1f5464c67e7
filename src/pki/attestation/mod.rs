//! Key evidence: whether the secure hardware of an Android phone vouches for a key (Android Key Attestation).
//!
//! [`chain`] verifies the certificates up to a configured root, [`description`] reads what the hardware says, [`EvidenceRules::judge`] compares
//! it with what is asked for. The time is a parameter, as the certificates above a key live for days. Nothing is fetched: the roots and the
//! list of revoked attestation keys are files.

mod bundle;
mod chain;
pub mod description;
mod revoked;
mod tlv;

use jiff::Timestamp;

pub use bundle::{ID_AA_EVIDENCE, read_bundle};
pub use chain::{Chain, RootKey};
use description::{AuthorizationList, BootState, KeyDescription, Origin, SecurityLevel};
pub use revoked::{RevokedKeys, RevokedKeysError};
pub use tlv::Malformed;

use super::key::Spki;

/// The most certificates in a chain: a phone needs five.
const LONGEST: usize = 10;

/// KeyMint's numbers (hardware/interfaces/security/keymint/aidl).
const PURPOSE_SIGN: u64 = 2;
const PURPOSE_VERIFY: u64 = 3;
const ALGORITHM_EC: u64 = 3;
const CURVE_P256: u64 = 1;
const P256_BITS: u64 = 256;

/// What the administrator asks of evidence.
#[derive(Debug, Default)]
pub struct EvidenceRules {
    pub roots: Vec<RootKey>,
    pub revoked: RevokedKeys,
    /// YYYYMM; 0 for any.
    pub minimum_patch_level: u32,
    /// Whether each use of the key must need the user.
    pub user_authentication: bool,
    /// Whether a separate security chip is asked for, rather than any secure hardware.
    pub strong_box: bool,
    /// Which applications may hold the key; any, where there are none.
    pub applications: Vec<Application>,
}

/// An application by its package name and the SHA-256 of its signing certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Application {
    pub package: String,
    pub signer: [u8; 32],
}

/// Evidence that was accepted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proven {
    pub level: SecurityLevel,
    /// YYYYMM.
    pub patch_level: u64,
}

/// Why evidence is not accepted: the phone, or its application, must be another.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("found: {found}, expected: {expected}")]
pub struct EvidenceFault {
    pub found: String,
    pub expected: &'static str,
}

pub(super) fn fault(found: impl Into<String>, expected: &'static str) -> EvidenceFault {
    EvidenceFault { found: found.into(), expected }
}

impl EvidenceRules {
    /// Judges the chain (leaf first, DER each) that is to vouch for `key`, made for this challenge.
    pub fn judge(&self, chain: &[Vec<u8>], key: &Spki, challenge: &[u8], now: Timestamp) -> Result<Proven, EvidenceFault> {
        let chain = Chain::verify(chain, &self.roots, &self.revoked, now)?;
        if chain.leaf_key() != key.as_der() {
            return Err(fault("an attestation of another key", "one of the key in the request"));
        }
        let description = chain.description()?;
        if description.challenge != challenge {
            return Err(fault("an attestation for another challenge", "one for the challenge of this session"));
        }
        self.is_in_hardware(&description)?;
        may_only_sign(&description)?;
        self.is_used_by_whom_it_may(&description)?;
        let patch_level = self.is_booted_from_what_its_maker_signed(&description.hardware_enforced)?;
        Ok(Proven { level: description.key_mint_level.min(description.attestation_level), patch_level })
    }

    fn is_in_hardware(&self, description: &KeyDescription) -> Result<(), EvidenceFault> {
        let asked = if self.strong_box { SecurityLevel::StrongBox } else { SecurityLevel::TrustedEnvironment };
        let level = description.attestation_level.min(description.key_mint_level);
        if level >= asked {
            return Ok(());
        }
        let expected =
            if self.strong_box { "a key, and its attestation, in a StrongBox" } else { "a key, and its attestation, in secure hardware" };
        Err(fault(format!("security level {level}"), expected))
    }

    fn is_used_by_whom_it_may(&self, description: &KeyDescription) -> Result<(), EvidenceFault> {
        let (hardware, software) = (&description.hardware_enforced, &description.software_enforced);
        if hardware.all_applications || software.all_applications {
            return Err(fault("a key that all applications may use", "one of a single application"));
        }
        let needs_user = !hardware.no_auth_required && !software.no_auth_required && hardware.user_auth_type.is_some_and(|kind| kind != 0);
        if self.user_authentication && !needs_user {
            return Err(fault("a key that can be used without its user", "one that the hardware gives to its authenticated user alone"));
        }
        if self.applications.is_empty() {
            return Ok(());
        }
        // Android says which application asked; the hardware only passes it on
        let said = software.application.as_ref().ok_or_else(|| fault("no application id", "that of a configured application"))?;
        let is_known = |application: &Application| {
            let all_packages = said.packages.iter().all(|package| package.name == application.package.as_bytes());
            !said.packages.is_empty() && all_packages && said.signatures.len() == 1 && said.signatures[0] == application.signer
        };
        match self.applications.iter().any(is_known) {
            true => Ok(()),
            false => Err(fault("a key of another application", "one of a configured application")),
        }
    }

    fn is_booted_from_what_its_maker_signed(&self, hardware: &AuthorizationList) -> Result<u64, EvidenceFault> {
        let root = hardware.root_of_trust.as_ref().ok_or_else(|| fault("no root of trust", "one, enforced by hardware"))?;
        if root.verified_boot_state != BootState::Verified {
            return Err(fault(format!("boot state {}", root.verified_boot_state), "verified"));
        }
        if !root.device_locked {
            return Err(fault("an unlocked boot loader", "a locked one"));
        }
        let level = hardware.os_patch_level.filter(|level| is_year_and_month(*level));
        let level = level.ok_or_else(|| fault("no patch level", "year and month, enforced by hardware"))?;
        if level < u64::from(self.minimum_patch_level) {
            return Err(fault(format!("patch level {level}"), "the configured minimum, or newer"));
        }
        Ok(level)
    }
}

/// What a patch level of the system must look like: YYYYMM.
fn is_year_and_month(level: u64) -> bool {
    (200_000..1_000_000).contains(&level) && (1..=12).contains(&(level % 100))
}

/// A P-256 key that was generated where it is, and signs and does nothing else.
fn may_only_sign(description: &KeyDescription) -> Result<(), EvidenceFault> {
    let hardware = &description.hardware_enforced;
    let signs = hardware.purposes.contains(&PURPOSE_SIGN);
    if !signs || hardware.purposes.iter().any(|purpose| ![PURPOSE_SIGN, PURPOSE_VERIFY].contains(purpose)) {
        return Err(fault(format!("purposes {:?}", hardware.purposes), "to sign and nothing else, enforced by hardware"));
    }
    if hardware.algorithm != Some(ALGORITHM_EC)
        || hardware.ec_curve != Some(CURVE_P256)
        || hardware.key_size.is_some_and(|bits| bits != P256_BITS)
    {
        return Err(fault("a key of another kind", "EC on P-256, enforced by hardware"));
    }
    match hardware.origin {
        Some(Origin::Generated) => Ok(()),
        other => Err(fault(format!("origin {}", other.map_or("none", Origin::as_str)), "generated, enforced by hardware")),
    }
}
