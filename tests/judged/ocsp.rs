//! OCSP as verifiers of three makes ask for it: openssl, gnutls and NSS.

use crate::court::{Court, fetch, status_in};
use crate::support::live::device_of;
use crate::support::openssl::run;

/// openssl asks about all three in one request, hashing the issuer as each verifier likes it, with a nonce and without.
#[tokio::test]
async fn one_request_may_ask_about_every_certificate_of_a_phone() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let issuer = ["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-url", &url];
    let mixed = ["-sha256", "-cert", "@auth.pem", "-sha1", "-cert", "@sign.pem", "-sha256", "-cert", "@enc.pem"];
    for nonce in [&[][..], &["-no_nonce"]] {
        let ran = court.tries(&[&issuer[..], &mixed, nonce].concat()).await;
        let text = ran.text();
        assert!(ran.succeeded && text.contains("Response verify OK") && text.matches(": good\n").count() == 3, "{text}");
        assert!(!text.contains("WARNING"), "{text}");
    }

    court.live.act_on_device(&device_of(&court.phone), "suspend").await;
    let ran = court.tries(&[&issuer[..], &mixed].concat()).await;
    assert_eq!(ran.text().matches("Reason: certificateHold").count(), 3, "{}", ran.text());
    court.live.stop().await;
}

/// RFC 6960 §4.2.2.1: when it was known, and until when it may be relied upon.
#[tokio::test]
async fn an_answer_may_be_relied_upon_for_five_minutes() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let ran = court.tries(&["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-cert", "@auth.pem", "-url", &url]).await;
    assert_eq!(status_in(&ran), "good");
    let [this, next] = ["This Update: ", "Next Update: "].map(|name| time_after(&ran.text(), name));
    assert_eq!(next - this, 300, "{}", ran.text());
    court.live.stop().await;
}

/// A time as openssl prints it, behind `name`, in Unix seconds.
fn time_after(text: &str, name: &str) -> i64 {
    let (_, printed) = text.split_once(name).unwrap_or_else(|| panic!("no {name}: {text}"));
    let printed = printed.lines().next().unwrap().trim_end_matches(" GMT");
    let time = jiff::civil::DateTime::strptime("%b %e %H:%M:%S %Y", printed).unwrap_or_else(|error| panic!("{error}: {printed}"));
    jiff::tz::TimeZone::UTC.to_timestamp(time).unwrap().as_second()
}

impl Court {
    /// What gnutls says of a certificate: it asks, with a nonce of its own, and verifies.
    async fn gnutls_says(&self, certificate: &str) -> String {
        let ask = format!("--ask={}", self.ocsp_url(certificate).await);
        let [issuer, trusted] = ["--load-issuer=", "--load-trust="].map(|option| format!("{option}{}", self.file("issuing.pem")));
        let asked = format!("--load-cert={}", self.file(certificate.trim_start_matches('@')));
        let out = format!("--outfile={}", self.file("gnutls.der"));
        let ran = run("ocsptool", &[&ask, "--nonce", &issuer, &asked, &trusted, &out], b"").await;
        let text = ran.text();
        assert!(ran.succeeded && text.contains("Verifying OCSP Response: Success"), "{text}");
        let status = text.lines().find_map(|line| line.trim().strip_prefix("Certificate Status: "));
        status.unwrap_or_else(|| panic!("no status: {text}")).to_owned()
    }
}

#[tokio::test]
async fn gnutls_finds_its_nonce_again_and_believes_each_answer() {
    let court = Court::in_session().await;
    let phone = device_of(&court.phone);
    for certificate in ["@auth.pem", "@sign.pem", "@enc.pem"] {
        assert_eq!(court.gnutls_says(certificate).await, "good");
    }
    court.live.act_on_device(&phone, "suspend").await;
    assert_eq!(court.gnutls_says("@auth.pem").await, "revoked");
    court.live.act_on_device(&phone, "resume").await;
    assert_eq!(court.gnutls_says("@auth.pem").await, "good");

    // an answer that somebody kept is verified by itself, and by nobody's signer but ours
    let verify = |trusted: &str| [format!("--load-response={}", court.file("gnutls.der")), format!("--load-trust={}", court.file(trusted))];
    for (trusted, is_believed) in [("issuing.pem", true), ("sign.pem", false)] {
        let [response, trusted] = verify(trusted);
        let ran = run("ocsptool", &["--verify-response", &response, &trusted], b"").await;
        assert_eq!(ran.succeeded, is_believed, "{trusted}: {}", ran.text());
    }
    court.live.stop().await;
}

/// RFC 6960 §2.2: `unknown` is what is said of another authority's certificates, also where the serial is one of ours.
#[tokio::test]
async fn certificates_of_another_authority_are_unknown() {
    let court = Court::in_session().await;
    let [key, foreign, request] = ["foreign.key", "foreign.pem", "request.der"].map(|name| court.file(name));
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    // of the same name, under another key
    let named = ["-subj", "/O=Example Org/CN=Remint issuing CA", "-keyout", &key, "-out", &foreign];
    court.asks(&[&["req", "-x509"][..], &curve, &named].concat()).await;
    let serial = format!("0x{}", court.serial("@auth.pem").await);
    court
        .asks(&["ocsp", "-issuer", &foreign, "-serial", &serial, "-issuer", "@issuing.pem", "-cert", "@sign.pem", "-reqout", &request])
        .await;
    let url = court.ocsp_url("@auth.pem").await;
    let data = format!("@{request}");
    court.write("response.der", fetch(&["-H", "content-type: application/ocsp-request", "--data-binary", &data, &url]).await);
    let text = court.asks(&["ocsp", "-respin", "@response.der", "-resp_text", "-noverify"]).await;
    let statuses: Vec<&str> = text.lines().filter_map(|line| line.trim().strip_prefix("Cert Status: ")).collect();
    assert_eq!(statuses, ["unknown", "good"], "{text}");
    court.live.stop().await;
}
