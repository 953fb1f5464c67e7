//! What is asked of key evidence: the folder `certs/evidence`, read and checked before any port is bound.

use std::fs;
use std::path::Path;

use serde::Deserialize;

use super::ServerError;
use crate::pki::attestation::{Application, EvidenceRules, RevokedKeys, RootKey};

/// The files of the folder as they are delivered, with their names.
pub const BUILT_IN: [(&str, &str); 3] = [
    (RULES, include_str!("../../certs/evidence/rules.toml")),
    (ROOTS, include_str!("../../certs/evidence/roots.pem")),
    (REVOKED, include_str!("../../certs/evidence/revoked.json")),
];

const RULES: &str = "rules.toml";
const ROOTS: &str = "roots.pem";
const REVOKED: &str = "revoked.json";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RulesFile {
    minimum_patch_level: u32,
    user_authentication: bool,
    strong_box: bool,
    applications: Vec<ApplicationFile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApplicationFile {
    package: String,
    signer: String,
}

/// Reads the folder.
pub fn load(folder: &Path) -> Result<EvidenceRules, ServerError> {
    let failed = |name: &str, what: String| ServerError::new(format!("{}: {what}", folder.join(name).display()));
    let read = |name: &str| fs::read_to_string(folder.join(name)).map_err(|error| failed(name, error.to_string()));
    let rules: RulesFile = toml::from_str(&read(RULES)?).map_err(|error| failed(RULES, error.to_string()))?;
    let level = rules.minimum_patch_level;
    if level != 0 && !((200_000..1_000_000).contains(&level) && (1..=12).contains(&(level % 100))) {
        return Err(failed(RULES, format!("minimum_patch_level: found: {level}, expected: YYYYMM, or 0")));
    }
    Ok(EvidenceRules {
        roots: roots(&read(ROOTS)?).map_err(|what| failed(ROOTS, what))?,
        revoked: RevokedKeys::read(&read(REVOKED)?).map_err(|error| failed(REVOKED, error.to_string()))?,
        minimum_patch_level: level,
        user_authentication: rules.user_authentication,
        strong_box: rules.strong_box,
        applications: rules.applications.into_iter().map(application).collect::<Result<_, _>>().map_err(|what| failed(RULES, what))?,
    })
}

fn application(file: ApplicationFile) -> Result<Application, String> {
    let found = file.signer.len();
    let digit = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = file.signer.as_bytes().chunks(2).map(digit).collect();
    let signer = bytes.and_then(|bytes| bytes.try_into().ok());
    let signer = signer.ok_or_else(|| format!("applications.signer: found: {found} characters, expected: 64 hexadecimal digits"))?;
    Ok(Application { package: file.package, signer })
}

/// The certificates of a PEM text, each a root.
fn roots(text: &str) -> Result<Vec<RootKey>, String> {
    let mut roots = Vec::new();
    for block in text.split_inclusive("-----END CERTIFICATE-----").filter(|block| block.contains("-----BEGIN")) {
        let start = block.find("-----BEGIN").unwrap_or_default();
        let (_, der) = der::pem::decode_vec(format!("{}\n", block[start..].trim()).as_bytes()).map_err(|error| format!("PEM: {error}"))?;
        roots.push(RootKey::of(&der).ok_or_else(|| format!("certificate {}: not an X.509 certificate", roots.len() + 1))?);
    }
    Ok(roots)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(rules: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in BUILT_IN {
            fs::write(folder.path().join(name), text).unwrap();
        }
        fs::write(folder.path().join(RULES), rules).unwrap();
        folder
    }

    #[test]
    fn what_is_delivered_is_read() {
        let rules = load(folder(BUILT_IN[0].1).path()).unwrap();
        assert!(rules.roots.len() >= 2 && rules.user_authentication && rules.applications.is_empty());
    }

    #[test]
    fn what_is_wrong_is_told_with_its_file() {
        let refused = |rules: &str| load(folder(rules).path()).map(|_| ()).unwrap_err().to_string();
        let good = BUILT_IN[0].1;
        assert!(refused(&good.replace("= 0", "= 202613")).contains("found: 202613, expected: YYYYMM, or 0"));
        assert!(refused(&good.replace("strong_box", "strongbox")).contains("rules.toml"));
        let short = good.replace("applications = []", "applications = [{ package = \"a\", signer = \"ab\" }]");
        assert!(refused(&short).contains("found: 2 characters, expected: 64"));
        let missing = folder(good);
        fs::remove_file(missing.path().join(ROOTS)).unwrap();
        assert!(load(missing.path()).map(|_| ()).unwrap_err().to_string().contains("roots.pem"));
    }
}
