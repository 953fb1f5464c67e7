//! A mail server of the organization: letters are handed to it by SMTP submission (RFC 6409), over TLS (RFC 8314) or STARTTLS (RFC 3207).

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, CertificateStore, Tls, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use serde::{Deserialize, Serialize};

use super::post::written;
use super::{ServerError, secret};
use crate::workflows::deliver_letters::{Envelope, Post, Posted};

/// The mail server: `[mail.smtp]` of `remint.toml`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    pub host: String,
    /// 465 for `tls`, 587 for `starttls`, unless given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
    #[serde(default)]
    pub security: Security,
    /// The authorities that its certificate may come from, PEM; those of the system if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ca: Option<PathBuf>,
    /// How we sign in; not at all if not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user: Option<String>,
    /// A file that holds the password and nothing else; nobody but its owner may read it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_file: Option<PathBuf>,
    /// Or the environment variable that holds it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub password_variable: Option<String>,
}

/// How a connection to a mail server is protected. There is no third way: letters hold codes and invitations.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// From the first byte.
    Tls,
    /// From the greeting on; a server that does not offer it gets no letter.
    #[default]
    StartTls,
}

/// How long a mail server may take for one step.
const PATIENCE: Duration = Duration::from_secs(20);
const THE_PASSWORD: &str = "the password of the mail server";

/// Hands letters to a mail server, a connection each: an installation writes few, and a kept connection would often be dead.
pub struct Smtp(AsyncSmtpTransport<Tokio1Executor>);

impl Smtp {
    /// `own_host` is how we greet it.
    pub fn new(section: &SmtpSection, own_host: &str) -> Result<Self, ServerError> {
        let mut tls = TlsParameters::builder(section.host.clone());
        if let Some(path) = &section.ca {
            let failed =
                |error: &dyn std::fmt::Display| ServerError::new(format!("{}: {error}, expected: certificates, PEM", path.display()));
            let pem = fs::read(path).map_err(|error| failed(&error))?;
            let authority = Certificate::from_pem(&pem).map_err(|error| failed(&error))?;
            tls = tls.certificate_store(CertificateStore::None).add_root_certificate(authority);
        }
        let tls = tls.build_rustls().map_err(|error| ServerError::new(format!("mail.smtp: {error}")))?;
        let (port, tls) = match section.security {
            Security::Tls => (465, Tls::Wrapper(tls)),
            Security::StartTls => (587, Tls::Required(tls)),
        };
        let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&section.host)
            .port(section.port.unwrap_or(port))
            .tls(tls)
            .hello_name(ClientId::Domain(own_host.to_owned()))
            .timeout(Some(PATIENCE));
        let transport = match credentials(section)? {
            Some(credentials) => transport.credentials(credentials),
            None => transport,
        };
        Ok(Self(transport.build()))
    }
}

fn credentials(section: &SmtpSection) -> Result<Option<Credentials>, ServerError> {
    let (file, variable) = (section.password_file.as_deref(), section.password_variable.as_deref());
    let password = secret::password_of("mail.smtp", Path::new(""), file, variable, THE_PASSWORD)?;
    match (&section.user, password) {
        (None, None) => Ok(None),
        (Some(user), Some(password)) => Ok(Some(Credentials::new(user.clone(), password.as_str().to_owned()))),
        _ => Err(ServerError::new("mail.smtp: expected: user together with password_file or password_variable, or none of them")),
    }
}

impl Post for Smtp {
    fn deliver<'a>(&'a self, envelope: &'a Envelope) -> Posted<'a> {
        Box::pin(async move {
            let message = written(envelope)?;
            self.0.send(message).await.map(|_| ()).map_err(|error| told(&error))
        })
    }
}

/// What the mail server or the connection to it said; never what the letter says.
fn told(error: &lettre::transport::smtp::Error) -> String {
    let mut told = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        let more = error.to_string();
        if !told.contains(&more) {
            told = format!("{told}: {more}");
        }
        source = error.source();
    }
    told
}
