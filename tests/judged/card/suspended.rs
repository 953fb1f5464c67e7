//! The whole chain, from the operator's click to a door that does not open: curl shows the card in the reader to nginx, which asks our OCSP.

use mobile_sim::DeviceKind;

use super::reader::{PIN, Reader};
use super::ssh::Door;
use super::{in_reader, issue};
use crate::court::Court;
use crate::nginx::Nginx;
use crate::support::live::device_of;

/// Whether nginx lets the card in the reader in.
async fn lets_in(nginx: &Nginx, court: &Court, reader: &Reader) -> bool {
    let (socket, key) = (nginx.socket(), format!("pkcs11:id=%01;type=private;pin-value={PIN}"));
    let card = ["--engine", "pkcs11", "--cert-type", "ENG", "--key-type", "ENG", "--cert", "pkcs11:id=%01;type=cert", "--key", &key];
    let to = ["--silent", "--max-time", "30", "--unix-socket", socket.to_str().unwrap(), "--cacert", &court.file("site.pem")];
    let ran = reader.try_run("curl", &[&to[..], &card, &["--write-out", "%{http_code}", "https://localhost/"]].concat()).await;
    nginx.is_welcome(&ran.text())
}

/// Whether both doors let the card in the reader in; they agree.
async fn is_let_in(nginx: &Nginx, ssh: &Door, court: &Court, reader: &Reader) -> bool {
    let by_nginx = lets_in(nginx, court, reader).await;
    assert_eq!(by_nginx, ssh.lets_in(reader).await, "nginx and OpenSSH differ: {}", nginx.log());
    by_nginx
}

#[tokio::test(flavor = "multi_thread")]
async fn a_card_in_a_reader_is_out_from_the_submit_and_in_again_after_cancel_and_the_new_one_is_in() {
    let court = Court::in_session().await;
    court.make_site().await;
    let (nginx, ssh) = (Nginx::by_ocsp(&court).await, Door::of(&court).await);
    let (old, new) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let user = court.live.create_user("Bruno").await;
    let invited = court.live.initial(&user, DeviceKind::MobileSmartCard).await;
    let phone = issue(old.path(), &invited, DeviceKind::MobileSmartCard).await;
    let device = device_of(&phone);
    ssh.knows("old", &phone.card().certificate("auth").unwrap().pem());
    drop(phone);
    let reader = in_reader(old.path()).await;
    assert!(is_let_in(&nginx, &ssh, &court, &reader).await);

    let request = court.live.submit(&device, "lost").await;
    assert!(!is_let_in(&nginx, &ssh, &court, &reader).await, "right after the submit");
    court.live.cancel(&request.request).await;
    assert!(is_let_in(&nginx, &ssh, &court, &reader).await, "found again");

    let request = court.live.submit(&device, "stolen").await;
    let phone = issue(new.path(), &request, DeviceKind::MobileSmartCard).await;
    ssh.knows("new", &phone.card().certificate("auth").unwrap().pem());
    drop(phone);
    assert!(!is_let_in(&nginx, &ssh, &court, &reader).await, "the stolen phone");
    drop(reader);
    let reader = in_reader(new.path()).await;
    assert!(is_let_in(&nginx, &ssh, &court, &reader).await, "the new phone");
    court.live.stop().await;
}
