//! A house of an earlier release, opened by this one: nothing that was in it is lost, and whoever was in the middle goes on.

use std::sync::Arc;

use mobile_sim::{Faults, Outcome};
use remint::store::Place;

use crate::support::database::Beside;
use crate::support::outcome::Aftermath;
use crate::support::process::Installation;
use crate::support::relay::Relay;
use crate::support::relying_party::ocsp;
use crate::support::stage::Stage;

/// What the steps after 16 of `migrations/sqlite` brought, taken away again.
const EARLIER: [&str; 6] = [
    "DROP INDEX addresses_by_small_letters",
    "DROP TABLE words",
    "DROP INDEX users_by_name",
    "DROP INDEX letters_codes",
    "DROP INDEX letters_waiting_by_recipient",
    "DELETE FROM _sqlx_migrations WHERE version > 16",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_house_of_an_earlier_release_goes_on_with_all_that_is_in_it() {
    let installation = Arc::new(Installation::found());
    let stage = Stage::of(Arc::clone(&installation), Relay::before(&installation).await);
    let person = stage.person().await;
    let invited = stage.replace_the_phone_of(&person).await;
    let phone = person.new_phone();
    let half_way = Faults { stop_before_confirming: true, ..Faults::default() };
    assert_eq!(phone.issue(&invited, &half_way).await.unwrap(), Outcome::Signed);
    assert!(installation.stop().success());

    let database = Beside::open(&Place::File(installation.data().join("remint.db"))).await;
    for statement in EARLIER {
        database.execute(statement).await;
    }
    database.close().await;
    installation.start();

    assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    person.tablet.sync(&Faults::default()).await.unwrap();
    assert_eq!(ocsp(&installation, &phone.certificates()).await, ["good"; 3]);
    let desk = installation.desk("hana");
    for words in ["ana1", "ana1@example", "SERIAL"] {
        let found = desk.get(&format!("/api/users?q={words}")).await.unwrap();
        assert!(found.text().contains(&person.user), "{words}: {}", found.text());
    }
    let aftermath = Aftermath::checked(&installation).await;
    aftermath.is_one_new_phone(&person, &phone, &invited).await;
    aftermath.is_updated(&person, &phone).await;
}
