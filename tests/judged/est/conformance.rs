//! RFC 7030 as clarified by RFC 8951, with curl and openssl: what goes in, what comes out, and what is refused and burns nothing.

use super::plain::{Plain, name_and_password};
use crate::support::live::Live;

/// An answer as curl shows it.
struct Answer {
    status: String,
    /// In lower case.
    head: String,
    body: Vec<u8>,
}

impl Answer {
    fn has(&self, line: &str) -> bool {
        self.head.lines().any(|header| header.trim_end() == line)
    }
}

impl Plain {
    async fn curl(&self, arguments: &[&str]) -> Answer {
        let fixed = ["-s", "--cacert", "@root.pem", "-D", "@head", "-o", "@body", "-w", "%{http_code}", "--http1.1"];
        let _ = std::fs::remove_file(self.file("body"));
        let status = self.does("curl", &[&fixed[..], arguments].concat()).await;
        let head = String::from_utf8(self.read("head")).unwrap().to_lowercase();
        let body = std::fs::read(self.file("body")).unwrap_or_default();
        Answer { status: String::from_utf8(status).unwrap(), head, body }
    }

    /// A key and a request for it, base64 as openssl writes it: lines of 64 characters.
    pub async fn key_and_request(&self, name: &str) {
        let (key, csr) = (format!("@{name}.key"), format!("@{name}.csr"));
        let new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/", "-keyout"];
        self.does("openssl", &[&new[..], &[&key, "-outform", "DER", "-out", "@der"]].concat()).await;
        self.does("openssl", &["base64", "-in", "@der", "-out", &csr]).await;
    }

    /// What was enrolled, as PEM; openssl reads it.
    async fn keeps(&self, answer: &Answer, name: &str) {
        assert_eq!(answer.status, "200", "{}", String::from_utf8_lossy(&answer.body));
        self.does("openssl", &["base64", "-d", "-A", "-in", "@body", "-out", "@p7"]).await;
        self.does("openssl", &["pkcs7", "-inform", "DER", "-in", "@p7", "-print_certs", "-out", &format!("@{name}.pem")]).await;
    }

    async fn attempts_left(&self) -> u32 {
        let user = self.user.parse().unwrap();
        let held = self.live.world().store.holdings(user).await.unwrap().unwrap().holdings;
        held.tickets.values().next().unwrap().attempts_left
    }
}

const PKCS10: [&str; 2] = ["-H", "Content-Type: application/pkcs10"];

#[tokio::test]
async fn curl_and_openssl_take_a_phone_from_the_invitation_to_the_active_device_under_every_form_of_the_path() {
    let plain = Plain::start().await;
    let invited = plain.invite().await;
    for name in ["boot", "auth", "sign"] {
        plain.key_and_request(name).await;
    }
    // without a label and without a certificate: the session
    let url = plain.url("/.well-known/est/simpleenroll");
    let credentials = name_and_password(&invited);
    let boot = [&PKCS10[..], &["-u", &credentials, "--data-binary", "@@boot.csr", &url]].concat();
    let answer = plain.curl(&boot).await;
    assert!(answer.has("content-type: application/pkcs7-mime; smime-type=certs-only"), "{}", answer.head);
    assert!(answer.has("content-transfer-encoding: base64") && answer.has(&format!("content-length: {}", answer.body.len())));
    plain.keeps(&answer, "boot").await;
    // sent again: the same certificate's content, the same session
    assert_eq!(plain.curl(&boot).await.status, "200");

    // without a label, by the certificate of the session: auth; chunked
    let chunked = ["-H", "Transfer-Encoding: chunked", "--cert", "@boot.pem", "--key", "@boot.key", "--data-binary", "@@auth.csr", &url];
    let answer = plain.curl(&[&PKCS10[..], &chunked].concat()).await;
    assert!(!answer.head.contains("transfer-encoding: chunked"), "{}", answer.head);
    plain.keeps(&answer, "auth").await;

    // the label where RFC 7030 puts it, by the new auth; white space of every kind, and no media type
    let spaced = String::from_utf8(plain.read("sign.csr")).unwrap().replace('\n', " \r\n\t ");
    plain.write("spaced", spaced);
    let (data, url) = ("@@spaced", plain.url("/.well-known/est/sign/simpleenroll"));
    let answer = plain.curl(&["-H", "Content-Type:", "--cert", "@auth.pem", "--key", "@auth.key", "--data-binary", data, &url]).await;
    plain.keeps(&answer, "sign").await;
    assert_eq!(plain.state().await, "active");
    assert_eq!(plain.live.faults().await, Vec::<String>::new());
    plain.live.stop().await;
}

#[tokio::test]
async fn only_a_wrong_secret_is_an_attempt() {
    let plain = Plain::start().await;
    let invited = plain.invite().await;
    plain.key_and_request("boot").await;
    let (data, url) = ("@@boot.csr", plain.url("/.well-known/est/boot/simpleenroll"));
    let right = name_and_password(&invited);
    let (name, password) = right.split_once(':').unwrap();
    let wrong_secret = format!("{name}:{}", password.replacen(|c: char| c != 'A', "A", 1));
    let nobody = format!("{}:{password}", "A".repeat(22));
    let before = plain.attempts_left().await;
    for credentials in [None, Some("ana:secret"), Some(":"), Some(nobody.as_str())] {
        let user = credentials.map_or(vec![], |credentials| vec!["-u", credentials]);
        let answer = plain.curl(&[&PKCS10[..], &user, &["--data-binary", data, &url]].concat()).await;
        assert_eq!(answer.status, "401", "{credentials:?}");
        assert!(answer.has("www-authenticate: basic realm=\"remint\""), "{}", answer.head);
        assert_eq!(plain.attempts_left().await, before, "{credentials:?}");
    }
    let answer = plain.curl(&[&PKCS10[..], &["-u", &wrong_secret, "--data-binary", data, &url]].concat()).await;
    assert_eq!((answer.status.as_str(), plain.attempts_left().await), ("401", before - 1));
    let answer = plain.curl(&[&PKCS10[..], &["-u", &right, "--data-binary", data, &url]].concat()).await;
    assert_eq!(answer.status, "200");
    plain.live.stop().await;
}

#[tokio::test]
async fn what_is_no_est_is_refused_with_the_status_that_says_why() {
    let plain = Plain::start().await;
    let known = plain.url("/.well-known/est/cacerts");
    let head = plain.curl(&["-I", &known]).await;
    assert!(head.status == "200" && head.has("content-type: application/pkcs7-mime"), "{}", head.head);
    let options = plain.curl(&["-X", "OPTIONS", &known]).await;
    assert_eq!(options.status, "405");
    assert!(options.has("allow: get,head"), "{}", options.head);
    let post = plain.curl(&["-X", "PUT", &plain.url("/.well-known/est/auth/simpleenroll")]).await;
    assert!(post.status == "405" && post.has("allow: post"), "{}", post.head);
    for path in ["/.well-known/est/printer/cacerts", "/.well-known/est/printer/simpleenroll", "/printer/.well-known/est/csrattrs"] {
        let method = if path.ends_with("enroll") { "POST" } else { "GET" };
        let answer = plain.curl(&["-X", method, &plain.url(path)]).await;
        assert_eq!(answer.status, "404", "{path}");
    }
    plain.key_and_request("boot").await;
    plain.write("huge", vec![b'A'; 70 * 1024]);
    let (url, credentials) = (plain.url("/.well-known/est/boot/simpleenroll"), name_and_password(&plain.invite().await));
    let send = async |media: &str, data: &str| {
        let media = format!("Content-Type: {media}");
        plain.curl(&["-H", &media, "-H", "Expect:", "-u", &credentials, "--data-binary", data, &url]).await.status
    };
    assert_eq!(send("text/plain", "@@boot.csr").await, "415");
    assert_eq!(send("application/pkcs10", "@@huge").await, "413");
    assert_eq!(send("application/pkcs10", "!!!").await, "400");
    assert_eq!(send("application/pkcs10", "@@boot.csr").await, "200");
    plain.live.stop().await;
}

#[tokio::test]
async fn a_policy_that_does_not_know_plain_clients_keeps_them_out() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let invited = live.initial(&user, mobile_sim::DeviceKind::MobileSmartCard).await;
    let before = live.record().await;
    let url = format!("https://{}/.well-known/est/boot/simpleenroll", live.config.devices.address);
    let root = live.folder.path().join("root.pem");
    std::fs::write(&root, &live.root).unwrap();
    let credentials = name_and_password(&invited);
    let arguments =
        ["-s", "--cacert", root.to_str().unwrap(), "-u", &credentials, "-H", "Content-Type: application/pkcs10", "-d", "AAAA", &url];
    let said = crate::support::openssl::run("curl", &arguments, b"").await.text();
    assert!(said.starts_with("not-permitted: "), "{said}");
    assert_eq!(live.record().await, before);
    live.stop().await;
}
