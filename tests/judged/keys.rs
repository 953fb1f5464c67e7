//! The keys: those on the phone are those of the certificates, and what was encrypted to a lost phone's key is read by the new one. And the
//! receipt, which proves what the phone confirmed.

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use mobile_sim::{DeviceKind, Faults};
use serde_json::Value;

use crate::court::Court;
use crate::support::live::{device_of, text};
use crate::support::openssl::openssl;

/// For `enc` this is what CMS brought: the server made the key, and wrapped it to the phone.
#[tokio::test]
async fn every_key_on_the_phone_is_that_of_its_certificate() {
    let court = Court::in_session().await;
    for slot in ["auth", "sign", "enc"] {
        let held = court.asks(&["pkey", "-pubout", "-in", &format!("@{slot}.key.pem")]).await;
        let certified = court.asks(&["x509", "-noout", "-pubkey", "-in", &format!("@{slot}.pem")]).await;
        assert_eq!(held, certified, "{slot}");
    }
    court.live.stop().await;
}

#[tokio::test]
async fn mail_to_the_lost_phone_is_read_by_the_new_one() {
    let court = Court::in_session().await;
    let letter = "Dear Ana, this must not get lost.";
    let (plain, sealed) = (court.write("letter.txt", letter), court.file("letter.p7m"));
    let encrypt = ["cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", &plain, "-out", &sealed];
    court.asks(&[&encrypt[..], &["-recip", "@enc.pem", "-keyopt", "ecdh_kdf_md:sha256"]].concat()).await;

    let request = court.live.submit(&device_of(&court.phone), "lost").await;
    let (new, _) = court.live.issue_until(&request, DeviceKind::MobileSmartCard, &Faults::default()).await;
    let envelope = std::fs::read(&sealed).unwrap();
    assert_eq!(new.decrypt(&envelope).unwrap().as_slice(), letter.as_bytes());
    assert_ne!(new.card().certificate("enc"), court.phone.card().certificate("enc"), "a key of its own for what is written from now on");
    court.live.stop().await;
}

#[tokio::test]
async fn the_receipt_is_signed_by_a_certificate_of_the_house() {
    let court = Court::in_session().await;
    let [receipt] = court.phone.receipts() else { panic!("not one receipt") };
    let (signed, signature) = receipt.rsplit_once('.').unwrap();
    let (header, claims) = signed.split_once('.').unwrap();
    let read = |part: &str| -> Value { serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap() };
    let (header, claims) = (read(header), read(claims));
    assert_eq!(header["alg"], "ES256");

    let signer = BASE64_STANDARD.decode(text(&header["x5c"][0])).unwrap();
    court.write("signer.pem", openssl(&["x509", "-inform", "DER"], &signer).await);
    court.asks(&["verify", "-x509_strict", "-CAfile", "@root.pem", "-untrusted", "@issuing.pem", "@signer.pem"]).await;
    let key = court.asks(&["x509", "-noout", "-pubkey", "-in", "@signer.pem"]).await;
    court.write("signer.pub", key);
    court.write("receipt.txt", signed);
    court.write("receipt.sig", der_signature(&BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap()));
    let verify = ["dgst", "-sha256", "-verify", "@signer.pub", "-signature", "@receipt.sig", "@receipt.txt"];
    assert!(court.asks(&verify).await.contains("Verified OK"));
    court.write("receipt.txt", signed.replacen('a', "b", 1));
    assert!(!court.tries(&verify).await.succeeded, "an altered receipt");

    assert_eq!(claims["device"], device_of(&court.phone));
    assert_eq!(claims["user"], court.user);
    for slot in ["auth", "sign", "enc"] {
        let listed = claims["slots"].as_array().unwrap().iter().find(|listed| listed["slot"] == slot).expect("every slot");
        assert_eq!(listed["serial"], court.serial(&format!("@{slot}.pem")).await, "{slot}");
    }
    court.live.stop().await;
}

/// JOSE writes a signature as r and s, 32 bytes each (RFC 7518 §3.4); openssl reads the DER of RFC 3279 §2.2.3.
fn der_signature(raw: &[u8]) -> Vec<u8> {
    let integer = |bytes: &[u8]| {
        let digits: Vec<u8> = bytes.iter().copied().skip_while(|byte| *byte == 0).collect();
        let sign = if digits.first().is_none_or(|first| first & 0x80 != 0) { &[0][..] } else { &[] };
        let length = u8::try_from(sign.len() + digits.len()).unwrap();
        [&[2, length], sign, &digits].concat()
    };
    let (r, s) = raw.split_at(32);
    let both = [integer(r), integer(s)].concat();
    [&[0x30, u8::try_from(both.len()).unwrap()], both.as_slice()].concat()
}
