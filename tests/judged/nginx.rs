//! nginx: a TLS server of another make that trusts our authorities and asks for a card. It lets the card in, keeps it out while it is
//! suspended, and lets it in again: by OCSP at once, by the CRL as soon as it was given the newest one.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use mobile_sim::{DeviceKind, Faults};
use remint::server::clock::SystemClock;
use remint::server::root_crl::root_crl;
use tempfile::TempDir;
use tokio::net::UnixStream;

use crate::court::{Court, fetch};
use crate::support::live::device_of;
use crate::support::openssl::run;

/// A running nginx on a socket in its own folder, which both go when this goes.
pub struct Nginx {
    folder: TempDir,
    child: Child,
}

impl Nginx {
    /// With what it is to do about revocation, as nginx's own settings.
    async fn start(court: &Court, revocation: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("nginx.conf"), configuration(court, folder.path(), revocation)).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let prefix = folder.path().to_str().unwrap();
        // Debian puts it where only root looks
        let started = ["nginx", "/usr/sbin/nginx"].iter().find_map(|program| {
            let mut command = Command::new(program);
            command.args(["-p", prefix, "-c", "nginx.conf", "-e", "stderr"]).stdin(Stdio::null()).stdout(Stdio::null());
            match command.stderr(log.try_clone().unwrap()).spawn() {
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                spawned => Some(spawned.unwrap()),
            }
        });
        let nginx = Self { child: started.expect("nginx: not found: install the Debian package nginx"), folder };
        nginx.until_it_listens().await;
        nginx
    }

    /// Asking our OCSP about each card.
    pub async fn by_ocsp(court: &Court) -> Self {
        let port = court.live.config.status.listen.rsplit(':').next().unwrap();
        Self::start(court, &format!("ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:{port}/ocsp;")).await
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap()
    }

    async fn until_it_listens(&self) {
        let mut ticks = tokio::time::interval(Duration::from_millis(10));
        let waiting = async {
            loop {
                ticks.tick().await;
                if UnixStream::connect(self.socket()).await.is_ok() {
                    return;
                }
            }
        };
        tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("nginx does not listen: {}", self.log()));
    }

    /// Whether it lets a card in, by the folder of its files; why not, is in its log.
    async fn lets_in(&self, court: &Court, card: &str) -> bool {
        let [certificate, key] = ["auth.pem", "auth.key.pem"].map(|file| court.file(&format!("{card}{file}")));
        let socket = self.socket();
        let to = ["--silent", "--max-time", "30", "--unix-socket", socket.to_str().unwrap(), "--cacert", &court.file("site.pem")];
        let with = ["--cert", &certificate, "--key", &key, "--write-out", "%{http_code}", "https://localhost/"];
        let ran = run("curl", &[&to[..], &with].concat(), b"").await;
        self.is_welcome(&ran.text())
    }

    /// What curl was answered.
    pub fn is_welcome(&self, text: &str) -> bool {
        match text {
            "welcome SUCCESS\n200" => true,
            refused if refused.ends_with("400") && refused.contains("The SSL certificate error") => false,
            other => panic!("{other}: {}", self.log()),
        }
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn configuration(court: &Court, folder: &Path, revocation: &str) -> String {
    let socket = folder.join("socket").display().to_string();
    let [certificate, key, ca] = ["site.pem", "site.key", "ca.pem"].map(|name| court.file(name));
    format!(
        "daemon off; master_process off; pid nginx.pid; error_log stderr info;
         events {{}}
         http {{
           access_log off;
           client_body_temp_path t1; proxy_temp_path t2; fastcgi_temp_path t3; uwsgi_temp_path t4; scgi_temp_path t5;
           server {{
             listen unix:{socket} ssl;
             server_name localhost;
             ssl_certificate {certificate}; ssl_certificate_key {key};
             ssl_client_certificate {ca}; ssl_verify_client on; ssl_verify_depth 2;
             {revocation}
             location / {{ return 200 \"welcome $ssl_client_verify\\n\"; }}
           }}
         }}"
    )
}

impl Court {
    /// For programs that cannot connect to a socket in a folder: they reach it by a port of this machine. Ends with what is given first.
    pub async fn nginx_at_a_port(&self) -> (Nginx, String) {
        let nginx = Nginx::by_ocsp(self).await;
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (port, socket) = (listener.local_addr().unwrap().port(), nginx.socket());
        tokio::spawn(async move {
            while let Ok((mut outside, _)) = listener.accept().await {
                let mut inside = UnixStream::connect(&socket).await.unwrap();
                tokio::spawn(async move { tokio::io::copy_bidirectional(&mut outside, &mut inside).await.ok() });
            }
        });
        (nginx, port.to_string())
    }

    /// The site's own certificate, which is not ours to issue.
    pub async fn make_site(&self) {
        let [key, certificate] = ["site.key", "site.pem"].map(|name| self.file(name));
        let curve = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"];
        let named = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", &key, "-out", &certificate];
        self.asks(&[&curve[..], &named].concat()).await;
    }

    /// Replaces the phone; the files of the new one are in `new/`. Gives its device.
    async fn replace(&self) -> String {
        let request = self.live.submit(&device_of(&self.phone), "lost").await;
        let (new, _) = self.live.issue_until(&request, DeviceKind::MobileSmartCard, &Faults::default()).await;
        new.export(self.file("new"), true).unwrap();
        device_of(&new)
    }

    /// Our newest CRL and the root's, for `ssl_crl`; nginx reads them when it starts.
    async fn file_crls(&self) {
        let url = format!("{}/crl/issuing.crl", self.live.config.status.url);
        self.write("issuing.crl", fetch(&[&url]).await);
        let issuing = self.asks(&["crl", "-inform", "DER", "-in", "@issuing.crl"]).await;
        let root = root_crl(&self.live.folder.path().join("house"), 30, &SystemClock).unwrap();
        self.write("crls.pem", issuing + &root);
    }
}

#[tokio::test]
async fn by_ocsp_nginx_keeps_a_card_out_from_the_moment_it_is_suspended() {
    let court = Court::in_session().await;
    court.make_site().await;
    let nginx = Nginx::by_ocsp(&court).await;
    assert!(nginx.lets_in(&court, "").await);

    let new = court.replace().await;
    assert!(!nginx.lets_in(&court, "").await, "the lost phone");
    assert!(nginx.lets_in(&court, "new/").await);
    court.live.act_on_device(&new, "suspend").await;
    assert!(!nginx.lets_in(&court, "new/").await);
    court.live.act_on_device(&new, "resume").await;
    assert!(nginx.lets_in(&court, "new/").await);
    assert_eq!(nginx.log().matches("certificate revoked").count(), 2, "{}", nginx.log());
    court.live.stop().await;
}

#[tokio::test]
async fn by_the_crl_nginx_keeps_a_card_out_while_it_is_suspended() {
    let court = Court::in_session().await;
    court.make_site().await;
    let new = court.replace().await;
    let by_crl = format!("ssl_crl {};", court.file("crls.pem"));
    let (lost, serial) = (court.serial("@auth.pem").await, court.serial("@new/auth.pem").await);
    for act in [None, Some("suspend"), Some("resume")] {
        if let Some(act) = act {
            court.live.act_on_device(&new, act).await;
        }
        let is_suspended = act == Some("suspend");
        court.crl_until(|crl| crl.reason(&lost).is_some() && crl.reason(&serial).is_some() == is_suspended).await;
        court.file_crls().await;
        let nginx = Nginx::start(&court, &by_crl).await;
        assert_eq!(nginx.lets_in(&court, "new/").await, !is_suspended, "{act:?}: {}", nginx.log());
        assert!(!nginx.lets_in(&court, "").await, "the lost phone");
        assert_eq!(nginx.log().matches("certificate revoked").count(), 1 + usize::from(is_suspended), "{}", nginx.log());
    }
    court.live.stop().await;
}
