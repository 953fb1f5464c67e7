//! Where judging is done: a running server, a phone that was issued remotely, and what it holds as files.

use std::time::Duration;

use mobile_sim::certificate::Certificate;
use mobile_sim::{DeviceKind, Phone};
use tempfile::TempDir;

use crate::support::live::Live;
use crate::support::openssl::{Ran, run, try_openssl};

pub struct Court {
    pub live: Live,
    /// The id of Ana.
    pub user: String,
    pub phone: Phone,
    folder: TempDir,
}

impl Court {
    /// Ana has a mobile smart card. In the folder: `auth.pem` and so on with their keys, `ca.pem`, and `root.pem` and `issuing.pem` each alone.
    pub async fn in_session() -> Self {
        Self::over(Live::start().await).await
    }

    /// The same, of a server that runs already.
    pub async fn over(live: Live) -> Self {
        let user = live.create_user("Ana").await;
        let phone = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
        let folder = tempfile::tempdir().unwrap();
        phone.export(folder.path(), true).unwrap();
        let court = Self { live, user, phone, folder };
        for (name, certificate) in ["issuing.pem", "root.pem"].iter().zip(court.live.world().authority.chain()) {
            court.write(name, Certificate::from_der(certificate.clone()).unwrap().pem());
        }
        court
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    /// Writes a file; gives its path.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }

    /// The files of what a phone holds, under a prefix: `new-auth.pem`.
    pub fn file_cards_of(&self, phone: &Phone, prefix: &str) {
        for (slot, certificate) in &phone.card().slots {
            self.write(&format!("{prefix}-{slot}.pem"), certificate.pem());
        }
    }

    /// Runs openssl; gives what it printed. An argument `@auth.pem` is that file of the folder.
    pub async fn asks(&self, arguments: &[&str]) -> String {
        let ran = self.tries(arguments).await;
        assert!(ran.succeeded, "openssl {}: {}", arguments.join(" "), ran.text());
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Runs openssl, however it ends.
    pub async fn tries(&self, arguments: &[&str]) -> Ran {
        let placed = arguments.iter().map(|argument| argument.strip_prefix('@').map_or((*argument).to_owned(), |name| self.file(name)));
        let placed: Vec<String> = placed.collect();
        let placed: Vec<&str> = placed.iter().map(String::as_str).collect();
        try_openssl(&placed, b"").await
    }

    /// The URL that a certificate gives for OCSP.
    pub async fn ocsp_url(&self, certificate: &str) -> String {
        self.asks(&["x509", "-noout", "-ocsp_uri", "-in", certificate]).await.trim().to_owned()
    }

    /// What OCSP says of a certificate this instant, by openssl: `good`, or `revoked: certificateHold`. The answer is verified, its nonce too.
    pub async fn ocsp(&self, certificate: &str) -> String {
        let url = self.ocsp_url(certificate).await;
        let ran = self.tries(&["ocsp", "-issuer", "@issuing.pem", "-CAfile", "@ca.pem", "-url", &url, "-cert", certificate]).await;
        status_in(&ran)
    }

    /// The URL that a certificate gives for its CRL.
    pub async fn crl_url(&self, certificate: &str) -> String {
        let text = self.asks(&["x509", "-noout", "-ext", "crlDistributionPoints", "-in", certificate]).await;
        text.split_whitespace().find_map(|word| word.strip_prefix("URI:")).expect("a distribution point").to_owned()
    }

    /// The newest CRL, fetched from where a certificate says it is, verified and as text.
    pub async fn crl(&self) -> Crl {
        let crl = self.write("current.crl", fetch(&[&self.crl_url("@auth.pem").await]).await);
        let ran = self.tries(&["crl", "-inform", "DER", "-in", &crl, "-noout", "-text", "-verify", "-CAfile", "@ca.pem"]).await;
        assert!(ran.succeeded && ran.stderr.contains("verify OK"), "{}", ran.text());
        let number = self.asks(&["crl", "-inform", "DER", "-in", &crl, "-noout", "-crlnumber"]).await;
        let number = u64::from_str_radix(number.trim().rsplit("0x").next().unwrap(), 16).unwrap();
        Crl { number, text: ran.text() }
    }

    /// Waits for a CRL that is as it should be.
    pub async fn crl_until(&self, is_so: impl Fn(&Crl) -> bool) -> Crl {
        let mut ticks = tokio::time::interval(Duration::from_millis(50));
        let waiting = async {
            loop {
                ticks.tick().await;
                let crl = self.crl().await;
                if is_so(&crl) {
                    return crl;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.expect("a CRL that is as it should be, within a minute")
    }

    /// Keeps the CRL that was fetched last, as PEM.
    pub async fn keep_crl(&self, name: &str) {
        let pem = self.asks(&["crl", "-inform", "DER", "-in", "@current.crl"]).await;
        self.write(name, pem);
    }

    /// Fetches the delta from where the newest CRL says that it is, verified, as PEM.
    pub async fn fetch_delta(&self, name: &str) {
        let text = self.crl().await.text;
        let freshest = text.split_once("X509v3 Freshest CRL").expect("a freshest CRL").1;
        let url = freshest.split_whitespace().find_map(|word| word.strip_prefix("URI:")).expect("a URL");
        let delta = self.write("delta.crl", fetch(&[url]).await);
        let ran = self.tries(&["crl", "-inform", "DER", "-in", &delta, "-noout", "-verify", "-CAfile", "@ca.pem"]).await;
        assert!(ran.succeeded && ran.stderr.contains("verify OK"), "{}", ran.text());
        let pem = self.asks(&["crl", "-inform", "DER", "-in", &delta]).await;
        self.write(name, pem);
    }

    /// That gnutls reads a list, verifies it under the issuing CA, and finds these words in it.
    pub fn gnutls_reads_crl(&self, name: &str, words: &[&str]) {
        let certtool = |arguments: &[&str]| {
            let ran = std::process::Command::new("certtool").args(arguments).output();
            let ran = ran.expect("certtool must run: install the Debian package gnutls-bin");
            let text = [ran.stdout, ran.stderr].concat();
            String::from_utf8_lossy(&text).into_owned()
        };
        let (list, issuer) = (self.file(name), self.file("issuing.pem"));
        let text = certtool(&["--crl-info", "--infile", &list]);
        for word in words {
            assert!(text.contains(word), "lacks {word:?}: {text}");
        }
        let verdict = certtool(&["--verify-crl", "--load-ca-certificate", &issuer, "--infile", &list]);
        assert!(verdict.contains("Verification output: Verified"), "{verdict}");
    }

    pub async fn serial(&self, certificate: &str) -> String {
        let printed = self.asks(&["x509", "-noout", "-serial", "-in", certificate]).await;
        printed.trim().strip_prefix("serial=").unwrap().to_owned()
    }
}

/// A CRL as openssl shows it.
#[derive(Debug)]
pub struct Crl {
    pub number: u64,
    pub text: String,
}

impl Crl {
    /// The reason that a certificate is listed with, if it is.
    pub fn reason(&self, serial: &str) -> Option<&str> {
        let entry = self.text.split("Serial Number: ").skip(1).find(|entry| entry.starts_with(serial))?;
        let mut lines = entry.lines().skip_while(|line| !line.contains("CRL Reason Code"));
        Some(lines.nth(1).map_or("none", str::trim))
    }
}

/// What an answer of OCSP says, where openssl verified it.
pub fn status_in(ran: &Ran) -> String {
    let text = ran.text();
    assert!(ran.succeeded && text.contains("Response verify OK"), "{text}");
    assert!(!text.contains("WARNING"), "{text}");
    let status = ["good", "revoked", "unknown"].into_iter().find(|status| text.contains(&format!(": {status}\n")));
    let reason = text.lines().find_map(|line| line.trim().strip_prefix("Reason: "));
    let status = status.unwrap_or_else(|| panic!("no status: {text}"));
    reason.map_or_else(|| status.to_owned(), |reason| format!("{status}: {reason}"))
}

/// GET, or what else the arguments of curl say.
pub async fn fetch(arguments: &[&str]) -> Vec<u8> {
    let ran = run("curl", &[&["--silent", "--show-error", "--fail", "--max-time", "30"], arguments].concat(), b"").await;
    assert!(ran.succeeded, "curl {}: {}", arguments.join(" "), ran.text());
    ran.stdout
}
