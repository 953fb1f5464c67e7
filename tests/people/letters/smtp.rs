//! Letters by SMTP, to a mail server of another make: over TLS, over STARTTLS, and never without; what it refuses is seen at the desk.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use jiff::SignedDuration;
use mobile_sim::DeviceKind;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use remint::lifecycle::hold::Held;
use remint::server::smtp::{Security, Smtp, SmtpSection};
use remint::workflows::deliver_letters::{Envelope, Post, deliver_letters};
use remint::workflows::suspend::Suspend;
use tempfile::TempDir;

use super::scene;
use crate::support::live::Live;

/// A mail server, until it is dropped.
struct MailServer {
    folder: TempDir,
    port: u16,
    process: Child,
}

impl Drop for MailServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

const PASSWORD: &str = "swordfish of the mail";

impl MailServer {
    fn start(security: &str, password: Option<&str>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        certificates(folder.path());
        std::fs::create_dir(at("taken")).unwrap();
        // aiosmtpd is of Debian's own python3
        let mut command = Command::new("/usr/bin/python3");
        command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/people/letters/mail_server.py"));
        command.args([at("taken"), at("server.pem"), at("server.key")]).arg(security).args(password);
        let mut process = command.stdout(Stdio::piped()).spawn().expect("python3: install the package python3");
        let mut said = String::new();
        BufReader::new(process.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.trim().parse().expect("aiosmtpd: install the package python3-aiosmtpd");
        Self { folder, port, process }
    }

    fn section(&self, security: Security) -> SmtpSection {
        SmtpSection {
            host: "localhost".to_owned(),
            port: Some(self.port),
            security,
            ca: Some(self.folder.path().join("ca.pem")),
            user: None,
            password_file: None,
            password_variable: None,
        }
    }

    fn with_password(&self, security: Security, password: &str) -> SmtpSection {
        use std::os::unix::fs::PermissionsExt;
        let file: PathBuf = self.folder.path().join("password");
        std::fs::write(&file, format!("{password}\n")).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
        SmtpSection { user: Some("remint".to_owned()), password_file: Some(file), ..self.section(security) }
    }

    fn taken(&self) -> Vec<String> {
        let mut files: Vec<_> = std::fs::read_dir(self.folder.path().join("taken")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
    }
}

/// An authority, and a certificate of it for localhost.
fn certificates(folder: &Path) {
    let key = KeyPair::generate().unwrap();
    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(authority, key).unwrap();
    let server = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".to_owned()]).unwrap().signed_by(&server, &authority).unwrap();
    std::fs::write(folder.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(folder.join("server.pem"), certificate.pem()).unwrap();
    std::fs::write(folder.join("server.key"), server.serialize_pem()).unwrap();
}

fn envelope(to: &str) -> Envelope {
    Envelope {
        id: uuid::Uuid::from_u128(7),
        from: "remint@example.org".to_owned(),
        to: to.to_owned(),
        subject: "Grüße".to_owned(),
        body: "Dear Ana,\n\na line with a dot:\n.\nthe end – 日本\n".to_owned(),
        written_at: "2026-11-24T12:00:00Z".parse().unwrap(),
    }
}

async fn error(section: &SmtpSection, to: &str) -> String {
    Smtp::new(section, "remint.example.org").unwrap().deliver(&envelope(to)).await.unwrap_err()
}

#[tokio::test]
async fn letters_go_out_over_tls_and_over_starttls() {
    for (word, security) in [("starttls", Security::StartTls), ("tls", Security::Tls)] {
        let server = MailServer::start(word, Some(PASSWORD));
        let smtp = Smtp::new(&server.with_password(security, PASSWORD), "remint.example.org").unwrap();
        smtp.deliver(&envelope("ana@example.org")).await.unwrap();
        let taken = server.taken();
        assert_eq!(taken.len(), 1, "{word}");
        let text = &taken[0];
        assert!(text.starts_with("X-Test: tls=True signed-in=True hello=remint.example.org\r\n"), "{word}: {text}");
        assert!(
            text.contains("To: ana@example.org\r\n") && text.contains("Message-ID: <00000000-0000-0000-0000-000000000007@example.org>")
        );
        assert!(text.contains("Date: Tue, 24 Nov 2026 12:00:00 +0000"), "{word}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_said_to_a_mail_server_that_is_not_who_it_should_be() {
    // it offers no STARTTLS
    let plain = MailServer::start("plain", None);
    let told = error(&plain.section(Security::StartTls), "ana@example.org").await;
    assert!(told.contains("STARTTLS"), "{told}");
    // its certificate is of an authority that we do not know
    let (one, other) = (MailServer::start("tls", None), MailServer::start("tls", None));
    let strange = SmtpSection { ca: Some(other.folder.path().join("ca.pem")), ..one.section(Security::Tls) };
    let told = error(&strange, "ana@example.org").await;
    assert!(told.contains("certificate"), "{told}");
    // nobody is there
    let nobody = SmtpSection { port: Some(1), ..one.section(Security::Tls) };
    assert!(error(&nobody, "ana@example.org").await.to_lowercase().contains("connect"));
    assert!(plain.taken().is_empty() && one.taken().is_empty());
}

#[tokio::test]
async fn what_a_mail_server_refuses_is_told_without_the_password() {
    let server = MailServer::start("starttls", Some(PASSWORD));
    let told = error(&server.with_password(Security::StartTls, "another"), "ana@example.org").await;
    assert!(told.contains("535") && !told.contains("another"), "{told}");
    let told = error(&server.with_password(Security::StartTls, PASSWORD), "nobody@example.org").await;
    assert!(told.contains("550") && told.contains("there is nobody of this name"), "{told}");
    assert!(!format!("{:?}", server.with_password(Security::StartTls, PASSWORD)).contains(PASSWORD));
    assert!(server.taken().is_empty());
    for (wrong, expected) in [
        (SmtpSection { user: None, ..server.with_password(Security::Tls, PASSWORD) }, "expected: user together with"),
        (SmtpSection { ca: Some("/nowhere.pem".into()), ..server.section(Security::Tls) }, "/nowhere.pem"),
    ] {
        let refused = Smtp::new(&wrong, "localhost").err().unwrap().to_string();
        assert!(refused.contains(expected), "{refused}");
    }
}

/// The letters of an act arrive.
#[tokio::test]
async fn a_house_writes_to_its_users() {
    let scene = scene().await;
    let server = MailServer::start("starttls", None);
    let smtp = Smtp::new(&server.section(Security::StartTls), "localhost").unwrap();
    let phone = scene.phone("phone-1").await;
    scene.news().await;
    scene.done(&Suspend { what: Held::Device(phone) }).await;
    scene.house.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(deliver_letters(scene.world(), &smtp).await.unwrap(), 1);
    assert!(server.taken()[0].contains("phone-1"), "{:?}", server.taken());
}

/// A mail server that takes the connection and says nothing keeps no server from stopping; the letter is there at the next start.
#[tokio::test]
async fn a_silent_mail_server_keeps_nobody_from_stopping() {
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let live = Live::with_house(|house| {
        let path = house.join("remint.toml");
        let text = std::fs::read_to_string(&path).unwrap();
        std::fs::write(&path, format!("{text}\n[mail.smtp]\nhost = \"localhost\"\nport = {port}\n")).unwrap();
    })
    .await;
    let user = live.create_user("Ana").await;
    live.initial(&user, DeviceKind::MobileSmartCard).await; // writes the letter of the invitation
    let (connection, _) = silent.accept().await.unwrap();
    live.stop().await;
    drop(connection);
}
