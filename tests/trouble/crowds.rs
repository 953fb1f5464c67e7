//! More than one server can do, and one who asks for more than a share: whoever else asks is served, and who is turned away is told when to come
//! again.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use mobile_sim::wire::{Reply, Request};
use mobile_sim::{DeviceKind, Faults, Outcome};
use remint::store::fault::Trouble;
use rustix::process::{Resource, getrlimit};
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

use crate::support::live::{Live, limit};
use crate::support::no::No;
use crate::support::openssl::run;
use crate::support::relying_party::plain_get;
use crate::support::stage::Stage;
use crate::support::wire_device::{Opening, WireDevice};

/// How many requests of phones are worked on and wait, when they all only begin.
const ADMITTED: usize = 64 + 128;

fn is_told_to_wait(reply: &Reply, who: &str) {
    No::read("too often", reply).is("too often", 429, "too-many-requests", &[&format!("one {who} may send in a minute"), "again in"]);
    let wait: u32 = reply.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_phone_that_floods_is_told_to_wait_and_the_next_one_is_served() {
    let live = Live::with_house(|dir| limit(dir, "user_a_minute", 40)).await;
    let ana = live.create_user("ana").await;
    let flooding = live.device(Some(live.phone_of(&ana, DeviceKind::MobileSmartCard).await.identity().unwrap()));
    let mut served = 0;
    let turned_away = loop {
        let reply = flooding.send(Request::post("/provisioning/v1/sync").with_json(&json!({})).unwrap()).await.unwrap();
        if reply.status == 429 {
            break reply;
        }
        served += 1;
        assert!(served < 1000, "never turned away");
    };
    is_told_to_wait(&turned_away, "user");
    let ben = live.create_user("ben").await;
    live.phone_of(&ben, DeviceKind::MobileSmartCard).await;
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_invitation_is_not_guessed_at_by_the_thousand() {
    let live = Live::with_house(|dir| limit(dir, "invitation_a_minute", 10)).await;
    let (invited, other) = {
        let ana = live.create_user("ana").await;
        let ben = live.create_user("ben").await;
        (live.initial(&ana, DeviceKind::MobileSmartCard).await, live.initial(&ben, DeviceKind::MobileSmartCard).await)
    };
    // the same right message: each is answered, and each costs a signature
    let opening = Opening::of(&invited);
    let mut statuses = Vec::new();
    let turned_away = loop {
        let reply = opening.say(&live).await;
        if reply.status == 429 {
            break reply;
        }
        statuses.push(reply.status);
        assert!(statuses.len() < 100, "never turned away");
    };
    assert!(statuses.len() >= 10 && statuses[0] == 201 && statuses[1..].iter().all(|status| *status == 200), "{statuses:?}");
    is_told_to_wait(&turned_away, "invitation");
    WireDevice::open(&live, &other).await;
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_floods_is_told_to_wait_and_the_others_are_served() {
    let live = Live::with_house(|dir| limit(dir, "source_a_minute", 20)).await;
    let root = live.folder.path().join("house/ca/root.pem");
    let portal = live.portal_address();
    let fetch = async |source: &str, path: &str| {
        let url = format!("https://{path}?n=[1-40]");
        let told = ["-s", "-o", "/dev/null", "-w", "%{http_code} %header{retry-after}\n", "--interface", source, "--cacert"];
        let ran = run("curl", &[&told[..], &[root.to_str().unwrap(), &url]].concat(), b"").await;
        ran.text().lines().map(str::to_owned).collect::<Vec<_>>()
    };
    for path in [format!("{}/.well-known/est/cacerts", live.config.devices.address), format!("{portal}/api/openapi.json")] {
        let flooding = fetch("127.0.0.2", &path).await;
        let (served, turned_away): (Vec<_>, Vec<_>) = flooding.iter().partition(|line| line.starts_with("200"));
        assert!(served.len() + turned_away.len() == 40 && !turned_away.is_empty(), "{flooding:?}");
        for line in turned_away {
            let wait: u32 = line.strip_prefix("429 ").unwrap_or_else(|| panic!("{line}")).parse().unwrap();
            assert!(wait > 0);
        }
        let spared = fetch("127.0.0.1", &path).await;
        assert!(spared.iter().all(|line| line.starts_with("200")), "{spared:?}");
    }
    live.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_has_its_share_of_connections() {
    let live = Live::with_house(|dir| limit(dir, "connections_of_source", 3)).await;
    let address = live.config.devices.address.replace("localhost", "127.0.0.1").parse().unwrap();
    let connect = async || {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind("127.0.0.2:0".parse().unwrap()).unwrap();
        socket.connect(address).await.unwrap()
    };
    let mut taken = Vec::new();
    for _ in 0..3 {
        taken.push(connect().await);
    }
    let mut refused = connect().await;
    assert_eq!(refused.read(&mut [0]).await.unwrap_or(0), 0, "it is closed at once");
    assert!(live.desk.send(Request::get("/api/queue")).await.is_ok());
    assert_eq!(live.device(None).send(Request::get("/.well-known/est/cacerts")).await.unwrap().status, 200, "another source is served");
    live.stop().await;
}

/// More phones than are worked on and may wait: those beyond are turned away at once, the desk and relying parties are answered, and in the end
/// everybody who was let in.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_phones_wait_for_the_database_the_desk_and_relying_parties_do_not() {
    let live = Arc::new(Live::with_house(|dir| limit(dir, "invitation_a_minute", 0)).await);
    let ana = live.create_user("ana").await;
    let phone = live.phone_of(&ana, DeviceKind::MobileSmartCard).await;
    let ben = live.create_user("ben").await;
    let opening = Arc::new(Opening::of(&live.initial(&ben, DeviceKind::MobileSmartCard).await));
    live.world().store.order_trouble(Some(Arc::new(|commit, _| (commit == "open-session").then_some(Trouble::Held))));

    let turned_away = Arc::new(AtomicUsize::new(0));
    let crowd: Vec<_> = (0..ADMITTED + 40)
        .map(|_| {
            let (live, opening, turned_away) = (Arc::clone(&live), Arc::clone(&opening), Arc::clone(&turned_away));
            tokio::spawn(async move {
                let reply = opening.say(&live).await;
                if reply.status == 503 {
                    turned_away.fetch_add(1, Ordering::Relaxed);
                    No::read("beyond", &reply).is("beyond", 503, "unavailable", &["more requests than this server can work on"]);
                    assert!(reply.header("retry-after").is_some());
                }
                reply.status
            })
        })
        .collect();
    crate::support::process::until("who is turned away", async || (turned_away.load(Ordering::Relaxed) >= 40).then_some(())).await;

    let listed = live.desk.send(Request::get(format!("/api/users/{ana}"))).await.unwrap();
    assert_eq!(listed.status, 200);
    let lost = live.submit(&crate::support::live::device_of(&phone), "lost").await;
    assert!(!lost.uri.is_empty(), "a loss is taken up while the phones wait");
    let ready = plain_get(&live.config.status.listen, "/health/ready").await;
    assert!(!ready.is_empty());

    live.world().store.order_trouble(None);
    let mut statuses = Vec::new();
    for one in crowd {
        statuses.push(one.await.unwrap());
    }
    assert_eq!(statuses.iter().filter(|status| **status == 503).count(), 40, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 201).count(), 1, "one session was opened: {statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), ADMITTED - 1, "{statuses:?}");
    assert_eq!(live.faults().await, Vec::<String>::new());
}

/// Ten thousand connections that say nothing, more than there are places for: phones, the desk and relying parties are served.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_half_open_connections_keep_nobody_out() {
    const HALF_OPEN: usize = 10_000;
    let stage = Stage::open().await;
    let person = stage.person().await;
    let allowed = getrlimit(Resource::Nofile).current;
    assert!(allowed.is_none_or(|files| files > HALF_OPEN as u64 + 500), "raise the limit on open files (ulimit -n), found: {allowed:?}");
    let address = stage.installation.devices_address();
    let mut half_open = Vec::with_capacity(HALF_OPEN);
    for _ in 0..HALF_OPEN {
        half_open.push(TcpStream::connect(&address).await.unwrap());
    }
    let invited = stage.replace_the_phone_of(&person).await;
    let phone = person.new_phone();
    assert_eq!(phone.issue(&invited, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert_eq!(crate::support::relying_party::ocsp(&stage.installation, &phone.certificates()).await, ["good"; 3]);
    drop(half_open);
}
