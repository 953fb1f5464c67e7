//! What openssl says about the certificates that the authority makes.

use jiff::Timestamp;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;
use crate::lifecycle::credential::Slot;
use crate::pki::keystore::KeyName;
use crate::pki::profile::Profiles;
use crate::pki::testing::{STATUS_URL, Workshop, ana, days, device, openssl_with, text_of};

mod directory;

fn profiles() -> Profiles {
    Profiles::built_in().unwrap()
}

/// The lines below the heading of an extension in openssl's text, joined.
fn extension_in(text: &str, heading: &str) -> Option<String> {
    let mut lines = text.lines().skip_while(|line| !line.trim_start().starts_with(heading));
    let first = lines.next()?;
    let indent = |line: &str| line.len() - line.trim_start().len();
    let body: Vec<_> = lines.take_while(|line| indent(line) > indent(first)).map(str::trim).collect();
    let critical = if first.ends_with("critical") { "critical " } else { "" };
    Some(format!("{critical}{}", body.join(" ")))
}

#[track_caller]
fn assert_says(certificate: &[u8], expected: &[(&str, Option<&str>)]) {
    let text = text_of(certificate);
    for (heading, value) in expected {
        assert_eq!(extension_in(&text, heading).as_deref(), *value, "{heading} in:\n{text}");
    }
}

#[test]
fn every_profile_passes_openssl_in_its_strictest_mode() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let slots = Slot::ALL.iter().map(|slot| profiles.get(*slot));
    for profile in slots.chain([profiles.operator()]) {
        let (_, certificate) = shop.certify(profile, &ana());
        shop.verify(&certificate, &[]).unwrap();
    }
}

#[test]
fn the_judge_refuses_a_certificate_with_one_altered_byte() {
    let shop = Workshop::new();
    let (_, mut certificate) = shop.certify(profiles().get(Slot::Auth), &ana());
    let last = certificate.len() - 1;
    certificate[last] ^= 1;
    assert!(shop.verify(&certificate, &[]).unwrap_err().contains("signature failure"));
}

#[test]
fn an_auth_certificate_logs_in_and_names_upn_and_device() {
    let shop = Workshop::new();
    let (_, certificate) = shop.certify(profiles().get(Slot::Auth), &ana());
    shop.verify(&certificate, &["-purpose", "sslclient"]).unwrap();
    assert_says(
        &certificate,
        &[
            ("X509v3 Key Usage", Some("critical Digital Signature")),
            ("X509v3 Extended Key Usage", Some("TLS Web Client Authentication, Microsoft Smartcard Login, PKINIT Client Auth")),
            (
                "X509v3 Subject Alternative Name",
                Some("othername: UPN::ana@corp.example.org, URI:urn:uuid:01901234-5678-7abc-8def-0123456789ab"),
            ),
            ("X509v3 Basic Constraints", None),
            ("X509v3 Certificate Policies", None),
            ("Authority Information Access", Some(&format!("OCSP - URI:{STATUS_URL}/ocsp CA Issuers - URI:{STATUS_URL}/ca/issuing.cer"))),
            ("X509v3 CRL Distribution Points", Some(&format!("Full Name: URI:{STATUS_URL}/crl/issuing.crl"))),
        ],
    );
    let parsed = asn1_of(&certificate, "X509v3 Subject Alternative Name");
    assert!(parsed.contains("UTF8STRING        :ana@corp.example.org"), "{parsed}");
}

/// Where the value of an extension begins, for `asn1parse -strparse`.
fn value_offset(certificate: &[u8], name: &str) -> String {
    let tree = openssl_with(&["asn1parse", "-inform", "DER"], certificate).unwrap();
    let mut lines = tree.lines().skip_while(|line| !line.ends_with(&format!(":{name}")));
    let value = lines.find(|line| line.contains("OCTET STRING")).unwrap();
    value.split(':').next().unwrap().trim().to_owned()
}

#[test]
fn a_sign_certificate_signs_mail_for_its_address_and_logs_nobody_in() {
    let shop = Workshop::new();
    let (_, certificate) = shop.certify(profiles().get(Slot::Sign), &ana());
    shop.verify(&certificate, &["-purpose", "smimesign"]).unwrap();
    assert!(shop.verify(&certificate, &["-purpose", "sslclient"]).is_err());
    assert_says(
        &certificate,
        &[
            ("X509v3 Key Usage", Some("critical Digital Signature, Non Repudiation")),
            ("X509v3 Extended Key Usage", Some("E-mail Protection")),
            ("X509v3 Subject Alternative Name", Some("email:ana@example.org")),
        ],
    );
}

#[test]
fn an_enc_certificate_agrees_on_keys_and_signs_nothing() {
    let shop = Workshop::new();
    let (_, certificate) = shop.certify(profiles().get(Slot::Enc), &ana());
    assert!(shop.verify(&certificate, &["-purpose", "smimesign"]).is_err());
    assert_says(
        &certificate,
        &[
            ("X509v3 Key Usage", Some("critical Key Agreement")),
            ("X509v3 Extended Key Usage", Some("E-mail Protection")),
            ("X509v3 Subject Alternative Name", Some("email:ana@example.org")),
        ],
    );
}

#[test]
fn a_card_auth_certificate_says_which_device_and_never_whose() {
    let shop = Workshop::new();
    let (_, certificate) = shop.certify(profiles().get(Slot::CardAuth), &ana());
    assert_says(
        &certificate,
        &[
            ("X509v3 Key Usage", Some("critical Digital Signature")),
            ("X509v3 Extended Key Usage", Some("critical 2.16.840.1.101.3.6.8")),
            ("X509v3 Subject Alternative Name", Some("URI:urn:uuid:01901234-5678-7abc-8def-0123456789ab")),
        ],
    );
    let text = text_of(&certificate);
    assert!(text.contains("Subject: O = Example Org, serialNumber = 01901234-5678-7abc-8def-0123456789ab\n"));
    assert!(!text.contains("Ana") && !text.contains("ana@"), "{text}");
}

#[test]
fn a_card_auth_certificate_needs_a_device() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let (key, holder) = (SigningKey::generate().unwrap(), ana());
    let profile = profiles.get(Slot::CardAuth);
    let Period { not_before, not_after } = shop.authority.period(profile, shop.now);
    let wanted = Certify {
        profile,
        spki: key.spki(),
        holder: &holder,
        device_urn: None,
        is_proven: false,
        serial: shop.serial(),
        not_before,
        not_after,
    };
    assert!(matches!(shop.authority.certify(&wanted), Err(CertifyError::NoDevice)));
}

#[test]
fn what_a_user_does_not_have_leaves_no_trace() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let holder = Holder { email: String::new(), upn: String::new(), ..ana() };
    let (_, sign) = shop.certify(profiles.get(Slot::Sign), &holder);
    shop.verify(&sign, &[]).unwrap();
    assert_says(&sign, &[("X509v3 Subject Alternative Name", None)]);
    let (_, auth) = shop.certify(profiles.get(Slot::Auth), &holder);
    assert_says(&auth, &[("X509v3 Subject Alternative Name", Some("URI:urn:uuid:01901234-5678-7abc-8def-0123456789ab"))]);
    assert!(text_of(&auth).contains("Subject: O = Example Org, CN = Ana López\n"));
}

/// The value of an extension as openssl sees it.
fn asn1_of(certificate: &[u8], name: &str) -> String {
    openssl_with(&["asn1parse", "-inform", "DER", "-strparse", &value_offset(certificate, name)], certificate).unwrap()
}

#[test]
fn odd_names_arrive_as_they_are() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let longest = ["x".repeat(64), "é".repeat(64), "李".repeat(64), "🦀".repeat(64)];
    let odd = ["O'Neil, Jr.", "李小龍", "A+B=\"C\" <D>; #E\\", "🦀, CN=Root", "Example Org", "محمد", "Ωmega/CN=Root+O=\"x\""];
    for name in odd.into_iter().chain(longest.iter().map(String::as_str)) {
        let holder = Holder { name: name.to_owned(), ..ana() };
        let (_, certificate) = shop.certify(profiles.get(Slot::Auth), &holder);
        shop.verify(&certificate, &[]).unwrap();
        let (_, read) = X509Certificate::from_der(&certificate).unwrap();
        let names: Vec<_> = read.subject().iter_common_name().map(|cn| cn.as_str().unwrap()).collect();
        assert_eq!(names, [name]);
        assert_eq!(read.subject().iter_rdn().count(), 3);
        assert!(read.subject().iter_common_name().all(|cn| cn.attr_value().tag() == x509_parser::der_parser::asn1_rs::Tag::Utf8String));
    }
}

#[test]
fn two_people_of_one_name_are_two_subjects() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let subject = |upn: &str| {
        let (_, der) = shop.certify(profiles.get(Slot::Auth), &Holder { upn: upn.to_owned(), ..ana() });
        X509Certificate::from_der(&der).unwrap().1.subject().as_raw().to_vec()
    };
    assert_ne!(subject("ana1@corp"), subject("ana2@corp"));
    assert_eq!(subject("ana1@corp"), subject("ana1@corp"));
}

#[test]
fn the_key_identifiers_are_those_of_subject_and_issuer_and_the_serial_is_the_one_asked_for() {
    let shop = Workshop::new();
    let (key, certificate) = shop.certify(profiles().get(Slot::Auth), &ana());
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(":");
    assert_says(
        &certificate,
        &[
            ("X509v3 Subject Key Identifier", Some(&hex(&key.spki().subject_key_identifier()))),
            ("X509v3 Authority Key Identifier", Some(&hex(&shop.authority.issuing_key().spki().subject_key_identifier()))),
        ],
    );
    let serial = shop.serial();
    let session = SessionId(device());
    let bootstrap = shop.authority.certify_session(key.spki(), session, serial, shop.now, shop.now + days(1)).unwrap();
    let (_, read) = X509Certificate::from_der(&bootstrap).unwrap();
    assert_eq!(read.raw_serial(), serial.as_bytes());
}

#[test]
fn a_certificate_never_outlives_the_issuing_ca() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let profile = profiles.get(Slot::Auth);
    let end = shop.authority.issuing_ca().not_after;
    assert_eq!(shop.authority.period(profile, end - days(30)).not_after, end);

    let (key, holder) = (SigningKey::generate().unwrap(), ana());
    let certify = |not_before, not_after| {
        shop.authority.certify(&Certify {
            profile,
            spki: key.spki(),
            holder: &holder,
            device_urn: None,
            is_proven: false,
            serial: shop.serial(),
            not_before,
            not_after,
        })
    };
    let second = jiff::SignedDuration::from_secs(1);
    assert!(certify(end - days(30), end).is_ok());
    assert!(matches!(certify(shop.now, end + second), Err(CertifyError::Outlives { .. })));
    assert!(matches!(certify(shop.now, shop.now), Err(CertifyError::NeverGood { .. })));
}

#[test]
fn times_are_whole_seconds_and_change_their_form_in_2050() {
    let shop = Workshop::at("2049-06-01T00:00:00.9Z".parse().unwrap(), "");
    let (_, certificate) = shop.certify(profiles().get(Slot::Auth), &ana());
    shop.verify(&certificate, &[]).unwrap();
    let tree = openssl_with(&["asn1parse", "-inform", "DER"], &certificate).unwrap();
    assert!(tree.contains("UTCTIME           :490601000000Z"), "{tree}");
    assert!(tree.contains("GENERALIZEDTIME   :20520531000000Z"), "{tree}");
}

#[test]
fn a_bootstrap_certificate_is_worth_nothing_to_who_trusts_our_root() {
    let shop = Workshop::new();
    let key = SigningKey::generate().unwrap();
    let bootstrap = shop.authority.certify_session(key.spki(), SessionId(device()), shop.serial(), shop.now, shop.now + days(1)).unwrap();
    assert!(shop.verify(&bootstrap, &[]).unwrap_err().contains("unable to get local issuer certificate"));
    // The judge can also say yes: to who trusts the enrollment CA, which is us alone.
    shop.verify_under("enrollment", &bootstrap, &["-purpose", "sslclient"]).unwrap();
    assert!(text_of(&bootstrap).contains("Subject: CN = 01901234-5678-7abc-8def-0123456789ab\n"));
}

#[test]
fn the_same_session_gives_the_same_bytes_to_sign() {
    let shop = Workshop::new();
    let (key, serial) = (SigningKey::generate().unwrap(), shop.serial());
    let to_be_signed = || {
        let der = shop.authority.certify_session(key.spki(), SessionId(device()), serial, shop.now, shop.now + days(1)).unwrap();
        X509Certificate::from_der(&der).unwrap().1.tbs_certificate.as_ref().to_vec()
    };
    assert_eq!(to_be_signed(), to_be_signed());
}

#[test]
fn an_operator_certificate_opens_the_desk_and_nothing_else() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let key = SigningKey::generate().unwrap();
    let Period { not_before, not_after } = shop.authority.period(profiles.operator(), shop.now);
    let certificate =
        shop.authority.certify_operator(profiles.operator(), key.spki(), "Olga", shop.serial(), not_before, not_after).unwrap();
    shop.verify(&certificate, &["-purpose", "sslclient"]).unwrap();
    assert_says(
        &certificate,
        &[("X509v3 Extended Key Usage", Some("TLS Web Client Authentication")), ("X509v3 Subject Alternative Name", None)],
    );
}

#[test]
fn a_hierarchy_with_a_mixed_up_certificate_does_not_load() {
    let shop = Workshop::new();
    let load = || Authority::load(shop.folder.path(), &Workshop::master(), STATUS_URL).map(|_| ());
    load().unwrap();
    let path = |name| certificate_path(shop.folder.path(), name);
    let original = fs::read(path(KeyName::Ocsp)).unwrap();

    fs::copy(path(KeyName::Server), path(KeyName::Ocsp)).unwrap();
    assert!(load().unwrap_err().to_string().ends_with("ca/ocsp.pem: not a certificate of the key of that name"));
    fs::write(path(KeyName::Ocsp), "nonsense").unwrap();
    assert!(load().unwrap_err().to_string().ends_with("ca/ocsp.pem: not a certificate in PEM"));
    fs::write(path(KeyName::Ocsp), original).unwrap();
    load().unwrap();

    fs::copy(path(KeyName::Enrollment), path(KeyName::Root)).unwrap();
    assert!(load().unwrap_err().to_string().ends_with("ca/issuing.pem: not signed by its issuer"));
}

#[test]
fn a_hierarchy_does_not_load_under_another_master_key_or_a_wrong_status_url() {
    let shop = Workshop::new();
    let load = |master, url| Authority::load(shop.folder.path(), &SealingKey::from_bytes(master), url).map(|_| ());
    assert!(load([0; 32], STATUS_URL).unwrap_err().to_string().contains("wrong master key, or altered"));
    for url in ["", "http://", "http:///crl", "https://status.example.org", "http://exämple.org"] {
        assert!(matches!(load([42; 32], url), Err(AuthorityError::StatusUrl { .. })), "{url}");
    }
}

#[test]
fn the_root_pin_is_the_hash_of_the_root_key() {
    let shop = Workshop::new();
    let spki = openssl_with(&["x509", "-in", &shop.ca("root"), "-noout", "-pubkey"], &[]).unwrap();
    let (_, der) = der::pem::decode_vec(spki.as_bytes()).unwrap();
    assert_eq!(shop.authority.root_pin(), sha256(&der));
}

#[test]
fn a_period_is_whole_seconds() {
    let (shop, profiles) = (Workshop::new(), profiles());
    let period = shop.authority.period(profiles.operator(), shop.now);
    assert_eq!(period.not_before, "2026-11-22T12:00:00Z".parse::<Timestamp>().unwrap());
    assert_eq!(period.not_after, "2027-11-22T12:00:00Z".parse::<Timestamp>().unwrap());
}
