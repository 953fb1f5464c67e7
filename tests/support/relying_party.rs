//! Those who rely on certificates: they ask OCSP with openssl, and fetch the CRL.

use std::path::Path;
use std::process::Command;

use mobile_sim::certificate::Certificate;
use mobile_sim::wire::Client;

use super::process::Installation;

/// What OCSP says of each certificate now: `good`, `certificateHold`, another reason of revocation, or `unknown`.
pub fn ocsp(installation: &Installation, certificates: &[Certificate]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let ca = installation.data().join("ca");
    let files: Vec<_> = (0..certificates.len()).map(|at| folder.path().join(format!("{at}.pem"))).collect();
    let url = format!("http://{}/ocsp", installation.status_address());
    let mut openssl = Command::new("openssl");
    openssl.args(["ocsp", "-url", &url, "-issuer"]).arg(ca.join("issuing.pem")).arg("-CAfile").arg(ca.join("root.pem"));
    for (file, certificate) in files.iter().zip(certificates) {
        std::fs::write(file, certificate.pem()).unwrap();
        openssl.arg("-cert").arg(file);
    }
    let output = openssl.output().expect("openssl runs: install the Debian package openssl");
    let (said, complaint) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(complaint.contains("Response verify OK"), "{complaint}\n{said}");
    files.iter().map(|file| status_of(&said, file)).collect()
}

/// The status of one file in what openssl printed: a line `<file>: <status>`, then indented lines about it.
fn status_of(said: &str, file: &Path) -> String {
    let title = format!("{}: ", file.display());
    let mut lines = said.lines().skip_while(|line| !line.starts_with(&title));
    let status = lines.next().unwrap_or_else(|| panic!("openssl said nothing of {title}{said}")).trim_start_matches(&title).to_owned();
    let about = lines.take_while(|line| line.starts_with(char::is_whitespace));
    let reason = about.filter_map(|line| line.trim().strip_prefix("Reason: ")).next();
    reason.map_or(status, str::to_owned)
}

/// The number and the bytes of the CRL that is published now, if there is one.
pub async fn crl(installation: &Installation) -> Option<(u64, Vec<u8>)> {
    let reply = Client::plain(installation.status_address()).unwrap().get("/crl/issuing.crl").await.unwrap();
    let der = Some(reply.body).filter(|_| reply.status == 200)?;
    let (_, crl) = x509_parser::parse_x509_crl(&der).unwrap();
    let number = u64::try_from(crl.crl_number().expect("a CRL number")).unwrap();
    Some((number, der))
}
