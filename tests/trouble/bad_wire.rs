//! Replies that are lost or cut off, and questions that arrive when the phone has long gone on: in the end every phone is issued, once.

use mobile_sim::{DeviceKind, Faults, Outcome, Phone};
use remint::lifecycle::request::RequestState;

use crate::support::live::{Live, device_of, facts, limit};
use crate::wire::BadWire;

/// How many phones are replaced.
const STORIES: usize = 8;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn over_a_bad_wire_every_phone_is_issued_once() {
    // they all come again at once
    let live = Live::with_house(|dir| limit(dir, "invitation_a_minute", 0)).await;
    let wire = BadWire::before(&live.config.devices.address, 11).await;
    let (mut attempts, mut late) = (0, 0);
    for story in 0..STORIES {
        let user = live.create_user(&format!("ana{story}")).await;
        let old = live.phone_of(&user, DeviceKind::MobileSmartCard).await;
        let submitted = live.submit(&device_of(&old), "lost").await;
        let invitation = wire.redirect(&submitted.uri).parse().unwrap();
        let mut phone = Phone::in_memory();
        loop {
            attempts += 1;
            assert!(attempts < 60 * STORIES, "no end");
            let ended = phone.issue(&invitation, submitted.code.as_deref(), &facts(DeviceKind::MobileSmartCard), &Faults::default()).await;
            match ended {
                Ok(Outcome::Issued | Outcome::AlreadyIssued) => break,
                Err(error) if error.is_transient() => {}
                other => panic!("story {story}: {other:?}"),
            }
            if attempts % 3 == 0 {
                late += wire.deliver_late().await;
            }
        }
        late += wire.deliver_late().await;

        let id = uuid::Uuid::parse_str(&user).unwrap();
        let held = live.world().store.holdings(remint::lifecycle::ids::UserId(id)).await.unwrap().unwrap().holdings;
        assert_eq!(held.devices.len(), 2, "story {story}: no phone but the one before and the new one");
        let request = held.requests.values().find(|request| request.id.to_string() == submitted.request).unwrap();
        assert!(matches!(request.state, RequestState::Issued { .. }), "story {story}: {:?}", request.state);
        let done = |act: &str| {
            let request = submitted.request.clone();
            let act = act.to_owned();
            move |line: &remint::store::views::AuditLine| {
                line.act == act && line.request.as_ref().is_some_and(|of| of.to_string() == request)
            }
        };
        let log = live.audit().await;
        for (act, times) in [("open-session", 1), ("issue", 1)] {
            assert_eq!(log.iter().filter(|line| done(act)(line)).count(), times, "story {story}: {act}");
        }
    }
    assert!(wire.spoilt() > STORIES, "{}", wire.spoilt());
    assert!(late > 0, "nothing came late");
    assert_eq!(live.faults().await, Vec::<String>::new());
    live.stop().await;
}
