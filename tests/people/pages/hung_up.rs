//! Whoever clicks may be gone before the act is done: a browser hangs up when the button is clicked again, or when its phone loses the network.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::body::{Body, to_bytes};
use axum::http::{Method, Request};
use axum::response::Response;
use mobile_sim::DeviceKind;
use remint::http::peer::Peer;
use remint::lifecycle::actor::Role;
use remint::pages;
use remint::workflows::add_operator::add_operator;
use tower::ServiceExt;

use super::{FORM, between, token};
use crate::support::live::{Live, device_of};

/// More often than an act waits for something, by far.
const CUTS: usize = 40;

/// The desk of a server as its listener asks it, so that a request can be dropped at any moment.
struct Desk {
    router: axum::Router,
    peer: Peer,
}

impl Desk {
    async fn of(live: &Live) -> Self {
        let certificate = add_operator(live.world(), "Hana", [Role::HelpDesk].into(), None).await.unwrap().certificate;
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000));
        Self {
            router: pages::desk().with_state(live.shared_world()),
            peer: Peer { address, certificate: Some(Arc::from(certificate)), exporter: None },
        }
    }

    fn ask(&self, method: Method, path: &str, fields: String) -> impl Future<Output = Response> + 'static {
        let request = Request::builder().method(method).uri(path).header("content-type", FORM).extension(self.peer.clone());
        let asked = self.router.clone().oneshot(request.body(Body::from(fields)).unwrap());
        async { asked.await.unwrap_or_else(|never| match never {}) }
    }

    async fn text(&self, path: &str) -> String {
        let response = self.ask(Method::GET, path, String::new()).await;
        String::from_utf8(to_bytes(response.into_body(), 1 << 20).await.unwrap().to_vec()).unwrap()
    }
}

/// The first click is dropped each time it has waited once more; the second finds what the first one did, with its invitation.
#[tokio::test]
async fn a_click_is_done_to_its_end_whoever_hangs_up() {
    let live = Live::start().await;
    let desk = Desk::of(&live).await;
    let (mut was_cut, mut was_whole) = (0, 0);
    for waits in 1..=CUTS {
        let user = live.create_user(&format!("Ana{waits}")).await;
        let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
        let replace = format!("/devices/{phone}/replace");
        let check = desk.text(&format!("{replace}?reason=lost&mode=remote")).await;
        let fields = format!("token={}&reason=lost&mode=remote", token(&check));

        let mut first = Box::pin(desk.ask(Method::POST, &replace, fields.clone()));
        let mut left = waits;
        let cut = std::future::poll_fn(|context| {
            left -= 1;
            match first.as_mut().poll(context) {
                std::task::Poll::Pending if left > 0 => std::task::Poll::Pending,
                polled => std::task::Poll::Ready(polled.is_pending()),
            }
        });
        if cut.await {
            was_cut += 1
        } else {
            was_whole += 1
        }
        drop(first);

        let second = desk.ask(Method::POST, &replace, fields).await;
        assert_eq!(second.status(), 303, "cut at {waits}");
        let followed = desk.text(second.headers()["location"].to_str().unwrap()).await;
        assert!(between(&followed, "readonly rows=\"4\">", "</textarea>").starts_with("msc1:"), "cut at {waits}");
        let requests = live.lookup(&user).await["requests"].clone();
        let replacements = requests.as_array().unwrap().iter().filter(|request| request["purpose"] == "replacement").count();
        assert_eq!(replacements, 1, "cut at {waits}");
        if was_whole > 1 {
            break;
        }
    }
    assert!(was_cut > 0 && was_whole > 0, "{was_cut} cut, {was_whole} whole: no act was cut everywhere");
    live.stop().await;
}
