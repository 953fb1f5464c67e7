//! The organization's own authority: openssl in a folder.

use remint::server::init::{Foundation, Ports};
use remint::server::policy::Delivered;
use tempfile::TempDir;

use crate::support::openssl::openssl;

pub const NAME: &str = "CN=Remint issuing CA,OU=Devices,OU=Security,DC=corp,DC=example,DC=org";

/// What was asked for. The key identifier is not the hash of the key: authorities choose as they like (RFC 7093).
pub const ANSWER: &str = "basicConstraints=critical,CA:TRUE,pathlen:0\nkeyUsage=critical,keyCertSign,cRLSign\n\
                          subjectKeyIdentifier=0a0b0c0d0e0f\nauthorityKeyIdentifier=keyid\n";

/// The extensions of an authority with so many others below it.
pub fn below(count: u8) -> String {
    format!("basicConstraints=critical,CA:TRUE,pathlen:{count}\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n")
}

#[derive(Clone, Copy, Debug)]
pub enum Key {
    P384,
    Rsa3072,
}

pub struct Organization {
    pub folder: TempDir,
}

impl Organization {
    /// With a root as most are: without a path length.
    pub async fn with_root(key: Key) -> Self {
        let organization = Self { folder: tempfile::tempdir().unwrap() };
        let extensions = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";
        organization.authority("root", key, "/DC=org/DC=example/CN=Example root CA", None, extensions).await;
        organization
    }

    pub fn file(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    pub fn write(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.folder.path().join(name), bytes).unwrap();
        self.file(name)
    }

    /// Several certificates in one file.
    pub fn bundle(&self, name: &str, certificates: &[&str]) -> String {
        let read = |name: &&str| std::fs::read_to_string(self.file(&format!("{name}.pem"))).unwrap();
        self.write(name, certificates.iter().map(read).collect::<String>().as_bytes())
    }

    /// Makes `<name>.key` and `<name>.pem`, signed by itself or by `issuer`.
    pub async fn authority(&self, name: &str, key: Key, subject: &str, issuer: Option<&str>, extensions: &str) {
        let key_file = self.file(&format!("{name}.key"));
        let algorithm: &[&str] = match key {
            Key::P384 => &["EC", "-pkeyopt", "ec_paramgen_curve:P-384"],
            Key::Rsa3072 => &["RSA", "-pkeyopt", "rsa_keygen_bits:3072"],
        };
        openssl(&[&["genpkey", "-out", &key_file, "-algorithm"], algorithm].concat(), &[]).await;
        let csr = self.file(&format!("{name}.csr"));
        openssl(&["req", "-new", "-key", &key_file, "-subj", subject, "-utf8", "-out", &csr], &[]).await;
        match issuer {
            Some(issuer) => self.sign(name, &csr, issuer, extensions).await,
            None => {
                let extensions = self.write("extensions", extensions.as_bytes());
                let out = self.file(&format!("{name}.pem"));
                let fixed = ["x509", "-req", "-in", &csr, "-key", &key_file, "-days", "4000", "-sha384", "-extfile", &extensions];
                openssl(&[&fixed[..], &["-out", &out]].concat(), &[]).await;
            }
        }
    }

    /// Signs a request as `<name>.pem`.
    pub async fn sign(&self, name: &str, csr: &str, issuer: &str, extensions: &str) {
        self.sign_as(name, csr, issuer, extensions, &[]).await;
    }

    pub async fn sign_as(&self, name: &str, csr: &str, issuer: &str, extensions: &str, more: &[&str]) {
        let extensions = self.write("extensions", extensions.as_bytes());
        let [out, certificate, key] =
            [format!("{name}.pem"), format!("{issuer}.pem"), format!("{issuer}.key")].map(|file| self.file(&file));
        let fixed = ["x509", "-req", "-in", csr, "-CA", &certificate, "-CAkey", &key, "-days", "3650", "-sha384", "-extfile", &extensions];
        openssl(&[&fixed[..], &["-out", &out], more].concat(), &[]).await;
    }
}

/// Ports that nobody binds: these houses are made, not served.
pub fn foundation() -> Foundation {
    Foundation {
        organization: String::new(),
        host: "localhost".to_owned(),
        bind: "127.0.0.1".to_owned(),
        ports: Ports { devices: 1, desk: 2, portal: 3, status: 4, metrics: None },
        policy: Delivered::Default,
        database: None,
        hsm: None,
    }
}
