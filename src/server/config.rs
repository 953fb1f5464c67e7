//! Configuration: where the listeners are, in `remint.toml` of the data folder. What is certified and by which policy is beside it in
//! `certs/`.

use crate::pki::crl::{MOST_SHARDS, Shards};
use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::ServerError;
use super::database::DatabaseSection;
use super::hsm::HsmSection;
use super::smtp::SmtpSection;
use super::traces::TracesSection;
use crate::workflows::answer_status::MAX_CACHE_S;
use crate::workflows::deliver_letters::Mail;
use crate::workflows::limits::Allowed;
use crate::workflows::second_step::SecondStep;

/// `remint.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub devices: Listener,
    pub desk: Listener,
    /// For users; none if it is not there.
    pub portal: Option<PortalListener>,
    pub status: StatusListener,
    /// For Prometheus; none if it is not there.
    pub metrics: Option<MetricsListener>,
    #[serde(default)]
    pub mail: MailSection,
    /// Where everything is remembered; the file `remint.db` of the data folder, if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseSection>,
    /// Where traces go; nowhere, if it is not there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub traces: Option<TracesSection>,
    /// How often a source, a user or an invitation may ask.
    #[serde(default)]
    pub limits: Allowed,
    /// The token that keeps the private keys; sealed files, if it is not there.
    pub hsm: Option<HsmSection>,
}

/// A TLS listener.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// The address to bind: `ip:port`.
    pub listen: String,
    /// How it is reached from outside: `host:port`.
    pub address: String,
}

/// The TLS listener of the portal.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct PortalListener {
    pub listen: String,
    pub address: String,
    /// What signing in takes beside the password.
    #[serde(default)]
    pub second_step: SecondStepWord,
}

/// The words for a second step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SecondStepWord {
    #[default]
    MailedCode,
    None,
}

/// The plain HTTP listener of public data.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct StatusListener {
    pub listen: String,
    /// Its base URL as it stands in every certificate: it cannot change once certificates have been issued.
    pub url: String,
    /// How long caches on the way may answer OCSP in our place. 0: never, so that whoever asks hears of a loss at once.
    #[serde(default)]
    pub ocsp_cache_seconds: u32,
    /// Into how many CRLs the certificates that are signed from now on are divided. Each names one.
    #[serde(default = "one")]
    pub crl_shards: u16,
}

fn one() -> u16 {
    1
}

/// The plain HTTP listener of the metrics: bind it where only your own monitoring reaches it.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MetricsListener {
    pub listen: String,
}

/// Letters: who sends them, and who gets those that are for no user.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct MailSection {
    /// The sender's address; `remint@<host of the devices listener>` if not given.
    pub from: Option<String>,
    /// Where validation officers hear of requests that await approval; nowhere if not given.
    pub officers: Option<String>,
    /// How people reach the help desk, in words, at the end of every letter.
    pub help_desk: Option<String>,
    /// The mail server that takes the letters; if not given, they are left in the folder `mail` of the data folder.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub smtp: Option<SmtpSection>,
}

impl Config {
    /// How this machine is reached.
    pub fn own_host(&self) -> &str {
        let address = &self.devices.address;
        address.rsplit_once(':').map_or(address, |(host, _port)| host)
    }

    pub fn second_step(&self) -> SecondStep {
        match self.portal.as_ref().map(|portal| portal.second_step).unwrap_or_default() {
            SecondStepWord::MailedCode => SecondStep::MailedCode,
            SecondStepWord::None => SecondStep::None,
        }
    }

    /// What the letters need to know.
    pub fn mail(&self) -> Mail {
        Mail {
            from: self.mail.from.clone().unwrap_or_else(|| format!("remint@{}", self.own_host())),
            officers: self.mail.officers.clone(),
            help_desk: self.mail.help_desk.clone().unwrap_or_else(|| "in the way that you know".to_owned()),
        }
    }
}

const FILE: &str = "remint.toml";

const HEADER: &str = "\
# Where Remint listens. listen: the address to bind. address, url: how phones, operators and relying parties reach it.
# portal.second_step: what signing in there takes beside the password: mailed-code (six digits, sent to the address of record) or none.
# mail: from, officers (who hears of requests that await approval), help_desk (how people reach it, at the end of every letter).
# mail.smtp: the mail server that takes the letters: host, port, security (starttls or tls), ca (PEM), user, and password_file or password_variable.
# Without it, letters are left in the folder mail/, one file each.
# The status url stands in every certificate that has been issued: do not change it afterwards.
# ocsp_cache_seconds: how long proxies may give out an OCSP answer again (0 to 240); for so long some may not hear of a loss. 0: never.
# crl_shards: into how many CRLs certificates are divided (1, 2, 4, … 256), so that who checks one need not fetch the list of everybody. It counts
# for certificates from then on, and may be changed at any time; the list of everybody is there beside.
# database: url (postgres://user@host/database?sslmode=verify-full&sslrootcert=ca.pem), and password_file or password_variable. Without it: the
# file remint.db of this folder.
# limits: how many requests a minute are served of one source, one user (by phone or portal) and one invitation, at once or evenly, and how many
# connections one source may have. 0: any number. unlimited_sources: addresses that many come from, such as a balancer's. Each server counts for itself.
# traces: endpoint, where an OpenTelemetry collector takes OTLP/HTTP (http://127.0.0.1:4318/v1/traces). Without it, nothing is traced.
# hsm: module (PKCS#11), token (its label), and pin_file or pin_variable: where the PIN of the token's user is read.

";

impl Config {
    /// Reads `dir/remint.toml`.
    pub fn load(dir: &Path) -> Result<Self, ServerError> {
        let path = dir.join(FILE);
        let text = fs::read_to_string(&path)
            .map_err(|source| ServerError::new(format!("{}: {source}, expected: a data folder made by remint init", path.display())))?;
        let config: Self = toml::from_str(&text).map_err(|error| ServerError::new(format!("{}: {}", path.display(), error.message())))?;
        let found = config.status.ocsp_cache_seconds;
        if found > MAX_CACHE_S {
            let wrong = format!("status.ocsp_cache_seconds: found: {found}, expected: 0 to {MAX_CACHE_S}");
            return Err(ServerError::new(format!("{}: {wrong}", path.display())));
        }
        let found = config.status.crl_shards;
        if Shards::new(found).is_none() {
            let wrong = format!("status.crl_shards: found: {found}, expected: a power of two up to {MOST_SHARDS}");
            return Err(ServerError::new(format!("{}: {wrong}", path.display())));
        }
        Ok(config)
    }

    /// Writes it for the first time.
    pub fn save(&self, dir: &Path) -> Result<(), ServerError> {
        let text = toml::to_string(self).map_err(ServerError::new)?;
        fs::write(dir.join(FILE), HEADER.to_owned() + &text).map_err(ServerError::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn caches_may_not_answer_for_longer_than_an_answer_is_good() {
        let folder = tempfile::tempdir().unwrap();
        let load = |cache: &str| {
            let listener = "listen = \"127.0.0.1:1\"\naddress = \"localhost:1\"\n";
            let status = format!("[status]\nlisten = \"127.0.0.1:2\"\nurl = \"http://localhost:2\"\n{cache}");
            fs::write(folder.path().join(FILE), format!("[devices]\n{listener}[desk]\n{listener}{status}")).unwrap();
            Config::load(folder.path()).map(|config| config.status.ocsp_cache_seconds)
        };
        assert_eq!(load("").unwrap(), 0);
        assert_eq!(load("ocsp_cache_seconds = 240").unwrap(), 240);
        let refused = load("ocsp_cache_seconds = 241").unwrap_err().to_string();
        assert!(refused.ends_with("status.ocsp_cache_seconds: found: 241, expected: 0 to 240"), "{refused}");
        assert!(load("crl_shards = 16").is_ok());
        let refused = load("crl_shards = 12").unwrap_err().to_string();
        assert!(refused.ends_with("status.crl_shards: found: 12, expected: a power of two up to 256"), "{refused}");
    }
}
