//! The log: a line is an object with the number of its request, and no line holds a secret, however much is logged.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::Value;

use crate::support::process::Installation;
use crate::support::relay::Relay;
use crate::support::stage::Stage;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_line_of_the_log_holds_a_secret_and_each_names_its_request() {
    let environment = [("RUST_LOG", "remint=trace,sqlx=debug,hyper=debug,rustls=debug,info"), ("REMINT_LOG_FORMAT", "json")];
    let installation = Installation::planned(tempfile::tempdir().unwrap(), &environment);
    installation.init(&[]).unwrap();
    installation.hire("hana");
    installation.start();
    let installation = Arc::new(installation);
    let relay = Relay::before(&installation).await;
    let stage = Stage::of(Arc::clone(&installation), relay);
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    let part = |name: &str| invited.uri.split(['?', '&']).find_map(|part| part.strip_prefix(name)).unwrap().to_owned();
    let mut secrets = vec![part("c="), invited.code.clone().unwrap(), crate::support::portal::PASSWORD.to_owned()];
    secrets.push(std::fs::read_to_string(installation.data().join("master.key")).unwrap().trim().to_owned());
    // a wrong proof, a path that is not there, a body that is no JSON: what is refused is logged too
    let desk = installation.desk("hana");
    let missing = desk.get("/api/nothing?secret=s3cr3t-in-a-query").await.unwrap();
    secrets.push("s3cr3t-in-a-query".to_owned());
    let id = missing.header("x-request-id").expect("a number").to_owned();
    desk.post_json("/api/replacements", &serde_json::json!("s3cr3t-in-a-body")).await.unwrap();
    secrets.push("s3cr3t-in-a-body".to_owned());
    person.new_phone().issue(&invited, &mobile_sim::Faults::default()).await.unwrap();
    // letters hold the invitation, and lie in the folder
    let letters: BTreeSet<String> = std::fs::read_dir(installation.data().join("mail"))
        .unwrap()
        .map(|letter| std::fs::read_to_string(letter.unwrap().path()).unwrap())
        .collect();
    assert!(!letters.is_empty());
    assert!(installation.stop().success());

    let log = std::fs::read_to_string(installation.beside("server.log")).unwrap();
    assert!(log.lines().count() > 10, "{log}");
    for line in log.lines() {
        let object: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        assert!(object["level"].is_string() && object["timestamp"].is_string(), "{line}");
        for secret in &secrets {
            assert!(!line.contains(secret.as_str()), "a secret: {line}");
        }
    }
    let told = log.lines().find(|line| line.contains(&id)).unwrap_or_else(|| panic!("no line of request {id}"));
    assert!(told.contains("\"path\":\"/api/nothing\"") && told.contains("\"listener\":\"desk\""), "{told}");
}
