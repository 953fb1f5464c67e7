//! Chains of real Android phones: where they lie, and what a test wants of them.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use jiff::Timestamp;
use remint::pki::attestation::RootKey;
use x509_parser::prelude::{FromDer, X509Certificate};

const EXTENSION: &str = "1.3.6.1.4.1.11129.2.1.17";

/// Our own folder of chains, behind the one that ATTESTATION_VECTORS names.
pub fn folders() -> Vec<PathBuf> {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/android-key-attestation");
    let further = std::env::var_os("ATTESTATION_VECTORS").map(PathBuf::from);
    further.into_iter().chain([own]).collect()
}

/// Every certificate of a PEM text.
pub fn pem(text: &str) -> Vec<Vec<u8>> {
    let blocks = text.split("-----BEGIN CERTIFICATE-----").skip(1);
    let digits = blocks.map(|block| block.split("-----END").next().unwrap().split_whitespace().collect::<String>());
    digits.map(|digits| BASE64_STANDARD.decode(digits).unwrap()).collect()
}

/// The roots of a folder; those that we keep, where it has none.
pub fn roots(folder: &Path) -> Vec<RootKey> {
    let own = folders().pop().unwrap();
    let file = [folder.join("roots.json"), own.join("roots.json")].into_iter().find(|file| file.exists()).unwrap();
    let listed: Vec<String> = serde_json::from_str(&fs::read_to_string(file).unwrap()).unwrap();
    listed.iter().flat_map(|text| pem(text)).map(|der| RootKey::of(&der).unwrap()).collect()
}

/// When all of a chain is good: the moment at which the last of its certificates begins to be. The root's own dates do not count.
pub fn moment(chain: &[Vec<u8>]) -> Timestamp {
    let begins = chain.iter().map(|der| X509Certificate::from_der(der).unwrap().1.validity().not_before.timestamp());
    Timestamp::from_second(begins.max().unwrap()).unwrap()
}

pub fn caiman(name: &str) -> Vec<Vec<u8>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors/android-key-attestation/testdata/caiman/sdk36");
    pem(&fs::read_to_string(folder.join(name)).unwrap())
}

/// The value of the extension in a certificate.
pub fn extension(der: &[u8]) -> Option<Vec<u8>> {
    let (_, certificate) = X509Certificate::from_der(der).ok()?;
    certificate.extensions().iter().find(|extension| extension.oid.to_id_string() == EXTENSION).map(|extension| extension.value.to_vec())
}
