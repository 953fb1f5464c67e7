//! Sessions and tickets: kept whole, found by everything that names them, and their keys remembered.

use super::*;
use crate::lifecycle::credential::KeyId;
use crate::lifecycle::request::Issuing;
use crate::lifecycle::ticket::{Ticket, TicketState};

fn key_id(spki: &[u8]) -> KeyId {
    let mut id = [0; 32];
    id.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, spki).as_ref());
    KeyId(id)
}

fn ticket(n: u128) -> Change {
    Change::TicketIssued(Ticket {
        id: ticket_id(n),
        request: request_id(1),
        expires_at: at(60),
        attempts_left: 5,
        state: TicketState::Open,
    })
}

fn at_work(n: u128) -> Change {
    Change::RequestMoved {
        request: request_id(1),
        to: RequestState::Issuing(Issuing { session: session_id(n), device: device_id(1), since: at(1), collected: None }),
    }
}

impl House {
    async fn with_session(&mut self) -> Session {
        self.with_phone().await;
        let opened = session(1, 1, 1, 1);
        self.keep_with(vec![ticket(1), at_work(1)], vec![Write::Session(opened.clone())]).await;
        opened
    }
}

#[tokio::test]
async fn a_session_is_found_by_whatever_names_it() {
    let mut house = House::new().await;
    let opened = house.with_session().await;
    let store = &house.store;
    assert_eq!(store.session(opened.id).await.unwrap().as_ref(), Some(&opened));
    assert_eq!(store.session_of_bootstrap(serial(0xb001)).await.unwrap().as_ref(), Some(&opened));
    assert_eq!(store.session(session_id(9)).await.unwrap(), None);
}

#[tokio::test]
async fn the_sessions_of_a_user_are_loaded_with_the_holdings() {
    let mut house = House::new().await;
    let opened = house.with_session().await;
    let loaded = house.store.holdings(ANA).await.unwrap().unwrap();
    assert_eq!(loaded.sessions.into_values().collect::<Vec<_>>(), [opened]);
}

#[tokio::test]
async fn a_ticket_and_a_bootstrap_serial_open_one_session() {
    let mut house = House::new().await;
    let opened = house.with_session().await;
    let same_ticket = Session { id: session_id(2), ..opened.clone() };
    let taken = house.store.commit(unguarded(vec![Write::Session(same_ticket)])).await;
    assert!(matches!(taken, Err(StoreError::Duplicate { what: "ticket" | "serial" })));
}

#[tokio::test]
async fn the_first_transport_key_and_the_first_receipt_stand() {
    let mut house = House::new().await;
    let mut opened = house.with_session().await;
    let session = opened.id;
    let transport_key = |spki: &[u8]| Write::TransportKey { session, spki: spki.to_vec() };
    let receipt = |receipt: &str| Write::Receipt { session, receipt: receipt.to_owned() };
    let commit = async |write| house.store.commit(unguarded(vec![write])).await;
    commit(transport_key(b"T")).await.unwrap();
    commit(transport_key(b"T")).await.unwrap();
    assert!(matches!(commit(transport_key(b"U")).await, Err(StoreError::Conflict)));
    commit(receipt("first")).await.unwrap();
    assert!(matches!(commit(receipt("second")).await, Err(StoreError::Conflict)));
    opened.transport_key = Some(b"T".to_vec());
    opened.receipt = Some("first".to_owned());
    assert_eq!(house.store.session(session).await.unwrap(), Some(opened));
    assert!(house.store.is_key_seen(key_id(b"T")).await.unwrap());
    assert!(!house.store.is_key_seen(key_id(b"U")).await.unwrap());
}

#[tokio::test]
async fn a_session_key_is_never_certified_and_a_certified_key_opens_no_session() {
    let mut house = House::new().await;
    house.with_session().await;
    let session_key = key_id(b"session key 1");
    assert!(house.store.is_key_seen(session_key).await.unwrap());
    let sign = |key| Change::CredentialSigned { credential: credential_id(1), certified: Certified { key, ..certified(1) } };
    let taken = house.try_keep(vec![sign(session_key)], vec![]).await;
    assert!(matches!(taken, Err(StoreError::Duplicate { what: "key" })));
    house.keep(vec![sign(key_id(b"T"))]).await;
    let transport_key = Write::TransportKey { session: session_id(1), spki: b"T".to_vec() };
    let taken = house.store.commit(unguarded(vec![transport_key])).await;
    assert!(matches!(taken, Err(StoreError::Duplicate { what: "key" })));
}

#[tokio::test]
async fn sessions_expire_only_while_they_are_at_work() {
    let mut house = House::new().await;
    house.with_session().await;
    let expired = async |house: &House, minute| house.store.expired_sessions(at(minute), 10).await.unwrap();
    assert_eq!(expired(&house, 99).await, []);
    assert_eq!(expired(&house, 100).await, [(ANA, request_id(1), session_id(1))]);
    assert_eq!(house.store.expired_sessions(at(100), 0).await.unwrap(), []);
    let approved = Change::RequestMoved { request: request_id(1), to: RequestState::Approved };
    house.keep(vec![approved]).await;
    assert_eq!(expired(&house, 100).await, []);
}

#[tokio::test]
async fn the_key_of_a_ticket_is_kept_once() {
    let mut house = House::new().await;
    house.with_phone().await;
    let key = |sealed: &[u8]| Write::TicketKey { ticket: ticket_id(1), sealed: sealed.to_vec() };
    house.keep_with(vec![ticket(1)], vec![key(b"sealed")]).await;
    house.keep(vec![ticket(2)]).await;
    assert_eq!(house.store.ticket_key(ticket_id(1)).await.unwrap(), Some((ANA, b"sealed".to_vec())));
    assert_eq!(house.store.ticket_key(ticket_id(2)).await.unwrap(), None);
    let again = house.store.commit(unguarded(vec![key(b"another")])).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
}
