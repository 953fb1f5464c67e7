//! Credentials and service certificates: what relying parties are told, what is on record, and which keys were seen.

use super::*;
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::hold::{Cause, Held, Hold};
use crate::lifecycle::holdings::Standing;
use crate::store::certificate::ServiceCertificate;
use crate::store::credential::FoundCredential;
use crate::store::crl::{Crl, CrlBase, CrlChange, CrlIssue, Listed};
use crate::store::device::Owner;
use crate::store::escrow::Escrowed;

const REASON: RevocationReason = RevocationReason::KeyCompromise;

fn sign(n: u128) -> Change {
    Change::CredentialSigned { credential: credential_id(n), certified: certified(n) }
}

fn issue(n: u128) -> Change {
    Change::CredentialIssued { credential: credential_id(n), at: at(5) }
}

fn revoke(n: u128) -> Change {
    Change::CredentialRevoked { credential: credential_id(n), at: at(9), reason: REASON }
}

fn hold(n: u128, cause: Cause) -> Hold {
    Hold { on: Held::Credential(credential_id(n)), cause }
}

impl House {
    async fn standing(&self, n: u128) -> Option<Standing> {
        self.store.standings(vec![serial(n)]).await.unwrap()[0]
    }

    async fn not_good(&self, minutes: i64) -> Vec<Listed> {
        let mut listed = self.store.not_good(at(minutes)).await.unwrap();
        listed.sort_by_key(|listed| listed.serial);
        listed
    }
}

#[tokio::test]
async fn the_standing_follows_every_state() {
    let mut house = House::new().await;
    house.with_phone().await;
    assert_eq!(house.standing(99).await, None);
    assert_eq!(house.standing(1).await, Some(Standing::OnHold { since: at(1) }));
    house.keep(vec![sign(1)]).await;
    assert_eq!(house.standing(1).await, Some(Standing::OnHold { since: at(0) }));
    house.keep(vec![issue(1)]).await;
    assert_eq!(house.standing(1).await, Some(Standing::Good));
    let replacement = hold(1, Cause::Replacement(request_id(1)));
    let help_desk = hold(1, Cause::HelpDeskDevice(device_id(1)));
    for (hold, minute) in [(replacement, 7), (help_desk, 6)] {
        house.keep(vec![Change::HoldPlaced { hold, at: at(minute) }]).await;
    }
    assert_eq!(house.standing(1).await, Some(Standing::OnHold { since: at(6) }));
    house.keep(vec![Change::HoldLifted { hold: help_desk }]).await;
    assert_eq!(house.standing(1).await, Some(Standing::OnHold { since: at(7) }));
    house.keep(vec![Change::HoldLifted { hold: replacement }]).await;
    assert_eq!(house.standing(1).await, Some(Standing::Good));
    house.keep(vec![revoke(1)]).await;
    let revoked = Standing::Revoked { at: at(9), reason: REASON };
    assert_eq!(house.standing(1).await, Some(revoked));
}

#[tokio::test]
async fn each_question_is_answered_in_its_order_however_many_are_asked_at_once() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.keep(vec![sign(3), issue(3)]).await;
    let asked = [&[3, 1, 99, 3][..], &[99], &[], &[1; 50], &[3]];
    let answers = asked.iter().cycle().take(200).map(|question| async {
        let told = house.store.standings(question.iter().map(|n| serial(*n)).collect()).await.unwrap();
        (*question, told)
    });
    for (question, told) in futures_util::future::join_all(answers).await {
        let expected = question.iter().map(|n| match n {
            1 => Some(Standing::OnHold { since: at(1) }),
            3 => Some(Standing::Good),
            _ => None,
        });
        assert!(expected.eq(told.iter().copied()), "{question:?}: {told:?}");
    }
}

/// Others ask all the time; whoever asks after the commit has returned is told of it.
#[tokio::test]
async fn no_question_that_is_asked_after_a_commit_misses_it() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.keep(vec![sign(1), issue(1)]).await;
    let store = house.store.clone();
    let asking = tokio::spawn(async move {
        loop {
            futures_util::future::join_all((0..20).map(|_| store.standings(vec![serial(1)]))).await;
        }
    });
    for minute in 0..200 {
        let hold = hold(1, Cause::HelpDeskCredential(credential_id(1)));
        house.keep(vec![Change::HoldPlaced { hold, at: at(minute) }]).await;
        assert_eq!(house.standing(1).await, Some(Standing::OnHold { since: at(minute) }));
        house.keep(vec![Change::HoldLifted { hold }]).await;
        assert_eq!(house.standing(1).await, Some(Standing::Good));
    }
    asking.abort();
}

#[tokio::test]
async fn a_list_of_what_is_not_good_leaves_out_the_good_and_the_expired() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.keep(vec![sign(2), sign(3), issue(3), sign(4), issue(4)]).await;
    let held = hold(4, Cause::HelpDeskCredential(credential_id(4)));
    house.keep(vec![Change::HoldPlaced { hold: held, at: at(7) }]).await;
    let listed = |n, standing| Listed { serial: serial(n), standing };
    let on_hold = |n, minute| listed(n, Standing::OnHold { since: at(minute) });
    // The first was only reserved: no certificate, nothing to list.
    assert_eq!(house.not_good(10).await, [on_hold(2, 0), on_hold(4, 7)]);
    house.keep(vec![revoke(2), revoke(1)]).await;
    let revoked = |n| listed(n, Standing::Revoked { at: at(9), reason: REASON });
    assert_eq!(house.not_good(10).await, [revoked(2), on_hold(4, 7)]);
    // Everything that was signed expires at minute 1,000,000.
    assert_eq!(house.not_good(999_999).await.len(), 2);
    assert_eq!(house.not_good(1_000_000).await, []);
}

#[tokio::test]
async fn a_service_certificate_is_good_until_it_is_revoked() {
    let house = House::new().await;
    let certificate = ServiceCertificate {
        serial: serial(500),
        name: "Olga".to_owned(),
        operator: Some(OLGA),
        reserved_at: at(0),
        not_after: at(100),
        revoked: None,
    };
    let reserved = Write::ServiceCertificate(certificate.clone());
    house.store.commit(unguarded(vec![reserved])).await.unwrap();
    assert_eq!(house.standing(500).await, Some(Standing::Good));
    assert_eq!(house.not_good(10).await, []);
    let (olga, found) = house.store.operator_of_certificate(serial(500)).await.unwrap().unwrap();
    assert_eq!(Some(olga), house.store.operator_by_name("Olga").await.unwrap());
    assert_eq!(found, certificate);
    let changes = house.store.status_changes();
    let revoke = || Write::ServiceCertificateRevoked { serial: serial(500), at: at(9), reason: REASON };
    house.store.commit(unguarded(vec![revoke()])).await.unwrap();
    assert_eq!(*changes.borrow(), 1);
    let standing = Standing::Revoked { at: at(9), reason: REASON };
    assert_eq!(house.standing(500).await, Some(standing));
    assert_eq!(house.not_good(10).await, [Listed { serial: serial(500), standing }]);
    assert_eq!(house.not_good(100).await, []);
    let (_, found) = house.store.operator_of_certificate(serial(500)).await.unwrap().unwrap();
    assert_eq!(found.revoked, Some((at(9), REASON)));
    let again = house.store.commit(unguarded(vec![revoke()])).await;
    assert!(matches!(again, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn an_operator_whose_record_is_closed_is_still_found() {
    let house = House::new().await;
    let ended = Write::OperatorEnded { operator: OLGA, at: at(3) };
    house.store.commit(unguarded(vec![ended])).await.unwrap();
    let olga = house.store.operator(OLGA).await.unwrap().unwrap();
    assert_eq!(olga.ended_at, Some(at(3)));
    assert_eq!(olga.operator.roles, BTreeSet::from([Role::HelpDesk, Role::Auditor]));
    assert_eq!(house.store.operator_by_name("Otto").await.unwrap(), None);
}

#[tokio::test]
async fn what_was_made_is_found_by_what_it_was_made_for() {
    let mut house = House::new().await;
    house.with_phone().await;
    let credential = credential_id(1);
    let certificate = Write::Certificate { credential, der: vec![1, 2] };
    let escrow = Write::Escrow { credential: credential_id(3), key: 0, sealed: vec![3] };
    house.keep_with(vec![sign(1)], vec![certificate, escrow]).await;
    let found = house.store.credential_by_serial(serial(1)).await.unwrap();
    let expected = FoundCredential { user: ANA, credential, made_for: device_id(1), slot: Slot::Auth };
    assert_eq!(found, Some(expected));
    assert_eq!(house.store.credential_by_serial(serial(99)).await.unwrap(), None);
    let certificates = house.store.certificates(&[credential, credential_id(2)]).await.unwrap();
    assert_eq!(certificates.into_iter().collect::<Vec<_>>(), [(credential, vec![1, 2])]);
    let kept = Escrowed { credential: credential_id(3), user: ANA, serial: serial(3), key: 0, sealed: vec![3] };
    assert_eq!(house.store.escrowed(credential_id(3)).await.unwrap(), Some(kept));
    assert_eq!(house.store.escrowed(credential).await.unwrap(), None);
    assert_eq!(house.store.owner_of_device(device_id(1)).await.unwrap(), Some(Owner::User(ANA)));
    assert_eq!(house.store.user_of_request(request_id(1)).await.unwrap(), Some(ANA));
    assert_eq!(house.store.user_of_request(request_id(2)).await.unwrap(), None);
}

#[tokio::test]
async fn a_key_is_certified_once() {
    let mut house = House::new().await;
    house.with_phone().await;
    assert!(!house.store.is_key_seen(certified(1).key).await.unwrap());
    house.keep(vec![sign(1)]).await;
    assert!(house.store.is_key_seen(certified(1).key).await.unwrap());
    let again = Change::CredentialSigned { credential: credential_id(2), certified: certified(1) };
    let again = house.try_keep(vec![again], vec![]).await;
    assert!(matches!(again, Err(StoreError::Duplicate { what: "key" })));
}

#[tokio::test]
async fn a_step_that_was_taken_is_not_taken_again() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.keep(vec![sign(1), issue(1), revoke(1)]).await;
    for step in [sign(1), issue(1), revoke(1)] {
        assert!(matches!(house.try_keep(vec![step], vec![]).await, Err(StoreError::Conflict)));
    }
    house.agrees().await;
}

#[tokio::test]
async fn the_numbers_of_crls_only_rise() {
    let house = House::new().await;
    let crl = |number, minute| Crl {
        number,
        this_update: at(minute),
        next_update: at(minute + 60),
        der: vec![number as u8],
        delta: Some(vec![number as u8, 0]),
    };
    let issue = |number, minute| Write::Crl(CrlIssue { crl: crl(number, minute), oldest_base: 1, is_base: false, changes: vec![] });
    assert_eq!(house.store.latest_crl().await.unwrap(), None);
    for issue in [issue(1, 0), issue(3, 10), issue(4, 61)] {
        house.store.commit(unguarded(vec![issue])).await.unwrap();
    }
    for number in [4, 2] {
        let late = house.store.commit(unguarded(vec![issue(number, 20)])).await;
        assert!(matches!(late, Err(StoreError::Conflict)));
    }
    assert_eq!(house.store.latest_crl().await.unwrap(), Some(crl(4, 61)));
    assert_eq!(house.count("crls").await, 1, "the last takes the place of those before");
}

#[tokio::test]
async fn what_changed_since_a_base_is_kept_as_long_as_the_base() {
    let house = House::new().await;
    let crl = |number| Crl { number, this_update: at(number), next_update: at(number + 60), der: vec![], delta: None };
    let change = |number: u128, entry: &[u8]| CrlChange { serial: serial(number), entry: (!entry.is_empty()).then(|| entry.to_vec()) };
    let issue = |number, oldest_base, is_base, changes| Write::Crl(CrlIssue { crl: crl(number), oldest_base, is_base, changes });
    for issue in [
        issue(1, 1, true, vec![]),
        issue(2, 1, false, vec![change(1, b"held"), change(2, b"held")]),
        issue(3, 1, true, vec![change(1, b"")]),
    ] {
        house.store.commit(unguarded(vec![issue])).await.unwrap();
    }
    let (all, later) = (house.store.crl_changes(1).await.unwrap(), house.store.crl_changes(2).await.unwrap());
    assert_eq!(all, [change(1, b""), change(2, b"held")], "the last change of each");
    assert_eq!(later, [change(1, b"")]);
    house.store.commit(unguarded(vec![issue(4, 3, false, vec![])])).await.unwrap();
    assert_eq!(house.store.crl_bases().await.unwrap(), [CrlBase { number: 3, this_update: at(3) }]);
    assert_eq!(house.store.crl_changes(0).await.unwrap(), []);
}
