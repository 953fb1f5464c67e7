//! The real server as a process of its own, on a real data folder: started, killed without warning, started again on the same ports.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use mobile_sim::Identity;
use mobile_sim::wire::Client;
use tempfile::TempDir;

use super::live::second_step;

/// Below the range from which the system takes the ports of outgoing connections: none of them takes ours between a kill and a restart.
const PORTS: Range<u16> = 20_000..32_000;
const PASSWORD: &str = "correct horse";

/// A data folder with the operator `hana`, and the server that serves it. Its log is shown when the test fails.
pub struct Installation {
    folder: TempDir,
    devices: u16,
    desk: u16,
    portal: u16,
    status: u16,
    metrics: u16,
    /// What every program of this installation has in its environment.
    environment: Vec<(String, String)>,
    running: Mutex<Option<Child>>,
}

impl Installation {
    /// Makes a data folder as an administrator does, and starts the server.
    pub fn found() -> Self {
        let installation = Self::planned(tempfile::tempdir().unwrap(), &[]);
        installation.init(&[]).unwrap_or_else(|said| panic!("remint init: {said}"));
        installation.hire("hana");
        installation.start();
        installation
    }

    /// An installation in this folder that is not made yet.
    pub fn planned(folder: TempDir, environment: &[(&str, &str)]) -> Self {
        let [devices, desk, portal, status, metrics] = free_ports();
        let environment = environment.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Self { folder, devices, desk, portal, status, metrics, environment, running: Mutex::new(None) }
    }

    /// Makes the data folder; what is said, if it is not made.
    pub fn init(&self, more: &[&str]) -> Result<(), String> {
        let Self { devices, desk, portal, status, metrics, .. } = *self;
        let ports = [
            ("--devices-port", devices),
            ("--desk-port", desk),
            ("--portal-port", portal),
            ("--status-port", status),
            ("--metrics-port", metrics),
        ];
        let mut remint = self.remint("init");
        remint.args(more).args(ports.iter().flat_map(|(option, port)| [(*option).to_owned(), port.to_string()]));
        let output = remint.output().unwrap();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned());
        }
        second_step(&self.data(), "mailed-code", "none"); // the tests of processes are about something else
        Ok(())
    }

    /// Another server for the same installation: a copy of its data folder, with listeners of its own. Certificates point to the first one.
    pub fn another(&self) -> Self {
        let other = Self::planned(tempfile::tempdir().unwrap(), &[]);
        copy(&self.data(), &other.data());
        std::fs::copy(self.beside("hana.p12"), other.beside("hana.p12")).unwrap();
        let file = other.data().join("remint.toml");
        let mut text = std::fs::read_to_string(&file).unwrap();
        let ports = [(self.devices, other.devices), (self.desk, other.desk), (self.portal, other.portal), (self.metrics, other.metrics)];
        for (from, to) in ports {
            text = text.replace(&format!(":{from}\""), &format!(":{to}\""));
        }
        let status = |port: u16| format!("listen = \"127.0.0.1:{port}\"");
        text = text.replace(&status(self.status), &status(other.status));
        std::fs::write(file, text).unwrap();
        other
    }

    /// Runs a command on the data folder; what it says, and whether it succeeds.
    pub fn runs(&self, words: &[&str]) -> (bool, String) {
        let mut remint = Command::new(remint());
        remint.envs(self.environment.iter().cloned()).args(words).arg("--data").arg(self.data());
        let output = remint.output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    /// What the server says when it does not start.
    pub fn refuses_to_start(&self) -> String {
        let output = self.remint("serve").output().unwrap();
        assert!(!output.status.success(), "the server started");
        String::from_utf8_lossy(&output.stderr).into_owned()
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("house")
    }

    /// A folder for what is not the server's.
    pub fn beside(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Where phones connect, `host:port`.
    pub fn devices_address(&self) -> String {
        format!("localhost:{}", self.devices)
    }

    pub fn status_address(&self) -> String {
        format!("localhost:{}", self.status)
    }

    /// The root certificate, PEM.
    pub fn root(&self) -> String {
        std::fs::read_to_string(self.data().join("ca/root.pem")).unwrap()
    }

    pub fn portal_address(&self) -> String {
        format!("localhost:{}", self.portal)
    }

    pub fn metrics_address(&self) -> String {
        format!("localhost:{}", self.metrics)
    }

    /// A help desk operator's own connection to the desk.
    pub fn desk(&self, operator: &str) -> Client {
        let p12 = std::fs::read(self.beside(&format!("{operator}.p12"))).unwrap();
        let roots = std::fs::read_to_string(self.data().join("ca/root.pem")).unwrap();
        let identity = Identity::from_p12(&p12, PASSWORD).unwrap();
        Client::new(format!("localhost:{}", self.desk), &roots, Some(identity)).unwrap()
    }

    /// Adds an operator of the help desk, from the command line.
    pub fn hire(&self, name: &str) {
        let file = self.beside(&format!("{name}.p12")).display().to_string();
        let words = ["add", name, "--role", "help-desk", "--out", &file, "--password", PASSWORD];
        self.administer("operator", words.map(str::to_owned));
    }

    /// Starts the server and returns when it says that it is ready.
    pub fn start(&self) {
        self.start_with(&[]);
    }

    /// Starts it with more in its environment.
    pub fn start_with(&self, environment: &[(&str, &str)]) {
        let mut running = self.running();
        assert!(running.is_none(), "the server runs already");
        let mut server = self.remint("serve").envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(self.log()).spawn().unwrap();
        let lines = BufReader::new(server.stdout.take().unwrap()).lines();
        let is_ready = lines.map_while(Result::ok).any(|line| line == "ready");
        *running = Some(server);
        assert!(is_ready, "the server ended before it was ready");
    }

    /// `kill -9`. Returns when the process is gone; `false` if it was gone before.
    pub fn kill(&self) -> bool {
        let Some(mut server) = self.running().take() else { return false };
        server.kill().unwrap();
        server.wait().unwrap();
        true
    }

    /// Whether it has ended by itself, as a test ordered.
    pub fn has_died(&self) -> bool {
        let mut running = self.running();
        let has_died = running.as_mut().is_some_and(|server| server.try_wait().unwrap().is_some());
        if has_died {
            running.take();
        }
        has_died
    }

    pub fn is_down(&self) -> bool {
        self.running().is_none()
    }

    /// Asks the server to end, and waits until it has.
    pub fn stop(&self) -> ExitStatus {
        let mut server = self.running().take().expect("a running server");
        let asked = Command::new("sh").args(["-c", &format!("kill -TERM {}", server.id())]).status().unwrap();
        assert!(asked.success());
        server.wait().unwrap()
    }

    fn administer(&self, command: &str, words: impl IntoIterator<Item = String>) {
        let words: Vec<_> = words.into_iter().collect();
        let (act, rest) = words.split_at(usize::from(command == "operator"));
        let data = self.data();
        let mut remint = Command::new(remint());
        let output =
            remint.envs(self.environment.iter().cloned()).arg(command).args(act).arg("--data").arg(data).args(rest).output().unwrap();
        assert!(output.status.success(), "remint {command}: {}", String::from_utf8_lossy(&output.stderr));
    }

    fn remint(&self, command: &str) -> Command {
        let mut remint = Command::new(remint());
        remint.envs(self.environment.iter().cloned()).arg(command).arg("--data").arg(self.data());
        remint
    }

    fn log(&self) -> File {
        OpenOptions::new().create(true).append(true).open(self.beside("server.log")).unwrap()
    }

    fn running(&self) -> MutexGuard<'_, Option<Child>> {
        self.running.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

impl Drop for Installation {
    fn drop(&mut self) {
        self.kill();
        if std::thread::panicking() {
            let log = std::fs::read_to_string(self.beside("server.log")).unwrap_or_default();
            eprintln!("---- what the server wrote ----\n{log}----");
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    std::fs::set_permissions(to, std::fs::metadata(from).unwrap().permissions()).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (path, to) = (entry.as_ref().unwrap().path(), to.join(entry.unwrap().file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            std::fs::copy(&path, &to).unwrap();
        }
    }
}

fn remint() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_remint"))
}

/// The phone's own program, which cargo puts beside the server's when it builds the whole workspace.
pub fn mobile_sim() -> PathBuf {
    let program = remint().with_file_name("mobile-sim");
    assert!(program.exists(), "{} is missing: run cargo build --workspace first", program.display());
    program
}

/// Three ports that nobody listens on. Each process looks from a place of its own, and never twice at the same.
fn free_ports() -> [u16; 5] {
    static TRIED: AtomicU16 = AtomicU16::new(0);
    let places = PORTS.end - PORTS.start;
    let first = u16::try_from(std::process::id() * 97 % u32::from(places)).unwrap();
    let listeners = [(); 5].map(|()| {
        let next = || PORTS.start + (first + TRIED.fetch_add(1, Ordering::Relaxed)) % places;
        (0..places).find_map(|_| TcpListener::bind(("127.0.0.1", next())).ok()).expect("a free port")
    });
    listeners.map(|listener| listener.local_addr().unwrap().port())
}

/// Waits for a condition that another process brings about; `what` is said if it never comes.
pub async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let mut ticks = tokio::time::interval(Duration::from_millis(10));
    let waiting = async {
        loop {
            ticks.tick().await;
            if let Some(found) = condition().await {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(60), waiting).await.unwrap_or_else(|_| panic!("it never came: {what}"))
}
