//! A PostgreSQL server of the test's own, which it may stop, kill and start again: `tests/cluster`.

use std::path::PathBuf;
use std::process::Command;

use tempfile::TempDir;

pub struct Cluster {
    folder: TempDir,
    /// Where a superuser connects, by a socket.
    pub url: String,
}

impl Cluster {
    pub fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        // whoever runs the server is not who runs the tests
        std::fs::set_permissions(folder.path(), std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let url = run(&["start", &folder.path().join("postgres").display().to_string()]);
        Self { folder, url: url.trim().to_owned() }
    }

    /// The folder of the server: its socket, `ca.pem`, `port`.
    pub fn folder(&self) -> PathBuf {
        self.folder.path().join("postgres")
    }

    /// `kill -9`, or what comes closest to it without leaving shared memory behind: an immediate shutdown, recovered from at the next start.
    pub fn crash(&self) {
        run(&["stop", &self.folder().display().to_string()]);
    }

    pub fn start_again(&self) {
        run(&["again", &self.folder().display().to_string()]);
    }

    /// A new database with this name; its URL.
    pub async fn database(&self, name: &str) -> String {
        use sqlx::{AssertSqlSafe, Connection, PgConnection};
        let mut connection = PgConnection::connect(&self.url).await.unwrap();
        sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut connection).await.unwrap();
        self.url.replace("/postgres?", &format!("/{name}?"))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        let _ = Command::new(program()).args(["stop", &self.folder().display().to_string()]).output();
    }
}

fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/cluster")
}

fn run(arguments: &[&str]) -> String {
    let output = Command::new(program()).args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "a PostgreSQL server is needed: install postgresql (Debian). tests/cluster {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap()
}
