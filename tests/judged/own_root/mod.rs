//! A house below a root that the organization has already: openssl plays the organization's authority, and judges what is issued.

mod organization;
mod refused;

use std::path::Path;
use std::process::Command;

use crate::support::live::Live;
use crate::support::openssl::openssl;
use mobile_sim::DeviceKind;
use mobile_sim::certificate::Certificate;
use mobile_sim::relying_party::{RelyingParty, Status};
use organization::{ANSWER, Key, NAME, Organization, below};
use remint::server::clock::{SystemClock, SystemEntropy};
use remint::server::init::Foundation;
use remint::server::own_root::{ask, install, must_be_complete};
use remint::server::root_crl::root_crl;
use remint::workflows::check_house::{InProcess, check_house};
use remint::workflows::publish_crl::publish_crl;

/// A house whose request the organization answered with `chain`.
async fn founded(organization: &Organization, dir: &Path, foundation: &Foundation, between: bool) {
    let csr = organization.file("issuing.csr");
    let foundation = Foundation { organization: String::new(), ..foundation.clone() };
    ask(dir, &foundation, Some(NAME), Path::new(&csr), None, &SystemEntropy).unwrap();
    let refused = must_be_complete(dir).unwrap_err().to_string();
    assert!(refused.contains("found: no ca/issuing.pem") && refused.contains("--install-chain CHAIN.pem"), "{refused}");
    let issuer = if between { "between" } else { "root" };
    organization.sign("issuing", &csr, issuer, ANSWER).await;
    // in no order
    let chain = organization.bundle("chain.pem", if between { &["between", "issuing"] } else { &["issuing"] });
    let root = organization.file("root.pem");
    install(dir, Path::new(&chain), Some(Path::new(&root)), None, &SystemClock, &SystemEntropy).await.unwrap();
}

/// A phone issued below the organization's root is good for all who trust that root alone, and what the house says of it too.
async fn a_phone_is_issued_below(root: Key, between: Option<Key>) {
    let organization = Organization::with_root(root).await;
    if let Some(key) = between {
        organization.authority("between", key, "/DC=org/DC=example/CN=Example policy CA", Some("root"), &below(1)).await;
    }
    let live = Live::founded(async |dir, foundation| founded(&organization, dir, foundation, between.is_some()).await).await;
    assert_eq!(live.root, std::fs::read_to_string(organization.file("root.pem")).unwrap());

    let ana = live.create_user("Ana").await;
    let phone = live.phone_of(&ana, DeviceKind::MobileSmartCard).await;
    let card = phone.card();
    let house = live.folder.path().join("house");
    let untrusted = organization.bundle("untrusted.pem", if between.is_some() { &["issuing", "between"] } else { &["issuing"] });
    for (slot, subject) in [("auth", "CN=Ana Ruiz"), ("sign", "CN=Ana Ruiz"), ("enc", "CN=Ana Ruiz")] {
        let certificate = card.certificate(slot).unwrap();
        let file = organization.write(&format!("{slot}.pem"), certificate.pem().as_bytes());
        let root = organization.file("root.pem");
        openssl(&["verify", "-x509_strict", "-check_ss_sig", "-CAfile", &root, "-untrusted", &untrusted, &file], &[]).await;
        let said = openssl(&["x509", "-in", &file, "-noout", "-subject", "-nameopt", "RFC2253"], &[]).await;
        let said = String::from_utf8(said).unwrap();
        assert!(said.contains(&format!("{subject},OU=Devices,OU=Security,DC=corp,DC=example,DC=org")), "{said}");
    }

    // status: whoever trusts the organization's root believes OCSP and the CRL
    let authorities: Vec<_> = live.world().authority.chain().iter().map(|der| Certificate::from_der(der.clone()).unwrap()).collect();
    assert_eq!(authorities.len(), 2 + usize::from(between.is_some()));
    let relying = RelyingParty::new(&live.config.status.url, &authorities).unwrap();
    assert!(matches!(relying.ocsp(card.certificate("auth").unwrap()).await.unwrap(), Status::Good));
    publish_crl(live.world()).await.unwrap();
    relying.crl().await.unwrap();

    // the check of the house covers the audit log and its checkpoints
    let report = check_house(live.world(), &InProcess::alone(live.world())).await.unwrap();
    assert_eq!(report.divergences, Vec::<String>::new());
    let checkpoint = live.world().authority.sign_checkpoint(&serde_json::json!({ "number": 1 })).unwrap();
    remint::pki::checkpoint::read_checkpoint(&checkpoint, live.world().authority.root_certificate()).unwrap();

    let refused = root_crl(&house, 30, &SystemClock).unwrap_err().to_string();
    assert!(refused.contains("found: a root of the organization's"), "{refused}");
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_issued_below_a_root_on_p_384() {
    a_phone_is_issued_below(Key::P384, None).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_is_issued_below_an_rsa_root_with_an_authority_between() {
    a_phone_is_issued_below(Key::Rsa3072, Some(Key::P384)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_and_an_installation_that_were_cut_short_are_completed_by_the_same_command() {
    let organization = Organization::with_root(Key::P384).await;
    let (dir, csr) = (organization.folder.path().join("house"), organization.file("issuing.csr"));
    let foundation = organization::foundation();
    let ask = || ask(&dir, &foundation, Some(NAME), Path::new(&csr), None, &SystemEntropy);
    ask().unwrap();
    let asked = std::fs::read(&csr).unwrap();
    for lost in ["remint.toml", "../issuing.csr"] {
        std::fs::remove_file(dir.join(lost)).unwrap();
        ask().unwrap();
        assert_eq!(std::fs::read(&csr).unwrap(), asked, "after the loss of {lost}");
    }
    std::fs::remove_file(dir.join("ca/request.pem")).unwrap();
    std::fs::remove_file(dir.join("remint.toml")).unwrap();
    std::fs::remove_file(&csr).unwrap();
    ask().unwrap();

    organization.sign("issuing", &csr, "root", ANSWER).await;
    let chain = organization.bundle("chain.pem", &["root", "issuing"]);
    let install = async || install(&dir, Path::new(&chain), None, None, &SystemClock, &SystemEntropy).await;
    install().await.unwrap();
    let serial = async |file: &str| openssl(&["x509", "-in", dir.join("ca").join(file).to_str().unwrap(), "-noout", "-serial"], &[]).await;
    let recorded = serial("server.pem").await;
    for left in
        [&["server.pem"][..], &["server.pem", "delivery.pem", "ocsp.pem"], &["server.pem", "root.pem", "issuing.pem", "enrollment.pem"]]
    {
        for file in left {
            std::fs::remove_file(dir.join("ca").join(file)).unwrap();
        }
        let refused = must_be_complete(&dir).unwrap_err().to_string();
        assert!(refused.contains("has not certified the issuing CA yet"), "{refused}");
        install().await.unwrap();
        must_be_complete(&dir).unwrap();
        assert_eq!(serial("server.pem").await, recorded, "the serial on record is used again, without {left:?}");
    }
    let store = remint::store::Store::open(&remint::store::Place::File(dir.join("remint.db"))).await.unwrap();
    assert_eq!(store.service_certificates().await.unwrap().len(), 3);
    store.close().await;

    // the installation stands: neither another request nor another chain takes its place
    assert!(ask().unwrap_err().to_string().contains("found: an installation"));
    organization.sign("issuing", &csr, "root", ANSWER).await;
    organization.bundle("chain.pem", &["root", "issuing"]);
    let refused = install().await.unwrap_err().to_string();
    assert!(refused.contains("found: another chain, which an earlier attempt installed"), "{refused}");
}

#[tokio::test]
async fn the_program_says_what_is_missing_and_what_to_do() {
    let organization = Organization::with_root(Key::P384).await;
    let (dir, csr) = (organization.file("house"), organization.file("issuing.csr"));
    let remint = |words: &[&str]| {
        let ran = Command::new(env!("CARGO_BIN_EXE_remint")).args(words).output().unwrap();
        (ran.status.success(), String::from_utf8_lossy(&[ran.stdout, ran.stderr].concat()).into_owned())
    };
    let (done, said) = remint(&["init", "--data", &dir, "--csr", &csr, "--issuing-name", NAME]);
    assert!(done && said.contains("--install-chain"), "{said}");
    let (done, said) = remint(&["serve", "--data", &dir]);
    assert!(!done && said.contains("found: no ca/issuing.pem") && said.contains("--install-chain"), "{said}");
    let (done, said) = remint(&["init", "--data", &dir, "--csr", &csr, "--issuing-name", "CN=Another"]);
    assert!(!done && said.contains("found: a request for CN=Remint issuing CA"), "{said}");

    organization.sign("issuing", &csr, "root", ANSWER).await;
    let (chain, root) = (organization.file("issuing.pem"), organization.file("root.pem"));
    let (done, said) = remint(&["init", "--data", &dir, "--install-chain", &chain]);
    assert!(!done && said.contains("found: no certificate of") && said.contains("--root"), "{said}");
    let (done, said) = remint(&["init", "--data", &dir, "--install-chain", &chain, "--root", &root]);
    assert!(done, "{said}");
    let (done, said) = remint(&["operator", "add", "--data", &dir, "omar", "--role", "help-desk", "--out", &organization.file("omar.p12")]);
    assert!(done, "{said}");
    let (done, said) = remint(&["root-crl", "--data", &dir, "--out", &organization.file("root-crl.pem")]);
    assert!(!done && said.contains("expected: the CRL that its own authority publishes"), "{said}");
}
