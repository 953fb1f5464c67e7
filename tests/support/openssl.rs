//! The openssl of the machine: it makes what we do not, and judges what we make.

use std::io::{ErrorKind, Write};
use std::process::{Command, Stdio};

/// How a run ended.
#[derive(Debug)]
pub struct Ran {
    pub succeeded: bool,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    /// What it printed, on both ways out.
    pub fn text(&self) -> String {
        format!("{}{}", String::from_utf8_lossy(&self.stdout), self.stderr)
    }
}

/// Runs openssl, and gives what it wrote to its standard output.
///
/// # Panics
///
/// When it does not succeed.
pub async fn openssl(arguments: &[&str], input: &[u8]) -> Vec<u8> {
    let ran = try_openssl(arguments, input).await;
    assert!(ran.succeeded, "openssl {}: {}", arguments.join(" "), ran.text());
    ran.stdout
}

/// Runs openssl, however it ends. Beside the runtime, so that a server in the same test can answer it.
pub async fn try_openssl(arguments: &[&str], input: &[u8]) -> Ran {
    run("openssl", arguments, input).await
}

/// The Debian package of a program, where it has another name.
fn package_of(program: &str) -> &str {
    match program {
        "pki" => "strongswan-pki (with libstrongswan-extra-plugins and libstrongswan-standard-plugins)",
        "certtool" | "ocsptool" | "gnutls-cli" => "gnutls-bin",
        "certutil" | "crlutil" | "vfychain" | "ocspclnt" | "modutil" | "tstclnt" => "libnss3-tools",
        "opensc-tool" | "pkcs11-tool" | "piv-tool" => "opensc opensc-pkcs11",
        "ssh" | "ssh-keygen" => "openssh-client",
        "sshd" => "openssh-server",
        "testssl" => "testssl.sh",
        same => same,
    }
}

/// Runs a program of a Debian package.
pub async fn run(program: &'static str, arguments: &[&str], input: &[u8]) -> Ran {
    ran_with(program, arguments, input, &[]).await
}

/// The same, with more in its environment.
pub async fn ran_with(program: &'static str, arguments: &[&str], input: &[u8], environment: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(program);
    command.envs(environment.iter().copied());
    command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for proxy in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"] {
        command.env_remove(proxy);
    }
    let input = input.to_vec();
    let ended = tokio::task::spawn_blocking(move || {
        let mut child = match command.spawn() {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                panic!("{program}: not found: install the Debian package {}", package_of(program))
            }
            spawned => spawned.unwrap(),
        };
        // A program that has seen enough may close its input early: what it says is what counts.
        let _ = child.stdin.take().unwrap().write_all(&input);
        child.wait_with_output().unwrap()
    });
    let output = ended.await.unwrap();
    Ran { succeeded: output.status.success(), stdout: output.stdout, stderr: String::from_utf8_lossy(&output.stderr).into_owned() }
}
