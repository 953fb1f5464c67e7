//! Escrow keys and recoveries: what the file itself does not let happen.

use super::*;
use crate::lifecycle::recovery::{Decided, Recovery, RecoveryState};

const OTTO: OperatorId = OperatorId(Uuid::from_u128(0x07_70));

fn escrowed(n: u128, key: u32) -> Write {
    Write::Escrow { credential: credential_id(n), key, sealed: vec![7] }
}

fn recovery() -> Recovery {
    Recovery {
        id: RecoveryId(Uuid::from_u128(77)),
        user: ANA,
        encs: vec![credential_id(3)],
        because: "she left".to_owned(),
        recipient: vec![1, 2],
        asked_by: OLGA,
        asked_as: None,
        asked_at: at(6),
        expires_at: at(9),
        state: RecoveryState::AwaitingApproval,
    }
}

#[tokio::test]
async fn what_is_sealed_under_an_earlier_key_comes_too_late_once_a_rotation_has_begun() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.store.commit(unguarded(vec![escrowed(1, 0)])).await.unwrap();
    let begun = Write::EscrowKey { number: 1, at: at(6) };
    house.store.commit(unguarded(vec![begun])).await.unwrap();
    assert!(matches!(house.store.commit(unguarded(vec![escrowed(2, 0)])).await, Err(StoreError::Conflict)));
    house.store.commit(unguarded(vec![escrowed(3, 1)])).await.unwrap();

    // the rotation has not ended while anything is left, and what was resealed is not resealed again
    let ended = || Write::EscrowRotated { number: 1, at: at(7) };
    assert!(matches!(house.store.commit(unguarded(vec![ended()])).await, Err(StoreError::Conflict)));
    let reseal = || Write::Resealed { credential: credential_id(1), from: 0, key: 1, sealed: vec![8] };
    house.store.commit(unguarded(vec![reseal()])).await.unwrap();
    assert!(matches!(house.store.commit(unguarded(vec![reseal()])).await, Err(StoreError::Conflict)));
    house.store.commit(unguarded(vec![ended()])).await.unwrap();
    assert_eq!(house.store.escrow_keys_in_use().await.unwrap(), [(1, 2)]);
    assert_eq!(house.store.escrow_key().await.unwrap().unwrap().rotated_at, Some(at(7)));
}

#[tokio::test]
async fn a_recovery_is_read_as_it_was_kept_moves_one_way_and_never_by_one_person() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.store.commit(unguarded(vec![Write::Recovery(recovery())])).await.unwrap();
    let id = recovery().id;
    assert_eq!(house.store.recovery(id).await.unwrap(), Some(recovery()));
    assert_eq!(house.store.recoveries(Some(ANA), None, 9).await.unwrap(), [recovery()]);
    assert_eq!(house.store.recoveries(None, Some(id), 9).await.unwrap(), []);

    let moved = |to| unguarded(vec![Write::RecoveryMoved { recovery: id, to }]);
    let decided = |by| Decided { by, at: at(7) };
    let by_herself = house.store.commit(moved(RecoveryState::Approved { decided: decided(OLGA) })).await;
    assert!(matches!(by_herself, Err(StoreError::Unavailable(_))), "{by_herself:?}");
    let collected = RecoveryState::Collected { decided: decided(OTTO), at: at(8) };
    assert!(matches!(house.store.commit(moved(collected)).await, Err(StoreError::Conflict)));
    assert_eq!(house.store.recovery(id).await.unwrap(), Some(recovery()));
}
