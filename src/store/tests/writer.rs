//! The task that writes to the file.

use super::commits::{by_hand, create};
use super::*;
use crate::store::script::Script;
use crate::store::sql::Readers;

#[tokio::test]
async fn a_transaction_that_breaks_takes_its_group_and_the_writer_goes_on() {
    let house = House::new().await;
    let mut script = Script::new();
    script.run("ROLLBACK").run("SELECT no_such_function()");
    let (first, broken, last) =
        tokio::join!(house.store.commit(create(1, "Bo")), by_hand(&house, script), house.store.commit(create(2, "Cy")),);
    for answer in [first, broken, last] {
        assert!(matches!(answer, Err(StoreError::Unavailable(_))), "{answer:?}");
    }
    assert_eq!(house.count("users").await, 1);
    house.store.commit(create(3, "Di")).await.unwrap();
    assert_eq!(house.count("users").await, 2);
}

#[tokio::test]
async fn a_stop_does_not_wait_for_whoever_reads() {
    let house = House::new().await;
    let Readers::Sqlite(readers) = house.store.readers.clone() else { unreachable!("these tests are about the file") };
    let reads = readers.acquire().await.unwrap();
    house.store.close().await;
    drop(reads);
}
