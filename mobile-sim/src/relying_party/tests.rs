//! Against a status server whose answers and lists openssl makes, over real HTTP.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use http_body_util::{BodyExt, Full};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose, SerialNumber};
use tokio::net::TcpListener;

use super::*;
use crate::encoding::from_b64;

/// How a status server misbehaves.
#[derive(Clone, Copy, Default)]
struct Manners {
    /// Answer under the key's hash instead of the name.
    names_itself_by_key: bool,
    /// Leave the nonce away.
    forgets_nonce: bool,
    /// Have somebody answer to whom the authority did not delegate it.
    answers_by_subscriber: bool,
    /// Have somebody answer to whom another authority delegated it.
    answers_by_stranger: bool,
    /// Answer about the next certificate.
    misunderstands: bool,
    /// Change the last byte of every answer and list.
    garbles: bool,
    is_busy: bool,
}

/// A hierarchy, three certificates, and openssl's database of them.
struct Authority {
    folder: tempfile::TempDir,
    root: Certificate,
    issuing: Certificate,
    ana: Certificate,
    ben: Certificate,
    eva: Certificate,
}

impl Authority {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, content: String| std::fs::write(folder.path().join(name), content).unwrap();
        let params = authority("Test root");
        let key = KeyPair::generate().unwrap();
        let root = of(&params.self_signed(&key).unwrap());
        let issuer = Issuer::from_params(&params, &key);
        let params = authority("Test issuing authority");
        let key = KeyPair::generate().unwrap();
        let issuing = of(&params.signed_by(&key, &issuer).unwrap());
        write("ca.pem", issuing.pem());
        write("ca.key", key.serialize_pem());
        let issuer = Issuer::from_params(&params, &key);
        let certify = |name: &str, serial: u8, purpose: ExtendedKeyUsagePurpose| {
            let key = KeyPair::generate().unwrap();
            let mut params = CertificateParams::default();
            params.distinguished_name.push(DnType::CommonName, name);
            params.serial_number = Some(SerialNumber::from(vec![serial; 20]));
            params.extended_key_usages = vec![purpose];
            let certificate = of(&params.signed_by(&key, &issuer).unwrap());
            write(&format!("{name}.pem"), certificate.pem());
            write(&format!("{name}.key"), key.serialize_pem());
            certificate
        };
        certify("ocsp", 0x40, ExtendedKeyUsagePurpose::OcspSigning);
        let [ana, ben, eva] =
            [("ana", 0x41), ("ben", 0x42), ("eva", 0x43)].map(|(name, serial)| certify(name, serial, ExtendedKeyUsagePurpose::ClientAuth));
        let config = "[ca]\ndefault_ca = a\n[a]\ndatabase = index.txt\ncrlnumber = crlnumber\ncertificate = ca.pem\nprivate_key = ca.key\n\
                      default_md = sha256\ndefault_crl_days = 1\ncrl_extensions = e\n[e]\nauthorityKeyIdentifier = keyid\n";
        write("ca.cnf", config.to_owned());
        write("index.txt.attr", "unique_subject = no\n".to_owned());
        write("crlnumber", "0102\n".to_owned());
        let made = Self { folder, root, issuing, ana, ben, eva };
        made.record("V\t491231235959Z\t", "V\t491231235959Z\t");
        made
    }

    /// Puts on record what is true of ana and of ben. Of eva nothing is known.
    fn record(&self, ana: &str, ben: &str) {
        let line = |fields: &str, serial: &str, name: &str| format!("{fields}\t{}\tunknown\t/CN={name}\n", serial.repeat(20));
        let index = line(ana, "41", "ana") + &line(ben, "42", "ben");
        std::fs::write(self.folder.path().join("index.txt"), index).unwrap();
    }

    fn authorities(&self) -> [Certificate; 2] {
        [self.root.clone(), self.issuing.clone()]
    }

    fn openssl(&self, arguments: &str) {
        openssl(self.folder.path(), arguments);
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.folder.path().join(name)).unwrap()
    }

    fn respond(&self, request: &[u8], manners: Manners, stranger: &Path) -> Vec<u8> {
        std::fs::write(self.folder.path().join("request.der"), request).unwrap();
        let signer = match manners {
            Manners { answers_by_subscriber: true, .. } => "-rsigner ana.pem -rkey ana.key".to_owned(),
            Manners { answers_by_stranger: true, .. } => format!("-rsigner {0}/ocsp.pem -rkey {0}/ocsp.key", stranger.display()),
            _ => "-rsigner ocsp.pem -rkey ocsp.key".to_owned(),
        };
        let mut asked = "-reqin request.der";
        if manners.forgets_nonce {
            asked = "-issuer ca.pem -cert ana.pem -no_nonce";
        }
        if manners.misunderstands {
            asked = "-issuer ca.pem -cert eva.pem";
        }
        let by = if manners.names_itself_by_key { "-resp_key_id" } else { "" };
        self.openssl(&format!("ocsp -index index.txt -CA ca.pem {signer} {by} {asked} -respout response.der -ndays 1"));
        self.read("response.der")
    }

    fn crl(&self) -> Vec<u8> {
        self.openssl("ca -gencrl -config ca.cnf -out crl.pem");
        self.openssl("crl -in crl.pem -outform DER -out crl.der");
        self.read("crl.der")
    }
}

/// The status listener.
struct Station {
    authority: Authority,
    stranger: Authority,
    manners: Manners,
    connections: AtomicUsize,
    url: String,
}

impl Station {
    async fn start(manners: Manners) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let (authority, stranger) = (Authority::new(), Authority::new());
        let station = Arc::new(Self { authority, stranger, manners, connections: AtomicUsize::new(0), url });
        let serving = station.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                serving.connections.fetch_add(1, Ordering::SeqCst);
                let station = serving.clone();
                let service = hyper::service::service_fn(move |request| {
                    let station = station.clone();
                    async move { Ok::<_, std::convert::Infallible>(station.answer(request).await) }
                });
                tokio::spawn(hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(tcp), service));
            }
        });
        station
    }

    fn asker(&self) -> RelyingParty {
        RelyingParty::new(&self.url, &self.authority.authorities()).unwrap()
    }

    async fn answer(&self, request: Request<Incoming>) -> Response<Full<Bytes>> {
        let path = request.uri().path().to_owned();
        if self.manners.is_busy {
            return Response::builder().status(503).body(Full::default()).unwrap();
        }
        let (media_type, mut body) = match path.strip_prefix("/ocsp") {
            Some("") => {
                assert_eq!(request.headers()["content-type"], "application/ocsp-request");
                let asked = request.into_body().collect().await.unwrap().to_bytes();
                ("application/ocsp-response", self.respond(&asked))
            }
            Some(asked) => {
                // Percent-encoding hides the slashes of base64 from the path.
                assert_eq!(asked.matches('/').count(), 1, "{asked}");
                let base64 = asked[1..].replace("%2B", "+").replace("%2F", "/").replace("%3D", "=");
                ("application/ocsp-response", self.respond(&from_b64(base64.as_bytes()).unwrap()))
            }
            None => ("application/pkix-crl", self.authority.crl()),
        };
        if self.manners.garbles {
            *body.last_mut().unwrap() ^= 1;
        }
        Response::builder().header("content-type", media_type).body(Full::from(body)).unwrap()
    }

    fn respond(&self, request: &[u8]) -> Vec<u8> {
        self.authority.respond(request, self.manners, self.stranger.folder.path())
    }
}

const REVOKED: &str = "R\t491231235959Z\t251101120000Z,keyCompromise";
const ON_HOLD: &str = "R\t491231235959Z\t251101120000Z,certificateHold";

fn key_compromise() -> Status {
    Status::Revoked { reason: "keyCompromise".to_owned() }
}

#[tokio::test]
async fn ocsp_tells_each_status_by_post_and_by_get_on_one_connection() {
    for names_itself_by_key in [false, true] {
        let station = Station::start(Manners { names_itself_by_key, ..Manners::default() }).await;
        let (asker, authority) = (station.asker(), &station.authority);
        assert_eq!(asker.ocsp(&authority.ana).await.unwrap(), Status::Good);
        authority.record(ON_HOLD, REVOKED);
        assert_eq!(asker.ocsp(&authority.ana).await.unwrap(), Status::Hold);
        assert_eq!(asker.ocsp_by_get(&authority.ana).await.unwrap(), Status::Hold);
        assert_eq!(asker.ocsp(&authority.ben).await.unwrap(), key_compromise());
        // The base64 of one request in a few holds each character that a path must not.
        for _ in 0..5 {
            assert_eq!(asker.ocsp_by_get(&authority.eva).await.unwrap(), Status::Unknown);
        }
        assert_eq!(asker.ocsp_of_serial("0BAD").await.unwrap(), Status::Unknown);
        assert_eq!(station.connections.load(Ordering::SeqCst), 1);
    }
}

#[tokio::test]
async fn a_crl_tells_what_is_not_good() {
    let station = Station::start(Manners::default()).await;
    let (asker, authority) = (station.asker(), &station.authority);
    let empty = asker.crl().await.unwrap();
    assert_eq!((empty.number, empty.is_empty()), (258, true));
    authority.record(ON_HOLD, REVOKED);
    let crl = asker.crl().await.unwrap();
    assert_eq!((crl.number, crl.len()), (259, 2));
    let said = [&authority.ana, &authority.ben, &authority.eva].map(|certificate| crl.status_of(&certificate.serial()));
    assert_eq!(said, [Status::Hold, key_compromise(), Status::Good]);
    assert_eq!(crl.der, authority.read("crl.der"));
}

#[tokio::test]
async fn an_answer_that_is_not_for_us_or_not_from_them_is_not_believed() {
    let good = Manners::default();
    for (manners, why) in [
        (Manners { forgets_nonce: true, ..good }, "not exactly one nonce"),
        (Manners { misunderstands: true, ..good }, "an answer to another question: the nonce differs"),
        (Manners { answers_by_subscriber: true, ..good }, "the issuing authority did not let this responder answer"),
        (Manners { answers_by_stranger: true, ..good }, "the issuing authority did not let this responder answer"),
    ] {
        let station = Station::start(manners).await;
        let error = station.asker().ocsp(&station.authority.ana).await.unwrap_err();
        assert_eq!(error.to_string(), format!("the answer is not to be believed: {why}"));
        assert!(!error.is_transient());
    }
    let station = Station::start(Manners { garbles: true, ..good }).await;
    for error in [station.asker().ocsp(&station.authority.ana).await.err(), station.asker().crl().await.err()] {
        assert!(matches!(error, Some(StatusError::Untrusted(_))), "{error:?}");
    }
}

#[test]
fn an_answer_about_another_certificate_is_none() {
    let authority = Authority::new();
    let [about_ana, about_ben] =
        [&authority.ana, &authority.ben].map(|certificate| ocsp::Question::about(&certificate.serial(), &authority.issuing).unwrap());
    let response = authority.respond(&about_ben.der, Manners::default(), Path::new(""));
    assert_eq!(about_ben.judge(&response, &authority.issuing, SystemTime::now()).unwrap(), Status::Good);
    let about_neither = about_ben.asking_instead(&about_ana);
    let error = about_neither.judge(&response, &authority.issuing, SystemTime::now()).unwrap_err();
    assert!(error.to_string().ends_with("not exactly one answer about this certificate"), "{error}");
}

#[test]
fn an_answer_counts_in_its_time_only() {
    let authority = Authority::new();
    let question = ocsp::Question::about(&authority.ana.serial(), &authority.issuing).unwrap();
    let response = authority.respond(&question.der, Manners::default(), Path::new(""));
    let (list, now) = (authority.crl(), SystemTime::now());
    let day = Duration::from_secs(24 * 60 * 60);
    for (at, why) in [(now - SKEW * 2, "it is from the future"), (now + day + SKEW * 2, "it is out of date")] {
        let error = question.judge(&response, &authority.issuing, at).unwrap_err();
        assert!(error.to_string().ends_with(why), "{error}");
        assert_eq!(Crl::read(list.clone(), &authority.issuing, at).unwrap_err().to_string(), why);
    }
    for at in [now - SKEW / 2, now + day] {
        assert_eq!(question.judge(&response, &authority.issuing, at).unwrap(), Status::Good);
        assert!(Crl::read(list.clone(), &authority.issuing, at).is_ok());
    }
}

#[test]
fn a_list_by_another_authority_is_not_believed() {
    let (ours, theirs) = (Authority::new(), Authority::new());
    let error = Crl::read(theirs.crl(), &ours.issuing, SystemTime::now()).unwrap_err();
    assert_eq!(error.to_string(), "a CRL that the issuing authority did not sign");
}

#[tokio::test]
async fn what_can_help_is_said() {
    let station = Station::start(Manners { is_busy: true, ..Manners::default() }).await;
    let busy = station.asker().ocsp(&station.authority.ana).await.unwrap_err();
    assert!(matches!(busy, StatusError::Http(503)) && busy.is_transient());
    let foreign = station.asker().ocsp(&station.stranger.ana).await.unwrap_err();
    assert_eq!(foreign.to_string(), "not a certificate of this issuing authority: CN=ana");
    let authorities = station.authority.authorities();
    for url in ["https://localhost:1", "localhost:1", "http://localhost", "http://"] {
        assert!(matches!(RelyingParty::new(url, &authorities), Err(StatusError::BadUrl(_))), "{url}");
    }
    assert!(RelyingParty::new("http://localhost:8080/status/", &authorities).is_ok_and(|asker| asker.base == "/status"));
    let rootless = RelyingParty::new("http://localhost:1", &authorities[1..]).err().unwrap();
    assert_eq!(rootless.to_string(), "authorities: not exactly one root among the authorities");
    let question = ocsp::Question::about("41", &station.authority.issuing).unwrap();
    let refusal = question.judge(&[0x30, 0x03, 0x0a, 0x01, 0x03], &station.authority.issuing, SystemTime::now()).unwrap_err();
    assert!(matches!(refusal, StatusError::NoAnswer("tryLater")) && refusal.is_transient());
}

fn openssl(folder: &Path, arguments: &str) {
    let output = Command::new("openssl").current_dir(folder).args(arguments.split_whitespace()).output();
    let output = output.expect("install the Debian package openssl");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}

fn authority(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn of(certificate: &rcgen::Certificate) -> Certificate {
    Certificate::from_der(certificate.der().to_vec()).unwrap()
}
