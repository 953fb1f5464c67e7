//! What relying parties are told of a certificate, by OCSP and CRL, while its device is lost, found, and replaced.

use mobile_sim::{DeviceKind, Faults, Outcome};

use crate::court::{Court, fetch, status_in};
use crate::support::live::device_of;

const SLOTS: [&str; 3] = ["@auth.pem", "@sign.pem", "@enc.pem"];

impl Court {
    async fn ocsp_says(&self, expected: &str, certificates: &[&str]) {
        for certificate in certificates {
            assert_eq!(self.ocsp(certificate).await, expected, "{certificate}");
        }
    }
}

/// Each answer is asked for once, right after the operator's or the phone's: it is never a moment behind.
#[tokio::test]
async fn ocsp_tells_what_was_decided_a_moment_ago() {
    let court = Court::in_session().await;
    let (live, phone) = (&court.live, device_of(&court.phone));
    court.ocsp_says("good", &SLOTS).await;

    let request = live.submit(&phone, "lost").await;
    court.ocsp_says("revoked: certificateHold", &SLOTS).await;
    live.cancel(&request.request).await;
    court.ocsp_says("good", &SLOTS).await;

    let request = live.submit(&phone, "lost").await;
    let (signed, outcome) = live.issue_until(&request, DeviceKind::MobileSmartCard, &Faults::until_signed()).await;
    assert_eq!(outcome, Outcome::Signed);
    court.file_cards_of(&signed, "new");
    let new = ["@new-auth.pem", "@new-sign.pem", "@new-enc.pem"];
    court.ocsp_says("revoked: certificateHold", &new).await;
    court.ocsp_says("revoked: certificateHold", &SLOTS).await;

    let mut signed = signed;
    let facts = crate::support::live::facts(DeviceKind::MobileSmartCard);
    let outcome = signed.issue(&request.invitation(), None, &facts, &Faults::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Issued);
    court.ocsp_says("good", &new).await;
    court.ocsp_says("revoked: keyCompromise", &SLOTS).await;
    court.live.stop().await;
}

#[tokio::test]
async fn the_crl_lists_what_is_held_or_revoked_and_its_number_rises() {
    let court = Court::in_session().await;
    let (live, phone) = (&court.live, device_of(&court.phone));
    let mut serials = Vec::new();
    for certificate in SLOTS {
        serials.push(court.serial(certificate).await);
    }
    let all_are = |expected: Option<&'static str>| {
        let serials = serials.clone();
        move |crl: &crate::court::Crl| serials.iter().all(|serial| crl.reason(serial) == expected)
    };
    let first = court.crl_until(all_are(None)).await;

    let request = live.submit(&phone, "lost").await;
    let held = court.crl_until(all_are(Some("Certificate Hold"))).await;
    live.cancel(&request.request).await;
    let released = court.crl_until(all_are(None)).await;

    let request = live.submit(&phone, "lost").await;
    live.issue_until(&request, DeviceKind::MobileSmartCard, &Faults::default()).await;
    let ended = court.crl_until(all_are(Some("Key Compromise"))).await;
    let numbers = [&first, &held, &released, &ended].map(|crl| crl.number);
    assert!(numbers.is_sorted_by(|earlier, later| earlier < later), "{numbers:?}");

    let pem = court.asks(&["crl", "-inform", "DER", "-in", "@current.crl"]).await;
    court.write("crl.pem", pem);
    let with_crl = ["verify", "-x509_strict", "-crl_check", "-CAfile", "@ca.pem", "-CRLfile", "@crl.pem", "@auth.pem"];
    let ran = court.tries(&with_crl).await;
    assert!(!ran.succeeded && ran.stderr.contains("certificate revoked"), "{}", ran.text());
    court.live.stop().await;
}

/// Whoever has yesterday's list and the newest delta knows what whoever asks now is told.
#[tokio::test]
async fn a_delta_brings_an_older_crl_up_to_date() {
    let court = Court::in_session().await;
    let (live, phone) = (&court.live, device_of(&court.phone));
    let serial = court.serial("@auth.pem").await;
    let first = court.crl_until(|crl| crl.reason(&serial).is_none()).await;
    court.keep_crl("first.pem").await;
    let verify = ["verify", "-x509_strict", "-crl_check", "-extended_crl", "-use_deltas", "-CAfile", "@ca.pem", "-CRLfile"];

    let request = live.submit(&phone, "lost").await;
    let held = court.crl_until(|crl| crl.reason(&serial).is_some()).await;
    court.keep_crl("held.pem").await;
    court.fetch_delta("delta.pem").await;
    let ran = court.tries(&[&verify[..], &["@first.pem", "-CRLfile", "@delta.pem", "@auth.pem"]].concat()).await;
    assert!(!ran.succeeded && ran.stderr.contains("certificate revoked"), "{}", ran.text());
    court.gnutls_reads_crl("first.pem", &["CRL Number"]);
    court.gnutls_reads_crl("held.pem", &["Revoked certificates", &serial.to_lowercase()]);

    live.cancel(&request.request).await;
    let released = court.crl_until(|crl| crl.reason(&serial).is_none()).await;
    assert!(first.number < held.number && held.number < released.number);
    court.fetch_delta("delta.pem").await;
    let ran = court.tries(&[&verify[..], &["@held.pem", "-CRLfile", "@delta.pem", "@auth.pem"]].concat()).await;
    assert!(ran.succeeded, "{}", ran.text());
    court.live.stop().await;
}

#[tokio::test]
async fn ocsp_does_not_know_a_serial_that_was_never_given() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let serial = "0x4123456789ABCDEF0123456789ABCDEF01234567";
    let ran = court.tries(&["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-url", &url, "-serial", serial]).await;
    assert_eq!(status_in(&ran), "unknown");
    court.live.stop().await;
}

/// RFC 6960 appendix A.1.1: the base64 of the request, percent-encoded, behind the URL.
#[tokio::test]
async fn ocsp_answers_a_get_as_well() {
    let court = Court::in_session().await;
    let url = court.ocsp_url("@auth.pem").await;
    let request = court.file("request.der");
    court.asks(&["ocsp", "-issuer", "@issuing.pem", "-cert", "@auth.pem", "-no_nonce", "-reqout", &request]).await;
    let base64 = court.asks(&["base64", "-A", "-in", &request]).await;
    let encoded = base64.trim().replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    for path in [encoded.as_str(), base64.trim()] {
        court.write("response.der", fetch(&[&format!("{url}/{path}")]).await);
        let read = ["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-no_nonce", "-respin", "@response.der", "-cert", "@auth.pem"];
        assert_eq!(status_in(&court.tries(&read).await), "good", "{path}");
    }
    court.live.stop().await;
}

/// RFC 6960 §4.2.2.2: it may answer for the CA, and nobody has to ask whether it is revoked itself.
#[tokio::test]
async fn the_signer_of_ocsp_is_delegated() {
    let court = Court::in_session().await;
    let (url, response) = (court.ocsp_url("@auth.pem").await, court.file("response.der"));
    let ask = ["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-url", &url, "-cert", "@auth.pem", "-respout", &response];
    assert_eq!(status_in(&court.tries(&ask).await), "good");
    let text = court.asks(&["ocsp", "-respin", &response, "-resp_text", "-noverify"]).await;
    for words in ["OCSP Response Status: successful", "OCSP Signing", "OCSP No Check", "OCSP Nonce"] {
        assert!(text.contains(words), "lacks {words:?}:\n{text}");
    }
    let pem = text.split_once("-----BEGIN CERTIFICATE-----").map(|(_, pem)| format!("-----BEGIN CERTIFICATE-----{pem}")).unwrap();
    court.write("signer.pem", pem);
    court.asks(&["verify", "-x509_strict", "-purpose", "ocsphelper", "-CAfile", "@ca.pem", "@signer.pem"]).await;
    court.live.stop().await;
}
