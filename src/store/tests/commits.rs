//! Commits: all or nothing, guarded, grouped, and answered only when they are on disk.

use futures_util::FutureExt;

use super::*;
use crate::store::script::Script;
use crate::store::writer::Work;

/// A user in a commit of their own.
pub(super) fn create(n: u128, name: &str) -> Commit {
    unguarded(vec![Write::User { user: user(UserId(Uuid::from_u128(n)), name), at: at(0) }])
}

#[tokio::test]
async fn a_commit_on_a_stale_version_is_a_conflict_and_changes_nothing() {
    let mut house = House::new().await;
    house.keep(vec![Change::RequestOpened(request(1, RequestState::Approved))]).await;
    let stale =
        Commit { audit: Some(entry("late")), ..guarded(1, changes(vec![Change::RequestOpened(request(2, RequestState::Approved))])) };
    assert!(matches!(house.store.commit(stale).await, Err(StoreError::Conflict)));
    house.agrees().await;
    assert_eq!(house.count("audit").await, 0);
}

#[tokio::test]
async fn of_two_that_were_decided_on_the_same_version_one_is_kept() {
    let house = House::new().await;
    let open = |n| house.store.commit(guarded(1, changes(vec![Change::RequestOpened(request(n, RequestState::Approved))])));
    let (first, second) = tokio::join!(open(1), open(2));
    assert!(matches!((first, second), (Ok(()), Err(StoreError::Conflict)) | (Err(StoreError::Conflict), Ok(()))));
    assert_eq!(house.count("requests").await, 1);
}

#[tokio::test]
async fn one_of_several_grouped_commits_fails_alone() {
    let house = House::new().await;
    let store = &house.store;
    // On one thread all five are queued before the writer comes to take them: they are one group.
    let answers = tokio::join!(
        store.commit(create(1, "Bo")),
        store.commit(create(2, "Ana")),
        store.commit(create(3, "Cy")),
        store.commit(guarded(99, vec![])),
        store.commit(create(4, "Di")),
    );
    assert!(answers.0.is_ok() && answers.2.is_ok() && answers.4.is_ok());
    assert!(matches!(answers.1, Err(StoreError::Duplicate { what: "email" | "upn" })));
    assert!(matches!(answers.3, Err(StoreError::Conflict)));
    assert_eq!(house.count("users").await, 4);
}

#[tokio::test]
async fn what_is_taken_is_named() {
    let house = House::new().await;
    let taken = async |write| match house.store.commit(unguarded(vec![write])).await {
        Err(StoreError::Duplicate { what }) => what,
        other => panic!("expected a duplicate, found: {other:?}"),
    };
    let write = |user| Write::User { user, at: at(0) };
    let bo = user(UserId(Uuid::from_u128(1)), "Bo");
    let (email, upn) = ("ANA@example.org".to_owned(), "Ana@corp.example.org".to_owned());
    assert_eq!(taken(write(User { email, ..bo.clone() })).await, "email");
    assert_eq!(taken(write(User { upn, ..bo.clone() })).await, "upn");
    // people sign in with either, so one's e-mail address is nobody else's UPN
    let (email, upn) = ("Ana@corp.example.org".to_owned(), "ana@EXAMPLE.org".to_owned());
    assert_eq!(taken(write(User { email: email.clone(), ..bo.clone() })).await, "email or upn");
    assert_eq!(taken(write(User { upn, ..bo.clone() })).await, "email or upn");
    let both = User { email: "bo@one.example.org".to_owned(), upn: "Bo@ONE.example.org".to_owned(), ..bo };
    house.store.commit(unguarded(vec![write(both)])).await.unwrap();
    assert_eq!(taken(write(user(ANA, "Bo"))).await, "id");
    let mut olga = house.store.operator(OLGA).await.unwrap().unwrap();
    olga.operator.id = OperatorId(Uuid::from_u128(1));
    assert_eq!(taken(Write::Operator { operator: olga, at: at(0) }).await, "operator name");
}

#[tokio::test]
async fn the_audit_entry_is_kept_with_the_commit_or_nothing_is() {
    let house = House::new().await;
    let kept = Commit { audit: Some(entry("create-user")), ..create(1, "Bo") };
    house.store.commit(kept).await.unwrap();
    assert_eq!(house.count("audit").await, 1);
    // An entry that the schema refuses takes the whole commit with it.
    let mut script = create(2, "Cy").work().unwrap().script;
    script.run("INSERT INTO audit (at, who, act, outcome, details, source) VALUES (0, 'nobody', 'act', 'done', '{}', 'local')");
    assert!(matches!(by_hand(&house, script).await, Err(StoreError::Unavailable(_))));
    assert_eq!(house.count("users").await, 2);
    assert_eq!(house.count("audit").await, 1);
}

#[tokio::test]
async fn a_refusal_is_audited_without_a_change() {
    let house = House::new().await;
    let refused =
        Commit { audit: Some(Entry { outcome: Outcome::Refused("wrong-mode".to_owned()), ..entry("submit") }), ..unguarded(vec![]) };
    house.store.commit(refused).await.unwrap();
    assert_eq!(house.count("audit").await, 1);
    house.agrees().await;
}

#[tokio::test]
async fn holdings_do_not_change_without_a_guard() {
    let house = House::new().await;
    let unguarded = unguarded(changes(vec![Change::RequestOpened(request(1, RequestState::Approved))]));
    assert!(matches!(house.store.commit(unguarded).await, Err(StoreError::Unavailable(_))));
    assert_eq!(house.count("requests").await, 0);
}

#[tokio::test]
async fn nobody_changes_what_another_user_holds() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.store.commit(create(1, "Bo")).await.unwrap();
    let guard = Some(Guard { user: UserId(Uuid::from_u128(1)), version: 1 });
    let canceled = Change::RequestMoved { request: request_id(1), to: RequestState::Canceled { at: at(1) } };
    let foreign = Commit { guard, ..unguarded(changes(vec![canceled])) };
    assert!(matches!(house.store.commit(foreign).await, Err(StoreError::Conflict)));
    house.agrees().await;
}

/// Queues a script of the test's own.
pub(super) async fn by_hand(house: &House, script: Script) -> Result<(), StoreError> {
    house.store.keep(Work { name: "by hand", script, audit: None, changes_status: false, has_letters: false }).await
}

#[tokio::test]
async fn a_caller_that_goes_away_leaves_its_commit_to_be_kept() {
    let house = House::new().await;
    // Asked once and dropped: the writer is a task of the same thread, and cannot have answered yet.
    let gone = house.store.commit(create(1, "Bo")).now_or_never();
    assert!(gone.is_none());
    house.store.commit(create(2, "Cy")).await.unwrap();
    while house.count("users").await < 3 {
        tokio::task::yield_now().await; // on a server the two are kept beside each other
    }
}

#[tokio::test]
async fn closing_keeps_what_is_queued_and_refuses_what_comes_later() {
    let house = House::new().await;
    let (kept, ()) = tokio::join!(house.store.commit(create(1, "Bo")), house.store.close());
    kept.unwrap();
    let late = house.store.commit(create(2, "Cy")).await;
    assert!(matches!(late, Err(StoreError::Unavailable(_))));
    let again = Store::open(&house.place).await.unwrap();
    assert!(again.holdings(UserId(Uuid::from_u128(1))).await.unwrap().is_some());
}

#[tokio::test]
async fn a_full_queue_is_busy() {
    let house = House::new().await;
    let crowd = (0..crate::store::QUEUE as u128 + 1).map(|n| {
        let store = house.store.clone();
        async move { store.commit(create(0x10000 + n, &format!("user-{n}"))).await }
    });
    let answers = futures_util::future::join_all(crowd).await;
    let busy = answers.iter().filter(|answer| matches!(answer, Err(StoreError::Busy))).count();
    assert_eq!(busy, 1);
    // whoever waited for one of a few connections to a server may have waited too long
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    assert!(kept == crate::store::QUEUE || house.store.is_shared());
    assert_eq!(house.count("users").await, 1 + kept as i64);
}

#[tokio::test]
async fn what_changes_a_standing_is_counted_and_nothing_else() {
    let mut house = House::new().await;
    let mut seen = house.store.status_changes();
    house.keep(vec![Change::RequestOpened(request(1, RequestState::Approved))]).await;
    assert!(!seen.has_changed().unwrap());
    let reserved = Change::CredentialReserved(reserved(1, 1, Slot::Auth));
    house.keep(vec![Change::DeviceAssigned { device: phone(1, 1) }, reserved]).await;
    assert!(!seen.has_changed().unwrap());
    let signed = Change::CredentialSigned { credential: credential_id(1), certified: certified(1) };
    house.keep(vec![signed.clone()]).await;
    assert_eq!(*seen.borrow_and_update(), 1);
    // Signed again, it is refused, and counts nothing.
    assert!(house.try_keep(vec![signed], vec![]).await.is_err());
    assert!(!seen.has_changed().unwrap());
}
