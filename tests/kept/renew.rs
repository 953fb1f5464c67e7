//! `remint renew`: what the issuing CA signed for the house itself is signed anew, and everybody goes on.

use mobile_sim::{Faults, Outcome};

use crate::support::openssl::openssl;
use crate::support::relying_party::ocsp;
use crate::support::stage::Stage;

/// The serial and the key of a certificate of the house, by openssl.
async fn of(stage: &Stage, name: &str) -> (String, String) {
    let file = stage.installation.data().join(format!("ca/{name}.pem")).display().to_string();
    let told = async |what: &str| String::from_utf8(openssl(&["x509", "-in", &file, "-noout", what], &[]).await).unwrap();
    (told("-serial").await, told("-pubkey").await)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_certificates_of_the_house_are_renewed_for_the_same_keys() {
    let stage = Stage::open().await;
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    let mut before = Vec::new();
    for name in ["server", "ocsp", "delivery"] {
        before.push(of(&stage, name).await);
    }
    let (is_renewed, said) = stage.installation.runs(&["renew"]);
    assert!(is_renewed && said.contains("good until 20"), "{said}");
    for (name, (serial, key)) in ["server", "ocsp", "delivery"].into_iter().zip(before) {
        let now = of(&stage, name).await;
        assert!(now.0 != serial && now.1 == key, "{name}");
        let ca = stage.installation.data().join("ca");
        let path = |name: &str| ca.join(format!("{name}.pem")).display().to_string();
        let verified =
            String::from_utf8(openssl(&["verify", "-CAfile", &path("root"), "-untrusted", &path("issuing"), &path(name)], &[]).await)
                .unwrap();
        assert!(verified.ends_with(": OK\n"), "{verified}");
    }
    // before and after the next start: phones, relying parties, the check
    assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["certificateHold"; 3]);
    assert!(stage.installation.stop().success());
    stage.installation.start();
    assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["certificateHold"; 3]);
    let phone = person.new_phone();
    assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert_eq!(ocsp(&stage.installation, &phone.certificates()).await, ["good"; 3]);
    let (is_clean, said) = stage.installation.runs(&["check"]);
    assert!(is_clean, "{said}");
}
