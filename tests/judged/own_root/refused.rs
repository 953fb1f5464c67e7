//! Every answer that is none is refused before anything is signed, and says what was found.

use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use remint::server::clock::{SystemClock, SystemEntropy};
use remint::server::own_root::{ask, install, must_be_complete};
use remint::workflows::world::Clock;

use super::organization::{ANSWER, Key, NAME, Organization, below, foundation};
use crate::support::openssl::openssl;

const ROOT: &str = "/DC=org/DC=example/CN=Example root CA";

struct At(Timestamp);

impl Clock for At {
    fn now(&self) -> Timestamp {
        self.0
    }
}

/// A house that waits for its answer, and the organization that gives wrong ones.
struct Scene {
    organization: Organization,
    csr: String,
}

impl Scene {
    async fn set() -> Self {
        let organization = Organization::with_root(Key::P384).await;
        let csr = organization.file("issuing.csr");
        ask(&organization.folder.path().join("house"), &foundation(), Some(NAME), Path::new(&csr), None, &SystemEntropy).unwrap();
        Self { organization, csr }
    }

    /// The organization answers with a certificate of these extensions, by `issuer`.
    async fn answers(&self, issuer: &str, extensions: &str) {
        self.organization.sign("issuing", &self.csr, issuer, extensions).await;
    }

    /// What is said to these certificates in one file.
    async fn refused(&self, certificates: &[&str]) -> String {
        self.refused_at(certificates, &SystemClock).await
    }

    async fn refused_at(&self, certificates: &[&str], clock: &dyn Clock) -> String {
        self.organization.bundle("chain.pem", certificates);
        self.refused_file("chain.pem", clock).await
    }

    async fn refused_file(&self, file: &str, clock: &dyn Clock) -> String {
        let (dir, file) = (self.organization.folder.path().join("house"), self.organization.file(file));
        let refused = install(&dir, Path::new(&file), None, None, clock, &SystemEntropy).await.unwrap_err().to_string();
        let left = ["issuing.pem", "root.pem", "server.pem"].map(|name| dir.join("ca").join(name).exists());
        assert_eq!(left, [false; 3], "nothing is kept of what was refused: {refused}");
        assert!(must_be_complete(&dir).is_err());
        refused
    }
}

#[track_caller]
fn says(refused: &str, expected: &[&str]) {
    assert!(expected.iter().all(|expected| refused.contains(expected)), "{refused}");
}

#[tokio::test]
async fn a_certificate_of_another_key_or_of_another_name_is_no_answer() {
    let scene = Scene::set().await;
    scene.organization.authority("other", Key::P384, "/CN=Other", Some("root"), ANSWER).await;
    says(&scene.refused(&["other", "root"]).await, &["found: no certificate of the key that was asked for", "CN=Other"]);

    scene.organization.sign_as("issuing", &scene.csr, "root", ANSWER, &["-subj", "/DC=org/CN=Remint issuing CA"]).await;
    let refused = scene.refused(&["issuing", "root"]).await;
    says(&refused, &["found: the name CN=Remint issuing CA,DC=org", &format!("expected: the name that was asked for, {NAME}")]);
}

#[tokio::test]
async fn a_chain_that_is_not_signed_up_to_a_root_is_refused() {
    let scene = Scene::set().await;
    scene.organization.authority("between", Key::P384, "/CN=Between", Some("root"), &below(1)).await;
    scene.answers("between", ANSWER).await;
    says(&scene.refused(&["issuing", "root"]).await, &["found: no certificate of CN=Between"]);
    says(&scene.refused(&["issuing", "between"]).await, &["Example root CA, which issued CN=Between", "up to a self-signed root"]);
    says(&scene.refused(&["issuing"]).await, &["found: no certificate of CN=Between"]);

    // the organization's name, and another key
    scene.answers("root", ANSWER).await;
    scene.organization.authority("false", Key::P384, ROOT, None, "basicConstraints=critical,CA:TRUE\n").await;
    says(&scene.refused(&["issuing", "false"]).await, &["not signed by the key of", "Example root CA that was given"]);
    says(&scene.refused(&["issuing", "root", "false"]).await, &["Example root CA, which is above nothing that was given"]);
}

#[tokio::test]
async fn a_chain_out_of_its_time_is_refused() {
    let scene = Scene::set().await;
    scene.answers("root", ANSWER).await;
    let after = |days: i64| At(SystemClock.now() + SignedDuration::from_hours(24 * days));
    says(&scene.refused_at(&["issuing", "root"], &after(-1)).await, &["Remint issuing CA: found: not good before"]);
    says(&scene.refused_at(&["issuing", "root"], &after(3651)).await, &["Remint issuing CA: found: expired at"]);
    scene.organization.sign_as("issuing", &scene.csr, "root", ANSWER, &["-days", "5000"]).await;
    says(&scene.refused_at(&["issuing", "root"], &after(4001)).await, &["Example root CA: found: expired at"]);
}

#[tokio::test]
async fn an_answer_that_does_not_let_the_issuing_ca_do_its_work_is_refused() {
    let scene = Scene::set().await;
    let usage = "keyUsage=critical,keyCertSign,cRLSign\n";
    for (extensions, found) in [
        (format!("basicConstraints=critical,CA:FALSE\n{usage}"), "found: not the certificate of an authority"),
        (usage.to_owned(), "found: not the certificate of an authority"),
        (format!("basicConstraints=critical,CA:TRUE\n{usage}"), "found: no path length, expected: path length 0"),
        (format!("basicConstraints=critical,CA:TRUE,pathlen:1\n{usage}"), "found: path length 1, expected: path length 0"),
        (
            "basicConstraints=critical,CA:TRUE,pathlen:0\n".to_owned(),
            "found: no key usage, expected: key usage Certificate Sign and CRL Sign",
        ),
        (
            "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign\n".to_owned(),
            "found: key usage Key Cert Sign, expected: key usage Certificate Sign and CRL Sign",
        ),
    ] {
        scene.answers("root", &extensions).await;
        says(&scene.refused(&["issuing", "root"]).await, &["Remint issuing CA: ", found]);
    }
}

#[tokio::test]
async fn authorities_above_that_may_have_none_below_them_are_refused() {
    let scene = Scene::set().await;
    for (extensions, found) in [
        (below(0), "found: path length 0, expected: at least 1"),
        (
            "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,cRLSign\n".to_owned(),
            "found: key usage CRL Sign, expected: key usage Certificate Sign",
        ),
        ("basicConstraints=critical,CA:FALSE\n".to_owned(), "found: not the certificate of an authority"),
    ] {
        scene.organization.authority("narrow", Key::P384, "/CN=Narrow root", None, &extensions).await;
        scene.answers("narrow", ANSWER).await;
        says(&scene.refused(&["issuing", "narrow"]).await, &["CN=Narrow root: ", found]);
    }
    // one is enough for the issuing CA alone, and not with another between
    scene.organization.authority("narrow", Key::P384, "/CN=Narrow root", None, &below(1)).await;
    scene.organization.authority("between", Key::P384, "/CN=Between", Some("narrow"), &below(0)).await;
    scene.answers("between", ANSWER).await;
    says(&scene.refused(&["issuing", "between", "narrow"]).await, &["CN=Between: found: path length 0, expected: at least 1"]);
    scene.organization.authority("between", Key::P384, "/CN=Between", Some("narrow"), &below(1)).await;
    scene.answers("between", ANSWER).await;
    says(&scene.refused(&["issuing", "between", "narrow"]).await, &["CN=Narrow root: found: path length 1, expected: at least 2"]);
}

#[tokio::test]
async fn what_could_be_read_in_two_ways_or_not_at_all_is_refused() {
    let scene = Scene::set().await;
    scene.answers("root", ANSWER).await;
    scene.organization.sign("again", &scene.csr, "root", ANSWER).await;
    says(&scene.refused(&["issuing", "again", "root"]).await, &["found: 2 different certificates of the issuing CA's key, expected: one"]);

    // the root certified its key twice
    let (key, csr) = (scene.organization.file("root.key"), scene.organization.file("root.csr"));
    let out = scene.organization.file("renewed.pem");
    let extensions = scene.organization.write("extensions", b"basicConstraints=critical,CA:TRUE\n");
    openssl(&["x509", "-req", "-in", &csr, "-key", &key, "-days", "5000", "-extfile", &extensions, "-out", &out], &[]).await;
    says(&scene.refused(&["issuing", "renewed", "root"]).await, &["found: 2 different certificates of", "Example root CA, which signed"]);

    let pem = scene.organization.file("issuing.pem");
    let der = openssl(&["x509", "-in", &pem, "-outform", "DER"], &[]).await;
    scene.organization.write("chain.der", &der);
    says(&scene.refused_file("chain.der", &SystemClock).await, &["chain.der: found: no certificate, expected: certificates in PEM"]);
    scene.organization.write("broken.pem", b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n");
    says(&scene.refused_file("broken.pem", &SystemClock).await, &["broken.pem: found: broken PEM"]);
    scene.organization.write("nonsense.pem", b"-----BEGIN CERTIFICATE-----\nMAAA\n-----END CERTIFICATE-----\n");
    says(&scene.refused_file("nonsense.pem", &SystemClock).await, &["found: a certificate that cannot be read, number 1"]);
    says(&scene.refused_file("absent.pem", &SystemClock).await, &["absent.pem: "]);
}
