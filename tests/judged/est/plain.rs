//! A server whose policy lets plain EST clients in, and an invitation as they use it.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use mobile_sim::DeviceKind;
use tempfile::TempDir;

use crate::support::live::{Invited, Live};
use crate::support::openssl::{Ran, run};

/// A running server and a folder for the files of a client.
pub struct Plain {
    pub live: Live,
    pub user: String,
    folder: TempDir,
}

impl Plain {
    /// Phones have no `enc` here, which an ordinary client cannot collect, and may renew at any time.
    pub async fn start() -> Self {
        let edit = |policy: String| {
            let policy =
                policy.replace("plain_bootstrap = false", "plain_bootstrap = true").replace("renewal_days = 60", "renewal_days = 2000");
            policy.replace("[\"auth\", \"sign\", \"enc\"]", "[\"auth\", \"sign\"]")
        };
        let live = Live::with_policy(edit).await;
        let user = live.create_user("Ana").await;
        let plain = Self { live, user, folder: tempfile::tempdir().unwrap() };
        plain.write("root.pem", &plain.live.root);
        plain
    }

    pub async fn invite(&self) -> Invited {
        self.live.initial(&self.user, DeviceKind::MobileSmartCard).await
    }

    /// The path of a file.
    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        std::fs::write(self.file(name), content).unwrap();
        self.file(name)
    }

    pub fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.file(name)).unwrap()
    }

    /// `https://localhost:port/path`
    pub fn url(&self, path: &str) -> String {
        format!("https://{}{path}", self.live.config.devices.address)
    }

    /// Runs a program; an argument `@name` is that file of the folder, `@@name` the file with an `@` in front, as curl wants it.
    pub async fn tries(&self, program: &'static str, arguments: &[&str]) -> Ran {
        let in_folder = |argument: &&str| match (argument.strip_prefix("@@"), argument.strip_prefix('@')) {
            (Some(name), _) => format!("@{}", self.file(name)),
            (None, Some(name)) => self.file(name),
            (None, None) => (*argument).to_owned(),
        };
        let arguments: Vec<String> = arguments.iter().map(in_folder).collect();
        run(program, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), b"").await
    }

    /// The same, and it must succeed; gives what it wrote to its standard output.
    pub async fn does(&self, program: &'static str, arguments: &[&str]) -> Vec<u8> {
        let ran = self.tries(program, arguments).await;
        assert!(ran.succeeded, "{program} {}: {}", arguments.join(" "), ran.text());
        ran.stdout
    }

    /// The state of the user's newest device, as the desk sees it.
    pub async fn state(&self) -> String {
        let held = self.live.lookup(&self.user).await;
        held["devices"].as_array().unwrap().last().unwrap()["status"].as_str().unwrap().to_owned()
    }
}

/// An invitation as name and password of HTTP Basic.
pub fn name_and_password(invited: &Invited) -> String {
    let part = |name: &str| {
        let (_, rest) = invited.uri.split_once(&format!("{name}=")).unwrap();
        rest.split('&').next().unwrap().to_owned()
    };
    let (invitation, secret) = (part("&i"), part("&c"));
    assert_eq!(BASE64_URL_SAFE_NO_PAD.decode(&secret).unwrap().len(), 16);
    let code = invited.code.as_ref().map(|code| format!(".{code}")).unwrap_or_default();
    format!("{invitation}:{secret}{code}")
}
