//! Every parser of bytes that strangers send, one function each: the server's and the phone's. Each reads, checks that what it read makes
//! sense, and gives it; it panics on nonsense. The fuzz targets call these, and so does tests/bad_input/mutated, which compiles this file on stable Rust.

mod card;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use mobile_sim::Invitation;
use mobile_sim::key::Key;
use remint::http::untrusted;
use remint::lifecycle::directory::{PolicyOid, Sid};
use remint::lifecycle::fasc_n::FascN;
use remint::lifecycle::ids::{Serial, SessionId, UserId};
use remint::pki::attestation::description::KeyDescription;
use remint::pki::attestation::{Chain, EvidenceFault, RevokedKeys, RootKey, read_bundle};
use remint::pki::authority::Authority;
use remint::pki::checkpoint::read_checkpoint;
use remint::pki::crl::{Entries, EntryChange};
use remint::pki::hierarchy::{Naming, Plan};
use remint::pki::keystore::KeyStore;
use remint::pki::ocsp::{MAX_CERTIFICATES, MAX_NONCE_BYTES, OcspRequest, decode_get};
use remint::pki::published::{PublishedCrl, Said, read_answer, read_crl};
use remint::pki::request::{Request, est_base64};
use remint::pki::seal::SealingKey;
use remint::pki::trust::ClientCertificate;
use remint::server::clock::SystemEntropy;
use remint::store::audit_chain::Line;
use remint::workflows::confirm_issuance::Confirm;
use remint::workflows::open_session::{OpenSession, Shown};
use remint::workflows::stock::{LIST, NewStock, read_list};
use remint::workflows::verify_audit::{Verifier, read_exported};

/// When all this happens.
pub static NOW: LazyLock<Timestamp> = LazyLock::new(|| "2026-11-22T12:00:00Z".parse().expect("a time"));

/// The authority whose certificates are judged.
pub static AUTHORITY: LazyLock<Authority> = LazyLock::new(|| {
    let (folder, master) = (tempfile::tempdir().expect("a folder"), SealingKey::from_bytes([42; 32]));
    let status_url = "http://status.example.org:8080".to_owned();
    let naming = Naming { organization: "Example Org".to_owned(), hosts: vec!["localhost".to_owned()], status_url: status_url.clone() };
    let plan = Plan::draw(&naming, *NOW, &SystemEntropy).expect("a plan");
    let keys = KeyStore::open(folder.path(), &master).expect("a key store");
    plan.create(folder.path(), &keys, &SystemEntropy).expect("a hierarchy");
    Authority::load(folder.path(), &master, &status_url).expect("an authority")
});

/// The key that envelopes are opened with.
pub static RECIPIENT: LazyLock<Key> = LazyLock::new(|| Key::generate().expect("a key"));

/// What a reader sends to a card: commands in a row, each behind its length in two bytes.
pub fn card_commands(bytes: &[u8]) -> Option<usize> {
    Some(card::commands(bytes)).filter(|done| *done > 0)
}

/// PKCS#10, DER.
pub fn certification_request(bytes: &[u8]) -> Option<Request> {
    let request = Request::read(bytes).ok()?;
    assert!(request.spki.as_der().len() < bytes.len());
    Some(request)
}

/// The body of an EST enrollment, base64.
pub fn est_body(bytes: &[u8]) -> Option<Vec<u8>> {
    let decoded = est_base64(bytes).ok()?;
    assert!(decoded.len() <= bytes.len() / 4 * 3);
    Some(decoded)
}

/// The value of the header Authorization.
pub fn basic_header(bytes: &[u8]) -> Option<untrusted::BasicCredentials> {
    untrusted::basic_credentials(bytes)
}

/// An OCSP request, DER.
pub fn ocsp_request(bytes: &[u8]) -> Option<OcspRequest> {
    let request = OcspRequest::read(bytes).ok()?;
    assert!((1..=MAX_CERTIFICATES).contains(&request.certs.len()));
    assert!(request.nonce.as_ref().is_none_or(|nonce| (1..=MAX_NONCE_BYTES).contains(&nonce.len())));
    Some(request)
}

/// The path of an OCSP request by GET.
pub fn ocsp_path(bytes: &[u8]) -> Option<Vec<u8>> {
    let decoded = decode_get(std::str::from_utf8(bytes).ok()?).ok()?;
    assert!(decoded.len() <= bytes.len());
    Some(decoded)
}

/// A certificate that a TLS client shows.
pub fn client_certificate(bytes: &[u8]) -> Option<ClientCertificate> {
    let judged = AUTHORITY.judge_client(bytes, *NOW).ok()?;
    assert!(judged.not_after > *NOW);
    Some(judged)
}

/// What a phone's hardware says of a key, DER.
pub fn key_description(bytes: &[u8]) -> Option<KeyDescription> {
    KeyDescription::read(bytes).ok()
}

/// The certificates of evidence as they travel.
pub fn evidence_bundle(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let chain = read_bundle(bytes).ok()?;
    assert!(chain.iter().map(Vec::len).sum::<usize>() < bytes.len());
    Some(chain)
}

/// A chain of certificates that ends in one of these roots.
pub fn evidence_chain(chain: &[Vec<u8>], roots: &[RootKey], now: Timestamp) -> Result<KeyDescription, EvidenceFault> {
    Chain::verify(chain, roots, &RevokedKeys::default(), now).and_then(|chain| chain.description())
}

/// The entries of a CRL of ours, read back from the database.
pub fn crl_entries(bytes: &[u8]) -> Option<Vec<EntryChange>> {
    let entries = Entries::of_list(bytes.to_vec())?;
    assert!(entries.changes_to(&entries).is_empty());
    let listed = Entries::default().changes_to(&entries);
    assert!(listed.iter().all(|change| change.entry.is_some()));
    Some(listed)
}

/// A CRL as a relying party gets it, for the check.
pub fn published_crl(bytes: &[u8]) -> Option<PublishedCrl> {
    read_crl(bytes, AUTHORITY.issuing_certificate()).ok()
}

/// An OCSP answer as a relying party gets it, for the check.
pub fn published_answer(bytes: &[u8]) -> Option<BTreeMap<Serial, Said>> {
    read_answer(bytes, AUTHORITY.issuing_certificate()).ok()
}

/// A line of an exported audit log.
pub fn audit_line(bytes: &[u8]) -> Option<Line> {
    let line = read_exported(std::str::from_utf8(bytes).ok()?)?;
    let mut verifier = Verifier::new(&[], AUTHORITY.root_certificate());
    verifier.take(&line);
    assert_eq!(verifier.finish().entries, 1);
    Some(line)
}

/// A checkpoint of the audit log, a compact JWS.
pub fn audit_checkpoint(bytes: &[u8]) -> Option<serde_json::Value> {
    read_checkpoint(std::str::from_utf8(bytes).ok()?, AUTHORITY.root_certificate()).ok()
}

/// The body of M2.
pub fn session_opening(bytes: &[u8]) -> Option<OpenSession> {
    let message = untrusted::session_opening(bytes).ok()?;
    if let Shown::Proof { device, .. } = &message.shown {
        assert!([&device.model, &device.serial, &device.name].into_iter().all(|text| is_label(text)));
    }
    Some(message)
}

/// The body of M6.
pub fn confirmation(bytes: &[u8]) -> Option<Confirm> {
    let message = untrusted::confirmation(bytes, SessionId(uuid::Uuid::nil())).ok()?;
    assert!(message.slots.len() <= 4);
    Some(message)
}

/// A body of the desk; gives how many kinds of body it could be.
pub fn desk_body(bytes: &[u8]) -> usize {
    let kinds = [
        untrusted::new_user(bytes).is_ok(),
        untrusted::initial_issuance(bytes, UserId(uuid::Uuid::nil())).is_ok(),
        untrusted::replacement(bytes).is_ok(),
        untrusted::new_stock(bytes).is_ok(),
    ];
    let count = kinds.into_iter().filter(|is_one| *is_one).count();
    assert!(count <= 1, "{kinds:?}");
    count
}

/// A list of devices, CSV.
pub fn stock_list(bytes: &[u8]) -> Option<Vec<NewStock>> {
    let text = std::str::from_utf8(bytes).ok()?;
    let lines = read_list(text).ok()?;
    assert!((1..=LIST).contains(&lines.len()));
    assert!(lines.iter().all(|(at, new)| *at < text.len() && new.kind.is_stock() && is_label(&new.serial) && is_label(&new.model)));
    Some(lines.into_iter().map(|(_, new)| new).collect())
}

/// Words of a directory: a FASC-N, a SID or a policy. What is read is written again as it came.
pub fn directory_word(bytes: &[u8]) -> Option<String> {
    let text = std::str::from_utf8(bytes).ok()?;
    let fasc_n = text.parse::<FascN>().ok().map(|number| number.to_string());
    assert!(fasc_n.as_ref().is_none_or(|written| *written == text.to_uppercase()));
    let sid = text.parse::<Sid>().ok().map(|sid| sid.to_string());
    assert!(sid.as_ref().is_none_or(|written| written == text));
    let policy = text.parse::<PolicyOid>().ok().map(|policy| policy.as_str().to_owned());
    assert!(policy.as_ref().is_none_or(|written| written == text));
    fasc_n.or(sid).or(policy)
}

/// An invitation, as the phone reads it.
pub fn invitation(bytes: &[u8]) -> Option<Invitation> {
    let invitation: Invitation = std::str::from_utf8(bytes).ok()?.parse().ok()?;
    assert!(!invitation.authority.is_empty() && invitation.authority.len() < bytes.len());
    Some(invitation)
}

/// The multipart reply of M5, as the phone reads it.
pub fn multipart(bytes: &[u8]) -> Option<usize> {
    let parts = mobile_sim::multipart::parts("multipart/mixed; boundary=remint-enc", bytes).ok()?;
    assert!(parts.iter().map(|part| part.content.len()).sum::<usize>() < bytes.len());
    Some(parts.len())
}

/// CMS EnvelopedData, as the phone opens it. It has no integrity of its own: what is opened need not be what was closed.
pub fn envelope(bytes: &[u8]) -> Option<Vec<u8>> {
    let opened = mobile_sim::cms::open(bytes, &[mobile_sim::cms::Recipient::key(&RECIPIENT)]).ok()?;
    assert!(opened.len() < bytes.len());
    Some(opened.to_vec())
}

/// The certificates of an EST reply, as the phone reads them.
pub fn certs_only(bytes: &[u8]) -> Option<Vec<mobile_sim::certificate::Certificate>> {
    let certificates = mobile_sim::est::certificates(bytes).ok()?;
    assert!(certificates.iter().map(|certificate| certificate.der().len()).sum::<usize>() < bytes.len());
    Some(certificates)
}

fn is_label(text: &str) -> bool {
    (1..=64).contains(&text.chars().count()) && !text.chars().any(char::is_control)
}
