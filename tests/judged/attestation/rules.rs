//! Each rule of the judge, on the chain of a real phone (Pixel 9 Pro, 2025) that keeps all of them but one: its key needs no user.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::{SignedDuration, Timestamp};
use remint::pki::attestation::description::{KeyDescription, SecurityLevel};
use remint::pki::attestation::{Application, EvidenceRules, Proven, RevokedKeys, RootKey};
use remint::pki::key::Spki;
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::support::android::{caiman, extension, moment, roots};

struct Case {
    rules: EvidenceRules,
    chain: Vec<Vec<u8>>,
    key: Spki,
    challenge: Vec<u8>,
    now: Timestamp,
}

impl Case {
    fn of(name: &str) -> Self {
        let chain = caiman(name);
        let leaf = X509Certificate::from_der(&chain[0]).unwrap().1;
        let key = Spki::from_der(leaf.public_key().raw).unwrap();
        let challenge = KeyDescription::read(&extension(&chain[0]).unwrap()).unwrap().challenge;
        let rules = EvidenceRules { roots: roots(std::path::Path::new("none")), ..EvidenceRules::default() };
        Self { now: moment(&chain), rules, key, challenge, chain: chain.clone() }
    }

    fn judged(&self) -> Result<Proven, String> {
        self.rules.judge(&self.chain, &self.key, &self.challenge, self.now).map_err(|fault| fault.to_string())
    }

    fn refused(&self) -> String {
        self.judged().unwrap_err()
    }
}

#[test]
fn the_chains_of_a_locked_phone_are_accepted_in_either_kind_of_hardware() {
    let proven = |level| Ok(Proven { level, patch_level: 202_511 });
    assert_eq!(Case::of("SB_EC_RKP.pem").judged(), proven(SecurityLevel::StrongBox));
    assert_eq!(Case::of("TEE_EC_RKP.pem").judged(), proven(SecurityLevel::TrustedEnvironment));
}

#[test]
fn another_key_another_challenge_and_another_time_are_refused() {
    let mut case = Case::of("SB_EC_RKP.pem");
    case.challenge.push(0);
    assert!(case.refused().contains("another challenge"));
    let mut case = Case::of("SB_EC_RKP.pem");
    case.key = Case::of("TEE_EC_RKP.pem").key;
    assert!(case.refused().contains("another key"));
    let mut case = Case::of("SB_EC_RKP.pem");
    case.now += SignedDuration::from_hours(24 * 30);
    assert!(case.refused().contains("expired"));
    case.now -= SignedDuration::from_hours(24 * 60);
    assert!(case.refused().contains("not yet good"));
}

#[test]
fn a_chain_that_is_cut_reordered_or_of_another_root_is_refused() {
    let mut case = Case::of("SB_EC_RKP.pem");
    case.rules.roots = vec![RootKey::of(&case.chain[0]).unwrap()];
    assert!(case.refused().contains("configured root"));
    for cut in 1..3 {
        let mut case = Case::of("SB_EC_RKP.pem");
        case.chain.remove(cut);
        assert!(case.refused().contains("did not sign"), "{cut}");
    }
    let mut case = Case::of("SB_EC_RKP.pem");
    case.chain.swap(1, 2);
    assert!(case.refused().contains("did not sign"));
    // without its root the chain still leads there
    let mut case = Case::of("SB_EC_RKP.pem");
    case.chain.pop();
    assert!(case.judged().is_ok());
    case.chain.clear();
    assert!(case.refused().contains("0 certificates"));
    let mut case = Case::of("SB_EC_RKP.pem");
    case.chain = vec![case.chain[0].clone(); 11];
    assert!(case.refused().contains("11 certificates"));
}

#[test]
fn a_revoked_certificate_anywhere_in_the_chain_is_refused() {
    for index in 0..5 {
        let mut case = Case::of("SB_EC_RKP.pem");
        let serial = X509Certificate::from_der(&case.chain[index]).unwrap().1.raw_serial_as_string().replace(':', "");
        case.rules.revoked = RevokedKeys::read(&format!(r#"{{"entries":{{"{serial}":{{"status":"REVOKED"}}}}}}"#)).unwrap();
        assert!(case.refused().contains("revoked"), "{index}");
    }
}

#[test]
fn what_the_administrator_asks_for_is_compared() {
    let mut case = Case::of("TEE_EC_RKP.pem");
    case.rules.strong_box = true;
    assert!(case.refused().contains("security level trusted-environment"));
    let mut case = Case::of("SB_EC_RKP.pem");
    (case.rules.strong_box, case.rules.minimum_patch_level) = (true, 202_511);
    assert!(case.judged().is_ok());
    case.rules.minimum_patch_level = 202_512;
    assert!(case.refused().contains("patch level 202511"));
    let mut case = Case::of("SB_EC_RKP.pem");
    case.rules.user_authentication = true;
    assert!(case.refused().contains("without its user"));

    let mut case = Case::of("SB_EC_RKP.pem");
    let signer: [u8; 32] = BASE64_STANDARD.decode("EDk47kU35Z6O55L2VFBPuDRvxrNG0LvEQV/DOfz8jsE=").unwrap().try_into().unwrap();
    case.rules.applications = vec![Application { package: "com.google.android.attestation".to_owned(), signer }];
    assert!(case.judged().is_ok());
    case.rules.applications[0].signer[0] ^= 1;
    assert!(case.refused().contains("another application"));
    case.rules.applications[0] = Application { package: "com.example".to_owned(), signer };
    assert!(case.refused().contains("another application"));
}

/// Blueline is a real phone too, but its boot loader was unlocked.
#[test]
fn a_phone_that_booted_what_its_owner_chose_is_refused() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/android-key-attestation/testdata/blueline/sdk28/TEE_EC_NONE.pem");
    let chain = crate::support::android::pem(&std::fs::read_to_string(file).unwrap());
    let leaf = X509Certificate::from_der(&chain[0]).unwrap().1;
    let key = Spki::from_der(leaf.public_key().raw).unwrap();
    let rules = EvidenceRules { roots: roots(std::path::Path::new("none")), ..EvidenceRules::default() };
    let refused = rules.judge(&chain, &key, b"challenge", moment(&chain)).unwrap_err();
    assert_eq!(refused.to_string(), "found: boot state unverified, expected: verified");
}
