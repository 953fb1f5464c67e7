//! A PC/SC daemon of the test's own, with a virtual reader in which the phone lies, as its own program shows it.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use mobile_sim::piv::reader::configuration;
use tempfile::TempDir;

use crate::support::openssl::{Ran, ran_with};
use crate::support::process::{mobile_sim, until};

/// The daemon has one place for its socket, made when it was built: here it finds a folder of ours there, and nobody else sees it.
const IN_A_PLACE_OF_ITS_OWN: &str =
    "mount -t tmpfs none /run && mkdir /run/pcscd && mount --bind \"$0\" /run/pcscd && exec pcscd --foreground --config \"$1\"";

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

    /// Where its programs find the daemon.
    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket/pcscd.comm")
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Runs a program that uses the card, however it ends.
    pub async fn try_run(&self, program: &'static str, words: &[&str]) -> Ran {
        self.try_run_with(program, words, b"").await
    }

    pub async fn try_run_with(&self, program: &'static str, words: &[&str], input: &[u8]) -> Ran {
        ran_with(program, words, input, &[("PCSCLITE_CSOCK_NAME", self.socket().to_str().unwrap())]).await
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
