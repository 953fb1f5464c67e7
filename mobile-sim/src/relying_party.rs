//! Whoever must decide whether a certificate still counts: a mail program, a web server, a door. It knows the authorities'
//! certificates and the address of the public status, and nothing else of the server.
//!
//! Every answer is verified before it is believed. What it deliberately does not do: keep an answer for later, or judge the
//! certificate itself (its signature, its time, its purpose); it tells its status, and no more.

mod crl;
pub(crate) mod ocsp;
#[cfg(test)]
mod tests;

use std::fmt;
use std::time::{Duration, SystemTime};

use crate::certificate::Certificate;
use crate::encoding::b64;
use crate::error::Distrust;
use crate::trust::Chain;
use crate::wire::{Client, Reply, Request, WireError};

pub use crl::Crl;

/// How much the clocks of the server and of this machine may differ.
const SKEW: Duration = Duration::from_secs(300);

/// What an authority says of a certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    Good,
    /// Suspended: not to be accepted now. On the wire it is revoked with the reason `certificateHold`.
    Hold,
    /// Revoked for ever. The reason is written as RFC 5280 §5.3.1 does, such as `keyCompromise`.
    Revoked {
        reason: String,
    },
    /// The authority knows of no such certificate. Only OCSP can say so: a CRL lists what is not good.
    Unknown,
}

/// Why there is no status that could be believed.
#[derive(Debug, thiserror::Error)]
pub enum StatusError {
    /// The caller must give another address.
    #[error("not http://host:port: {0}")]
    BadUrl(String),
    /// The caller must give other certificates.
    #[error("authorities: {0}")]
    BadAuthorities(Distrust),
    /// The caller must ask another authority.
    #[error("not a certificate of this issuing authority: {0}")]
    NotTheirs(String),
    #[error("{0}")]
    Wire(#[from] WireError),
    #[error("the server answered: status {0}")]
    Http(u16),
    /// The responder says why it does not answer (RFC 6960 §2.3).
    #[error("the responder does not answer: {0}")]
    NoAnswer(&'static str),
    #[error("the answer is not to be believed: {0}")]
    Untrusted(#[from] Distrust),
}

impl StatusError {
    /// Whether asking again may help.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Wire(error) => error.is_transient(),
            Self::Http(status) => *status == 429 || *status >= 500,
            Self::NoAnswer(why) => ["tryLater", "internalError"].contains(why),
            Self::BadUrl(_) | Self::BadAuthorities(_) | Self::NotTheirs(_) | Self::Untrusted(_) => false,
        }
    }
}

/// Asks one issuing authority, on one kept connection. Questions go one after another: several askers want several of these.
pub struct RelyingParty {
    client: Client,
    /// The path under which the status is: empty, or `/something`.
    base: String,
    issuing: Certificate,
}

impl RelyingParty {
    /// `status_url` is `http://host:port`, with or without a path behind it. `authorities` are those that are trusted: the root, and
    /// every authority down to the issuing one, in any order (see [`Certificate::read_all`] for PEM, and `Card::authorities`).
    pub fn new(status_url: &str, authorities: &[Certificate]) -> Result<Self, StatusError> {
        let bad_url = || StatusError::BadUrl(status_url.to_owned());
        let rest = status_url.strip_prefix("http://").ok_or_else(bad_url)?.trim_end_matches('/');
        let (authority, base) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let client = Client::plain(authority).map_err(|_| bad_url())?;
        let chain = Chain::of_trusted(authorities.to_vec()).map_err(StatusError::BadAuthorities)?;
        let issuing = chain.authorities().first().ok_or_else(bad_url)?.clone();
        Ok(Self { client, base: base.to_owned(), issuing })
    }

    /// What OCSP says of a certificate now (RFC 6960, by POST).
    pub async fn ocsp(&self, certificate: &Certificate) -> Result<Status, StatusError> {
        self.check_theirs(certificate)?;
        self.ocsp_of_serial(&certificate.serial()).await
    }

    /// The same by GET (RFC 6960 §A.1), as clients do that want answers from a cache. The nonce keeps caches out of it.
    pub async fn ocsp_by_get(&self, certificate: &Certificate) -> Result<Status, StatusError> {
        self.check_theirs(certificate)?;
        let question = ocsp::Question::about(&certificate.serial(), &self.issuing)?;
        let path = format!("{}/ocsp/{}", self.base, in_path(&b64(&question.der)));
        self.answer(&question, Request::get(path)).await
    }

    /// What OCSP says of a serial number: hexadecimal digits, 40 at most.
    pub async fn ocsp_of_serial(&self, serial: &str) -> Result<Status, StatusError> {
        let question = ocsp::Question::about(serial, &self.issuing)?;
        let post = Request::post(format!("{}/ocsp", self.base)).with_body("application/ocsp-request", question.der.clone());
        self.answer(&question, post).await
    }

    async fn answer(&self, question: &ocsp::Question, request: Request) -> Result<Status, StatusError> {
        let reply = self.client.send(request).await?;
        let response = body_of(reply, "application/ocsp-response")?;
        question.judge(&response, &self.issuing, SystemTime::now())
    }

    /// The newest CRL (RFC 5280 §5).
    pub async fn crl(&self) -> Result<Crl, StatusError> {
        let reply = self.client.get(&format!("{}/crl/issuing.crl", self.base)).await?;
        Ok(Crl::read(body_of(reply, "application/pkix-crl")?, &self.issuing, SystemTime::now())?)
    }

    fn check_theirs(&self, certificate: &Certificate) -> Result<(), StatusError> {
        if certificate.is_signed_by(&self.issuing) { Ok(()) } else { Err(StatusError::NotTheirs(certificate.subject())) }
    }
}

fn body_of(reply: Reply, media_type: &str) -> Result<Vec<u8>, StatusError> {
    if reply.status != 200 {
        return Err(StatusError::Http(reply.status));
    }
    if reply.header("content-type") != Some(media_type) {
        return Err(Distrust::because(format!("not {media_type}")).into());
    }
    Ok(reply.body)
}

/// base64 in a path: the three characters that mean something there are written otherwise (RFC 3986 §2.1).
pub(crate) fn in_path(base64: &str) -> String {
    base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D")
}

impl Status {
    /// A status that is not good, by the number of its reason (RFC 5280 §5.3.1). CRLs and OCSP use the same numbers.
    fn for_reason(code: Option<u8>) -> Result<Self, Distrust> {
        let reason = match code.unwrap_or(0) {
            0 => "unspecified",
            1 => "keyCompromise",
            2 => "cACompromise",
            3 => "affiliationChanged",
            4 => "superseded",
            5 => "cessationOfOperation",
            6 => return Ok(Self::Hold),
            8 => "removeFromCRL",
            9 => "privilegeWithdrawn",
            10 => "aACompromise",
            _ => return Err(Distrust::because("a reason that does not exist")),
        };
        Ok(Self::Revoked { reason: reason.to_owned() })
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Good => f.write_str("good"),
            Self::Hold => f.write_str("on hold"),
            Self::Revoked { reason } => write!(f, "revoked: {reason}"),
            Self::Unknown => f.write_str("unknown"),
        }
    }
}

/// Refuses what is not true yet, or no longer, by more than the clocks may differ.
fn check_fresh(this_update: SystemTime, next_update: Option<SystemTime>, now: SystemTime) -> Result<(), Distrust> {
    if this_update > now + SKEW {
        return Err(Distrust::because("it is from the future"));
    }
    if next_update.is_some_and(|next| next + SKEW < now) {
        return Err(Distrust::because("it is out of date"));
    }
    Ok(())
}
