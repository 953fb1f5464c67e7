//! The pages of the portal, as a user's browser asks for them: with its cookie, without a script.

use jiff::SignedDuration;
use mobile_sim::wire::{Client, Reply, Request};
use mobile_sim::{DeviceKind, Faults, Invitation, Outcome, Phone};
use remint::lifecycle::actor::Role;
use serde_json::{Value, json};

use super::{FORM, between, is_sound, page, token};
use crate::support::live::{Live, device_of, facts, second_step};
use crate::support::portal::PASSWORD;

/// A browser at the portal: it keeps its cookie and follows where it is led.
struct Browser {
    client: Client,
    cookie: Option<String>,
}

impl Browser {
    fn new(client: Client) -> Self {
        Self { client, cookie: None }
    }

    async fn send(&mut self, request: Request) -> Reply {
        let request = request.with_header("accept", "text/html").with_header("accept-language", "en");
        let request = match &self.cookie {
            Some(cookie) => request.with_header("cookie", cookie.clone()),
            None => request,
        };
        let reply = self.client.send(request).await.unwrap();
        if let Some(set) = reply.header("set-cookie") {
            assert!(set.contains("Secure") && set.contains("HttpOnly") && set.contains("SameSite=Strict"), "{set}");
            self.cookie = set.split(';').next().map(str::to_owned);
        }
        reply
    }

    /// The page of a path, or where that leads; with the path that was reached.
    async fn see(&mut self, path: &str) -> (String, String) {
        let mut path = path.to_owned();
        loop {
            let reply = self.send(Request::get(&path)).await;
            match reply.status {
                303 => path = reply.header("location").unwrap().to_owned(),
                status => {
                    assert_eq!(status, 200, "{path}: {}", reply.text());
                    is_sound(&path, &reply, "en").await;
                    return (path, reply.text());
                }
            }
        }
    }

    async fn post(&mut self, path: &str, fields: &str) -> Reply {
        self.send(Request::post(path).with_body(FORM, fields.to_owned())).await
    }

    /// Sends a form and goes where it leads.
    async fn fill(&mut self, path: &str, fields: &str) -> (String, String) {
        let reply = self.post(path, fields).await;
        assert_eq!(reply.status, 303, "{path}: {}", reply.text());
        self.see(reply.header("location").unwrap()).await
    }
}

/// A house whose portal asks for the second step; with Ana, who has a phone and a first password.
struct Scene {
    live: Live,
    phone: Phone,
    browser: Browser,
    initial: String,
}

async fn scene() -> Scene {
    let live = Live::with_house(|house| second_step(house, "none", "mailed-code")).await;
    let ana = live.create_user("Ana").await;
    let phone = live.phone_of(&ana, DeviceKind::MobileSmartCard).await;
    let given = live.desk.post(&format!("/api/users/{ana}/portal-password")).await.unwrap();
    let initial = given.json::<Value>().unwrap()["password"].as_str().unwrap().to_owned();
    let browser = Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
    Scene { live, phone, browser, initial }
}

fn encoded(text: &str) -> String {
    text.replace(' ', "+").replace('@', "%40")
}

async fn sign_in(live: &Live, browser: &mut Browser, password: &str) -> (String, String) {
    let before = live.letters().len();
    let asked = format!("login=ana%40example.org&password={}", encoded(password));
    let (path, text) = browser.fill("/sign-in", &asked).await;
    assert_eq!(path, "/sign-in/code", "{text}");
    let code = live.sign_in_code(before).await;
    browser.fill("/sign-in/code", &format!("code={}+{}", &code[..3], &code[3..])).await
}

/// Signed in for the first time, with a password of her own.
async fn settled(live: &Live, browser: &mut Browser, initial: &str) -> String {
    let (path, shown) = sign_in(live, browser, initial).await;
    assert_eq!(path, "/password");
    let (path, shown) = browser.fill("/password", &format!("token={}&new={}", token(&shown), encoded(PASSWORD))).await;
    assert_eq!(path, "/", "{shown}");
    shown
}

/// From a stolen handbag to the new phone: signed in with password and code, reported in two pages, approved, enrolled by the code on screen.
#[tokio::test]
async fn a_user_reports_a_phone_and_enrolls_the_next() {
    let Scene { live, phone, mut browser, initial } = scene().await;
    assert_eq!(browser.see("/").await.0, "/sign-in");
    let home = settled(&live, &mut browser, &initial).await;
    let report = format!("/devices/{}/report", device_of(&phone));
    assert!(home.contains(&format!("href=\"{report}\"")) && home.contains("is-active"), "{home}");
    let (_, asked) = browser.see(&report).await;
    assert!(
        asked.contains("value=\"stolen\"") && asked.contains("value=\"self-enrollment\"") && !asked.contains("value=\"remote\""),
        "{asked}"
    );
    let before = live.record().await;
    let (_, check) = browser.see(&format!("{report}?reason=stolen&mode=self-enrollment")).await;
    assert!(check.contains("is-invalid") && check.contains("What still works then"), "{check}");
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "looking changes nothing");
    let (followed, told) = browser.fill(&report, &format!("token={}&reason=stolen&mode=self-enrollment", token(&check))).await;
    assert!(told.contains("is-awaiting-approval") && told.contains("OCSP says so"), "{told}");
    let request = between(&followed, "/requests/", "?").to_owned();

    // an officer approves it; then the ticket is on the screen
    let officer = live.operator("Vera", [Role::ValidationOfficer]).await;
    assert_eq!(officer.post(&format!("/api/requests/{request}/approve")).await.unwrap().status, 200);
    let (_, told) = browser.see(&format!("/requests/{request}")).await;
    let (_, ticket) = browser.fill(&format!("/requests/{request}/ticket"), &format!("token={}", token(&told))).await;
    let uri: Invitation = between(&ticket, "readonly rows=\"4\">", "</textarea>").replace("&amp;", "&").parse().unwrap();
    assert!(ticket.contains("<svg"), "{ticket}");
    let code = ticket.contains("<p class=\"code\">").then(|| between(&ticket, "<p class=\"code\">", "</p>").replace(' ', ""));
    let mut new = Phone::in_memory();
    let outcome = new.issue(&uri, code.as_deref(), &facts(DeviceKind::MobileSmartCard), &Faults::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Issued);
    let (_, told) = browser.see(&format!("/requests/{request}")).await;
    assert!(told.contains("is-issued") && !told.contains("data-events"), "{told}");
    let (_, history) = browser.see("/history").await;
    assert!(history.contains("Replacement submitted") && history.contains("Code sent"), "{history}");
    live.stop().await;
}

/// The second step: only the newest letter's code, only in the browser that asked, and no more tries than a password has.
#[tokio::test]
async fn a_code_signs_in_the_browser_that_asked_for_it_once() {
    let Scene { live, mut browser, initial, .. } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let fields = format!("login=ana%40example.org&password={}", encoded(PASSWORD));
    let fresh = || Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
    let (mut first, mut other) = (fresh(), fresh());
    let before = live.letters().len();
    first.fill("/sign-in", &fields).await;
    let code = live.sign_in_code(before).await;
    assert_eq!(first.see("/").await.0, "/sign-in/code", "nobody is signed in by half");
    let at = live.letters().len();
    other.fill("/sign-in", &fields).await;
    live.sign_in_code(at).await;
    // another browser's code
    let wrong = other.post("/sign-in/code", &format!("code={code}")).await;
    assert_eq!(wrong.status, 401);
    is_sound("a wrong code", &wrong, "en").await;
    let waiting = first.cookie.clone();
    assert_eq!(first.fill("/sign-in/code", &format!("code={code}")).await.0, "/");
    assert_ne!(first.cookie, waiting, "the session goes on under another name");
    // the session that waited is spent
    let mut again = fresh();
    again.cookie = waiting;
    assert_eq!(again.fill("/sign-in/code", &format!("code={code}")).await.0, "/sign-in");
    // guessing ends where guessing a password ends
    let mut guesser = fresh();
    let at = live.letters().len();
    guesser.fill("/sign-in", &fields).await;
    let right = live.sign_in_code(at).await;
    let mut statuses = Vec::new();
    for guess in 0..7 {
        let guess = if right == format!("00000{guess}") { "999999".to_owned() } else { format!("00000{guess}") };
        statuses.push(guesser.post("/sign-in/code", &format!("code={guess}")).await.status);
    }
    assert_eq!(statuses, [401, 401, 401, 401, 401, 429, 429]);
    assert_eq!(guesser.post("/sign-in/code", &format!("code={right}")).await.status, 429);
    // a code is good for ten minutes
    live.advance(SignedDuration::from_mins(2));
    let (mut late, at) = (fresh(), live.letters().len());
    late.fill("/sign-in", &fields).await;
    let code = live.sign_in_code(at).await;
    live.advance(SignedDuration::from_mins(10));
    assert_eq!(late.fill("/sign-in/code", &format!("code={code}")).await.0, "/sign-in");
    live.stop().await;
}

/// Many tries at one moment are many: the count is not read by all of them before one is counted.
#[tokio::test]
async fn tries_at_once_are_counted_each() {
    let Scene { live, mut browser, initial, .. } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let at = live.letters().len();
    let mut guesser = Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
    guesser.fill("/sign-in", &format!("login=ana%40example.org&password={}", encoded(PASSWORD))).await;
    let right = live.sign_in_code(at).await;
    let cookie = guesser.cookie.clone().unwrap();
    let guess = async |number: u32| {
        let code = if right == format!("{number:06}") { "999999".to_owned() } else { format!("{number:06}") };
        let asked = Request::post("/sign-in/code").with_header("cookie", cookie.clone()).with_body(FORM, format!("code={code}"));
        guesser.client.send(asked).await.unwrap().status
    };
    let mut statuses = futures_util::future::join_all((0..20).map(guess)).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [vec![401; 5], vec![429; 15]].concat());
    live.advance(SignedDuration::from_mins(2));
    // and one code opens one session, however often it is sent
    let (mut one, at) = (Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap()), live.letters().len());
    one.fill("/sign-in", &format!("login=ana%40example.org&password={}", encoded(PASSWORD))).await;
    let code = live.sign_in_code(at).await;
    let cookie = one.cookie.clone().unwrap();
    let send = async |_: u32| {
        let asked = Request::post("/sign-in/code").with_header("cookie", cookie.clone()).with_body(FORM, format!("code={code}"));
        one.client.send(asked).await.unwrap().header("location").unwrap_or_default().to_owned()
    };
    let led = futures_util::future::join_all((0..4).map(send)).await;
    assert_eq!(led.iter().filter(|path| *path == "/").count(), 1, "{led:?}");
    live.stop().await;
}

/// Whoever knows a password fills nobody's mailbox.
#[tokio::test]
async fn only_some_codes_are_on_their_way_at_once() {
    let Scene { live, mut browser, initial, .. } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let fields = format!("login=ana%40example.org&password={}", encoded(PASSWORD));
    let mut statuses = Vec::new();
    for _ in 0..6 {
        let mut another = Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
        statuses.push(another.post("/sign-in", &fields).await.status);
    }
    assert_eq!(statuses, [303, 303, 303, 303, 303, 429]);
    live.advance(SignedDuration::from_mins(11));
    assert_eq!(browser.post("/sign-in", &fields).await.status, 303);
    live.stop().await;
}

/// A device of one's own signs in by its certificate, as long as it is good.
#[tokio::test]
async fn a_device_that_works_signs_its_user_in() {
    let Scene { live, phone, .. } = scene().await;
    let mut browser = Browser::new(live.at_portal(phone.identity().unwrap()));
    let (_, asked) = browser.see("/sign-in").await;
    assert!(asked.contains("Sign in as"), "{asked}");
    assert_eq!(browser.fill("/sign-in/device", "").await.0, "/");
    // suspended, it no longer speaks for its user, in sessions that are open neither; active again, it does
    live.act_on_device(&device_of(&phone), "suspend").await;
    assert_eq!(browser.see("/").await.0, "/sign-in");
    live.act_on_device(&device_of(&phone), "resume").await;
    assert_eq!(browser.see("/").await.0, "/");
    live.submit(&device_of(&phone), "lost").await;
    assert_eq!(browser.see("/").await.0, "/sign-in");
    let mut thief = Browser::new(live.at_portal(phone.identity().unwrap()));
    assert!(!thief.see("/sign-in").await.1.contains("Sign in as"));
    assert_eq!(thief.post("/sign-in/device", "").await.status, 403);
    let reply = thief.client.send(Request::post("/api/sign-in/device").with_json(&json!({})).unwrap()).await.unwrap();
    assert_eq!((reply.status, reply.json::<Value>().unwrap()["code"].clone()), (403, json!("wrong-certificate")));
    // who reports the very device that signs them in is told why they are asked for their password
    let next = live.phone_of(&live.create_user("Bea").await, DeviceKind::MobileSmartCard).await;
    let mut reporter = Browser::new(live.at_portal(next.identity().unwrap()));
    reporter.fill("/sign-in/device", "").await;
    let report = format!("/devices/{}/report", device_of(&next));
    let check = reporter.see(&format!("{report}?reason=damaged&mode=self-enrollment")).await.1;
    let (to, told) = reporter.fill(&report, &format!("token={}&reason=damaged&mode=self-enrollment", token(&check))).await;
    assert!(to == "/sign-in?reported=own" && told.contains("is reported and no longer works"), "{to}: {told}");
    // an operator's certificate is nobody's device
    let mut operator = Browser::new(live.at_portal(live.hire("Olga", [Role::HelpDesk]).await));
    assert_eq!(operator.post("/sign-in/device", "").await.status, 403);
    live.stop().await;
}

/// A browser on a device that is lost or stolen may be signed in: its session ends, whoever reports it; the one that reports goes on.
#[tokio::test]
async fn a_loss_ends_the_other_sessions() {
    let Scene { live, phone, mut browser, initial } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let mut on_the_phone = Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
    sign_in(&live, &mut on_the_phone, PASSWORD).await;
    let report = format!("/devices/{}/report", device_of(&phone));
    let (_, check) = browser.see(&format!("{report}?reason=stolen&mode=local")).await;
    let (followed, _) = browser.fill(&report, &format!("token={}&reason=stolen&mode=local", token(&check))).await;
    assert_eq!(on_the_phone.see("/").await.0, "/sign-in");
    assert_eq!(browser.see("/").await.0, "/");
    // by the help desk: every one
    live.cancel(between(&followed, "/requests/", "?")).await;
    live.submit(&device_of(&phone), "lost").await;
    assert_eq!(browser.see("/").await.0, "/sign-in");
    live.stop().await;
}

/// The password that a session was opened with is as hard to guess inside as it is outside.
#[tokio::test]
async fn the_current_password_is_not_guessed_in_a_session() {
    let Scene { live, mut browser, initial, .. } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let (_, form) = browser.see("/password").await;
    let mut statuses = Vec::new();
    for guess in 0..7 {
        let fields = format!("token={}&current=guess{guess}&new=a+new+password+of+mine", token(&form));
        statuses.push(browser.post("/password", &fields).await.status);
    }
    assert_eq!(statuses, [422, 422, 422, 422, 422, 429, 429]);
    live.stop().await;
}

/// Nobody is led away from here.
#[tokio::test]
async fn a_language_leads_back_to_a_page_of_ours() {
    let Scene { live, .. } = scene().await;
    let client = Client::new(live.portal_address(), &live.root, None).unwrap();
    let host = format!("https://{}", live.portal_address());
    for (before, after) in [("/sign-in", "/sign-in"), ("//evil.example/x", "/"), ("/\\evil.example", "/"), ("/a?b=//c", "/a?b=//c")] {
        let chosen = Request::post("/language").with_header("referer", format!("{host}{before}")).with_body(FORM, "language=de");
        assert_eq!(client.send(chosen).await.unwrap().header("location"), Some(after), "{before}");
    }
    live.stop().await;
}

/// What somebody else asked for in a user's name: the user says so, and the desk sees it.
#[tokio::test]
async fn this_was_not_me() {
    let Scene { live, phone, mut browser, initial } = scene().await;
    let request = live.submit(&device_of(&phone), "lost").await.request;
    let home = settled(&live, &mut browser, &initial).await;
    assert!(home.contains(&format!("/requests/{request}")), "{home}");
    let path = format!("/requests/{request}/not-me");
    let (_, asked) = browser.see(&path).await;
    for _ in 0..2 {
        assert!(browser.fill(&path, &format!("token={}", token(&asked))).await.1.contains("You said that this was not you"));
    }
    for path in ["/".to_owned(), format!("/requests/{request}")] {
        assert!(page(&live.desk, &path, "en").await.contains("The user says: this was not me"), "{path}");
    }
    live.stop().await;
}

/// What is wrong is told in words; nothing is done for another's form, another's request, or without a session.
#[tokio::test]
async fn the_portal_refuses_in_words() {
    let Scene { live, phone, mut browser, initial } = scene().await;
    let wrong = browser.post("/sign-in", "login=ana%40example.org&password=no").await;
    assert!(wrong.status == 401 && wrong.text().contains("do not belong together") && wrong.text().contains("value=\"ana@example.org\""));
    is_sound("/sign-in", &wrong, "en").await;
    let (_, shown) = sign_in(&live, &mut browser, &initial).await;
    let weak = browser.post("/password", &format!("token={}&new=short", token(&shown))).await;
    assert!(weak.status == 422 && weak.text().contains("12 to 128 characters"), "{}", weak.text());
    assert_eq!(browser.see("/").await.0, "/password", "a first password opens nothing else");
    browser.fill("/password", &format!("token={}&new={}", token(&shown), encoded(PASSWORD))).await;

    // another user's request is nowhere
    let bo = live.create_user("Bo").await;
    let theirs = device_of(&live.phone_of(&bo, DeviceKind::MobileSmartCard).await);
    let request = live.submit(&theirs, "lost").await.request;
    for path in [format!("/requests/{request}"), format!("/requests/{request}/not-me"), format!("/devices/{theirs}/report")] {
        let refused = browser.send(Request::get(&path)).await;
        assert_eq!(refused.status, 404, "{path}");
        is_sound(&path, &refused, "en").await;
    }
    // a form of another session
    let report = format!("/devices/{}/report", device_of(&phone));
    let (_, check) = browser.see(&format!("{report}?reason=lost&mode=local")).await;
    let fields = format!("token={}&reason=lost&mode=local", token(&check));
    let mut other = Browser::new(live.at_portal(phone.identity().unwrap()));
    other.fill("/sign-in/device", "").await;
    let before = live.record().await;
    assert_eq!(other.post(&report, &fields).await.status, 403);
    let foreign = Request::post(&report).with_header("origin", "https://elsewhere.example").with_body(FORM, fields.clone());
    assert_eq!(browser.send(foreign).await.status, 403);
    let mut nobody = Browser::new(Client::new(live.portal_address(), &live.root, None).unwrap());
    assert_eq!(nobody.fill(&report, &fields).await.0, "/sign-in");
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    // taken back, as long as nobody has approved it
    let (followed, _) = browser.fill(&report, &fields).await;
    let cancel = followed.split('?').next().unwrap().to_owned() + "/cancel";
    let (_, asked) = browser.see(&cancel).await;
    assert!(browser.fill(&cancel, &format!("token={}", token(&asked))).await.1.contains("is-canceled"));
    // signed out, and away for too long
    let out = browser.post("/sign-out", "").await;
    assert_eq!(out.status, 200);
    is_sound("/sign-out", &out, "en").await;
    assert_eq!(browser.see("/").await.0, "/sign-in");
    live.advance(SignedDuration::from_mins(16));
    assert_eq!(other.see("/").await.0, "/sign-in");
    live.stop().await;
}

/// What a page is sent while it is open: what it shows, once, and nothing while nothing changes; at the end that it is the end.
#[tokio::test]
async fn an_open_page_is_sent_what_changed_and_the_end() {
    let Scene { live, phone, mut browser, initial } = scene().await;
    settled(&live, &mut browser, &initial).await;
    let report = format!("/devices/{}/report", device_of(&phone));
    let (_, check) = browser.see(&format!("{report}?reason=lost&mode=self-enrollment")).await;
    let (followed, _) = browser.fill(&report, &format!("token={}&reason=lost&mode=self-enrollment", token(&check))).await;
    let request = between(&followed, "/requests/", "?").to_owned();
    let cancel = format!("/requests/{request}/cancel");
    let (_, asked) = browser.see(&cancel).await;
    browser.fill(&cancel, &format!("token={}", token(&asked))).await;
    let events = browser.send(Request::get(format!("/requests/{request}/events"))).await.text();
    assert_eq!(events.matches("event: steps").count(), 1, "{events}");
    assert!(events.contains("is-canceled") && events.trim_end().ends_with("event: over\ndata: over"), "{events}");
    live.stop().await;
}
