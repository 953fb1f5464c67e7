//! A SoftHSM of one test: its own configuration and its own token, in a folder.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use mobile_sim::certificate::Certificate;
use tempfile::TempDir;

use crate::support::openssl::try_openssl;
use crate::support::process::Installation;

/// Not a number that stands anywhere by chance.
pub const PIN: &str = "4711-0815-pin";

pub struct SoftHsm {
    folder: TempDir,
}

/// Where Debian puts it.
pub fn module() -> &'static str {
    const PLACES: [&str; 2] = ["/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"];
    let found = PLACES.into_iter().find(|place| Path::new(place).exists());
    found.expect("the SoftHSM module is missing: install the Debian package softhsm2")
}

impl SoftHsm {
    pub async fn with_token() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("tokens")).unwrap();
        let configuration = format!("directories.tokendir = {}\nlog.level = ERROR\n", folder.path().join("tokens").display());
        std::fs::write(folder.path().join("softhsm2.conf"), configuration).unwrap();
        let hsm = Self { folder };
        hsm.ran("softhsm2-util", "softhsm2", &["--init-token", "--free", "--label", "remint", "--so-pin", "officer-pin", "--pin", PIN]);
        hsm
    }

    fn configuration(&self) -> String {
        self.folder.path().join("softhsm2.conf").display().to_string()
    }

    fn ran(&self, program: &str, package: &str, words: &[&str]) -> String {
        let output = Command::new(program).args(words).env("SOFTHSM2_CONF", self.configuration()).output();
        let output = output.unwrap_or_else(|error| panic!("{program}: {error}: install the Debian package {package}"));
        let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert!(output.status.success(), "{program}: {said}");
        said
    }

    /// An installation whose programs find this SoftHSM.
    pub fn planned(&self) -> Installation {
        Installation::planned(tempfile::tempdir().unwrap(), &[("SOFTHSM2_CONF", &self.configuration())])
    }

    /// A new file with this PIN.
    pub fn pin_file(&self, pin: &str) -> String {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let path: PathBuf = self.folder.path().join(format!("pin-{}", MADE.fetch_add(1, Ordering::Relaxed)));
        std::fs::write(&path, format!("{pin}\n")).unwrap();
        std::fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        path.display().to_string()
    }

    /// The options of `remint init` for the token.
    pub fn words(&self) -> [&'static str; 6] {
        let pin: &'static str = Box::leak(self.pin_file(PIN).into_boxed_str());
        ["--hsm-module", module(), "--hsm-token", "remint", "--hsm-pin-file", pin]
    }

    /// What the token says that it holds, to its user.
    pub async fn objects(&self) -> String {
        self.ran("pkcs11-tool", "opensc", &["--module", module(), "--token-label", "remint", "--login", "--pin", PIN, "--list-objects"])
    }

    /// Takes the token away.
    pub fn unplug(&self) {
        std::fs::rename(self.folder.path().join("tokens"), self.folder.path().join("unplugged")).unwrap();
        std::fs::create_dir(self.folder.path().join("tokens")).unwrap();
    }

    pub fn plug_in(&self) {
        std::fs::remove_dir(self.folder.path().join("tokens")).unwrap();
        std::fs::rename(self.folder.path().join("unplugged"), self.folder.path().join("tokens")).unwrap();
    }
}

/// The objects in what pkcs11-tool says, each from its title on.
pub fn split(said: &str) -> Vec<String> {
    let mut objects: Vec<String> = Vec::new();
    for line in said.lines() {
        match objects.last_mut() {
            Some(object) if line.starts_with(' ') => object.push_str(&format!("{line}\n")),
            _ => objects.push(format!("{line}\n")),
        }
    }
    objects
}

/// Why OCSP does not answer, in openssl's word.
pub async fn ocsp_failure(installation: &Installation, certificate: &Certificate) -> String {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("certificate.pem").display().to_string();
    std::fs::write(&file, certificate.pem()).unwrap();
    let issuing = installation.data().join("ca/issuing.pem").display().to_string();
    let url = format!("http://{}/ocsp", installation.status_address());
    let asked = try_openssl(&["ocsp", "-url", &url, "-issuer", &issuing, "-cert", &file, "-noverify"], &[]).await.text();
    let (_, after) = asked.split_once("Responder Error: ").unwrap_or_else(|| panic!("an answer: {asked}"));
    after.split_whitespace().next().unwrap_or_default().to_owned()
}
