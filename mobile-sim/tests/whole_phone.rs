//! The phone against a stand-in for the server, over real TLS: whole issuances, and every place where one can be cut short.

#![allow(clippy::unwrap_used)]

mod station;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use mobile_sim::identity::{Identity, IdentityError};
use mobile_sim::wire::Client;
use mobile_sim::{Card, DeviceFacts, DeviceKind, EnvelopeError, Faults, Message, Outcome, Phone, PhoneError, UpdateOutcome, encrypt_mail};
use station::{Manners, Station};

const PIN: &str = "123456";
const ISSUANCE: [&str; 7] = ["m1", "m2", "m4-auth", "m4-sign", "m5", "m5h", "m6"];

fn facts() -> DeviceFacts {
    DeviceFacts { kind: DeviceKind::MobileSmartCard, model: "Pixel 11".into(), serial: "R5CT30ABCDE".into(), name: "Ana's phone".into() }
}

async fn issue(phone: &mut Phone, station: &Station, faults: &Faults) -> Result<Outcome, PhoneError> {
    phone.issue(&station.invitation().parse().unwrap(), None, &facts(), faults).await
}

fn losing(message: &str) -> Faults {
    Faults::losing([message.parse::<Message>().unwrap()])
}

/// Mail to the holder of a certificate, as openssl writes it.
fn mail(card: &Card, options: &str) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("enc.pem"), card.certificate("enc").unwrap().pem()).unwrap();
    std::fs::write(folder.path().join("mail.txt"), "Dear Ana").unwrap();
    let arguments = format!("cms -encrypt -binary -outform DER {options} -in mail.txt -recip enc.pem");
    let output = Command::new("openssl").current_dir(folder.path()).args(arguments.split_whitespace()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

#[tokio::test]
async fn an_invitation_becomes_a_card_once() {
    let station = Station::start(Manners::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut phone = Phone::open(folder.path(), PIN).unwrap();
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued);
    let sent = station.ledger().messages.len();
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::AlreadyIssued);
    assert_eq!(station.ledger().messages.len(), sent, "nothing was sent again");
    drop(phone);
    let shown = Card::read(folder.path()).unwrap().unwrap().to_string();
    for wanted in ["Ana's phone", "state: active, as last told", "holder: Ana Horvat", "\nauth\n", "\nenc\n", "\nsign\n"] {
        assert!(shown.contains(wanted), "{wanted} in {shown}");
    }
    assert!(matches!(Phone::open(folder.path(), "999999"), Err(PhoneError::Usage(why)) if why == "wrong PIN"));
}

#[tokio::test]
async fn a_lost_reply_changes_nothing_in_the_end() {
    for message in ISSUANCE {
        let station = Station::start(Manners::default()).await;
        let folder = tempfile::tempdir().unwrap();
        let mut phone = Phone::open(folder.path(), PIN).unwrap();
        let lost = issue(&mut phone, &station, &losing(message)).await.unwrap_err();
        assert!(lost.is_transient() && lost.to_string().starts_with(&format!("{message}: ")), "{lost}");
        drop(phone);
        let mut phone = Phone::open(folder.path(), PIN).unwrap();
        assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued, "{message}");
        assert_eq!(station.ledger().signed.len(), 2, "one certificate a slot, after losing {message}");
    }
}

#[tokio::test]
async fn the_same_phone_goes_on_without_being_reopened() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    for message in ISSUANCE {
        assert!(issue(&mut phone, &station, &losing(message)).await.unwrap_err().is_transient());
    }
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert_eq!(station.ledger().signed.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_phone_continues() {
    let run = |folder: &Path, station: &Arc<Station>, fault: Option<[&'static str; 2]>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mobile-sim"));
        command.env("MOBILE_SIM_PIN", PIN).arg("--state").arg(folder).args(["issue", &station.invitation()]).args(fault.iter().flatten());
        tokio::task::spawn_blocking(move || command.output().unwrap())
    };
    for fault in ["--die-before-sending", "--die-after"] {
        let station = Station::start(Manners::default()).await;
        let folder = tempfile::tempdir().unwrap();
        for message in ISSUANCE {
            let killed = run(folder.path(), &station, Some([fault, message])).await.unwrap();
            assert_eq!(killed.status.code(), None, "{fault} {message}: {}", String::from_utf8_lossy(&killed.stderr));
        }
        let done = run(folder.path(), &station, None).await.unwrap();
        assert_eq!(done.status.code(), Some(0), "{}", String::from_utf8_lossy(&done.stderr));
        let again = run(folder.path(), &station, None).await.unwrap();
        assert_eq!(String::from_utf8_lossy(&again.stdout), "this card was issued already: nothing changed\n");
        assert_eq!(station.ledger().signed.len(), 2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_status_tells_who_must_act() {
    let station = Station::start(Manners::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let run = |more: &str| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mobile-sim"));
        command.env("MOBILE_SIM_PIN", PIN).arg("--state").arg(folder.path()).args(more.split_whitespace());
        tokio::task::spawn_blocking(move || command.output().unwrap().status.code())
    };
    let invitation = station.invitation();
    assert_eq!(run("show").await.unwrap(), Some(2), "nothing to show yet");
    assert_eq!(run("issue msc1:?nonsense").await.unwrap(), Some(2));
    assert_eq!(run(&format!("issue {invitation} --code 12345678")).await.unwrap(), Some(1), "wrong proof");
    assert_eq!(run(&format!("issue {invitation} --lose-reply m4-auth,m6")).await.unwrap(), Some(3));
    assert_eq!(run(&format!("issue {invitation} --until signed")).await.unwrap(), Some(0));
    assert_eq!(run(&format!("--pin 654321 issue {invitation}")).await.unwrap(), Some(2), "wrong PIN");
    assert_eq!(run(&format!("issue {invitation}")).await.unwrap(), Some(0));
    for more in ["show", "sync", "change-pin 654321", "--pin 654321 sync"] {
        assert_eq!(run(more).await.unwrap(), Some(0), "{more}");
    }
    station.ledger().manners.is_busy = true;
    assert_eq!(run("--pin 654321 sync").await.unwrap(), Some(3));
}

#[tokio::test]
async fn a_phone_holds_few_connections_and_leaves_none_open() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    phone.sync(&Faults::default()).await.unwrap();
    let all_closed = async {
        while station.connections().open > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(30), all_closed).await.expect("every connection is closed");
    assert!(station.connections().most <= 2, "{:?}", *station.connections());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_desk_that_cannot_be_reached_is_worth_another_try() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    phone.export(folder.path(), true).unwrap();
    let arguments = "pkcs12 -export -in auth.pem -inkey auth.key.pem -certfile ca.pem -passout pass: -out auth.p12";
    let made = Command::new("openssl").current_dir(folder.path()).args(arguments.split_whitespace()).status().unwrap();
    assert!(made.success());
    // Nobody listens where a listener was.
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for (desk, status) in [(closed.to_string(), 3), (station.address.to_string(), 1), ("nonsense".to_owned(), 2)] {
        let mut command = Command::new(env!("CARGO_BIN_EXE_mobile-sim"));
        command.current_dir(folder.path()).args(["fleet", "--operator", "auth.p12", "--ca", "ca.pem", "--desk", &desk]);
        let output = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(output.status.code(), Some(status), "{desk}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[tokio::test]
async fn a_pkcs12_file_gives_an_identity() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    phone.export(folder.path(), true).unwrap();
    let arguments = "pkcs12 -export -in auth.pem -inkey auth.key.pem -certfile ca.pem -passout pass:secret -out auth.p12";
    let made = Command::new("openssl").current_dir(folder.path()).args(arguments.split_whitespace()).status().unwrap();
    assert!(made.success());
    let file = std::fs::read(folder.path().join("auth.p12")).unwrap();
    assert_eq!(Identity::from_p12(&file, "wrong").unwrap_err(), IdentityError::Pkcs12);
    let identity = Identity::from_p12(&file, "secret").unwrap();
    let roots = std::fs::read_to_string(folder.path().join("ca.pem")).unwrap();
    let client = Client::new(station.address.to_string(), &roots, Some(identity)).unwrap();
    for _ in 0..2 {
        assert_eq!(client.post("/provisioning/v1/sync").await.unwrap().status, 200);
    }
    assert_eq!(client.get("/nowhere").await.unwrap().status, 404);
}

#[tokio::test]
async fn a_foreign_authority_is_noticed_before_anything_is_spent() {
    let (station, other) = (Station::start(Manners::default()).await, Station::start(Manners::default()).await);
    let invitation = station.invitation_with([1; 16], &other.authority.root.certificate);
    let mut phone = Phone::in_memory();
    let error = phone.issue(&invitation.parse().unwrap(), None, &facts(), &Faults::default()).await.unwrap_err();
    assert!(matches!(&error, PhoneError::Untrusted { message: Message::CaChain, .. }), "{error}");
    assert_eq!(station.ledger().messages, ["GET /.well-known/est/cacerts"]);
}

#[tokio::test]
async fn a_true_chain_from_somebody_else_is_noticed_before_anything_is_spent() {
    let station = Station::start(Manners { is_somebody_else: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert!(matches!(&error, PhoneError::Untrusted { message: Message::CaChain, .. }), "{error}");
    assert_eq!(station.ledger().messages, ["GET /.well-known/est/cacerts"]);
}

#[tokio::test]
async fn a_server_that_does_not_know_the_secret_is_not_believed() {
    let station = Station::start(Manners { does_not_know_the_secret: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert!(matches!(&error, PhoneError::Untrusted { message: Message::OpenSession, .. }), "{error}");
}

#[tokio::test]
async fn a_key_that_is_not_its_certificates_is_not_taken() {
    let station = Station::start(Manners { delivers_a_foreign_key: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "m5: the server is not to be believed: a delivered key that is not its certificate's");
}

#[tokio::test]
async fn a_delivery_by_a_namesake_of_the_signer_is_not_taken() {
    let station = Station::start(Manners { lets_a_namesake_deliver: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "m5: the server is not to be believed: signed by somebody who is not the delivery signer");
}

#[tokio::test]
async fn a_plan_without_enc_needs_nothing_collected() {
    let station = Station::start(Manners { plans_no_enc: true, ..Manners::default() }).await;
    station.renew_enc();
    let folder = tempfile::tempdir().unwrap();
    let mut phone = Phone::open(folder.path(), PIN).unwrap();
    assert!(issue(&mut phone, &station, &losing("m6")).await.unwrap_err().is_transient());
    drop(phone);
    let mut phone = Phone::open(folder.path(), PIN).unwrap();
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued);
    let asked = station.ledger().messages.join("\n");
    assert!(!asked.contains("serverkeygen") && !asked.contains("history"), "{asked}");
    let card = phone.card();
    assert!(card.certificate("enc").is_none() && card.certificate("sign").is_some() && card.history.is_empty());
    // What the user gets later arrives by an update.
    station.ledger().manners.plans_no_enc = false;
    station.ledger().update_open = true;
    let synced = phone.sync(&Faults::default()).await.unwrap();
    assert!(matches!(synced.update, UpdateOutcome::Done { former: None, .. }), "{synced:?}");
    assert_eq!(phone.card().history.len(), 1);
}

#[tokio::test]
async fn a_wrong_code_can_be_corrected() {
    let station = Station::start(Manners::default()).await;
    station.ledger().code = Some("12345678".into());
    let mut phone = Phone::in_memory();
    let invitation = station.invitation().parse().unwrap();
    let error = phone.issue(&invitation, Some("00000000"), &facts(), &Faults::default()).await.unwrap_err();
    assert!(matches!(error, PhoneError::Refused { attempts_left: Some(4), .. }), "{error}");
    assert_eq!(phone.issue(&invitation, Some("12345678"), &facts(), &Faults::default()).await.unwrap(), Outcome::Issued);
}

#[tokio::test]
async fn a_refused_client_certificate_is_a_refusal_and_a_503_is_not() {
    let station = Station::start(Manners { distrusts_bootstrap: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert_eq!(error.code(), Some("tls-alert"), "{error}");
    let station = Station::start(Manners { is_busy: true, ..Manners::default() }).await;
    let error = issue(&mut Phone::in_memory(), &station, &Faults::default()).await.unwrap_err();
    assert!(error.is_transient() && error.code() == Some("unavailable"), "{error}");
}

#[tokio::test]
async fn keys_that_change_before_the_confirmation_are_collected_again() {
    let station = Station::start(Manners { changes_keys_once: true, ..Manners::default() }).await;
    let mut phone = Phone::in_memory();
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued);
    assert_eq!(phone.card().certificate("enc").unwrap(), &station.ledger().enc[0].certificate);
    assert_eq!(phone.card().history.len(), 1);
}

#[tokio::test]
async fn another_invitation_needs_a_clear_choice() {
    let station = Station::start(Manners::default()).await;
    let other = station.invitation_with([8; 16], &station.authority.root.certificate).parse().unwrap();
    let mut phone = Phone::in_memory();
    assert_eq!(issue(&mut phone, &station, &Faults::until_signed()).await.unwrap(), Outcome::Signed);
    assert!(phone.card().certificate("auth").is_some() && phone.card().standing.is_none());
    let error = phone.issue(&other, None, &facts(), &Faults::default()).await.unwrap_err();
    assert!(error.to_string().contains("--restart"), "{error}");
    assert_eq!(issue(&mut phone, &station, &Faults::default()).await.unwrap(), Outcome::Issued);
    phone.discard_unfinished().unwrap();
    let error = phone.issue(&other, None, &facts(), &Faults::default()).await.unwrap_err();
    assert!(matches!(&error, PhoneError::Usage(why) if why.contains("has a card already")), "{error}");
}

#[tokio::test]
async fn a_session_can_be_given_up() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::until_signed()).await.unwrap();
    phone.give_up(&Faults::default()).await.unwrap();
    assert!(phone.card().slots.is_empty());
    assert!(phone.give_up(&Faults::default()).await.is_err());
}

#[tokio::test]
async fn an_update_brings_the_new_key_and_old_mail_stays_readable() {
    let station = Station::start(Manners::default()).await;
    let folder = tempfile::tempdir().unwrap();
    let mut phone = Phone::open(folder.path(), PIN).unwrap();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    let old = encrypt_mail(phone.card().certificate("enc").unwrap(), b"Dear Ana").unwrap();
    assert_eq!(phone.sync(&Faults::default()).await.unwrap().update, UpdateOutcome::None);
    station.renew_enc();
    station.ledger().update_open = true;
    for message in ["m8", "m5", "m5h", "m6"] {
        assert!(phone.sync(&losing(message)).await.unwrap_err().is_transient());
        drop(phone);
        phone = Phone::open(folder.path(), PIN).unwrap();
    }
    // The lost confirmation closed the update; the next sync still learns of it.
    let synced = phone.sync(&Faults::default()).await.unwrap();
    assert!(matches!(synced.update, UpdateOutcome::Done { former: Some(_), .. }), "{synced:?}");
    assert_eq!(phone.card().certificate("enc").unwrap(), &station.ledger().enc[0].certificate);
    assert_eq!(phone.card().history.len(), 1);
    assert_eq!(phone.receipts().len(), 2);
    assert_eq!(*phone.decrypt(&old).unwrap(), b"Dear Ana");
    assert_eq!(*phone.decrypt(&mail(&phone.card(), "-aes128 -keyid")).unwrap(), b"Dear Ana");
    assert_eq!(phone.sync(&Faults::default()).await.unwrap().update, UpdateOutcome::None);
}

#[tokio::test]
async fn mail_is_read_in_every_form_that_openssl_writes() {
    let station = Station::start(Manners::default()).await;
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    for options in ["-aes128", "-aes256", "-aes128 -keyid", "-aes256 -keyid"] {
        let sealed = mail(&phone.card(), options);
        assert_eq!(*phone.decrypt(&sealed).unwrap(), b"Dear Ana", "{options}");
    }
    let mut torn = mail(&phone.card(), "-aes256");
    torn.truncate(100);
    assert_eq!(phone.decrypt(&torn), Err(EnvelopeError::Malformed));
    assert!(matches!(phone.decrypt(&mail(&phone.card(), "-des3")), Err(EnvelopeError::Unsupported(_))));
    let mut other = Phone::in_memory();
    let elsewhere = Station::start(Manners::default()).await;
    issue(&mut other, &elsewhere, &Faults::default()).await.unwrap();
    assert_eq!(other.decrypt(&mail(&phone.card(), "-aes256")), Err(EnvelopeError::NotForUs));
}

#[tokio::test]
async fn openssl_reads_what_is_exported() {
    use std::os::unix::fs::PermissionsExt;
    let station = Station::start(Manners::default()).await;
    station.renew_enc();
    let mut phone = Phone::in_memory();
    issue(&mut phone, &station, &Faults::default()).await.unwrap();
    let folder = tempfile::tempdir().unwrap();
    phone.export(folder.path(), true).unwrap();
    let openssl = |arguments: &str| {
        let output = Command::new("openssl").current_dir(folder.path()).args(arguments.split_whitespace()).output().unwrap();
        assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    for name in ["auth", "sign", "enc", "history-1"] {
        openssl(&format!("verify -CAfile ca.pem {name}.pem"));
        assert_eq!(openssl(&format!("x509 -pubkey -noout -in {name}.pem")), openssl(&format!("pkey -pubout -in {name}.key.pem")));
        let mode = std::fs::metadata(folder.path().join(format!("{name}.key.pem"))).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
