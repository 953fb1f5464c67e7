//! A description in the words of the vectors: numbers as text, bytes in base64, and nothing of what was not said.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use remint::pki::attestation::description::{ApplicationId, AuthorizationList, KeyDescription, RootOfTrust};
use serde_json::{Map, Value, json};

pub fn described(read: &KeyDescription) -> Value {
    json!({
        "attestationVersion": read.attestation_version.to_string(),
        "attestationSecurityLevel": shouted(read.attestation_level.as_str()),
        "keyMintVersion": read.key_mint_version.to_string(),
        "keyMintSecurityLevel": shouted(read.key_mint_level.as_str()),
        "attestationChallenge": BASE64_STANDARD.encode(&read.challenge),
        "uniqueId": BASE64_STANDARD.encode(&read.unique_id),
        "softwareEnforced": list(&read.software_enforced),
        "hardwareEnforced": list(&read.hardware_enforced),
    })
}

/// `strong-box` is `STRONG_BOX` there.
fn shouted(word: &str) -> String {
    word.to_uppercase().replace('-', "_")
}

fn list(read: &AuthorizationList) -> Value {
    let mut members = Map::new();
    numbers(&mut members, read);
    flags(&mut members, read);
    let texts = [
        ("attestationIdBrand", &read.brand),
        ("attestationIdDevice", &read.device),
        ("attestationIdProduct", &read.product),
        ("attestationIdSerial", &read.serial),
        ("attestationIdImei", &read.imei),
        ("attestationIdMeid", &read.meid),
        ("attestationIdManufacturer", &read.manufacturer),
        ("attestationIdModel", &read.model),
        ("attestationIdSecondImei", &read.second_imei),
    ];
    for (name, text) in texts {
        members.extend(text.as_ref().map(|text| (name.to_owned(), String::from_utf8_lossy(text).into_owned().into())));
    }
    members.extend(read.module_hash.as_ref().map(|hash| ("moduleHash".to_owned(), BASE64_STANDARD.encode(hash).into())));
    members.extend(read.origin.map(|origin| ("origin".to_owned(), shouted(origin.as_str()).into())));
    members.extend(read.root_of_trust.as_ref().map(|root| ("rootOfTrust".to_owned(), root_of_trust(root))));
    members.extend(read.application.as_ref().map(|id| ("attestationApplicationId".to_owned(), application(id))));
    members.into()
}

fn numbers(members: &mut Map<String, Value>, read: &AuthorizationList) {
    let sets = [
        ("purposes", &read.purposes),
        ("blockModes", &read.block_modes),
        ("digests", &read.digests),
        ("paddings", &read.paddings),
        ("rsaOaepMgfDigests", &read.rsa_oaep_mgf_digests),
    ];
    for (name, set) in sets.into_iter().filter(|(_, set)| !set.is_empty()) {
        members.insert(name.to_owned(), set.iter().map(u64::to_string).collect());
    }
    // a patch level that is no year and month says nothing
    let patch = |level: Option<u64>| level.filter(|level| matches!(level.to_string().len(), 6 | 8));
    let single = [
        ("algorithms", read.algorithm),
        ("keySize", read.key_size),
        ("minMacLength", read.min_mac_length),
        ("ecCurve", read.ec_curve),
        ("mlDsaVariant", read.ml_dsa_variant),
        ("rsaPublicExponent", read.rsa_public_exponent),
        ("activeDateTime", read.active_at_ms),
        ("originationExpireDateTime", read.origination_expires_at_ms),
        ("usageExpireDateTime", read.usage_expires_at_ms),
        ("usageCountLimit", read.usage_count_limit),
        ("userAuthType", read.user_auth_type),
        ("authTimeout", read.auth_timeout_s),
        ("creationDateTime", read.created_at_ms),
        ("osVersion", read.os_version),
        ("osPatchLevel", patch(read.os_patch_level)),
        ("vendorPatchLevel", patch(read.vendor_patch_level)),
        ("bootPatchLevel", patch(read.boot_patch_level)),
    ];
    members.extend(single.into_iter().filter_map(|(name, number)| Some((name.to_owned(), number?.to_string().into()))));
}

fn flags(members: &mut Map<String, Value>, read: &AuthorizationList) {
    let flags = [
        ("callerNonce", read.caller_nonce),
        ("rollbackResistance", read.rollback_resistance),
        ("earlyBootOnly", read.early_boot_only),
        ("noAuthRequired", read.no_auth_required),
        ("allowWhileOnBody", read.allow_while_on_body),
        ("trustedUserPresenceRequired", read.trusted_user_presence_required),
        ("trustedConfirmationRequired", read.trusted_confirmation_required),
        ("unlockedDeviceRequired", read.unlocked_device_required),
        ("allApplications", read.all_applications),
        ("rollbackResistant", read.rollback_resistant),
        ("deviceUniqueAttestation", read.device_unique_attestation),
    ];
    members.extend(flags.into_iter().filter(|(_, is_set)| *is_set).map(|(name, _)| (name.to_owned(), true.into())));
}

fn root_of_trust(root: &RootOfTrust) -> Value {
    let mut members = json!({
        "verifiedBootKey": BASE64_STANDARD.encode(&root.verified_boot_key),
        "deviceLocked": root.device_locked,
        "verifiedBootState": shouted(root.verified_boot_state.as_str()),
    });
    if let Some(hash) = &root.verified_boot_hash {
        members["verifiedBootHash"] = BASE64_STANDARD.encode(hash).into();
    }
    members
}

fn application(id: &ApplicationId) -> Value {
    let packages =
        id.packages.iter().map(|package| json!({ "name": String::from_utf8_lossy(&package.name), "version": package.version.to_string() }));
    json!({ "packages": packages.collect::<Vec<_>>(), "signatures": id.signatures.iter().map(|digest| BASE64_STANDARD.encode(digest)).collect::<Vec<_>>() })
}
