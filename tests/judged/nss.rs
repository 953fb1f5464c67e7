//! NSS, the library of Firefox and Thunderbird, judges the card of a TLS client: by OCSP alone, and by CRL alone.

use mobile_sim::{DeviceKind, Faults};

use crate::court::Court;
use crate::support::live::device_of;
use crate::support::openssl::run;

/// What NSS goes by. Either way no answer is a no.
#[derive(Clone, Copy)]
enum By {
    /// A fresh answer each time.
    Ocsp,
    /// The list in its database.
    Crl,
}

impl Court {
    /// Whether NSS, which trusts the root, takes a certificate of a TLS client.
    async fn nss_accepts(&self, certificate: &str, by: By) -> bool {
        let method: &[&str] = match by {
            By::Ocsp => &["-h", "requireFreshInfo", "-m", "ocsp", "-s", "requireInfo,failIfNoInfo"],
            By::Crl => &["-m", "crl", "-s", "requireInfo,failIfNoInfo"],
        };
        let (database, certificate) = (self.nss(), self.file(certificate));
        let words = [&["-d", &database, "-pp", "-u", "0", "-g", "leaf"], method, &["-a", &certificate]].concat();
        let ran = run("vfychain", &words, b"").await;
        let text = ran.text();
        match ran.succeeded {
            true => assert!(text.contains("Chain is good!"), "{text}"),
            false => assert!(text.contains("Peer's Certificate has been revoked."), "{text}"),
        }
        ran.succeeded
    }

    /// The database of NSS.
    fn nss(&self) -> String {
        format!("sql:{}", self.file("nss"))
    }

    async fn nss_trusts_the_root(&self) {
        std::fs::create_dir(self.file("nss")).unwrap();
        let root = ["-A", "-n", "root", "-t", "CT,C,C", "-i", &self.file("root.pem")];
        let issuing = ["-A", "-n", "issuing", "-t", ",,", "-i", &self.file("issuing.pem")];
        for words in [&["-N", "--empty-password"][..], &root, &issuing] {
            self.in_nss("certutil", words).await;
        }
    }

    /// NSS verifies the list that was fetched last, and keeps it. It would keep the one before, if both are of one second; so that goes first.
    async fn nss_imports_the_crl(&self) {
        if self.in_nss("crlutil", &["-L"]).await.contains("issuing") {
            self.in_nss("crlutil", &["-D", "-n", "issuing", "-t", "1"]).await;
        }
        self.in_nss("crlutil", &["-I", "-t", "1", "-i", &self.file("current.crl")]).await;
        let listed = self.in_nss("crlutil", &["-L"]).await;
        assert!(listed.contains("issuing"), "{listed}");
    }

    async fn in_nss(&self, program: &'static str, words: &[&str]) -> String {
        let database = self.nss();
        let ran = run(program, &[&["-d", &database][..], words].concat(), b"").await;
        assert!(ran.succeeded, "{program} {words:?}: {}", ran.text());
        ran.text()
    }
}

#[tokio::test]
async fn nss_refuses_a_card_while_it_is_suspended_and_one_that_was_replaced() {
    let court = Court::in_session().await;
    court.nss_trusts_the_root().await;
    let phone = device_of(&court.phone);
    assert!(court.nss_accepts("auth.pem", By::Ocsp).await);
    court.live.act_on_device(&phone, "suspend").await;
    assert!(!court.nss_accepts("auth.pem", By::Ocsp).await);
    court.live.act_on_device(&phone, "resume").await;
    assert!(court.nss_accepts("auth.pem", By::Ocsp).await);

    let request = court.live.submit(&phone, "stolen").await;
    let (new, _) = court.live.issue_until(&request, DeviceKind::MobileSmartCard, &Faults::default()).await;
    court.file_cards_of(&new, "new");
    assert!(court.nss_accepts("new-auth.pem", By::Ocsp).await);
    assert!(!court.nss_accepts("auth.pem", By::Ocsp).await);
    court.live.stop().await;
}

#[tokio::test]
async fn nss_refuses_a_suspended_card_by_the_crl_alone() {
    let court = Court::in_session().await;
    court.nss_trusts_the_root().await;
    let (phone, serial) = (device_of(&court.phone), court.serial("@auth.pem").await);
    for (act, is_held) in [("suspend", true), ("resume", false), ("suspend", true)] {
        court.live.act_on_device(&phone, act).await;
        court.crl_until(|crl| crl.reason(&serial).is_some() == is_held).await;
        court.nss_imports_the_crl().await;
        assert_eq!(court.nss_accepts("auth.pem", By::Crl).await, !is_held, "after {act}");
    }
    court.live.stop().await;
}
