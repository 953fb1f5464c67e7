//! The private keys in a token: SoftHSM plays the HSM, openssl judges what it signs, and pkcs11-tool says what the token keeps to itself.

mod soft_hsm;

use crate::support::live::{facts, text};
use crate::support::openssl::openssl;
use crate::support::process::{Installation, until};
use crate::support::relying_party::{ocsp, plain_get};
use mobile_sim::wire::Client;
use mobile_sim::{DeviceFacts, DeviceKind, Faults, Invitation, Outcome, Phone, PhoneError};
use serde_json::{Value, json};
use soft_hsm::{PIN, SoftHsm};

const KEYS: [&str; 5] = ["remint-root", "remint-issuing", "remint-enrollment", "remint-ocsp", "remint-delivery"];

/// A house whose keys are in the token, served.
async fn served(hsm: &SoftHsm) -> (Installation, Client) {
    let installation = hsm.planned();
    installation.init(&hsm.words()).unwrap();
    installation.hire("hana");
    installation.start();
    let desk = installation.desk("hana");
    (installation, desk)
}

async fn invited(desk: &Client, name: &str) -> (Invitation, Option<String>) {
    let body = json!({ "name": name, "email": format!("{name}@example.org"), "upn": format!("{name}@corp.example.org") });
    let user = text(&desk.post_json("/api/users", &body).await.unwrap().json::<Value>().unwrap()["id"]);
    let asked = json!({ "kind": "mobile-smart-card", "mode": "remote" });
    let opened: Value = desk.post_json(&format!("/api/users/{user}/initial-issuances"), &asked).await.unwrap().json().unwrap();
    let invitation = &opened["invitation"];
    (text(&invitation["uri"]).parse().unwrap(), invitation["code"].as_str().map(str::to_owned))
}

async fn issue(phone: &mut Phone, invited: &(Invitation, Option<String>)) -> Result<Outcome, PhoneError> {
    let device: DeviceFacts = facts(DeviceKind::MobileSmartCard);
    phone.issue(&invited.0, invited.1.as_deref(), &device, &Faults::default()).await
}

async fn health(installation: &Installation) -> String {
    let body: Value = serde_json::from_slice(&plain_get(&installation.status_address(), "/health").await).unwrap_or_default();
    body["status"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_issued_by_keys_that_never_leave_the_token() {
    let hsm = SoftHsm::with_token().await;
    let (installation, desk) = served(&hsm).await;

    // 1 what the token signed stands before openssl: certificates, OCSP, the delivered key
    let mut phone = Phone::in_memory();
    assert_eq!(issue(&mut phone, &invited(&desk, "ana").await).await.unwrap(), Outcome::Issued);
    let ca = |name: &str| installation.data().join("ca").join(name).display().to_string();
    let certificates: Vec<_> = phone.card().slots.into_values().collect();
    assert_eq!(certificates.len(), 3);
    for certificate in &certificates {
        let arguments = ["verify", "-x509_strict", "-CAfile", &ca("root.pem"), "-untrusted", &ca("issuing.pem")];
        openssl(&arguments, certificate.pem().as_bytes()).await;
    }
    assert_eq!(ocsp(&installation, &certificates).await, ["good"; 3]);

    // 2 keys in escrow go to another key of the token, and open under it
    let (done, said) = installation.runs(&["escrow", "rotate"]);
    assert!(done, "{said}");
    let (done, said) = installation.runs(&["check"]);
    assert!(done && said.contains("no divergence found"), "{said}");
    let (done, said) = installation.runs(&["root-crl", "--out", &installation.beside("root-crl.pem").display().to_string()]);
    assert!(done, "{said}");
    let crl = installation.beside("root-crl.pem").display().to_string();
    openssl(&["crl", "-in", &crl, "-CAfile", &ca("root.pem"), "-noout"], &[]).await;

    // 3 the token has the keys, of this hierarchy, and gives none of them out; the data folder has the TLS server's alone
    let said = hsm.objects().await;
    for label in KEYS.iter().chain(&["remint-escrow-1", "remint-escrow-2"]) {
        let kind = if label.contains("escrow") { "Secret Key Object" } else { "Private Key Object" };
        let object = soft_hsm::split(&said).into_iter().find(|object| object.starts_with(kind) && object.contains(label));
        let object = object.unwrap_or_else(|| panic!("no {kind} {label} in {said}"));
        assert!(object.contains("sensitive, always sensitive, never extractable, local"), "{object}");
    }
    let mut files: Vec<_> = std::fs::read_dir(installation.data().join("keys")).unwrap().map(|file| file.unwrap().file_name()).collect();
    files.sort();
    assert_eq!(files, ["server.key"]);
    let configuration = std::fs::read_to_string(installation.data().join("remint.toml")).unwrap();
    assert!(configuration.contains("[hsm]") && !configuration.contains(PIN), "{configuration}");
    let log = std::fs::read_to_string(installation.beside("server.log")).unwrap();
    assert!(!log.contains(PIN), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_goes_away_is_waited_for_and_taken_up_again_without_a_restart() {
    let hsm = SoftHsm::with_token().await;
    let (installation, desk) = served(&hsm).await;
    let mut phone = Phone::in_memory();
    let ana = invited(&desk, "ana").await;
    assert_eq!(issue(&mut phone, &ana).await.unwrap(), Outcome::Issued);
    let certificates: Vec<_> = phone.card().slots.into_values().collect();
    assert_eq!(health(&installation).await, "ok");

    // 1 away: what needs a signature comes again later, and what needs none goes on
    hsm.unplug();
    let bruno = invited(&desk, "bruno").await;
    let mut phone = Phone::in_memory();
    match issue(&mut phone, &bruno).await {
        Err(PhoneError::Busy { status: 503, code, retry_after_s: Some(1..), .. }) => assert_eq!(code, "unavailable"),
        other => panic!("found: {other:?}, expected: 503 with Retry-After"),
    }
    assert_eq!(health(&installation).await, "token-away");
    assert_eq!(soft_hsm::ocsp_failure(&installation, &certificates[0]).await, "trylater");
    assert_eq!(desk.get("/api/users?q=bruno").await.unwrap().status, 200);

    // 2 back: the same server does it
    hsm.plug_in();
    until("the token is taken up again", async || (health(&installation).await == "ok").then_some(())).await;
    assert_eq!(issue(&mut phone, &bruno).await.unwrap(), Outcome::Issued);
    assert_eq!(ocsp(&installation, &certificates).await, ["good"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_with_a_token_is_said_and_a_wrong_pin_is_shown_to_it_once() {
    let hsm = SoftHsm::with_token().await;
    let installation = hsm.planned();
    let refused = |words: &[&str]| installation.init(words).unwrap_err();
    let pin = hsm.pin_file(PIN);

    let said = refused(&["--hsm-module", "/nowhere/module.so", "--hsm-token", "remint", "--hsm-pin-file", &pin]);
    assert!(said.contains("/nowhere/module.so: found: a file that cannot be loaded as one, or none"), "{said}");
    let module = soft_hsm::module();
    let said = refused(&["--hsm-module", module, "--hsm-token", "another", "--hsm-pin-file", &pin]);
    assert!(said.contains("token: found: remint, expected: one with the label another"), "{said}");
    let said = refused(&["--hsm-module", module, "--hsm-token", "remint"]);
    assert!(said.contains("either pin_file or pin_variable"), "{said}");
    let said = refused(&["--hsm-module", module, "--hsm-token", "remint", "--hsm-pin-variable", "NO_SUCH_VARIABLE"]);
    assert!(said.contains("NO_SUCH_VARIABLE: found: nothing in the environment"), "{said}");
    let wrong = hsm.pin_file("00000000");
    let said = refused(&["--hsm-module", module, "--hsm-token", "remint", "--hsm-pin-file", &wrong]);
    assert!(said.contains("token remint: found: a wrong PIN, expected: the user's PIN") && !said.contains("00000000"), "{said}");
    let open = hsm.pin_file(PIN);
    std::fs::set_permissions(&open, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
    let said = refused(&["--hsm-module", module, "--hsm-token", "remint", "--hsm-pin-file", &open]);
    assert!(said.contains("found mode: 0644"), "{said}");

    // none of it left a house behind; now the right one, and a second in the same token
    let pin = hsm.pin_file(PIN);
    installation.init(&["--hsm-module", module, "--hsm-token", "remint", "--hsm-pin-file", &pin]).unwrap();
    let second = hsm.planned();
    let said = second.init(&hsm.words()).unwrap_err();
    assert!(said.contains("found: a key with the label remint-escrow-1") || said.contains("remint-root"), "{said}");

    // a server that is started again and again with a wrong PIN shows it to the token once
    std::fs::write(&pin, "00000000\n").unwrap();
    assert!(installation.refuses_to_start().contains("token remint: found: a wrong PIN"));
    for _ in 0..2 {
        assert!(installation.refuses_to_start().contains("found: the PIN that the token refused before"));
    }
    std::fs::write(&pin, PIN).unwrap();
    assert!(installation.runs(&["check"]).0);
    assert!(!installation.data().join("keys/refused-pin").exists());
    hsm.unplug();
    assert!(installation.refuses_to_start().contains("token: found: none, expected: one with the label remint"));
}
