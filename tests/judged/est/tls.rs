//! What TLS lets in: judged by openssl's client, and by testssl.sh.

use super::plain::Plain;
use crate::support::openssl::Ran;

impl Plain {
    /// openssl's client on a listener; `words` are its options.
    async fn s_client(&self, address: &str, words: &str) -> Ran {
        let fixed = ["s_client", "-connect", address, "-CAfile", "@root.pem", "-verify_return_error"];
        self.tries("openssl", &[&fixed[..], &words.split_whitespace().collect::<Vec<_>>()].concat()).await
    }

    fn listeners(&self) -> [(&'static str, String); 3] {
        [
            ("devices", self.live.config.devices.address.clone()),
            ("desk", self.live.config.desk.address.clone()),
            ("portal", self.live.portal_address()),
        ]
    }
}

#[tokio::test]
async fn old_versions_and_weak_ciphers_are_refused_by_every_listener() {
    let plain = Plain::start().await;
    for (listener, address) in plain.listeners() {
        let weak = [
            "-tls1 -cipher ALL:@SECLEVEL=0",
            "-tls1_1 -cipher ALL:@SECLEVEL=0",
            "-tls1_2 -cipher AES128-SHA:AES256-SHA:DES-CBC3-SHA:@SECLEVEL=0",
            "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:ECDHE-RSA-AES128-SHA:@SECLEVEL=0",
            "-tls1_2 -cipher NULL:aNULL:eNULL:@SECLEVEL=0",
        ];
        for words in weak {
            let ran = plain.s_client(&address, words).await;
            let refused = ran.text().contains("SSL alert number") || ran.text().contains("no protocols available");
            assert!(refused && ran.text().contains("no peer certificate available"), "{listener} {words}: {}", ran.text());
        }
        let good = plain.s_client(&address, "-tls1_3").await;
        assert!(good.text().contains("Verify return code: 0 (ok)"), "{listener}: {}", good.text());
        let older = plain.s_client(&address, "-tls1_2").await;
        assert_eq!(!older.text().contains("Cipher is (NONE)"), listener == "devices", "{listener}: {}", older.text());
    }
    plain.live.stop().await;
}

#[tokio::test]
async fn renegotiation_and_resumption_are_refused() {
    let plain = Plain::start().await;
    let address = plain.live.config.devices.address.clone();
    // the letter R on a line of its own asks for renegotiation
    let arguments = ["s_client", "-connect", &address, "-CAfile", &plain.file("root.pem"), "-tls1_2", "-msg"];
    let ran = crate::support::openssl::run("openssl", &arguments, b"R\n").await;
    assert!(ran.text().contains("RENEGOTIATING"), "{}", ran.text());
    let (_, after) = ran.text().split_once("RENEGOTIATING").map(|(before, after)| (before.to_owned(), after.to_owned())).unwrap();
    assert!(!after.contains("<<< TLS 1.2, Handshake [length 0"), "{after}");
    assert!(after.contains("no_renegotiation") || after.contains("no renegotiation"), "{after}");
    let again = plain.s_client(&address, "-tls1_2 -reconnect").await;
    assert!(!again.text().contains("Reused, TLS"), "{}", again.text());
    plain.live.stop().await;
}

/// TLS lets anybody in who holds the key of a certificate; who it is, is judged on every request.
#[tokio::test]
async fn a_foreign_client_certificate_reaches_nothing() {
    let plain = Plain::start().await;
    let foreign = [
        "req",
        "-x509",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=Omar",
        "-keyout",
        "@f.key",
        "-out",
        "@f.pem",
    ];
    plain.does("openssl", &foreign).await;
    plain.key_and_request("own").await;
    let before = plain.live.record().await;
    let desk = format!("https://{}/api/users", plain.live.config.desk.address);
    let devices = plain.url("/.well-known/est/auth/simpleenroll");
    for (url, more) in [(&desk, &[][..]), (&devices, &["--data-binary", "@@own.csr", "-H", "Content-Type: application/pkcs10"])] {
        let fixed = ["-s", "-w", " %{http_code}", "--cacert", "@root.pem", "--cert", "@f.pem", "--key", "@f.key", url.as_str()];
        let said = String::from_utf8(plain.does("curl", &[&fixed[..], more].concat()).await).unwrap();
        assert!(said.contains("wrong-certificate") && said.ends_with(" 403"), "{said}");
    }
    let none = plain.s_client(&plain.live.config.desk.address.clone(), "-tls1_3 -ign_eof").await;
    assert!(none.text().contains("certificate required"), "{}", none.text());
    assert_eq!(plain.live.record().await, before);
    plain.live.stop().await;
}

#[tokio::test]
async fn testssl_finds_nothing_that_matters() {
    let plain = Plain::start().await;
    for (listener, address) in plain.listeners() {
        let found = plain.file(&format!("{listener}.json"));
        let arguments = [
            "--quiet",
            "--color",
            "0",
            "--warnings",
            "off",
            "--protocols",
            "--std",
            "--renegotiation",
            "--crime",
            "--heartbleed",
            "--jsonfile",
            &found,
            "--severity",
            "LOW",
            &address,
        ];
        let ran = plain.tries("testssl", &arguments).await;
        let found: serde_json::Value =
            serde_json::from_slice(&std::fs::read(&found).unwrap()).unwrap_or_else(|error| panic!("{error}: {}", ran.text()));
        let grave: Vec<String> = found
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| ["MEDIUM", "HIGH", "CRITICAL"].contains(&finding["severity"].as_str().unwrap_or_default()))
            .map(ToString::to_string)
            .collect();
        assert!(grave.is_empty(), "{listener}: {grave:#?}");
        assert!(ran.text().contains("TLS 1.3"), "{listener}: {}", ran.text());
    }
    plain.live.stop().await;
}
