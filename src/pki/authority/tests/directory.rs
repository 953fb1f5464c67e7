//! What certificates carry of the directory besides names, as openssl and gnutls read it.

use super::*;
use crate::pki::profile::BUILT_IN;

/// S-1-5-21-…-1013, the FASC-N of a non-federal test card, and one policy.
fn described() -> Holder {
    let attributes = Attributes {
        sid: Some("S-1-5-21-3623811015-3361044348-30300820-1013".parse().unwrap()),
        fasc_n: Some("D4E739DA739CED39CE739D836858210842108421C84210C3EB".parse().unwrap()),
        policies: ["2.16.840.1.101.3.2.1.3.40".parse().unwrap()].into(),
    };
    Holder { attributes, ..ana() }
}

/// A profile as it is delivered, with one line changed.
fn edited(file: &str, from: &str, to: &str) -> Profiles {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in BUILT_IN {
        assert!(name != file || text.contains(from), "{from}");
        let text = if name == file { text.replace(from, to) } else { text.to_owned() };
        fs::write(dir.path().join(name), text).unwrap();
    }
    Profiles::load(dir.path()).unwrap()
}

#[test]
fn the_account_of_a_windows_domain_is_a_strong_mapping() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let (_, certificate) = shop.certify(profiles.get(Slot::Auth), &described());
    shop.verify(&certificate, &["-purpose", "sslclient"]).unwrap();
    let tree = asn1_of(&certificate, "1.3.6.1.4.1.311.25.2");
    // SEQUENCE { [0] { OBJECT 1.3.6.1.4.1.311.25.2.1, [0] { OCTET STRING, the SID as text } } }, as a domain controller's own CA writes it
    let shape: Vec<String> =
        tree.lines().map(|line| line.split_once("prim:").or(line.split_once("cons:")).unwrap().1.split_whitespace().collect()).collect();
    let sid = "S-1-5-21-3623811015-3361044348-30300820-1013";
    assert_eq!(shape, ["SEQUENCE", "cont[0]", "OBJECT:1.3.6.1.4.1.311.25.2.1", "cont[0]", &format!("OCTETSTRING:{sid}")], "{tree}");
    let text = text_of(&certificate);
    assert!(text.contains("            1.3.6.1.4.1.311.25.2: \n"), "not critical:\n{text}");
    for slot in [Slot::Sign, Slot::Enc, Slot::CardAuth] {
        let (_, other) = shop.certify(profiles.get(slot), &described());
        assert!(!text_of(&other).contains("1.3.6.1.4.1.311.25.2"), "{slot}");
    }
}

#[test]
fn doors_find_the_fasc_n_in_auth_and_card_auth() {
    let (shop, profiles) = (Workshop::new(), profiles());
    for slot in [Slot::Auth, Slot::CardAuth] {
        let (_, certificate) = shop.certify(profiles.get(slot), &described());
        shop.verify(&certificate, &[]).unwrap();
        let tree = asn1_of(&certificate, "X509v3 Subject Alternative Name");
        let mut lines = tree.lines().skip_while(|line| !line.ends_with("OBJECT            :2.16.840.1.101.3.6.6"));
        let value = lines.nth(2).unwrap();
        assert!(value.ends_with("OCTET STRING      [HEX DUMP]:D4E739DA739CED39CE739D836858210842108421C84210C3EB"), "{tree}");
        let said = certtool(&certificate);
        assert!(said.contains("otherName OID: 2.16.840.1.101.3.6.6"), "{said}");
        assert!(said.contains("otherName DER: 0419d4e739da739ced39ce739d836858210842108421c84210c3eb"), "{said}");
        assert!(said.contains("URI: urn:uuid:01901234-5678-7abc-8def-0123456789ab"), "{said}");
    }
    assert!(!text_of(&shop.certify(profiles.get(Slot::CardAuth), &described()).1).contains("Ana"));
}

#[test]
fn a_policy_is_asserted_where_both_the_directory_and_the_profile_say_so() {
    let shop = Workshop::new();
    let profiles =
        edited("auth.toml", "policies_of_user = []", "policies_of_user = [\"2.16.840.1.101.3.2.1.3.40\", \"2.16.840.1.101.3.2.1.3.41\"]");
    let policies = |profiles: &Profiles, holder: &Holder| {
        let (_, certificate) = shop.certify(profiles.get(Slot::Auth), holder);
        shop.verify(&certificate, &[]).unwrap();
        extension_in(&text_of(&certificate), "X509v3 Certificate Policies")
    };
    assert_eq!(policies(&profiles, &described()).as_deref(), Some("Policy: 2.16.840.1.101.3.2.1.3.40"));
    assert_eq!(policies(&profiles, &ana()), None);
    assert_eq!(policies(&self::profiles(), &described()), None);
}

#[test]
fn who_lacks_what_a_profile_requires_gets_no_certificate() {
    let shop = Workshop::new();
    let profiles = edited("auth.toml", "required = []", "required = [\"upn\", \"sid\", \"fasc-n\"]");
    let key = SigningKey::generate().unwrap();
    let Period { not_before, not_after } = shop.authority.period(profiles.get(Slot::Auth), shop.now);
    let certify = |holder: &Holder| {
        shop.authority.certify(&Certify {
            profile: profiles.get(Slot::Auth),
            spki: key.spki(),
            holder,
            device_urn: Some(device()),
            is_proven: false,
            serial: shop.serial(),
            not_before,
            not_after,
        })
    };
    certify(&described()).unwrap();
    for (lacked, holder) in [
        ("upn", Holder { upn: String::new(), ..described() }),
        ("sid", ana()),
        ("fasc_n", Holder { attributes: Attributes { fasc_n: None, ..described().attributes }, ..ana() }),
    ] {
        let refusal = certify(&holder).unwrap_err().to_string();
        assert_eq!(refusal, format!("the directory entry lacks what this certificate must carry, found: none, expected: {lacked}"));
    }
}

#[test]
fn certtool_reads_every_profile_too() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let holder = Holder { name: "O'Neil + Søn, \"李\"; <x>".to_owned(), ..described() };
    for profile in Slot::ALL.iter().map(|slot| profiles.get(*slot)).chain([profiles.operator()]) {
        let said = certtool(&shop.certify(profile, &holder).1);
        assert!(said.contains("Subject Key Identifier") && !said.to_lowercase().contains("error"), "{said}");
    }
}

/// What gnutls says about a certificate.
fn certtool(certificate: &[u8]) -> String {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("certificate.der");
    fs::write(&path, certificate).unwrap();
    let ran = std::process::Command::new("certtool").args(["--certificate-info", "--inder", "--infile"]).arg(&path).output();
    let ran = ran.unwrap_or_else(|error| panic!("cannot run certtool ({error}): install the Debian package gnutls-bin"));
    let said = String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned();
    assert!(ran.status.success(), "{said}");
    said
}
