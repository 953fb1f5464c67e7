//! Every variant of every state, by hand: what is loaded is what was kept.

use super::*;
use crate::lifecycle::change::Carried;
use crate::lifecycle::credential::RevocationReason;
use crate::lifecycle::device::StandIn;
use crate::lifecycle::hold::{Cause, Held, Hold};
use crate::lifecycle::reason::{EndReason, Reason};
use crate::lifecycle::request::{EncPlan, Issuing, Line};
use crate::lifecycle::ticket::{Ticket, TicketState};
use crate::store::device::Owner;

fn issuing(session: u128, collected: Option<EncPlan>) -> RequestState {
    RequestState::Issuing(Issuing { session: session_id(session), device: device_id(1), since: at(3), collected })
}

#[tokio::test]
async fn a_user_without_anything_is_loaded_and_an_unknown_one_is_not() {
    let house = House::new().await;
    house.agrees().await;
    assert_eq!(house.store.holdings(UserId(Uuid::nil())).await.unwrap(), None);
}

#[tokio::test]
async fn every_state_of_a_request_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    let plan = |current, history: &[u128]| EncPlan {
        current: credential_id(current),
        history: history.iter().map(|n| credential_id(*n)).collect(),
    };
    let states = [
        RequestState::AwaitingApproval,
        RequestState::Approved,
        RequestState::Bound { device: device_id(1) },
        issuing(1, None),
        issuing(2, Some(plan(3, &[]))),
        issuing(3, Some(plan(1, &[4, 3, 2]))),
        RequestState::Issued { device: device_id(1), at: at(4) },
        RequestState::Rejected { at: at(5) },
        RequestState::Canceled { at: at(6) },
    ];
    // Opened in it, and moved to it.
    for (n, state) in (10..).zip(states) {
        house.keep(vec![Change::RequestOpened(request(n, state.clone()))]).await;
        let moved = Change::RequestMoved { request: request_id(n + 100), to: state };
        house.keep(vec![Change::RequestOpened(request(n + 100, RequestState::Approved)), moved]).await;
    }
}

#[tokio::test]
async fn what_a_session_collects_again_takes_the_place_of_what_it_collected() {
    let mut house = House::new().await;
    house.with_phone().await;
    let collected = |current, history: Vec<CredentialId>| Change::RequestMoved {
        request: request_id(1),
        to: issuing(1, Some(EncPlan { current: credential_id(current), history })),
    };
    house.keep(vec![collected(1, vec![credential_id(2), credential_id(3)])]).await;
    house.keep(vec![collected(3, vec![credential_id(1)])]).await;
    let approved = Change::RequestMoved { request: request_id(1), to: RequestState::Approved };
    house.keep(vec![approved]).await;
}

#[tokio::test]
async fn every_purpose_mode_reason_and_requester_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    house.keep(vec![Change::DeviceAssigned { device: phone(2, 1) }, Change::DeviceAssigned { device: phone(3, 1) }]).await;
    let mut purposes = vec![Purpose::Update { device: device_id(1) }];
    purposes.extend(Mode::ALL.iter().map(|mode| Purpose::Initial { mode: *mode }));
    let lines = [(None, None), (Some(2), None), (None, Some(3)), (Some(2), Some(3))];
    for (reason, (original, stand_in)) in Reason::ALL.iter().zip(lines.into_iter().cycle()) {
        purposes.push(Purpose::Replacement {
            mode: Mode::Local,
            reason: *reason,
            line: Line { original: original.map(device_id), target: device_id(1), stand_in: stand_in.map(device_id) },
        });
    }
    let requesters = [Requester::Operator(OLGA), Requester::User(ANA), Requester::System];
    let opened = (20..).zip(purposes).zip(requesters.into_iter().cycle());
    let opened = opened.zip(DeviceKind::ALL.iter().cycle());
    let opened = opened.map(|(((n, purpose), requester), kind)| {
        Change::RequestOpened(Request { purpose, requester, kind: *kind, ..request(n, RequestState::Approved) })
    });
    house.keep(opened.collect()).await;
}

#[tokio::test]
async fn every_state_of_a_device_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    let stand_in = Some(StandIn { original: device_id(1), arrangement: request_id(1), until: at(9) });
    let mut n = 10;
    let mut next = |state| {
        n += 1;
        Change::DeviceAssigned { device: Device { state, ..phone(n, 1) } }
    };
    let mut made = Vec::new();
    for stand_in in [None, stand_in] {
        made.push(next(DeviceState::Issued { at: at(5), stand_in }));
        made.push(next(DeviceState::Terminated { at: at(6), reason: EndReason::Lapsed, issued_at: Some(at(5)), stand_in }));
    }
    for reason in EndReason::ALL {
        made.push(next(DeviceState::Terminated { at: at(6), reason: *reason, issued_at: None, stand_in: None }));
    }
    house.keep(made).await;
    for (n, stand_in) in [(1, None), (2, stand_in), (3, None)] {
        let (device, at) = (device_id(n), at(7));
        if n > 1 {
            house.keep(vec![Change::DeviceAssigned { device: phone(n, 1) }]).await;
        }
        if n < 3 {
            house.keep(vec![Change::DeviceIssued { device, at, stand_in }]).await;
        }
        let reason = EndReason::Stolen;
        house.keep(vec![Change::DeviceTerminated { device, at, reason }]).await;
    }
}

#[tokio::test]
async fn a_stock_device_goes_back_and_out_again() {
    let mut house = House::new().await;
    house
        .keep(vec![Change::RequestOpened(request(1, RequestState::Approved)), Change::RequestOpened(request(2, RequestState::Approved))])
        .await;
    let card = |request| Device { kind: DeviceKind::SmartCard, ..phone(1, request) };
    house.keep(vec![Change::DeviceAssigned { device: card(1) }]).await;
    house.keep(vec![Change::DeviceUnbound { device: device_id(1) }]).await;
    assert_eq!(house.store.owner_of_device(device_id(1)).await.unwrap(), Some(Owner::Stock));
    house.keep(vec![Change::DeviceAssigned { device: card(2) }]).await;
    assert_eq!(house.store.owner_of_device(device_id(1)).await.unwrap(), Some(Owner::User(ANA)));
    let taken = house.try_keep(vec![Change::DeviceAssigned { device: card(1) }], vec![]).await;
    assert!(matches!(taken, Err(StoreError::Conflict)));
}

#[tokio::test]
async fn every_state_of_a_credential_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    let mut n = 100;
    let mut states = vec![
        CredentialState::Reserved { at: at(1) },
        CredentialState::Signed { certified: certified(101) },
        CredentialState::Issued { certified: certified(102), at: at(2) },
    ];
    for reason in RevocationReason::ALL {
        for facts in [(None, None), (Some(n), None), (Some(n + 1), Some(at(2)))] {
            n += 10;
            states.push(CredentialState::Revoked {
                certified: facts.0.map(|key| certified(key + 1000)),
                issued_at: facts.1,
                at: at(3),
                reason: *reason,
            });
        }
    }
    let kept = (50..).zip(states).map(|(n, state)| Change::CredentialReserved(Credential { state, ..reserved(n, 1, Slot::Enc) }));
    house.keep(kept.collect()).await;
}

#[tokio::test]
async fn every_step_of_a_credential_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    for steps in 0..4 {
        let credential = credential_id(steps + 1);
        if steps > 0 {
            let certified = certified(steps);
            house.keep(vec![Change::CredentialSigned { credential, certified }]).await;
        }
        if steps > 1 {
            house.keep(vec![Change::CredentialIssued { credential, at: at(5) }]).await;
        }
        if steps != 2 {
            let (at, reason) = (at(6), RevocationReason::Superseded);
            house.keep(vec![Change::CredentialRevoked { credential, at, reason }]).await;
        }
    }
}

#[tokio::test]
async fn how_a_device_carries_a_credential_may_change() {
    let mut house = House::new().await;
    house.with_phone().await;
    for carried in [Carried::Current, Carried::History, Carried::Current] {
        let (device, credential) = (device_id(1), credential_id(3));
        house.keep(vec![Change::CarriedAs { device, credential, carried }]).await;
    }
}

#[tokio::test]
async fn holds_are_a_set_and_the_first_keeps_its_time() {
    let mut house = House::new().await;
    house.with_phone().await;
    let things = [Held::Device(device_id(1)), Held::Credential(credential_id(1))];
    let causes = [Cause::Replacement(request_id(1)), Cause::HelpDeskDevice(device_id(1)), Cause::HelpDeskCredential(credential_id(1))];
    for (minute, (on, cause)) in (1..).zip(things.into_iter().flat_map(|on| causes.map(|cause| (on, cause)))) {
        let hold = Hold { on, cause };
        house.keep(vec![Change::HoldPlaced { hold, at: at(minute) }]).await;
        house.keep(vec![Change::HoldPlaced { hold, at: at(minute + 50) }]).await;
    }
    for cause in causes {
        let hold = Hold { on: things[1], cause };
        house.keep(vec![Change::HoldLifted { hold }]).await;
    }
}

#[tokio::test]
async fn every_state_of_a_ticket_is_kept() {
    let mut house = House::new().await;
    house.with_phone().await;
    let session = session_id(1);
    let states = [
        TicketState::Open,
        TicketState::Redeemed { session },
        TicketState::Dead { session: Some(session) },
        TicketState::Dead { session: None },
    ];
    for (n, state) in (1..).zip(states) {
        let ticket = |n, state| Ticket { id: ticket_id(n), request: request_id(1), expires_at: at(60), attempts_left: 5, state };
        let moved = Change::TicketMoved { ticket: ticket_id(n + 10), to: state };
        let missed = Change::TicketMissed { ticket: ticket_id(n), attempts_left: 0 };
        house.keep(vec![Change::TicketIssued(ticket(n, state))]).await;
        house.keep(vec![Change::TicketIssued(ticket(n + 10, TicketState::Open)), moved]).await;
        house.keep(vec![missed]).await;
    }
}
