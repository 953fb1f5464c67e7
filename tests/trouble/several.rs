//! Several servers over one PostgreSQL database: whoever is asked answers the same, any of them may die, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::cluster::Cluster;
use crate::support::process::{Installation, until};
use crate::support::relying_party::{crl, ocsp};
use crate::town::Town;
use mobile_sim::{Faults, UpdateOutcome};

/// Each connection reaches the next server: no message of a session is answered where the one before it was.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_at_whichever_server_it_reaches() {
    let town = Town::of(3).await;
    let person = town.stage.person().await;
    let (old_phone, tablet) = (person.phone.certificates(), person.tablet.certificates());
    let invited = town.stage.replace_the_phone_of(&person).await;
    for server in &town.servers {
        assert_eq!(ocsp(server, &old_phone).await, ["certificateHold"; 3], "every server knows of the loss at once");
    }
    let phone = person.new_phone();
    phone.issue_at_last(&invited).await;
    let synced = person.tablet.sync(&Faults::default()).await.unwrap();
    assert!(matches!(synced.update, UpdateOutcome::Done { .. }), "{synced:?}");
    for server in &town.servers {
        assert_eq!(ocsp(server, &phone.certificates()).await, ["good"; 3]);
        assert!(ocsp(server, &old_phone).await.iter().all(|status| status != "good"));
        let listed = until("a list with the loss", async || {
            let (_, der) = crl(server).await?;
            let serials = crate::town::listed(&der);
            old_phone.iter().all(|certificate| serials.contains(&certificate.serial())).then_some(serials)
        });
        assert!(listed.await.len() >= 3);
    }
    assert_eq!(tablet.len(), person.tablet.certificates().len());
    town.close_and_check().await;
}

/// Three servers, phones that are replaced all the while, and each server is killed and started again in turn.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_is_killed_in_turn_under_load_and_nothing_is_lost() {
    under_load(|servers, _| {
        for server in servers {
            assert!(server.kill());
            server.start();
        }
    })
    .await;
}

/// The database server crashes while it is written to, twice, and is there again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_database_crashes_under_load_and_nothing_is_lost() {
    under_load(|_, cluster| {
        for _ in 0..2 {
            cluster.crash();
            cluster.start_again();
        }
    })
    .await;
}

/// A new release takes the place of the old one, server by server.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_server_is_stopped_in_turn_under_load_and_nobody_is_cut_short() {
    under_load(|servers, _| {
        for server in servers {
            assert!(server.stop().success());
            server.start();
        }
    })
    .await;
}

async fn under_load(trouble: fn(&[Arc<Installation>], &Cluster)) {
    let town = Town::of(3).await;
    let people = town.people(5).await;
    let first = town.newest_list().await;
    let is_over = AtomicBool::new(false);
    let working = async {
        let mut ended = Vec::new();
        let mut people = people.into_iter().peekable();
        while let Some(person) = people.next() {
            if people.peek().is_none() {
                // the last one when it is over: what timed work was left lying is taken up
                until("the end of the trouble", async || is_over.load(Ordering::Relaxed).then_some(())).await;
            }
            let invited = town.submit(&person).await;
            let phone = person.new_phone();
            phone.issue_at_last(&invited).await;
            town.sync(&person.tablet).await;
            ended.push((person, phone, invited));
        }
        ended
    };
    let troubles = async {
        let (servers, cluster) = (town.servers.clone(), Arc::clone(&town.cluster));
        tokio::task::spawn_blocking(move || trouble(&servers, &cluster)).await.unwrap();
        is_over.store(true, Ordering::Relaxed);
    };
    let (ended, ()) = tokio::join!(working, troubles);
    until("a newer list", async || (town.newest_list().await > first).then_some(())).await;
    for (person, phone, _) in &ended {
        for server in &town.servers {
            assert_eq!(ocsp(server, &phone.certificates()).await, ["good"; 3]);
            assert!(ocsp(server, &person.phone.certificates()).await.iter().all(|status| status != "good"));
        }
    }
    let aftermath = town.close_and_check().await;
    for (person, phone, invited) in &ended {
        aftermath.is_one_new_phone(person, phone, invited).await;
        aftermath.is_updated(person, phone).await;
        assert_eq!(aftermath.times_done("open-session", &invited.request).await, 1);
        assert_eq!(aftermath.times_done("issue", &invited.request).await, 1);
    }
}

/// Two servers that would answer differently do not run over one database; nor does one whose keys are not those that the database knows.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_agree_does_not_start() {
    let town = Town::of(1).await;
    let first = &town.servers[0];

    let other_policy = first.another();
    let policy = other_policy.data().join("certs/policy.toml");
    let text = std::fs::read_to_string(&policy).unwrap();
    std::fs::write(&policy, text.replace("allow_temporary = true", "allow_temporary = false") + "\n").unwrap();
    let said = other_policy.refuses_to_start();
    assert!(said.contains("decides by another policy") && said.contains("expected: the same ca/ and certs/"), "{said}");

    // an installation of its own does not take the database of this one
    let url = first.database_url();
    let stranger = Installation::planned(tempfile::tempdir().unwrap(), &[]);
    let said = stranger.init(&["--database-url", &url]).unwrap_err();
    assert!(said.contains("found: the database of an installation, expected: an empty one"), "{said}");
    let stranger = Installation::planned(tempfile::tempdir().unwrap(), &[]);
    stranger.init(&[]).unwrap();
    let file = stranger.data().join("remint.toml");
    std::fs::write(&file, format!("{}\n[database]\nurl = \"{url}\"\n", std::fs::read_to_string(&file).unwrap())).unwrap();
    let said = stranger.refuses_to_start();
    assert!(said.contains("the database is that of another installation"), "{said}");

    // nothing of this has touched the first
    assert!(first.runs(&["check"]).0);
    town.close_and_check().await;
}

/// A database whose schema this release does not know is refused, and says what to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_of_another_schema_is_refused() {
    let town = Town::of(1).await;
    let server = &town.servers[0];
    assert!(server.stop().success());
    let url = server.database_url();
    crate::town::execute(&url, "UPDATE _sqlx_migrations SET version = 9999 WHERE version = (SELECT max(version) FROM _sqlx_migrations)")
        .await;
    let said = server.refuses_to_start();
    assert!(said.contains("written by a newer release: schema: 9999"), "{said}");
    crate::town::execute(&url, "DELETE FROM _sqlx_migrations").await;
    let said = server.refuses_to_start();
    assert!(said.contains("bring it up to date with: remint migrate"), "{said}");
    assert!(!said.contains("password"), "{said}");
}
