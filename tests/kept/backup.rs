//! `remint backup` of a running server, and the way back: a restored installation is verified, and does not take itself for the present.

use std::path::Path;

use mobile_sim::{Faults, Outcome};

use crate::support::process::Installation;
use crate::support::relying_party::{crl, ocsp};
use crate::support::stage::Stage;

/// What is backed up while it is served comes back whole, with a CRL number beyond every one before; what was done later is told to be lost.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_of_a_running_server_comes_back_and_knows_that_it_is_older() {
    let stage = Stage::open().await;
    let person = stage.person().await;
    let folder = stage.installation.beside("backup").display().to_string();
    let (is_made, said) = stage.installation.runs(&["backup", "--out", &folder, "--with-master-key"]);
    assert!(is_made && said.contains("whoever has this folder can sign"), "{said}");
    let (again, said) = stage.installation.runs(&["backup", "--out", &folder]);
    assert!(!again && said.contains("expected: a new folder"), "{said}");

    // a loss after the backup, and then the machine is gone
    let invited = stage.replace_the_phone_of(&person).await;
    assert_eq!(ocsp(&stage.installation, &person.phone.certificates()).await, ["certificateHold"; 3]);
    let (number, _) = crl(&stage.installation).await.unwrap();
    stage.installation.kill();
    std::fs::remove_dir_all(stage.installation.data()).unwrap();
    let (is_restored, said) = stage.installation.runs(&["restore", "--from", &folder]);
    assert!(is_restored, "{said}");
    assert!(said.contains("LOST: everything that was done after") && said.contains("report them again now"), "{said}");
    stage.installation.start();
    let (restored, _) = crl(&stage.installation).await.unwrap();
    assert!(restored > number + 1_000_000, "{restored} after {number}");
    let (is_clean, said) = stage.installation.runs(&["check"]);
    assert!(is_clean, "{said}");
    let (is_whole, said) = stage.installation.runs(&["audit", "verify"]);
    assert!(is_whole, "{said}");

    // the loss was lost, as was told; the invitation of it opens nothing; it is reported again, and goes its way
    assert!(person.new_phone().issue(&invited, &Faults::default()).await.is_err());
    let invited = stage.replace_the_phone_of(&person).await;
    assert_eq!(person.new_phone().issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
}

/// The folder of another installation, with this one's database: no command touches it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_command_writes_to_the_database_of_another_installation() {
    let (one, other) = (Installation::found(), Installation::found());
    assert!(one.stop().success() && other.stop().success());
    std::fs::copy(one.data().join("remint.db"), other.data().join("remint.db")).unwrap();
    let out = other.beside("backup").display().to_string();
    for words in [["user", "add", "--email", "bo@example.org", "Bo"].as_slice(), &["backup", "--out", &out], &["renew"], &["check"]] {
        let (is_done, said) = other.runs(words);
        assert!(!is_done && said.contains("the database is that of another installation"), "{words:?}: {said}");
    }
}

/// A file that was altered, one that is missing, a backup of nothing, a folder that is in use: refused, and nothing is made.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_that_is_not_what_was_made_is_refused() {
    let installation = Installation::found();
    let folder = installation.beside("backup");
    let (is_made, said) = installation.runs(&["backup", "--out", &folder.display().to_string(), "--with-master-key"]);
    assert!(is_made, "{said}");
    let from = folder.display().to_string();
    let (is_taken, said) = installation.runs(&["restore", "--from", &from]);
    assert!(!is_taken && said.contains("expected: an empty folder, or none"), "{said}");
    assert!(installation.stop().success());
    std::fs::rename(installation.data(), installation.beside("away")).unwrap();

    let refused = |why: &str| {
        let (is_restored, said) = installation.runs(&["restore", "--from", &from]);
        assert!(!is_restored && said.contains(why), "{said}");
        assert!(!installation.data().exists(), "nothing is made");
    };
    let altered = |file: &Path| {
        let mut bytes = std::fs::read(file).unwrap();
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        std::fs::write(file, bytes).unwrap();
    };
    for file in ["remint.db", "certs/policy.toml"] {
        altered(&folder.join(file));
        refused(&format!("{file}: found: another file than was backed up, or none"));
        altered(&folder.join(file));
    }
    std::fs::rename(folder.join("ca/root.pem"), folder.join("ca/root.away")).unwrap();
    refused("ca/root.pem: found: another file than was backed up, or none");
    std::fs::rename(folder.join("ca/root.away"), folder.join("ca/root.pem")).unwrap();
    std::fs::rename(folder.join("backup.json"), folder.join("backup.away")).unwrap();
    refused("expected: a folder made by remint backup");
    std::fs::rename(folder.join("backup.away"), folder.join("backup.json")).unwrap();
    assert!(installation.runs(&["restore", "--from", &from]).0);
}

/// Somebody puts an old database file back: the server does not say good of what was suspended since, and starts when the loss is accepted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_older_than_what_was_served_is_not_served() {
    let stage = Stage::open().await;
    let person = stage.person().await;
    let installation = &stage.installation;
    assert!(installation.stop().success()); // makes a checkpoint
    let (file, old) = (installation.data().join("remint.db"), installation.beside("old.db"));
    std::fs::copy(&file, &old).unwrap();
    let (refused, said) = installation.runs(&["restore", "--accept-loss"]);
    assert!(!refused && said.contains("expected: an older one"), "{said}");
    installation.start();
    stage.replace_the_phone_of(&person).await;
    assert!(installation.stop().success());

    std::fs::copy(&old, &file).unwrap();
    let said = installation.refuses_to_start();
    assert!(said.contains("older than what was served from this folder") && said.contains("restore --accept-loss"), "{said}");
    // nor does any command write to it, so that it does not become as new as it should be
    for words in [["user", "add", "--email", "bo@example.org", "Bo"].as_slice(), &["check"], &["backup", "--out", "/nowhere/at/all"]] {
        let (is_done, said) = installation.runs(words);
        assert!(!is_done && said.contains("older than what was served from this folder"), "{words:?}: {said}");
    }
    let (is_accepted, said) = installation.runs(&["restore", "--accept-loss"]);
    assert!(is_accepted && said.contains("LOST: everything that was done after"), "{said}");
    installation.start();
    assert_eq!(ocsp(installation, &person.phone.certificates()).await, ["good"; 3], "as was told");
    assert!(installation.stop().success());
    let (is_whole, said) = installation.runs(&["audit", "verify"]);
    assert!(is_whole, "{said}");
}
