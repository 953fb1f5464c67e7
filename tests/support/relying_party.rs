//! Those who rely on certificates: they ask OCSP with openssl, and fetch the CRL.

use mobile_sim::certificate::Certificate;
use mobile_sim::wire::Client;

use super::openssl::try_openssl;
use super::process::Installation;

/// What OCSP says of each certificate now: `good`, `certificateHold`, another reason of revocation, or `unknown`.
pub async fn ocsp(installation: &Installation, certificates: &[Certificate]) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    let ca = installation.data().join("ca");
    let [issuer, root] = ["issuing.pem", "root.pem"].map(|name| ca.join(name).display().to_string());
    let files: Vec<_> = (0..certificates.len()).map(|at| folder.path().join(format!("{at}.pem")).display().to_string()).collect();
    let url = format!("http://{}/ocsp", installation.status_address());
    let mut arguments = vec!["ocsp", "-url", &url, "-issuer", &issuer, "-CAfile", &root];
    for (file, certificate) in files.iter().zip(certificates) {
        std::fs::write(file, certificate.pem()).unwrap();
        arguments.extend(["-cert", file]);
    }
    let asked = try_openssl(&arguments, &[]).await;
    assert!(asked.stderr.contains("Response verify OK"), "{}", asked.text());
    let said = String::from_utf8_lossy(&asked.stdout);
    files.iter().map(|file| status_of(&said, file)).collect()
}

/// The status of one file in what openssl printed: a line `<file>: <status>`, then indented lines about it.
fn status_of(said: &str, file: &str) -> String {
    let title = format!("{file}: ");
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

/// What a plain HTTP listener answers to a GET, whatever the status.
pub async fn plain_get(address: &str, path: &str) -> Vec<u8> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let body = answer.windows(4).position(|window| window == b"\r\n\r\n").unwrap() + 4;
    answer.split_off(body)
}
