//! Stock over the wire: one by one, as lists, page by page. A list with one bad line brings nothing, and the line is named.

use std::time::Duration;

use mobile_sim::wire::{Reply, Request};
use remint::lifecycle::actor::Role;
use remint::store::audit::Outcome;
use serde_json::{Value, json};

use super::colleague::Colleague;
use super::refusals::Log;
use super::scene::Scene;
use super::table::post;
use crate::support::live::Live;
use crate::support::no::No;

async fn officer(live: &Live) -> Colleague {
    Colleague::hired(live, "Ivo", [Role::IssuanceOfficer]).await
}

async fn import(officer: &Colleague, csv: impl Into<Vec<u8>>) -> Reply {
    officer.desk.send(Request::post("/api/stock/import").with_body("text/csv; charset=utf-8", csv.into())).await.unwrap()
}

/// The serials of the whole list, page by page, and how long each page was.
async fn listed(officer: &Colleague) -> (Vec<String>, Vec<usize>) {
    let (mut serials, mut pages, mut after) = (Vec::new(), Vec::new(), String::new());
    loop {
        let reply = officer.desk.get(&format!("/api/stock{after}")).await.unwrap();
        assert_eq!(reply.status, 200, "{}", reply.text());
        let page: Value = reply.json().unwrap();
        let devices = page["devices"].as_array().unwrap();
        pages.push(devices.len());
        serials.extend(devices.iter().map(|device| device["serial"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { return (serials, pages) };
        after = format!("?after={next}");
    }
}

#[tokio::test]
async fn a_card_is_added_and_listed() {
    let live = Live::start().await;
    let officer = officer(&live).await;
    let card = json!({ "kind": "smart-card", "serial": "0A31-7702", "model": "PIV card 4.2" });
    let reply = officer.desk.send(post("/api/stock?preview=true", Some(&card))).await.unwrap();
    assert_eq!((reply.status, reply.json::<Value>().unwrap()), (200, json!({ "devices": 1, "imported": false })));
    assert_eq!(listed(&officer).await.0.len(), 0, "only a preview");

    let mut log = Log::from_now_on(&live).await;
    let reply = officer.desk.post_json("/api/stock", &card).await.unwrap();
    let added: Value = reply.json().unwrap();
    assert_eq!((reply.status, &added["serial"], &added["model"]), (201, &card["serial"], &card["model"]));
    let news = log.news().await;
    assert_eq!((news.len(), news[0].act.as_str(), news[0].outcome.clone(), &news[0].details), (1, "add-stock", Outcome::Done, &card));
    let page: Value = officer.desk.get("/api/stock").await.unwrap().json().unwrap();
    assert_eq!(page["devices"], json!([added]));

    let before = live.record().await;
    for (path, body, status, code, words) in [
        ("/api/stock", card.clone(), 409, "duplicate", "\"0A31-7702\""),
        ("/api/stock?preview=true", card.clone(), 409, "duplicate", "\"0A31-7702\""),
        ("/api/stock", json!({ "kind": "mobile-smart-card", "serial": "1" }), 400, "malformed", "kind: found: mobile-smart-card"),
        ("/api/stock", json!({ "kind": "mobile-app", "serial": "1" }), 400, "malformed", "kind: found: mobile-app"),
        ("/api/stock", json!({ "kind": "card", "serial": "1" }), 400, "malformed", "kind: found: \"card\""),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "" }), 400, "malformed", "serial: found: 0 characters"),
        ("/api/stock", json!({ "kind": "smart-card", "serial": " 1" }), 400, "malformed", "serial: found: \" 1\""),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "1\u{202e}2" }), 400, "malformed", "serial: found: "),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "1\u{0}" }), 400, "malformed", "serial: found: "),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "x".repeat(65) }), 400, "malformed", "serial: found: 65 characters"),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "1", "model": "" }), 400, "malformed", "model: found: 0 characters"),
        ("/api/stock", json!({ "kind": "smart-card" }), 400, "malformed", "missing field `serial`"),
        ("/api/stock", json!({ "kind": "smart-card", "serial": 7 }), 400, "malformed", "expected a string"),
        ("/api/stock", json!({ "kind": "smart-card", "serial": "1", "pin": "123456" }), 400, "malformed", "unknown field `pin`"),
    ] {
        let reply = officer.desk.post_json(path, &body).await.unwrap();
        No::read(path, &reply).is(&format!("{path} {body}"), status, code, &[words]);
    }
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

/// Lists as programs write them.
#[tokio::test]
async fn lists_of_every_make_are_imported() {
    let live = Live::start().await;
    let officer = officer(&live).await;
    for (make, csv) in [
        ("plain", "kind,serial\nsmart-card,A1\nsmart-card,A2\n"),
        ("with models", "kind,serial,model\nsmart-card,B1,PIV card 4.2\nsmart-card,B2,\n"),
        ("of Windows", "kind,serial\r\nsmart-card,C1\r\nsmart-card,C2\r\n"),
        ("of an old Mac", "kind,serial\rsmart-card,D1\rsmart-card,D2\r"),
        ("without an end", "kind,serial\nsmart-card,E1\nsmart-card,E2"),
        ("in quotes", "\"kind\",\"serial\",\"model\"\n\"smart-card\",\"F,1\",\"the \"\"good\"\" one\"\nsmart-card,\"F2\",x\n"),
        ("with a byte order mark", "\u{feff}kind,serial\r\nsmart-card,G1\r\nsmart-card,G2\r\n"),
        ("with empty lines", "\n\nkind,serial\n\nsmart-card,H1\n\n\nsmart-card,H2\n\n"),
        ("with blanks", "kind , serial\n smart-card , I1 \nsmart-card,\tI2\n"),
        ("in other alphabets", "kind,serial\nsmart-card,Ж1\nsmart-card,日2\n"),
    ] {
        let rehearsed = Request::post("/api/stock/import?preview=true").with_body("text/csv", csv);
        let rehearsed = officer.desk.send(rehearsed).await.unwrap();
        assert_eq!((rehearsed.status, rehearsed.json::<Value>().unwrap()), (200, json!({ "devices": 2, "imported": false })), "{make}");
        let mut log = Log::from_now_on(&live).await;
        let reply = import(&officer, csv).await;
        assert_eq!((reply.status, reply.text()), (201, json!({ "devices": 2, "imported": true }).to_string()), "{make}");
        let news = log.news().await;
        assert_eq!((news.len(), news[0].act.as_str(), &news[0].who, &news[0].outcome), (1, "import-stock", &officer.who, &Outcome::Done));
        assert_eq!(news[0].details["serials"].as_array().unwrap().len(), 2, "{make}: {}", news[0].details);
    }
    let (serials, _) = listed(&officer).await;
    let all = "A1 A2 B1 B2 C1 C2 D1 D2 E1 E2 F,1 F2 G1 G2 H1 H2 I1 I2 Ж1 日2";
    assert_eq!(serials.join(" "), all);
    live.stop().await;
}

/// One bad line, and nothing of the list is there.
#[tokio::test]
async fn a_bad_line_is_named_and_nothing_is_imported() {
    let live = Live::start().await;
    let officer = officer(&live).await;
    assert_eq!(import(&officer, "kind,serial\nsmart-card,KNOWN\n").await.status, 201);
    let before = live.record().await;
    let mut log = Log::from_now_on(&live).await;
    for (csv, line, words) in [
        ("kind,serial\nsmart-card,1\nmobile-smart-card,2\nsmart-card,3\n", 3, "kind: found: mobile-smart-card"),
        ("kind,serial\nsmart-card,1\ncard,2\n", 3, "kind: found: \"card\", expected: smart-card"),
        ("kind,serial\nsmart-card,1\nsmart-card,2\nsmart-card,1\n", 4, "serial: found: \"1\" for the second time"),
        ("kind,serial\nsmart-card,1\nsmart-card,KNOWN\n", 3, "serial: found: \"KNOWN\", a smart-card that is known already"),
        ("kind,serial\nsmart-card\n", 2, "found: 1 fields, expected: 2"),
        ("kind,serial\nsmart-card,1\nsmart-card,2,3\n", 3, "found: 3 fields, expected: 2"),
        ("kind,serial\nsmart-card,\n", 2, "serial: found: 0 characters"),
        ("kind,serial\nsmart-card,\u{202e}1\n", 2, "serial: found: "),
        ("kind,serial,model\nsmart-card,1,\"two\nlines\"\n", 2, "model: found: "),
        // what an editor calls the line, whatever is before it
        ("kind,serial\r\nsmart-card,1\r\ncard,2\r\n", 3, "kind: "),
        ("kind,serial\rsmart-card,1\rcard,2\r", 3, "kind: "),
        ("kind,serial\n\n\nsmart-card,1\n\ncard,2\n", 6, "kind: "),
        ("kind,serial\n\n\nsmart-card,1\n\nsmart-card,2,3\n", 6, "found: 3 fields"),
        ("\u{feff}kind,serial\nsmart-card,1\ncard,2\n", 3, "kind: "),
        ("\"kind\n\",serial\nsmart-card,1\ncard,2\n", 4, "kind: "),
        ("kind,serial\nsmart-card,1\nsmart-card,\"2\n", 3, "found: a quote that is not closed"),
        ("kind,serial\nsmart-card,1\"\nsmart-card,2\n", 2, "found: a quote that is not closed"),
        // no list
        ("", 1, "another header"),
        ("\n", 2, "another header"),
        ("smart-card,1\n", 1, "another header"),
        ("serial,kind\n1,smart-card\n", 1, "another header"),
        ("kind,serial,model,pin\n", 1, "another header"),
        ("kind;serial\nsmart-card;1\n", 1, "another header"),
        ("kind,serial\n", 2, "found: no device"),
        ("kind,serial", 1, "found: no device"),
    ] {
        let named = format!("line {line}: ");
        for path in ["/api/stock/import", "/api/stock/import?preview=true"] {
            let reply = officer.desk.send(Request::post(path).with_body("text/csv", csv)).await.unwrap();
            let no = No::read(csv, &reply).is(&format!("{csv:?}"), 400, "bad-line", &[words, "nothing was imported"]);
            assert!(no.detail.starts_with(&named), "{csv:?}: expected: {named}, found: {}", no.detail);
        }
    }
    assert_eq!(log.news().await, []);
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

#[tokio::test]
async fn what_is_no_list_is_refused() {
    let live = Live::start().await;
    let officer = officer(&live).await;
    let before = live.record().await;
    let no = |reply: &Reply, status, code, words| No::read(words, reply).is(words, status, code, &[words]);
    no(&import(&officer, b"kind,serial\nsmart-card,\xff\n".as_slice()).await, 400, "malformed", "expected: UTF-8");
    no(&import(&officer, "kind,serial\n".to_owned() + &"smart-card,1\n".repeat(90_000)).await, 413, "too-large", "1048576");
    let json = json!({ "devices": [] });
    no(&officer.desk.post_json("/api/stock/import", &json).await.unwrap(), 415, "wrong-media-type", "expected: text/csv");
    no(&officer.desk.post("/api/stock/import").await.unwrap(), 415, "wrong-media-type", "found: none");
    for after in ["x", "smart-card/A1", "%20"] {
        no(&officer.desk.get(&format!("/api/stock?after={after}")).await.unwrap(), 400, "malformed", "after id: found: ");
    }
    let page: Value = officer.desk.get("/api/stock?after=01890a5d-ac96-774b-bcce-b302099a8057").await.unwrap().json().unwrap();
    assert_eq!(page, json!({ "devices": [], "next": null }), "of nothing");
    no(&officer.desk.get("/api/stock?page=2").await.unwrap(), 400, "malformed", "page");
    assert_eq!(before.changes_to(&live.record().await), Vec::<String>::new());
    live.stop().await;
}

/// As many as one list may bring, in one transaction, and the list that tells them all.
#[tokio::test]
async fn five_thousand_cards_come_at_once() {
    let live = Live::start().await;
    let officer = officer(&live).await;
    let list = |count: usize| (0..count).fold("kind,serial\n".to_owned(), |list, at| list + &format!("smart-card,SN & {at:05} #+%/\n"));
    let reply = import(&officer, list(5001)).await;
    No::read("one more", &reply).is("one more", 400, "bad-line", &["line 5002: found: more than 5000 devices"]);
    assert_eq!(listed(&officer).await.0.len(), 0);

    // a help desk is served meanwhile
    let user = async { live.create_user("Ana").await };
    let (reply, _) = tokio::join!(import(&officer, list(5000)), user);
    assert_eq!((reply.status, reply.text()), (201, json!({ "devices": 5000, "imported": true }).to_string()));
    let (serials, pages) = listed(&officer).await;
    assert_eq!((serials.len(), pages.len(), pages[99]), (5000, 101, 50), "{pages:?}");
    assert!(serials.is_sorted());

    let last = "kind,serial\nsmart-card,new\nsmart-card,SN & 04999 #+%/\n";
    No::read("the last", &import(&officer, last).await).is("the last", 400, "bad-line", &["line 3: ", "known already"]);
    assert_eq!(listed(&officer).await.0.len(), 5000);
    live.stop().await;
}

/// The list goes on where it was, also when the device that a page ended with has been bound meanwhile.
#[tokio::test]
async fn a_page_goes_on_after_a_device_that_has_left_stock() {
    let live = Live::start().await;
    let scene = Scene::set(&live).await;
    let officer = officer(&live).await;
    let list = (0..60).fold("kind,serial\n".to_owned(), |list, at| list + &format!("smart-card,S{at:02}\n"));
    assert_eq!(import(&officer, list).await.status, 201);
    let page: Value = officer.desk.get("/api/stock").await.unwrap().json().unwrap();
    let last = page["devices"][49]["id"].as_str().unwrap();
    let request = scene.initial(scene.person().await, super::scene::CARD, remint::lifecycle::request::Mode::Local).await;
    let bound = officer.desk.post_json(&format!("/api/requests/{request}/bind"), &json!({ "device": last })).await.unwrap();
    assert_eq!(bound.status, 200, "{}", bound.text());
    let next: Value = officer.desk.get(&format!("/api/stock?after={}", page["next"].as_str().unwrap())).await.unwrap().json().unwrap();
    let serials: Vec<&str> = next["devices"].as_array().unwrap().iter().map(|device| device["serial"].as_str().unwrap()).collect();
    assert_eq!(serials, ["S50", "S51", "S52", "S53", "S54", "S55", "S56", "S57", "S58", "S59"]);
    live.stop().await;
}

/// Two officers import lists that share a card: one list is in stock, whole, and the other not at all.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_lists_that_share_a_card_one_is_imported() {
    let live = Live::start().await;
    let (ivo, ina) = (officer(&live).await, Colleague::hired(&live, "Ina", [Role::IssuanceOfficer]).await);
    for round in 0..8 {
        let list = |whose: &str| {
            let own = (0..200).map(|at| format!("smart-card,{round}-{whose}-{at}\n")).collect::<String>();
            format!("kind,serial\n{own}smart-card,{round}-shared\n")
        };
        let both = async { tokio::join!(import(&ivo, list("ivo")), import(&ina, list("ina"))) };
        let (one, other) = tokio::time::timeout(Duration::from_secs(60), both).await.expect("both are answered");
        let (imported, refused) = if one.status == 201 { (one, other) } else { (other, one) };
        assert_eq!(imported.status, 201, "{}", imported.text());
        No::read("the later", &refused).is(
            "the later",
            400,
            "bad-line",
            &["line 202: ", "-shared", "known already", "nothing was imported"],
        );
        assert_eq!(listed(&ivo).await.0.len(), (round + 1) * 201);
    }
    live.stop().await;
}
