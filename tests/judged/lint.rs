//! pkilint, the linter of a certification authority, has nothing to say of whatever we sign: one certificate of each kind, the CRL, the delta and
//! an OCSP answer.

use std::path::Path;
use std::process::Command;

use jiff::SignedDuration;
use remint::lifecycle::actor::Role;
use remint::lifecycle::credential::{RevocationReason, Slot};
use remint::lifecycle::directory::Attributes;
use remint::lifecycle::ids::{Serial, SessionId};
use remint::pki::authority::Certify;
use remint::pki::crl::{CrlEntry, CrlReason, Edition, Entries, Scope, sign_crl};
use remint::pki::key::{SigningKey, random};
use remint::pki::name::Holder;
use remint::pki::published::ask;
use remint::workflows::add_operator::add_operator;
use remint::workflows::answer_status::answer_status;
use remint::workflows::world::World;
use serde_json::Value;
use uuid::Uuid;

use crate::support::device::serial_of;
use crate::support::house::House;

/// What it finds that we mean as it is: the code, where, and why.
const MEANT: &[(&str, &str, &str)] = &[
    ("pkix.invalid_uri_syntax", "urn:uuid:", "it takes URLs for the only URIs; a UUID is written as a URN (RFC 9562 §4)"),
    ("pkix.invalid_domain_name_syntax", "\"localhost\"", "the server is reached by this name on its own machine (RFC 6761 §6.3)"),
];

/// What one linter finds in a file, from notices on.
fn findings(linter: &str, arguments: &[&str], file: &Path) -> Vec<String> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/judges/bin").join(linter);
    let program = if beside.exists() { beside } else { linter.into() };
    let ran = Command::new(program).arg("lint").args(arguments).args(["-s", "NOTICE", "-f", "JSON"]).arg(file).output();
    let ran = ran.expect("pkilint must run: python3 -m venv target/judges && target/judges/bin/pip install pkilint==0.13.3, or tests/run");
    let told: Value = serde_json::from_slice(&ran.stdout)
        .unwrap_or_else(|error| panic!("{linter} {}: {error}: {}", file.display(), String::from_utf8_lossy(&ran.stderr)));
    let mut found = Vec::new();
    for result in told["results"].as_array().expect("results") {
        for finding in result["finding_descriptions"].as_array().expect("findings") {
            let text = |name: &str| finding[name].as_str().unwrap_or_default().to_owned();
            let (code, message) = (text("code"), text("message"));
            if !MEANT.iter().any(|(meant, of, _)| *meant == code && message.contains(of)) {
                found.push(format!("{} {code}: {message} ({})", text("severity"), result["node_path"]));
            }
        }
    }
    found
}

/// One certificate of each kind, by name.
async fn certificates(house: &House) -> Vec<(String, Vec<u8>)> {
    let world = &house.world;
    let mut made = Vec::new();
    for name in ["root", "issuing", "enrollment", "ocsp", "delivery", "server"] {
        let pem = std::fs::read(house.folder.path().join(format!("house/ca/{name}.pem"))).unwrap();
        let certificate = mobile_sim::certificate::Certificate::read_all(&pem).unwrap().swap_remove(0);
        made.push((name.to_owned(), certificate.der().to_vec()));
    }
    let operator = add_operator(world, "Omar", [Role::HelpDesk].into(), None).await.unwrap();
    made.push(("operator".to_owned(), operator.certificate));
    for slot in Slot::ALL {
        made.push((slot.to_string(), of_slot(world, *slot)));
    }
    let key = SigningKey::generate().unwrap();
    let (serial, now) = (Serial::from_random(random(world.entropy.as_ref())), world.now());
    let session =
        world.authority.certify_session(key.spki(), SessionId(Uuid::from_u128(7)), serial, now, now + SignedDuration::from_hours(1));
    made.push(("bootstrap".to_owned(), session.unwrap()));
    made
}

/// With everything that a directory can say.
fn of_slot(world: &World, slot: Slot) -> Vec<u8> {
    let attributes = Attributes {
        sid: Some("S-1-5-21-3623811015-3361044348-30300820-1013".parse().unwrap()),
        fasc_n: Some("D4E739DA739CED39CE739D836858210842108421C84210C3EB".parse().unwrap()),
        policies: ["2.16.840.1.101.3.2.1.3.40".parse().unwrap()].into(),
    };
    let (name, email, upn) = ("Ana Ruiz".to_owned(), "ana@example.org".to_owned(), "ana@corp.example.org".to_owned());
    let (profile, key) = (world.profiles.get(slot), SigningKey::generate().unwrap());
    let period = world.authority.period(profile, world.now());
    let certify = Certify {
        profile,
        spki: key.spki(),
        holder: &Holder { name, email, upn, attributes },
        device_urn: Some(Uuid::from_u128(0x0190_f1e0_7c5a_7d3e_8a4b_1c2d_3e4f_5a6b)),
        is_proven: true,
        serial: Serial::from_random(random(world.entropy.as_ref())),
        not_before: period.not_before,
        not_after: period.not_after,
    };
    world.authority.certify(&certify).unwrap()
}

/// A full list with every reason that we give, a delta of it that takes one away, a shard, and an empty list.
fn lists(world: &World) -> [(&'static str, Vec<u8>); 4] {
    let (now, serial) = (world.now(), || Serial::from_random(random(world.entropy.as_ref())));
    let reasons = [CrlReason::Hold].into_iter().chain(
        [RevocationReason::KeyCompromise, RevocationReason::Superseded, RevocationReason::CessationOfOperation].map(CrlReason::Revoked),
    );
    let listed: Vec<_> = reasons.map(|reason| CrlEntry { serial: serial(), since: now, reason }).collect();
    let (all, fewer) = (Entries::of(listed.clone()).unwrap(), Entries::of(listed[1..].to_vec()).unwrap());
    let changes = Entries::of_changes(all.changes_to(&fewer), now).unwrap();
    let edition = Edition { number: 7, this_update: now, next_update: now + SignedDuration::from_hours(24) };
    let (issuer, key) = (world.authority.issuing_certificate(), world.authority.issuing_key());
    let sign = |scope: &Scope<'_>, entries: &Entries| sign_crl(issuer, key, &edition, scope, entries).unwrap();
    let full = Scope::Full { delta_url: Some(world.authority.delta_url()) };
    let shard = Scope::Shard { url: "http://remint.example.org:8080/crl/7-of-16.crl" };
    [
        ("full", sign(&full, &all)),
        ("delta", sign(&Scope::Delta { base: 3 }, &changes)),
        ("shard", sign(&shard, &all)),
        ("empty", sign(&full, &Entries::default())),
    ]
}

#[tokio::test]
async fn a_linter_finds_nothing_in_what_we_sign() {
    let house = House::at_host("remint.example.org", 29).await;
    let world = &house.world;
    let mut judged = Vec::new();
    for (name, der) in certificates(&house).await {
        judged.push(("lint_pkix_cert", &[][..], name, der));
    }
    for (name, list) in lists(world) {
        judged.push(("lint_crl", &["-t", "CRL", "-p", "PKIX"][..], name.to_owned(), list));
    }
    let known = serial_of(world.authority.ocsp_signer().1);
    let question = ask(world.authority.issuing_certificate(), &[known, Serial::from_random([1; 20])]).unwrap();
    judged.push(("lint_ocsp_response", &[][..], "answer".to_owned(), answer_status(world, &question).await.der));

    let threads = judged.into_iter().map(|(linter, arguments, name, der)| {
        let file = house.folder.path().join(&name).with_extension("der");
        std::fs::write(&file, der).unwrap();
        std::thread::spawn(move || (name, findings(linter, arguments, &file)))
    });
    let threads: Vec<_> = threads.collect();
    assert_eq!(threads.len(), 17);
    let told: Vec<_> = threads.into_iter().map(|thread| thread.join().unwrap()).filter(|(_, found)| !found.is_empty()).collect();
    assert!(told.is_empty(), "{told:#?}");
}
