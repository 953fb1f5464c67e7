//! A card that replaced a lost one, with an older encryption key, in the hands of OpenSC, openssl, gnutls, NSS, OpenSSH and Yubico's tool.

use mobile_sim::{DeviceKind, Faults, Phone};
use tempfile::TempDir;

use super::reader::{PIN, Reader, module};
use super::{in_reader, issue};
use crate::court::Court;
use crate::support::live::{Live, device_of};
use crate::support::openssl::openssl;

/// The slots as PKCS#11 numbers them: 9A, 9C, 9D, 9E, and the first of the older ones.
const KEYS: [&str; 5] = ["01", "02", "03", "04", "05"];

/// Mail to whoever has a certificate, as openssl writes it; gives its file.
async fn mail(court: &Court, text: &str, to: &str, name: &str) -> String {
    let (text, written) = (court.write("mail", text), court.file(name));
    court.asks(&["cms", "-encrypt", "-binary", "-aes-256-cbc", "-outform", "DER", "-in", &text, "-out", &written, to]).await;
    written
}

/// Ana's phone was lost and replaced; the new one lies in the reader, and old mail waits for it.
struct Bench {
    court: Court,
    /// Shares the encryption key.
    tablet: Phone,
    reader: Reader,
    folder: TempDir,
}

impl Bench {
    async fn set() -> Self {
        let with_9e =
            |policy: String| policy.replace(r#"slots = ["auth", "sign", "enc"]"#, r#"slots = ["auth", "sign", "enc", "card-auth"]"#);
        let court = Court::over(Live::with_policy(with_9e).await).await;
        mail(&court, "old mail", "@enc.pem", "old.p7m").await;
        let tablet = court.live.phone_of(&court.user, DeviceKind::MobileApp).await;
        let folder = tempfile::tempdir().unwrap();
        let request = court.live.submit(&device_of(&court.phone), "lost").await;
        let new = issue(folder.path(), &request, DeviceKind::MobileSmartCard).await;
        new.export(court.file("new"), false).unwrap();
        drop(new);
        let reader = in_reader(folder.path()).await;
        Self { court, tablet, reader, folder }
    }

    /// The card is taken out, its program ends, and it is put in again.
    async fn again(self) -> Self {
        drop(self.reader);
        Self { reader: in_reader(self.folder.path()).await, ..self }
    }

    async fn pkcs11(&self, words: &[&str]) -> (bool, String) {
        let module = module();
        let ran = self.reader.try_run("pkcs11-tool", &[&["--module", &module, "--slot", "0"], words].concat()).await;
        (ran.succeeded, ran.text())
    }

    async fn pkcs11_does(&self, words: &[&str]) -> String {
        let (done, said) = self.pkcs11(words).await;
        assert!(done, "pkcs11-tool {}: {said}", words.join(" "));
        said
    }

    /// openssl uses the key of a slot.
    async fn openssl(&self, key: &str, words: &[&str]) -> String {
        let key = format!("pkcs11:id=%{key};type=private;pin-value={PIN}");
        let with = ["-engine", "pkcs11", "-keyform", "engine", if words[0] == "cms" { "-inkey" } else { "-key" }, &key];
        self.reader.run("openssl", &[&words[..1], &with, &words[1..]].concat()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn opensc_finds_what_was_issued_and_uses_it_as_the_pin_allows() {
    let bench = Bench::set().await;
    assert!(bench.reader.run("opensc-tool", &["--reader", "0", "--name"]).await.contains("Personal Identity Verification Card"));
    let listed = bench.pkcs11_does(&["--list-objects", "--login", "--pin", PIN]).await;
    for (key, file) in KEYS.iter().zip(["new/auth.pem", "new/sign.pem", "new/enc.pem", "new/card-auth.pem", "new/history-1.pem"]) {
        let serial = bench.court.serial(&format!("@{file}")).await;
        assert!(listed.contains(&serial), "{file}, {serial}: {listed}");
        assert_eq!(listed.matches(&format!("ID:         {key}\n")).count(), 3, "{key}: private key, public key, certificate: {listed}");
    }

    // 9A, 9C and 9E sign, and nobody else's key would verify it
    let message = bench.reader.write("message", "hello");
    for (key, certificate) in [("01", "@new/auth.pem"), ("02", "@new/sign.pem"), ("04", "@new/card-auth.pem")] {
        let signature = bench.reader.file("signature");
        let how = ["--mechanism", "ECDSA-SHA256", "--signature-format", "openssl", "--input-file", &message, "--output-file", &signature];
        bench.pkcs11_does(&[&["--login", "--pin", PIN, "--sign", "--id", key], &how[..]].concat()).await;
        let public = bench.court.asks(&["x509", "-pubkey", "-noout", "-in", certificate]).await;
        let public = bench.reader.write("public.pem", public);
        openssl(&["dgst", "-sha256", "-verify", &public, "-signature", &signature, &message], b"").await;
    }

    // without the PIN, 9E alone
    let digest = "11".repeat(32);
    for (place, answer) in [("9E", "SW1=0x90, SW2=0x00"), ("9A", "SW1=0x69, SW2=0x82"), ("9C", "SW1=0x69, SW2=0x82")] {
        let sign = format!("008711{place}267C2482008120{digest}00");
        let said = bench.reader.run("opensc-tool", &["--reader", "0", "--send-apdu", "00A4040005A000000308", "--send-apdu", &sign]).await;
        assert!(said.rsplit("Received").next().unwrap().contains(answer), "{place}: {said}");
    }

    // 9D and the older key agree
    let peer = bench.reader.file("peer.pem");
    openssl(&["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256", "-out", &peer], b"").await;
    let point = bench.reader.write("peer.der", openssl(&["pkey", "-in", &peer, "-pubout", "-outform", "DER"], b"").await);
    for (key, certificate) in [("03", "@new/enc.pem"), ("05", "@new/history-1.pem")] {
        let secret = bench.reader.file("secret");
        let how = ["--mechanism", "ECDH1-DERIVE", "--input-file", &point, "--output-file", &secret];
        bench.pkcs11_does(&[&["--login", "--pin", PIN, "--derive", "--id", key], &how[..]].concat()).await;
        let public = bench.reader.write("public.pem", bench.court.asks(&["x509", "-pubkey", "-noout", "-in", certificate]).await);
        let theirs = openssl(&["pkeyutl", "-derive", "-inkey", &peer, "-peerkey", &public], b"").await;
        assert_eq!(std::fs::read(secret).unwrap(), theirs);
    }

    // without the PIN nothing; three wrong ones block it, also for the right one, and in the next run; the PUK frees it
    let sign = ["--sign", "--id", "01", "--mechanism", "ECDSA-SHA256", "--input-file", &message];
    assert!(!bench.pkcs11(&sign).await.0);
    for _ in 0..3 {
        let (done, said) = bench.pkcs11(&["--login", "--pin", "654321", "--list-objects"]).await;
        assert!(!done && said.contains("CKR_PIN_"), "{said}");
    }
    let (done, said) = bench.pkcs11(&["--login", "--pin", PIN, "--list-objects"]).await;
    assert!(!done && said.contains("CKR_PIN_LOCKED"), "{said}");
    let bench = bench.again().await;
    let (done, said) = bench.pkcs11(&["--login", "--pin", PIN, "--list-objects"]).await;
    assert!(!done && said.contains("CKR_PIN_LOCKED"), "{said}");
    bench
        .reader
        .run("yubico-piv-tool", &["--reader", "mobile-sim 00 00", "--action", "unblock-pin", "--pin", "87654321", "--new-pin", PIN])
        .await;
    bench.pkcs11_does(&["--login", "--pin", PIN, "--list-objects"]).await;
    bench.court.live.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn mail_is_opened_and_signed_and_doors_open_by_many_programs() {
    let mut bench = Bench::set().await;
    let (court, reader) = (&bench.court, &bench.reader);

    // old mail by the older key, new mail by the shared one
    let opened = bench
        .openssl("05", &["cms", "-decrypt", "-recip", &court.file("new/history-1.pem"), "-inform", "DER", "-in", &court.file("old.p7m")])
        .await;
    assert!(opened.contains("old mail"), "{opened}");
    let new = mail(court, "new mail", "@new/enc.pem", "new.p7m").await;
    let opened = bench.openssl("03", &["cms", "-decrypt", "-recip", &court.file("new/enc.pem"), "-inform", "DER", "-in", &new]).await;
    assert!(opened.contains("new mail"), "{opened}");
    bench.tablet.sync(&Faults::default()).await.unwrap();
    assert_eq!(*bench.tablet.decrypt(&std::fs::read(&new).unwrap()).unwrap(), b"new mail");

    // 9C signs through gnutls, and openssl verifies
    let (message, signed, module) = (reader.write("message", "hello"), reader.file("signed"), module());
    let by = ["--provider", &module, "--load-privkey", "pkcs11:id=%02;type=private", "--load-certificate", &court.file("new/sign.pem")];
    reader.run("certtool", &[&by[..], &["--p7-detached-sign", "--infile", &message, "--outfile", &signed]].concat()).await;
    court.asks(&["cms", "-verify", "-binary", "-inform", "PEM", "-in", &signed, "-content", &message, "-CAfile", "@ca.pem"]).await;

    // TLS: openssl, gnutls and NSS show the card to nginx; curl does in `suspended`
    court.make_site().await;
    let (nginx, port) = court.nginx_at_a_port().await;
    let site = court.file("site.pem");
    let request = "GET / HTTP/1.0\r\n\r\n";
    let to = format!("localhost:{port}");
    let with = [
        "-engine",
        "pkcs11",
        "-keyform",
        "engine",
        "-key",
        "pkcs11:id=%01;type=private;pin-value=123456",
        "-cert",
        &court.file("new/auth.pem"),
    ];
    let words = ["s_client", "-quiet", "-ign_eof", "-connect", &to, "-CAfile", &site, "-cert_chain", &court.file("ca.pem")];
    let ran = reader.try_run_with("openssl", &[&words[..], &with].concat(), request.as_bytes()).await;
    assert!(ran.text().contains("welcome SUCCESS"), "{}", ran.text());
    let words = ["--provider", &module, "--x509certfile", "pkcs11:id=%01;type=cert", "--x509keyfile", "pkcs11:id=%01;type=private"];
    let ran = reader
        .try_run_with("gnutls-cli", &[&words[..], &["--x509cafile", &site, "-p", &port, "localhost"]].concat(), request.as_bytes())
        .await;
    assert!(ran.text().contains("welcome SUCCESS"), "{}", ran.text());
    let nss = reader.file("nss");
    std::fs::create_dir(&nss).unwrap();
    let folder = format!("sql:{nss}");
    reader.run("certutil", &["-N", "-d", &folder, "--empty-password"]).await;
    reader.run("certutil", &["-A", "-d", &folder, "-n", "site", "-t", "CT,,", "-i", &site]).await;
    reader.run("certutil", &["-A", "-d", &folder, "-n", "root", "-t", "CT,C,C", "-i", &court.file("root.pem")]).await;
    let modules = std::fs::read_to_string(format!("{nss}/pkcs11.txt")).unwrap();
    std::fs::write(format!("{nss}/pkcs11.txt"), format!("{modules}\nlibrary={module}\nname=card\n\n")).unwrap();
    let asked = reader.write("request", request);
    let named = "Ana Ruiz:Certificate for PIV Authentication";
    let ran = reader.try_run("tstclnt", &["-4", "-h", "localhost", "-p", &port, "-d", &folder, "-n", named, "-w", PIN, "-A", &asked]).await;
    assert!(ran.text().contains("welcome SUCCESS"), "{}", ran.text());
    drop(nginx);

    // OpenSSH reads the keys; Yubico's tool reads the card, and changes its PIN and changes it back
    let keys = reader.run("ssh-keygen", &["-D", &module]).await;
    assert!(keys.lines().filter(|line| line.starts_with("ecdsa-sha2-nistp256 ")).count() >= 3, "{keys}");
    let yubico = ["--reader", "mobile-sim 00 00", "--action"];
    let said = reader.run("yubico-piv-tool", &[&yubico[..], &["status"]].concat()).await;
    assert_eq!(said.matches("CN=Ana Ruiz").count(), 4, "9a, 9c, 9d and 82: {said}");
    assert!(said.contains("PIN tries left:\t3"), "{said}");
    for (old, new) in [(PIN, "24681357"), ("24681357", PIN)] {
        reader.run("yubico-piv-tool", &[&yubico[..], &["change-pin", "--pin", old, "--new-pin", new]].concat()).await;
    }
    reader.run("yubico-piv-tool", &[&yubico[..], &["verify-pin", "--pin", PIN]].concat()).await;
    bench.court.live.stop().await;
}
