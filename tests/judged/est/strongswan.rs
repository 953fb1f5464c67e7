//! strongSwan's `pki`: TLS 1.2, base64 without line breaks. It alone takes a phone from its invitation to its renewal.

use super::plain::{Plain, name_and_password};

impl Plain {
    /// A key of strongSwan's, and a request for it.
    async fn requests(&self, name: &str) {
        let key = self.does("pki", &["--gen", "--type", "ecdsa", "--size", "256", "--outform", "pem"]).await;
        self.write(&format!("{name}.key"), key);
        let arguments = ["--req", "--in", &format!("@{name}.key"), "--type", "ecdsa", "--dn", "CN=Ana Ruiz", "--outform", "pem"];
        let request = self.does("pki", &arguments).await;
        self.write(&format!("{name}.csr"), request);
    }

    /// `pki --est`: with name and password, or with an old certificate and its key.
    async fn enrolls(&self, label: &str, name: &str, shown: &[&str]) {
        let (url, csr) = (self.url(&format!("/{label}")), format!("@{name}.csr"));
        let arguments = ["--est", "--url", &url, "--in", &csr, "--cacert", "@root.pem", "--cacert", "@issuing.pem", "--outform", "pem"];
        let certificate = self.does("pki", &[&arguments[..], shown].concat()).await;
        self.write(&format!("{name}.pem"), certificate);
    }

    async fn has_of(&self, name: &str, key: &str) {
        let of = |kind, file: String| {
            ["--pub", "--type", kind, "--outform", "pem", "--in"].map(str::to_owned).into_iter().chain([file]).collect::<Vec<_>>()
        };
        let by = async |arguments: Vec<String>| self.does("pki", &arguments.iter().map(String::as_str).collect::<Vec<_>>()).await;
        assert_eq!(by(of("x509", format!("@{name}.pem"))).await, by(of("ecdsa", format!("@{key}.key"))).await);
    }
}

/// What openssl says of a certificate's status by OCSP.
async fn status(plain: &Plain, name: &str) -> String {
    let url = plain.live.config.status.url.clone();
    let certificate = format!("@{name}.pem");
    let arguments = ["ocsp", "-issuer", "@issuing.pem", "-cert", &certificate, "-url", &url, "-CAfile", "@root.pem", "-no_nonce"];
    let url = format!("{url}/ocsp");
    let arguments = arguments.map(|argument| if argument.starts_with("http://") { url.as_str() } else { argument });
    let said = plain.does("openssl", &arguments).await;
    let said = String::from_utf8(said).unwrap();
    said.lines().next().unwrap().rsplit(": ").next().unwrap().to_owned()
}

#[tokio::test]
async fn strongswan_alone_takes_a_phone_from_the_invitation_to_the_active_device_and_renews_its_certificate() {
    let plain = Plain::start().await;
    let invited = plain.invite().await;

    // the chain, by `--estca`: the first CA certificate by its name, the others beside it
    plain.does("pki", &["--estca", "--url", &plain.url(""), "--cacert", "@root.pem", "--caout", "@ca.pem", "--outform", "pem"]).await;
    plain.write("issuing.pem", plain.read("ca-1.pem"));
    plain.does("openssl", &["verify", "-CAfile", "@root.pem", "@issuing.pem"]).await;

    // the bare secret, for a certificate of the session; then each slot by the certificate before it
    for name in ["boot", "auth", "sign", "newer", "newest"] {
        plain.requests(name).await;
    }
    plain.enrolls("boot", "boot", &["--userpass", &name_and_password(&invited)]).await;
    plain.enrolls("auth", "auth", &["--cert", "@boot.pem", "--key", "@boot.key"]).await;
    assert_eq!(status(&plain, "auth").await, "revoked", "on hold until the device has confirmed");
    assert_eq!(plain.state().await, "assigned");
    plain.enrolls("sign", "sign", &["--cert", "@auth.pem", "--key", "@auth.key"]).await;
    assert_eq!(plain.state().await, "active");
    for name in ["auth", "sign"] {
        plain.has_of(name, name).await;
        plain.does("openssl", &["verify", "-CAfile", "@root.pem", "-untrusted", "@issuing.pem", &format!("@{name}.pem")]).await;
        assert_eq!(status(&plain, name).await, "good");
    }

    // what was answered and lost is answered again
    plain.enrolls("sign", "sign", &["--cert", "@auth.pem", "--key", "@auth.key"]).await;

    // renewal: the new one is good, the old one is superseded; asked again with the old one, the same certificate
    plain.enrolls("auth", "newer", &["--cert", "@auth.pem", "--key", "@auth.key"]).await;
    plain.has_of("newer", "newer").await;
    assert_eq!([status(&plain, "newer").await, status(&plain, "auth").await], ["good", "revoked"]);
    let newer = plain.read("newer.pem");
    plain.enrolls("auth", "newer", &["--cert", "@auth.pem", "--key", "@auth.key"]).await;
    assert_eq!(plain.read("newer.pem"), newer);

    // the superseded one renews nothing else; the new one does
    let url = plain.url("/auth");
    let arguments = ["--est", "--url", &url, "--in", "@newest.csr", "--cacert", "@root.pem", "--cacert", "@issuing.pem"];
    let refused = plain.tries("pki", &[&arguments[..], &["--cert", "@auth.pem", "--key", "@auth.key"]].concat()).await;
    assert!(!refused.succeeded, "{}", refused.text());
    plain.enrolls("auth", "newest", &["--cert", "@newer.pem", "--key", "@newer.key"]).await;
    assert_eq!(status(&plain, "newest").await, "good");

    assert_eq!(plain.live.faults().await, Vec::<String>::new());
    let opened = plain.live.audit().await.into_iter().find(|line| line.act == "open-session").unwrap();
    assert_eq!(opened.details["assurance"], "plain");
    plain.live.stop().await;
}
