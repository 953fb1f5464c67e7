//! A PC/SC daemon of the test's own, with a virtual reader in which the phone lies, as its own program shows it.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use mobile_sim::piv::reader::configuration;
use tempfile::TempDir;

use crate::support::openssl::{Ran, ran_with};
use crate::support::process::{mobile_sim, until};

/// The daemon has one place for its socket, made when it was built: here it finds a folder of ours there, and nobody else sees it.
const IN_A_PLACE_OF_ITS_OWN: &str =
    "mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind \"$0\" /run/pcscd && exec pcscd --foreground --config \"$1\"";

/// The PIN of every card here.
pub const PIN: &str = "123456";

/// OpenSC's PKCS#11 module, by which programs use the card.
pub fn module() -> String {
    let all = std::fs::read_dir("/usr/lib").unwrap();
    let mut found = all.map(|folder| folder.unwrap().path().join("opensc-pkcs11.so")).filter(|module| module.exists());
    found.next().expect("opensc-pkcs11.so: install the Debian package opensc-pkcs11").to_str().unwrap().to_owned()
}

/// What openssl is told so that it finds the card (Debian package libengine-pkcs11-openssl).
fn engine() -> String {
    let module = module();
    format!(
        "openssl_conf = init\n[init]\nengines = engines\n[engines]\npkcs11 = card\n[card]\nengine_id = pkcs11\nMODULE_PATH = {module}\n"
    )
}

/// Both end when this goes.
pub struct Reader {
    folder: TempDir,
    card: Child,
    daemon: Child,
}

impl Reader {
    /// `words` start the card: `--state DIR --pin PIN card`.
    pub async fn with(words: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut card = Command::new(mobile_sim()).args(words).args(["--port", "0"]).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(card.stdout.take().unwrap()).read_line(&mut said).unwrap();
        let port = said.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(';').next()).unwrap_or_else(|| panic!("{said}"));
        let [socket, conf] = ["socket", "conf"].map(|name| folder.path().join(name));
        for made in [&socket, &conf] {
            std::fs::create_dir(made).unwrap();
        }
        std::fs::write(conf.join("reader"), configuration(port.parse().unwrap())).unwrap();
        std::fs::write(folder.path().join("openssl.cnf"), engine()).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let daemon = Command::new("unshare")
            .args(["--map-root-user", "--mount", "sh", "-c", IN_A_PLACE_OF_ITS_OWN])
            .args([&socket, &conf])
            .env("PATH", format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default()))
            .stdin(Stdio::null())
            .stdout(log.try_clone().unwrap())
            .stderr(log)
            .spawn()
            .unwrap();
        let reader = Self { folder, card, daemon };
        until("the card lies in the reader (Debian packages pcscd, vsmartcard-vpcd and opensc)", async || {
            let listed = reader.try_run("opensc-tool", &["--list-readers"]).await.text();
            listed.lines().any(|line| line.contains(" Yes ")).then_some(())
        })
        .await;
        reader
    }

    /// A file for the programs that use the card.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }

    /// Runs a program that uses the card, however it ends.
    pub async fn try_run(&self, program: &'static str, words: &[&str]) -> Ran {
        self.try_run_with(program, words, b"").await
    }

    pub async fn try_run_with(&self, program: &'static str, words: &[&str], input: &[u8]) -> Ran {
        self.ran(program, words, input, &[]).await
    }

    /// Runs a program with more in its environment, however it ends.
    pub async fn run_in(&self, program: &'static str, words: &[&str], environment: &[(&str, &str)]) -> Ran {
        self.ran(program, words, b"", environment).await
    }

    async fn ran(&self, program: &'static str, words: &[&str], input: &[u8], more: &[(&str, &str)]) -> Ran {
        let socket = self.file("socket/pcscd.comm");
        let engine = self.file("openssl.cnf");
        let mut environment = vec![("PCSCLITE_CSOCK_NAME", socket.as_str()), ("GNUTLS_PIN", PIN)];
        if matches!(program, "openssl" | "curl") {
            environment.push(("OPENSSL_CONF", &engine));
        }
        environment.extend(more);
        ran_with(program, words, input, &environment).await
    }

    /// Runs a program that uses the card; gives what it said.
    pub async fn run(&self, program: &'static str, words: &[&str]) -> String {
        let ran = self.try_run(program, words).await;
        assert!(ran.succeeded, "{program} {}: {}", words.join(" "), ran.text());
        ran.text()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        for child in [&mut self.daemon, &mut self.card] {
            let _ = child.kill();
            let _ = child.wait();
        }
        if std::thread::panicking() {
            eprintln!("pcscd: {}", std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default());
        }
    }
}
