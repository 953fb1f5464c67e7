//! The CRLs of shards, as openssl and gnutls take them.

use remint::workflows::check_house::{InProcess, check_house};

use crate::court::{Court, fetch};
use crate::support::live::{Live, device_of};

/// A house whose certificates name one list of four.
async fn divided() -> Court {
    let four = |house: &std::path::Path| {
        let file = house.join("remint.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("crl_shards = 1", "crl_shards = 4")).unwrap();
    };
    Court::over(Live::with_house(four).await).await
}

impl Court {
    /// Whether openssl takes `@auth.pem`, with this list to look into; why not.
    async fn openssl_takes(&self, list: &str) -> Result<(), String> {
        let ran = self.tries(&["verify", "-x509_strict", "-crl_check", "-CAfile", "@ca.pem", "-CRLfile", list, "@auth.pem"]).await;
        if ran.succeeded { Ok(()) } else { Err(ran.text()) }
    }
}

#[tokio::test]
async fn a_certificate_names_its_list_and_no_other_is_taken_for_it() {
    let court = divided().await;
    let serial = court.serial("@auth.pem").await;
    let index = u8::from_str_radix(&serial[serial.len() - 2..], 16).unwrap() % 4;
    let url = court.crl_url("@auth.pem").await;
    assert_eq!(url.rsplit('/').next().unwrap(), format!("issuing-{index}-of-4.crl"));

    // good, held, good again: always as its own list says
    for (act, reason) in [(None, None), (Some("suspend"), Some("Certificate Hold")), (Some("resume"), None)] {
        if let Some(act) = act {
            court.live.act_on_device(&device_of(&court.phone), act).await;
        }
        let crl = court.crl_until(|crl| crl.reason(&serial) == reason).await;
        assert!(crl.text.contains("X509v3 Issuing Distribution Point: critical") && crl.text.contains(&url), "{}", crl.text);
        court.keep_crl("own.pem").await;
        match (reason, court.openssl_takes("@own.pem").await) {
            (None, taken) => assert_eq!(taken, Ok(())),
            (Some(_), taken) => assert!(taken.clone().unwrap_err().contains("certificate revoked"), "{taken:?}"),
        }
        court.gnutls_reads_crl("own.pem", &["CRL Number"]);
    }

    // a list of others says nothing of it; the list of everybody says everything
    let others = url.replace(&format!("issuing-{index}-"), &format!("issuing-{}-", (index + 1) % 4));
    let full = url.replace(&format!("issuing-{index}-of-4"), "issuing");
    for (other, is_taken) in [(others, false), (full, true)] {
        court.write("other.crl", fetch(&[&other]).await);
        let pem = court.asks(&["crl", "-inform", "DER", "-in", "@other.crl"]).await;
        court.write("other.pem", pem);
        let taken = court.openssl_takes("@other.pem").await;
        assert_eq!(taken.is_ok(), is_taken, "{other}: {taken:?}");
        assert!(is_taken || taken.clone().unwrap_err().contains("scope"), "{other}: {taken:?}");
    }
    let world = court.live.world();
    let report = check_house(world, &InProcess::serving(world)).await.unwrap();
    assert_eq!(report.divergences, Vec::<String>::new());
    court.live.stop().await;
}
