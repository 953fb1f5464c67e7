//! OpenSSH with the card: the client shows its key through PKCS#11, and a server that we did not write asks a command which keys may come in. OpenSSH
//! knows no X.509 and asks nobody about revocation; the command does: it lets in the keys of those certificates that OCSP calls good.

use super::reader::{PIN, Reader, module};
use crate::court::Court;

/// Of the account `root` of a server that serves one connection, in a place of its own.
const COMMAND: &str = r#"#!/bin/sh
cd "$(dirname "$0")" || exit 1
for certificate in certificate-*.pem; do
    [ "$(openssl x509 -in "$certificate" -noout -pubkey | ssh-keygen -i -m PKCS8 -f /dev/stdin)" = "$1 $2" ] || continue
    said=$(openssl ocsp -issuer issuing.pem -CAfile ca.pem -url "$(cat url)" -cert "$certificate" 2>/dev/null) || continue
    case $said in *': good'*) echo "$1 $2" ;; esac
done
"#;
const CONFIGURATION: &str = "HostKey /run/judge/host
AuthorizedKeysFile none
AuthorizedKeysCommand /run/judge/keys %t %k
AuthorizedKeysCommandUser root
PermitRootLogin prohibit-password
PasswordAuthentication no
KbdInteractiveAuthentication no
";
/// The server wants a user `sshd`, and folders that nobody else may write to; the machine's own are left alone.
const IN_A_PLACE_OF_ITS_OWN: &str = r#"set -e
cp /etc/passwd "$0/passwd"
grep -q ^sshd: "$0/passwd" || echo 'sshd:x:74:65534::/run/sshd:/usr/sbin/nologin' >> "$0/passwd"
mount --bind "$0/passwd" /etc/passwd
mount -t tmpfs -o mode=755 none /run
mkdir -m 755 /run/sshd /run/judge
mount --bind "$0" /run/judge
LD_LIBRARY_PATH=$(echo "$1"/usr/lib/*-linux-gnu*) exec "$1/usr/sbin/sshd" -i -f /run/judge/conf
"#;

/// What such a server needs, in a folder.
pub struct Door(String);

impl Door {
    /// Whose certificates it knows, it is told.
    pub async fn of(court: &Court) -> Self {
        let folder = court.file("door");
        std::fs::create_dir(&folder).unwrap();
        let door = Self(folder);
        door.write("keys", COMMAND);
        door.write("conf", CONFIGURATION);
        door.write("serve", IN_A_PLACE_OF_ITS_OWN);
        door.write("url", format!("{}/ocsp", court.live.config.status.url));
        door.write("askpass", format!("#!/bin/sh\necho {PIN}\n"));
        for name in ["ca.pem", "issuing.pem"] {
            door.write(name, std::fs::read(court.file(name)).unwrap());
        }
        for program in ["keys", "askpass"] {
            std::process::Command::new("chmod").args(["755", &door.file(program)]).status().unwrap();
        }
        let made = crate::support::openssl::run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", &door.file("host")], b"").await;
        assert!(made.succeeded, "{}", made.text());
        let host = std::fs::read_to_string(door.file("host.pub")).unwrap();
        door.write("known", format!("localhost {host}"));
        door
    }

    fn file(&self, name: &str) -> String {
        format!("{}/{name}", self.0)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.file(name), content).unwrap();
    }

    /// Somebody whose certificate this is may come in, as long as it is good.
    pub fn knows(&self, name: &str, certificate: &str) {
        self.write(&format!("certificate-{name}.pem"), certificate);
    }

    /// Whether the card in the reader is let in.
    pub async fn lets_in(&self, reader: &Reader) -> bool {
        let judges = std::path::absolute("target/judges/ssh").unwrap();
        assert!(
            judges.join("usr/sbin/sshd").exists(),
            "{}: not found: tests/run fetches it (Debian package openssh-server)",
            judges.display()
        );
        let as_root = if crate::support::openssl::run("id", &["-u"], b"").await.text().trim() == "0" { "" } else { "sudo -n " };
        let inside = format!("sh -c \"$(cat {})\" {} {}", self.file("serve"), self.0, judges.display());
        let server = format!("ProxyCommand={as_root}unshare --mount {inside}");
        let (known, module) = (format!("UserKnownHostsFile={}", self.file("known")), format!("PKCS11Provider={}", module()));
        let with =
            ["-o", &server, "-o", &known, "-o", &module, "-o", "StrictHostKeyChecking=yes", "-o", "PreferredAuthentications=publickey"];
        let askpass = self.file("askpass");
        let environment = [("SSH_ASKPASS", askpass.as_str()), ("SSH_ASKPASS_REQUIRE", "force")];
        let ran = reader.run_in("ssh", &[&["-F", "none"], &with[..], &["root@localhost", "echo", "welcome"]].concat(), &environment).await;
        match ran.text() {
            said if ran.succeeded && said.contains("welcome") => true,
            said if said.contains("Permission denied (publickey)") => false,
            said => panic!("{said}"),
        }
    }
}
