//! `remint copy`: a small installation moves up to a PostgreSQL server, with everything that it holds.

use mobile_sim::{Faults, Outcome, UpdateOutcome};

use crate::support::cluster::Cluster;
use crate::support::relying_party::ocsp;
use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everything_moves_to_the_server_and_goes_on_there() {
    let (cluster, stage) = (Cluster::start(), Stage::open().await);
    let installation = &stage.installation;
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    assert!(installation.stop().success());

    // over TLS, with the CA of the database pinned; another CA is not believed
    let port = std::fs::read_to_string(cluster.folder().join("port")).unwrap();
    cluster.database("house").await;
    let url = |ca: &str| format!("postgres://remint@localhost:{}/house?sslmode=verify-full&sslrootcert={ca}", port.trim());
    let other_ca = installation.data().join("ca/root.pem").display().to_string();
    let (is_copied, said) = installation.runs(&["copy", "--to", &url(&other_ca)]);
    assert!(!is_copied && said.contains("certificate"), "{said}");
    let to = url(&cluster.folder().join("ca.pem").display().to_string());
    let (is_copied, said) = installation.runs(&["copy", "--to", &to]);
    assert!(is_copied && said.contains("checked on both sides"), "{said}");
    let (again, said) = installation.runs(&["copy", "--to", &to]);
    assert!(!again && said.contains("found: the database of an installation, expected: an empty one"), "{said}");
    let (unprotected, said) = installation.runs(&["copy", "--to", "postgres://remint@db.example.org/house"]);
    assert!(!unprotected && said.contains("is reached over TLS"), "{said}");
    let (in_the_open, said) = installation.runs(&["copy", "--to", "postgres://remint:geheim@localhost/house"]);
    assert!(!in_the_open && said.contains("found: a password in the URL") && !said.contains("geheim"), "{said}");

    // from here on it is there: the invitation that is out still opens its session, and the log goes on where it was
    let file = installation.data().join("remint.toml");
    std::fs::write(&file, format!("{}\n[database]\nurl = \"{to}\"\n", std::fs::read_to_string(&file).unwrap())).unwrap();
    std::fs::remove_file(installation.data().join("remint.db")).unwrap();
    installation.start();
    assert_eq!(ocsp(installation, &person.phone.certificates()).await, ["certificateHold"; 3]);
    let phone = person.new_phone();
    assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert!(matches!(person.tablet.sync(&Faults::default()).await.unwrap().update, UpdateOutcome::Done { .. }));
    let (is_clean, said) = installation.runs(&["check"]);
    assert!(is_clean, "{said}");
    let (is_whole, said) = installation.runs(&["audit", "verify"]);
    assert!(is_whole, "{said}");
    installation.kill();
}
