//! The pages of the desk.

use jiff::SignedDuration;
use mobile_sim::wire::{Reply, Request};
use mobile_sim::{DeviceKind, Faults, Invitation, Outcome};
use remint::lifecycle::actor::Role;
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::ids::UserId;
use remint::lifecycle::user::User;
use remint::store::commit::{Commit, Write};

use super::{FORM, between, get, is_sound, location, page, post, token};
use crate::support::live::{Live, device_of, facts};

#[tokio::test]
async fn every_page_is_valid_in_both_languages() {
    let live = Live::start().await;
    let everybody = live.operator("Everybody", [Role::HelpDesk, Role::ValidationOfficer, Role::IssuanceOfficer, Role::Auditor]).await;
    let user = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    let request = live.submit(&phone, "lost").await.request;
    live.create_user("Bo").await;
    for language in ["en", "de"] {
        for path in [
            "/".to_owned(),
            "/users".to_owned(),
            "/users?q=Ruiz".to_owned(),
            "/users/new".to_owned(),
            format!("/users/{user}"),
            format!("/users/{user}/issue"),
            format!("/users/{user}/password"),
            format!("/users/{user}/directory"),
            format!("/users/{user}/recover"),
            "/letters".to_owned(),
            "/letters?state=delivered".to_owned(),
            "/recoveries".to_owned(),
            format!("/users/{user}/issue?kind=mobile-smart-card"),
            format!("/users/{user}/issue?kind=mobile-app"),
            format!("/devices/{phone}/replace"),
            format!("/devices/{phone}/replace?reason=lost"),
            format!("/devices/{phone}/terminate"),
            format!("/devices/{phone}/terminate?reason=stolen"),
            format!("/devices/{phone}/suspend"),
            "/requests".to_owned(),
            format!("/requests/{request}"),
            format!("/requests/{request}/cancel"),
            format!("/requests/{request}/invite"),
            "/stock".to_owned(),
            "/stock/import".to_owned(),
            "/audit".to_owned(),
            "/audit?act=submit&from=2020-01-01".to_owned(),
            "/audit/verify".to_owned(),
        ] {
            let text = page(&everybody, &path, language).await;
            assert!(text.contains("<h1"), "{path}: {text}");
        }
    }
    // one who is found alone is shown at once
    assert_eq!(
        location(&get(&everybody, "/users?q=bo@example", "en").await),
        format!("/users/{}", live.world().store.find_users("bo@", None, 1).await.unwrap()[0].id)
    );
    for asset in ["css", "js", "svg"] {
        let home = get(&everybody, "/", "en").await.text();
        let path = home.split('"').find(|word| word.starts_with("/assets/") && word.ends_with(asset)).unwrap().to_owned();
        let reply = get(&everybody, &path, "en").await;
        assert!(reply.status == 200 && reply.header("cache-control").unwrap().contains("immutable"), "{path}");
        assert!(reply.text().len() < 20_000, "{path}");
    }
    live.stop().await;
}

/// The whole of the main job, by the pages: two questions, what will happen, the button, the invitation, the steps.
#[tokio::test]
async fn a_lost_phone_is_replaced_by_the_pages() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    let shown = page(&live.desk, &format!("/users/{user}"), "en").await;
    let replace = format!("/devices/{phone}/replace");
    assert!(shown.contains(&format!("href=\"{replace}\"")), "{shown}");
    assert!(page(&live.desk, &replace, "en").await.contains("What happened?"));
    assert!(page(&live.desk, &format!("{replace}?reason=lost"), "en").await.contains("How will the new one be issued?"));
    let before = live.record().await;
    let check = page(&live.desk, &format!("{replace}?reason=lost&mode=remote"), "en").await;
    assert!(check.contains("is-invalid") && check.contains("is-suspended") && check.contains("cancel restores everything"), "{check}");
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new(), "looking changes nothing");

    // the button, twice at once
    let fields = format!("token={}&reason=lost&mode=remote", token(&check));
    let (first, second) = tokio::join!(post(&live.desk, &replace, &fields), post(&live.desk, &replace, &fields));
    assert_eq!(location(&first), location(&second));
    assert_eq!(
        live.lookup(&user).await["requests"].as_array().unwrap().iter().filter(|request| request["purpose"] == "replacement").count(),
        1
    );

    // the invitation, as the page shows it, issues the new phone
    let followed = page(&live.desk, &location(&first), "en").await;
    assert!(followed.contains("<svg") && followed.contains("OCSP says so"), "{followed}");
    let uri: Invitation = between(&followed, "readonly rows=\"4\">", "</textarea>").replace("&amp;", "&").parse().unwrap();
    let code = between(&followed, "<p class=\"code\">", "</p>").replace(' ', "");
    let mut new = mobile_sim::Phone::in_memory();
    let outcome = new.issue(&uri, Some(&code), &facts(DeviceKind::MobileSmartCard), &Faults::default()).await.unwrap();
    assert_eq!(outcome, Outcome::Issued);
    let path = location(&first);
    let (path, _) = path.split_once('?').unwrap();
    let done = page(&live.desk, path, "en").await;
    assert!(done.contains("is-issued") && !done.contains("data-events") && !done.contains("readonly"), "{done}");
    live.stop().await;
}

/// Much later, or at another server, nobody remembers the click; the request that it opened is found all the same.
#[tokio::test]
async fn a_click_opens_one_request_whenever_it_comes_again() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let issue = format!("/users/{user}/issue");
    let check = page(&live.desk, &format!("{issue}?kind=mobile-smart-card&mode=remote"), "en").await;
    let fields = format!("token={}&kind=mobile-smart-card&mode=remote", token(&check));
    let first = location(&post(&live.desk, &issue, &fields).await);
    live.advance(SignedDuration::from_mins(11));
    let again = post(&live.desk, &issue, &fields).await;
    assert_eq!(location(&again), first);
    assert_eq!(live.lookup(&user).await["requests"].as_array().unwrap().len(), 1);
    assert!(!page(&live.desk, &first, "en").await.contains("msc1:"));
    live.stop().await;
}

/// Whoever was shown an invitation sees it again for a while; nobody else does.
#[tokio::test]
async fn an_invitation_is_shown_to_who_gave_it_out() {
    let live = Live::start().await;
    let other = live.operator("Other", [Role::HelpDesk]).await;
    let user = live.create_user("Ana").await;
    let issue = format!("/users/{user}/issue");
    let check = page(&live.desk, &format!("{issue}?kind=mobile-smart-card&mode=remote"), "en").await;
    let followed = location(&post(&live.desk, &issue, &format!("token={}&kind=mobile-smart-card&mode=remote", token(&check))).await);
    for _ in 0..2 {
        assert!(page(&live.desk, &followed, "en").await.contains("msc1:"));
    }
    assert!(!page(&other, &followed, "en").await.contains("msc1:"));
    live.stop().await;
}

#[tokio::test]
async fn a_form_is_only_taken_from_who_was_shown_it() {
    let live = Live::start().await;
    let other = live.operator("Other", [Role::HelpDesk]).await;
    let user = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    let suspend = format!("/devices/{phone}/suspend");
    let shown = token(&page(&live.desk, &suspend, "en").await);
    let before = live.record().await;
    for (what, client, fields) in [
        ("no token", &live.desk, String::new()),
        ("not a token", &live.desk, "token=AAAA".to_owned()),
        ("another's", &other, format!("token={shown}")),
    ] {
        let reply = post(client, &suspend, &fields).await;
        assert_eq!(reply.status, 403, "{what}: {}", reply.text());
        is_sound(what, &reply, "en").await;
    }
    let foreign = Request::post(&suspend).with_header("origin", "https://elsewhere.example").with_body(FORM, format!("token={shown}"));
    assert_eq!(live.desk.send(foreign).await.unwrap().status, 403);
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    assert_eq!(location(&post(&live.desk, &suspend, &format!("token={shown}")).await), format!("/users/{user}"));
    // a page that lay open meanwhile says what has become of it
    let stale =
        post(&live.desk, &suspend, &format!("token={}", token(&page(&live.desk, &format!("/devices/{phone}/resume"), "en").await))).await;
    assert_eq!(stale.status, 409);
    assert!(stale.text().contains("no longer in the state that this page showed"), "{}", stale.text());
    live.stop().await;
}

#[tokio::test]
async fn markup_in_names_is_text() {
    let live = Live::start().await;
    let new = page(&live.desk, "/users/new", "en").await;
    let fields =
        format!("token={}&name=%3Cscript%3Ealert(1)%3C%2Fscript%3E+%26+%22%D7%A2%D7%A0%D7%AA%22&email=x@example.org&upn=", token(&new));
    let path = location(&post(&live.desk, "/users/new", &fields).await);
    let shown = page(&live.desk, &path, "en").await;
    assert!(shown.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; ") && !shown.contains("<script>alert"), "{shown}");
    // what is wrong is said at the top, and what was typed is still there
    let fields = format!("token={}&name=Bo&email=nobody&upn=", token(&page(&live.desk, "/users/new", "de").await));
    let wrong = post(&live.desk, "/users/new", &fields).await;
    assert!(
        wrong.status == 422 && wrong.text().contains("role=\"alert\"") && wrong.text().contains("value=\"nobody\""),
        "{}",
        wrong.text()
    );
    live.stop().await;
}

/// What a role may not, it is told in words; the rules are the same as for the API.
#[tokio::test]
async fn officers_see_what_they_can_do_and_why_not() {
    let live = Live::start().await;
    let officer = live.operator("Vera", [Role::ValidationOfficer]).await;
    let auditor = live.operator("Aude", [Role::Auditor]).await;
    let user = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    let mut browser = live.browser_of(&user).await;
    let asked = serde_json::json!({ "target": phone, "reason": "lost", "mode": "local" });
    assert_eq!(browser.post("/api/replacements", &asked).await.status, 201);
    let mine = page(&officer, "/requests", "en").await;
    let approve = between(&mine, "class=\"button\" href=\"", "\"").to_owned();
    assert!(approve.ends_with("/approve"), "{mine}");
    assert!(page(&live.desk, "/requests", "de").await.contains("Er wartet auf: \u{2068}Freigabestelle"));
    let check = page(&officer, &approve, "en").await;
    location(&post(&officer, &approve, &format!("token={}", token(&check))).await);
    for (client, path) in [(&auditor, format!("/users/{user}")), (&live.desk, "/audit".to_owned()), (&officer, "/stock".to_owned())] {
        let refused = get(client, &path, "de").await;
        assert_eq!(refused.status, 403, "{path}");
        assert!(refused.text().contains("Mit Ihrer Rolle dürfen Sie das nicht."), "{}", refused.text());
        is_sound(&path, &refused, "de").await;
    }
    let nowhere = get(&live.desk, "/nowhere", "en").await;
    assert_eq!(nowhere.status, 404);
    is_sound("/nowhere", &nowhere, "en").await;
    live.stop().await;
}

/// A first password and the directory entry, given and kept by pages; what is wrong is said with its field.
#[tokio::test]
async fn the_help_desk_looks_after_a_person() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let path = format!("/users/{user}/password");
    let fields = format!("token={}", token(&page(&live.desk, &path, "en").await));
    let (given, again) = tokio::join!(post(&live.desk, &path, &fields), post(&live.desk, &path, &fields));
    let shown = |reply: &Reply| between(&reply.text(), "<p class=\"code\">", "</p>").to_owned();
    assert_eq!(shown(&given), shown(&again), "a second click shows what the first one gave");
    is_sound(&path, &given, "en").await;
    let password = between(&given.text(), "<p class=\"code\">", "</p>").to_owned();
    let mut browser = crate::support::portal::Browser::new(&live.portal_address(), &live.root);
    assert_eq!(browser.sign_in("ana@example.org", &password).await.status, 200);

    let path = format!("/users/{user}/directory");
    let fields = |token: &str, sid: &str| format!("token={token}&sid={sid}&fasc_n=&policies=2.16.840.1.101.3.2.1.3.13");
    let wrong = post(&live.desk, &path, &fields(&token(&page(&live.desk, &path, "en").await), "S-1-5-32")).await;
    assert!(
        wrong.status == 422 && wrong.text().contains("href=\"#sid\"") && wrong.text().contains("value=\"S-1-5-32\""),
        "{}",
        wrong.text()
    );
    is_sound(&path, &wrong, "en").await;
    let kept = post(&live.desk, &path, &fields(&token(&page(&live.desk, &path, "en").await), "S-1-5-21-1-2-3-1013")).await;
    assert_eq!(location(&kept), format!("/users/{user}"));
    assert_eq!(live.lookup(&user).await["user"]["directory"]["sid"], "S-1-5-21-1-2-3-1013");
    live.stop().await;
}

/// A leaver's mail: one officer asks, another approves, the first is shown the keys, once.
#[tokio::test]
async fn two_officers_recover_keys_by_pages() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    live.phone_of(&user, DeviceKind::MobileSmartCard).await;
    let ivo = live.operator("Ivo", [Role::IssuanceOfficer]).await;
    let vera = live.operator("Vera", [Role::ValidationOfficer]).await;
    let key = rcgen::KeyPair::generate().unwrap();
    let request = rcgen::CertificateParams::default().serialize_request(&key).unwrap().pem().unwrap();
    let ask = format!("/users/{user}/recover");
    let encoded = request.replace('+', "%2B").replace('\n', "%0A").replace(' ', "+").replace('=', "%3D");
    let because = "left+in+November%3B+ticket+4711";
    let form = page(&ivo, &ask, "en").await;
    let wrong = post(&ivo, &ask, &format!("token={}&because={because}&recipient=nothing!", token(&form))).await;
    assert!(wrong.status == 422 && wrong.text().contains("expected: a certification request"), "{}", wrong.text());
    let path = location(&post(&ivo, &ask, &format!("token={}&because={because}&recipient={encoded}", token(&form))).await);
    assert!(!page(&ivo, &path, "en").await.contains("/approve"));
    let shown = page(&vera, &path, "en").await;
    assert!(shown.contains("left in November; ticket 4711"), "{shown}");
    location(&post(&vera, &format!("{path}/approve"), &format!("token={}", token(&shown))).await);
    let form = token(&page(&ivo, &path, "en").await);
    let collected = post(&ivo, &format!("{path}/collect"), &format!("token={form}")).await;
    is_sound(&path, &collected, "en").await;
    assert!(collected.text().contains("-----BEGIN CMS-----") && collected.text().contains("-----BEGIN CERTIFICATE-----"));
    let again = post(&ivo, &format!("{path}/collect"), &format!("token={form}")).await;
    assert_eq!(again.status, 409, "{}", again.text());
    assert_eq!(get(&live.desk, "/recoveries", "en").await.status, 403);
    live.stop().await;
}

/// Many users: a page at a time, each once, whatever they are called.
#[tokio::test]
async fn many_users_are_listed_page_after_page() {
    let live = Live::start().await;
    let user = |n: u128| User {
        id: UserId(uuid::Uuid::from_u128(n)),
        name: format!("User {}", n % 100),
        email: format!("{n}@many.example"),
        upn: format!("{n}@many.example"),
        attributes: Attributes::default(),
    };
    for hundred in 0..100 {
        let writes = (hundred * 100 + 1..=hundred * 100 + 100).map(|n| Write::User { user: user(n), at: live.world().now() }).collect();
        live.world().store.commit(Commit { name: "test", guard: None, writes, audit: None }).await.unwrap();
    }
    let (mut path, mut seen) = ("/users?q=many.example".to_owned(), std::collections::BTreeSet::new());
    for _ in 0..3 {
        let shown = get(&live.desk, &path, "en").await.text();
        let ids: Vec<&str> =
            shown.split("href=\"/users/").skip(1).filter_map(|rest| rest.split('"').next()).filter(|id| id.len() == 36).collect();
        assert_eq!(ids.len(), 50, "{path}");
        assert!(ids.iter().all(|id| seen.insert((*id).to_owned())), "{path}");
        path = format!("/users?q=many.example&after={}", between(&shown, "name=\"after\" value=\"", "\""));
    }
    live.stop().await;
}

/// The overview tells of what has been suspended for long, and of the last audit checkpoint.
#[tokio::test]
async fn what_is_forgotten_is_on_the_overview() {
    let live = Live::start().await;
    let user = live.create_user("Ana").await;
    let phone = device_of(&live.phone_of(&user, DeviceKind::MobileSmartCard).await);
    live.act_on_device(&phone, "suspend").await;
    remint::workflows::checkpoint_audit::checkpoint_audit(live.world()).await.unwrap();
    let before = page(&live.desk, "/", "en").await;
    assert!(!before.contains("Suspended for more than a week") && before.contains("Last audit checkpoint</dt><dd>number "), "{before}");
    live.advance(SignedDuration::from_hours(8 * 24));
    let after = page(&live.desk, "/", "en").await;
    assert!(after.contains("Suspended for more than a week") && after.contains("days ago"), "{after}");
    live.stop().await;
}
