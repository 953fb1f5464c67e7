//! Lists for people's eyes: in order, a page at a time.

use super::*;
use crate::lifecycle::reason::Reason;
use crate::lifecycle::request::Line;
use crate::store::views::{RequestFilter, RequestLine};

async fn ids(house: &House, filter: RequestFilter) -> Vec<RequestId> {
    let lines = house.store.requests(filter, None, 100).await.unwrap();
    lines.iter().map(|line| line.id).collect()
}

#[tokio::test]
async fn requests_are_listed_newest_first_a_page_at_a_time() {
    let mut house = House::new().await;
    let opened = |n: u128, minute| Change::RequestOpened(Request { opened_at: at(minute), ..request(n, RequestState::Approved) });
    // Three are of the same instant.
    house.keep(vec![opened(1, 1), opened(2, 2), opened(3, 2), opened(4, 2), opened(5, 3)]).await;
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let page = house.store.requests(RequestFilter::default(), after, 2).await.unwrap();
        seen.extend(page.iter().map(|line| line.id));
        match page.last() {
            Some(last) => after = Some(last.cursor()),
            None => break,
        }
    }
    assert_eq!(seen, [5, 4, 3, 2, 1].map(request_id));
}

#[tokio::test]
async fn requests_are_filtered_by_user_and_by_being_open() {
    let mut house = House::new().await;
    let bo = UserId(Uuid::from_u128(1));
    let create = Write::User { user: user(bo, "Bo"), at: at(0) };
    house.store.commit(unguarded(vec![create])).await.unwrap();
    let of_bo = Commit {
        guard: Some(Guard { user: bo, version: 1 }),
        ..unguarded(changes(vec![Change::RequestOpened(request(3, RequestState::Approved))]))
    };
    house.store.commit(of_bo).await.unwrap();
    house
        .keep(vec![
            Change::RequestOpened(request(1, RequestState::Approved)),
            Change::RequestOpened(request(2, RequestState::Canceled { at: at(2) })),
        ])
        .await;
    let filter = |open_only, user| RequestFilter { open_only, user };
    assert_eq!(ids(&house, filter(false, None)).await, [3, 2, 1].map(request_id));
    assert_eq!(ids(&house, filter(true, None)).await, [3, 1].map(request_id));
    assert_eq!(ids(&house, filter(false, Some(ANA))).await, [2, 1].map(request_id));
    assert_eq!(ids(&house, filter(true, Some(ANA))).await, [1].map(request_id));
}

#[tokio::test]
async fn a_line_names_the_user_and_the_target() {
    let mut house = House::new().await;
    house.with_phone().await;
    let purpose = Purpose::Replacement {
        mode: Mode::Remote,
        reason: Reason::Lost,
        line: Line { original: None, target: device_id(1), stand_in: None },
    };
    let opened = Request { purpose, opened_at: at(8), ..request(2, RequestState::Canceled { at: at(9) }) };
    house.keep(vec![Change::RequestOpened(opened)]).await;
    let lines = house.store.requests(RequestFilter::default(), None, 1).await.unwrap();
    let expected = RequestLine {
        id: request_id(2),
        user: ANA,
        user_name: "Ana".to_owned(),
        kind: DeviceKind::MobileSmartCard,
        purpose: "replacement".to_owned(),
        mode: Some(Mode::Remote),
        reason: Some(Reason::Lost),
        state: "canceled".to_owned(),
        opened_at: at(8),
        closed_at: Some(at(9)),
        target: Some(device_id(1)),
        target_name: Some("phone-1".to_owned()),
    };
    assert_eq!(lines, [expected]);
}

#[tokio::test]
async fn users_are_found_by_the_beginnings_of_what_names_them_or_their_devices() {
    let mut house = House::new().await;
    house.with_phone().await;
    let find = async |text: &'static str| -> Vec<String> {
        let names = |found: Vec<User>| found.into_iter().map(|user| user.name).collect::<Vec<_>>();
        let found = names(house.store.find_users(text, None, 10).await.unwrap());
        // By name, as where the words are common; and after the next users by name were not enough.
        for limit in [1, 10] {
            assert_eq!(found, names(house.store.find_users_by(text, None, limit, 1).await.unwrap()), "{text}");
        }
        found
    };
    for text in ["aN", "ana@EXAMPLE", "corp", "serial-1", "org ana", ""] {
        assert_eq!(find(text).await, ["Ana"], "{text}");
    }
    for text in ["Bo", "na", "ana bo", "%", "_"] {
        assert!(find(text).await.is_empty(), "{text}");
    }
    assert_eq!(house.store.find_users("Ana", None, 0).await.unwrap(), []);
    assert_eq!(house.store.find_users("Ana", Some(ANA), 10).await.unwrap(), []);
}

#[tokio::test]
async fn the_audit_log_is_read_in_order_with_every_actor() {
    let house = House::new().await;
    let fingerprint = "ab".repeat(32);
    let actors = [
        Who::Operator { id: OLGA, fingerprint: fingerprint.clone() },
        Who::User(ANA),
        Who::Session(session_id(1)),
        Who::Stranger { fingerprint: Some(fingerprint) },
        Who::Stranger { fingerprint: None },
        Who::Administrator,
        Who::System,
    ];
    for (minute, who) in (0..).zip(actors.clone()) {
        let refused = minute % 2 == 1;
        let entry = Entry {
            at: at(minute),
            who,
            outcome: if refused { Outcome::Refused("wrong-mode".to_owned()) } else { Outcome::Done },
            request: Some(request_id(1)),
            details: serde_json::json!({ "minute": minute }),
            ..entry("act")
        };
        let audited = Commit { audit: Some(entry), ..unguarded(vec![]) };
        house.store.commit(audited).await.unwrap();
    }
    let first = house.store.audit(0, 3).await.unwrap();
    let rest = house.store.audit(first[2].seq, 100).await.unwrap();
    let lines: Vec<_> = first.into_iter().chain(rest).collect();
    assert_eq!(lines.iter().map(|line| line.who.clone()).collect::<Vec<_>>(), actors);
    assert!(lines.windows(2).all(|pair| pair[0].seq < pair[1].seq));
    assert_eq!(lines[1].outcome, Outcome::Refused("wrong-mode".to_owned()));
    assert_eq!(lines[2].outcome, Outcome::Done);
    assert_eq!(lines[6].details, serde_json::json!({ "minute": 6 }));
    assert_eq!((lines[0].act.as_str(), lines[0].on_behalf_of), ("act", Some(ANA)));
}
