//! The certificates: those of the phone, of its session, and of an operator.

use remint::lifecycle::actor::Role;
use remint::pki::pkcs12::p12;
use remint::workflows::add_operator::add_operator;

use crate::court::Court;
use crate::support::wire_device::WireDevice;

/// `openssl verify` in its strictest way, down from the root alone.
const VERIFY: [&str; 6] = ["verify", "-x509_strict", "-CAfile", "@root.pem", "-untrusted", "@issuing.pem"];

#[tokio::test]
async fn every_certificate_of_the_phone_is_good_and_says_what_it_is_for() {
    let court = Court::in_session().await;
    let anybody: &[&str] = &[
        "CA Issuers - URI:http://localhost:",
        "/ca/issuing.cer",
        "OCSP - URI:http://localhost:",
        "/crl/issuing.crl",
        "X509v3 Subject Key Identifier:",
        "X509v3 Authority Key Identifier:",
        "Signature Algorithm: ecdsa-with-SHA256",
        "ASN1 OID: prime256v1",
        "CN = Ana Ruiz, UID = ana@corp.example.org",
    ];
    let logon = [
        "Digital Signature\n",
        "TLS Web Client Authentication",
        "Microsoft Smartcard Login",
        "UPN",
        "ana@corp.example.org",
        "URI:urn:uuid:",
    ];
    let slots: [(&str, &[&str], Option<&str>); 3] = [
        ("auth", &logon, Some("sslclient")),
        ("sign", &["Digital Signature, Non Repudiation\n", "E-mail Protection\n", "email:ana@example.org"], Some("smimesign")),
        ("enc", &["Key Agreement\n", "E-mail Protection\n", "email:ana@example.org"], None),
    ];
    for (slot, own, purpose) in slots {
        let certificate = format!("@{slot}.pem");
        let purpose = purpose.map(|purpose| ["-purpose", purpose]).unwrap_or(["-purpose", "any"]);
        court.asks(&[&VERIFY[..], &purpose, &[&certificate]].concat()).await;
        let text = court.asks(&["x509", "-noout", "-text", "-in", &certificate]).await;
        for words in anybody.iter().chain(own) {
            assert!(text.contains(words), "{slot}: lacks {words:?}:\n{text}");
        }
        assert!(text.contains("X509v3 Key Usage: critical"), "{slot}:\n{text}");
        let serial = court.serial(&certificate).await;
        assert_eq!(serial.len(), 40, "20 bytes: {serial}");
        assert_eq!(authority_key_of(&text), subject_key_of(&court.asks(&["x509", "-noout", "-text", "-in", "@issuing.pem"]).await));
    }
    court.live.stop().await;
}

fn subject_key_of(text: &str) -> &str {
    after(text, "X509v3 Subject Key Identifier:")
}

fn authority_key_of(text: &str) -> &str {
    after(text, "X509v3 Authority Key Identifier:")
}

fn after<'a>(text: &'a str, title: &str) -> &'a str {
    text.split(title).nth(1).and_then(|rest| rest.lines().nth(1)).expect("a value").trim()
}

/// `auth` logs in, and does not sign mail; `sign` and `enc` never log in.
#[tokio::test]
async fn no_certificate_serves_for_what_it_is_not_for() {
    let court = Court::in_session().await;
    for (slot, purpose) in [("auth", "smimesign"), ("auth", "sslserver"), ("sign", "sslclient"), ("enc", "sslclient"), ("enc", "smimesign")]
    {
        let certificate = format!("@{slot}.pem");
        let ran = court.tries(&[&VERIFY[..], &["-purpose", purpose, &certificate]].concat()).await;
        assert!(!ran.succeeded && ran.stderr.contains("unsuitable certificate purpose"), "{slot} as {purpose}: {}", ran.text());
    }
    court.live.stop().await;
}

#[tokio::test]
async fn no_relying_party_takes_the_bootstrap_certificate() {
    let court = Court::in_session().await;
    let (device, _) = WireDevice::of_new_user(&court.live, "Ben").await;
    let certificate = mobile_sim::certificate::Certificate::from_der(device.bootstrap_certificate.clone()).unwrap();
    court.write("bootstrap.pem", certificate.pem());
    for trusted in ["@root.pem", "@ca.pem"] {
        let ran = court.tries(&["verify", "-partial_chain", "-CAfile", trusted, "-untrusted", "@issuing.pem", "@bootstrap.pem"]).await;
        assert!(!ran.succeeded && ran.stderr.contains("unable to get local issuer certificate"), "{}", ran.text());
    }
    let subject = court.asks(&["x509", "-noout", "-subject", "-in", "@bootstrap.pem"]).await;
    assert!(subject.contains(&format!("CN = {}", device.session)), "{subject}");
    court.live.stop().await;
}

#[tokio::test]
async fn the_file_of_an_operator_opens_with_its_password() {
    let court = Court::in_session().await;
    let world = court.live.world();
    let hired = add_operator(world, "Olga", [Role::HelpDesk].into(), None).await.unwrap();
    court.write("olga.p12", p12(&hired.key, &hired.certificate, world.authority.chain(), "Olga", "correct horse").unwrap());

    let opened = court.asks(&["pkcs12", "-in", "@olga.p12", "-passin", "pass:correct horse", "-nodes"]).await;
    court.write("olga.pem", &opened);
    let chain = [&VERIFY[..], &["-purpose", "sslclient", "@olga.pem"]].concat();
    court.asks(&chain).await;
    let key = court.asks(&["pkey", "-in", "@olga.pem", "-pubout"]).await;
    assert_eq!(key, court.asks(&["x509", "-in", "@olga.pem", "-noout", "-pubkey"]).await);
    let ran = court.tries(&["pkcs12", "-in", "@olga.p12", "-passin", "pass:wrong", "-nodes"]).await;
    assert!(!ran.succeeded && ran.stderr.contains("invalid password"), "{}", ran.text());
    court.live.stop().await;
}
