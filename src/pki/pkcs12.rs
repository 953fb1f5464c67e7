//! PKCS#12 files: how an operator receives a key with its certificate, for a browser or curl.
//!
//! AES-256 and SHA-256 throughout, which every current reader knows. Salts and IVs are the library's own randomness.

use p12_keystore::{Certificate, EncryptionAlgorithm, KeyStore, KeyStoreEntry, MacAlgorithm, PrivateKeyChain};

use super::key::{KeyError, SigningKey};

/// Iterations of each key derivation. Our choice: ten times what Java's keytool takes; openssl takes 2048.
const ITERATIONS: u64 = 100_000;

/// The key, its certificate and the chain above it under a password. `friendly_name` is what a browser lists it as.
pub fn p12(key: &SigningKey, certificate: &[u8], chain: &[Vec<u8>], friendly_name: &str, password: &str) -> Result<Vec<u8>, Pkcs12Error> {
    let failed = |error: p12_keystore::error::Error| Pkcs12Error::Encoding(error.to_string());
    let certificates = [certificate]
        .into_iter()
        .chain(chain.iter().map(Vec::as_slice))
        .map(Certificate::from_der)
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    let plain = key.to_pkcs8()?;
    let entry = PrivateKeyChain::new(plain.as_slice(), key.spki().subject_key_identifier(), certificates);
    let mut store = KeyStore::new();
    store.add_entry(friendly_name, KeyStoreEntry::PrivateKeyChain(entry));
    store
        .writer(password)
        .encryption_algorithm(EncryptionAlgorithm::PbeWithHmacSha256AndAes256)
        .encryption_iterations(ITERATIONS)
        .mac_algorithm(MacAlgorithm::HmacSha256)
        .mac_iterations(ITERATIONS)
        .write()
        .map_err(failed)
}

/// A PKCS#12 file that was not made.
#[derive(Debug, thiserror::Error)]
pub enum Pkcs12Error {
    #[error("a PKCS#12 file could not be written: {0}")]
    Encoding(String),
    #[error(transparent)]
    Key(#[from] KeyError),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pki::profile::Profiles;
    use crate::pki::testing::{Workshop, ana, openssl};

    fn written(shop: &Workshop, friendly_name: &str) -> (SigningKey, String) {
        let (key, certificate) = shop.certify(Profiles::built_in().unwrap().operator(), &ana());
        let file = p12(&key, &certificate, shop.authority.chain(), friendly_name, "correct horse").unwrap();
        (key, shop.file("operator.p12", &file))
    }

    fn read(path: &str, password: &str, more: &[&str]) -> Result<String, String> {
        let password = format!("pass:{password}");
        openssl(&[&["pkcs12", "-in", path, "-passin", &password, "-nodes"], more].concat())
    }

    #[test]
    fn openssl_reads_the_key_its_certificate_and_the_chain() {
        let shop = Workshop::new();
        let (key, path) = written(&shop, "Olga at the desk");
        let all = read(&path, "correct horse", &[]).unwrap();
        assert_eq!(all.matches("-----BEGIN CERTIFICATE-----").count(), 3, "{all}");
        assert!(all.contains("friendlyName: Olga at the desk"), "{all}");

        let private = shop.file("private.pem", read(&path, "correct horse", &["-nocerts"]).unwrap().as_bytes());
        let leaf = shop.file("own.pem", read(&path, "correct horse", &["-clcerts", "-nokeys"]).unwrap().as_bytes());
        let of_key = openssl(&["pkey", "-in", &private, "-pubout"]).unwrap();
        assert_eq!(of_key, openssl(&["x509", "-in", &leaf, "-noout", "-pubkey"]).unwrap());
        let (_, spki) = der::pem::decode_vec(of_key.as_bytes()).unwrap();
        assert_eq!(spki, key.spki().as_der());
    }

    #[test]
    fn a_wrong_password_opens_nothing() {
        let (_, path) = written(&Workshop::new(), "Olga");
        assert!(read(&path, "wrong", &[]).is_err());
    }

    #[test]
    fn nothing_weaker_than_aes_256_and_sha_256_is_used() {
        let shop = Workshop::new();
        let (_, path) = written(&shop, "Olga");
        let told = std::process::Command::new("openssl")
            .args(["pkcs12", "-in", &path, "-passin", "pass:correct horse", "-info", "-noout"])
            .output()
            .unwrap();
        let told = String::from_utf8(told.stderr).unwrap();
        assert!(told.contains("MAC: sha256, Iteration 100000"), "{told}");
        assert_eq!(told.matches("PBES2, PBKDF2, AES-256-CBC, Iteration 100000, PRF hmacWithSHA256").count(), 2, "{told}");
    }
}
