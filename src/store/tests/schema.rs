//! The schema: it refuses what makes no sense, finds by index, and does not let itself be opened by an older release.

use super::*;
use crate::store::sql::Readers;
use sqlx::Row;
use sqlx::sqlite::SqlitePool;

fn file(house: &House) -> &SqlitePool {
    match &house.store.readers {
        Readers::Sqlite(pool) => pool,
        Readers::Postgres(_) => panic!("these tests are about the file: tests/run leaves them out on PostgreSQL"),
    }
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    let house = House::new().await;
    house.store.close().await;
    let path = house.dir.path().join("remint.db");
    let mut file = sqlx::sqlite::SqliteConnectOptions::new().filename(&path);
    file = file.foreign_keys(true);
    let pool = SqlitePool::connect_with(file).await.unwrap();
    sqlx::raw_sql(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', TRUE, x'00', 0)",
    )
    .execute(&pool)
    .await
    .unwrap();
    pool.close().await;
    match Store::open(&house.place).await {
        Err(StoreError::Unavailable(outage)) => {
            assert_eq!(outage.to_string(), "the database was written by a newer release: schema: 9999");
        }
        other => panic!("expected a refusal, found: {:?}", other.map(|_| "a store")),
    }
}

#[tokio::test]
async fn a_folder_that_is_not_there_is_an_outage() {
    let missing = Store::open(&Place::File("/nonexistent/remint.db".into())).await;
    assert!(matches!(missing.map(|_| ()), Err(StoreError::Unavailable(_))));
}

/// A connection that may write, and whose writes are given up.
async fn statement_is_refused_by(house: &House, statement: &'static str, constraint: &str) {
    let path = house.dir.path().join("remint.db");
    let pool = SqlitePool::connect_with(crate::store::sqlite::options(&path)).await.unwrap();
    let mut transaction = pool.begin().await.unwrap();
    let refused = sqlx::raw_sql(statement).execute(&mut *transaction).await;
    let message = refused.map(|_| ()).unwrap_err().to_string();
    assert!(message.contains(constraint), "{statement}: {message}");
}

#[tokio::test]
async fn states_carry_their_facts() {
    let mut house = House::new().await;
    house.with_phone().await;
    let refused = [
        ("UPDATE credentials SET state = 'revoked'", "credential_states"),
        ("UPDATE credentials SET state = 'signed'", "credential_states"),
        ("UPDATE credentials SET state = 'gone'", "credential_states"),
        ("UPDATE credentials SET issued_at = 1", "credential_certified"),
        ("UPDATE credentials SET revoked_at = 1", "credential_states"),
        ("UPDATE credentials SET slot = '9a'", "credential_slots"),
        ("UPDATE devices SET state = 'issued'", "device_states"),
        ("UPDATE devices SET user_id = NULL", "device_states"),
        ("UPDATE devices SET stand_in_until = 1", "device_stand_ins"),
        ("UPDATE requests SET state = 'issuing'", "request_states"),
        ("UPDATE requests SET closed_at = 1", "request_states"),
        ("UPDATE requests SET purpose = 'update'", "request_purposes"),
        ("UPDATE requests SET requester = 'system'", "request_requesters"),
        ("UPDATE requests SET mode = 'by-post'", "request_modes"),
        ("UPDATE operator_roles SET role = 'queen'", "operator_role_words"),
        ("UPDATE users SET id = x'00'", "user_ids"),
        ("UPDATE users SET fasc_n = x'00'", "length(fasc_n) = 25"),
        ("UPDATE credentials SET made_for = x'00'", "FOREIGN KEY"),
        ("UPDATE users SET version = 'one'", "cannot store TEXT"),
        ("INSERT INTO holds (user_id, since) SELECT id, 1 FROM users", "hold_on_one_thing"),
    ];
    for (statement, constraint) in refused {
        statement_is_refused_by(&house, statement, constraint).await;
    }
}

#[tokio::test]
async fn the_audit_log_is_only_ever_added_to() {
    let house = House::new().await;
    let audited = Commit { audit: Some(entry("act")), ..unguarded(vec![]) };
    house.store.commit(audited).await.unwrap();
    statement_is_refused_by(&house, "UPDATE audit SET act = 'another'", "only ever added to").await;
    statement_is_refused_by(&house, "DELETE FROM audit", "only ever added to").await;
}

#[tokio::test]
async fn readers_cannot_write() {
    let house = House::new().await;
    let refused = sqlx::query("DELETE FROM users").execute(file(&house)).await;
    assert!(refused.unwrap_err().to_string().contains("readonly"));
}

#[tokio::test]
async fn what_is_asked_often_is_found_by_index() {
    let house = House::new().await;
    let asked = [
        crate::store::standing::OF_SERIALS,
        crate::store::standing::NOT_ISSUED.sqlite,
        crate::store::standing::NOT_GOOD,
        crate::store::device::OF_USER,
        crate::store::credential::OF_USER,
        crate::store::credential::CARRIED_BY_USER,
        crate::store::hold::OF_USER,
        crate::store::request::OF_USER,
        crate::store::request::COLLECTED_BY_USER,
        crate::store::ticket::OF_USER,
        crate::store::find_users::RARE[1],
        crate::store::find_users::RARE[2],
        crate::store::find_users::HOW_MANY,
    ];
    for select in asked {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {select}")));
        for step in plan.fetch_all(file(&house)).await.unwrap() {
            let detail: String = step.get("detail");
            // Holds are few: all that stand now.
            let is_few = detail.starts_with("SCAN holds") || detail.starts_with("SCAN (subquery") || detail == "SCAN page";
            let is_few = is_few || detail == "SCAN held" || detail == "SCAN entries";
            assert!(!detail.starts_with("SCAN") || is_few, "{detail}: {select}");
        }
    }
}

/// Whoever looks for what everybody has gets the first page by name, without all who have it being sorted.
#[tokio::test]
async fn users_who_have_a_common_word_are_met_in_the_order_of_their_names() {
    let house = House::new().await;
    for select in crate::store::find_users::COMMON {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {select}")));
        let steps: Vec<String> = plan.fetch_all(file(&house)).await.unwrap().iter().map(|step| step.get("detail")).collect();
        assert!(steps.iter().any(|step| step == "SEARCH users USING INDEX users_by_name ((name,id)>(?,?))"), "{steps:?}");
        let words = steps.iter().filter(|step| step.ends_with("USING COVERING INDEX words_of_user (user_id=?)")).count();
        assert_eq!(words, select.matches("FROM words").count(), "{steps:?}");
        assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
    }
}

/// However many letters wait, the next ones are found where the index begins, and what else waits for the same address by that address.
#[tokio::test]
async fn the_next_letters_are_found_without_a_look_at_all_that_wait() {
    let house = House::new().await;
    for select in [crate::store::outbox::DUE_CODES, crate::store::outbox::DUE_OTHERS] {
        let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {select}")));
        let steps: Vec<String> = plan.fetch_all(file(&house)).await.unwrap().iter().map(|step| step.get("detail")).collect();
        assert!(steps.iter().all(|step| !step.contains("TEMP B-TREE")), "{steps:?}");
        let by_address = "SEARCH earlier USING INDEX letters_waiting_by_recipient (recipient=? AND (written_at,id)<(?,?))";
        assert!(select == crate::store::outbox::DUE_CODES || steps.iter().any(|step| step == by_address), "{steps:?}");
    }
}

/// The list of a million is read page after page in one pass: a page that began its search anew from the front would take the square of it.
#[tokio::test]
async fn a_page_of_the_list_begins_where_the_one_before_ended() {
    let house = House::new().await;
    let plan = sqlx::query(sqlx::AssertSqlSafe(format!("EXPLAIN QUERY PLAN {}", crate::store::standing::NOT_ISSUED.sqlite)));
    let steps: Vec<String> = plan.fetch_all(file(&house)).await.unwrap().iter().map(|step| step.get("detail")).collect();
    let expected = "SEARCH credentials USING COVERING INDEX credentials_not_issued ((not_after,serial)>(?,?))";
    assert!(steps.iter().any(|step| step == expected), "{steps:?}");
}
