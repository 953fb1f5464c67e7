//! EST as other clients will meet it: media types, one line of base64, PKCS#7 that openssl reads, and a 401 that burns nothing.

use mobile_sim::wire::{Client, Reply};

use crate::court::Court;
use crate::support::device::DeviceKey;
use crate::support::live::Live;
use crate::support::openssl::openssl;
use crate::support::wire_device::{WireDevice, est};

/// The certificates of a body, as openssl lists their subjects.
async fn subjects(body: &[u8]) -> Vec<String> {
    let der = openssl(&["base64", "-d", "-A"], body).await;
    let printed = openssl(&["pkcs7", "-inform", "DER", "-print_certs", "-noout"], &der).await;
    let printed = String::from_utf8(printed).unwrap();
    printed.lines().filter_map(|line| line.strip_prefix("subject=")).map(str::to_owned).collect()
}

/// What strongSwan, libest and curl need: a length, one line, and a final newline.
fn is_one_line_of_base64(reply: &Reply, content_type: &str) {
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-type"), Some(content_type));
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    assert_eq!(reply.header("transfer-encoding"), None);
    assert_eq!(reply.header("content-transfer-encoding"), Some("base64"));
    let text = reply.text();
    let line = text.strip_suffix('\n').expect("a final newline");
    assert!(line.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)), "{text}");
}

#[tokio::test]
async fn the_ca_chain_is_the_issuing_ca_and_then_the_root() {
    let court = Court::in_session().await;
    let reply = court.live.device(None).get("/.well-known/est/cacerts").await.unwrap();
    is_one_line_of_base64(&reply, "application/pkcs7-mime");
    assert_eq!(subjects(&reply.body).await, ["O = Example Org, CN = Remint issuing CA", "O = Example Org, CN = Remint root CA"]);
    court.live.stop().await;
}

#[tokio::test]
async fn enrollment_answers_with_the_new_certificate_alone() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let wanted = device.bootstrap.get("/.well-known/est/auth/csrattrs").await.unwrap();
    is_one_line_of_base64(&wanted, "application/csrattrs");
    let reply = device.enroll("auth", &DeviceKey::generate().csr(None)).await;
    is_one_line_of_base64(&reply, "application/pkcs7-mime; smime-type=certs-only");
    assert_eq!(subjects(&reply.body).await, ["O = Example Org, CN = Ana Ruiz, UID = ana@corp.example.org"]);
    live.stop().await;
}

/// Both parts are base64 on one line, under the media types of RFC 7030 §4.4.2.
#[tokio::test]
async fn a_server_made_key_comes_in_two_parts() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let reply = device.collect(&device.transport_key.transport_csr()).await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    let boundary = reply.header("content-type").unwrap().strip_prefix("multipart/mixed; boundary=").unwrap().to_owned();
    let text = reply.text();
    let parts: Vec<&str> = text.split(&format!("--{boundary}")).collect();
    let ["", key, certificate, "--\r\n"] = parts[..] else { panic!("not two parts: {text}") };
    let body = |part: &str, kind: &str| {
        let (head, body) = part.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Type: application/pkcs7-mime; smime-type={kind}")), "{head}");
        assert!(head.contains("Content-Transfer-Encoding: base64"), "{head}");
        body.trim_end().to_owned()
    };
    let (key, certificate) = (body(key, "server-generated-key"), body(certificate, "certs-only"));
    assert_eq!(subjects(certificate.as_bytes()).await, ["O = Example Org, CN = Ana Ruiz, UID = ana@corp.example.org"]);

    let der = openssl(&["base64", "-d", "-A"], key.as_bytes()).await;
    let shown = String::from_utf8(openssl(&["cms", "-cmsout", "-print", "-noout", "-inform", "DER"], &der).await).unwrap();
    let words = ["pkcs7-envelopedData", "dhSinglePass-stdDH-sha256kdf-scheme", "rKeyId", "aes-256-cbc"];
    for word in words {
        assert!(shown.contains(word), "lacks {word:?}:\n{shown}");
    }
    live.stop().await;
}

/// libest always sends a first request without credentials, and waits to be asked.
#[tokio::test]
async fn an_unauthenticated_post_is_asked_for_credentials_and_burns_nothing() {
    let live = Live::start().await;
    let (device, _) = WireDevice::of_new_user(&live, "Ana").await;
    let (before, nobody) = (live.record().await, live.device(None));
    let key = DeviceKey::generate();
    asked_for_credentials(&nobody, "auth/simpleenroll", &key.csr(None)).await;
    asked_for_credentials(&nobody, "enc/serverkeygen", &device.transport_key.transport_csr()).await;
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    assert_eq!(device.enroll("auth", &key.csr(None)).await.status, 200, "the same request, authenticated");
    live.stop().await;
}

async fn asked_for_credentials(nobody: &Client, operation: &str, csr: &[u8]) {
    let reply = est(nobody, operation, csr).await;
    assert_eq!(reply.status, 401, "{operation}: {}", reply.text());
    assert_eq!(reply.header("www-authenticate"), Some("Basic realm=\"remint\""), "{operation}");
}
