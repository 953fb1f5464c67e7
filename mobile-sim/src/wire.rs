//! HTTPS as a phone speaks it: HTTP/1.1 over one TLS connection, kept for several requests. Plain HTTP for public status alone.
//!
//! [`Connection`] is one connection; over TLS it gives its exporter and the server's certificates. [`Client`] is the pleasant form for
//! everybody else: it connects when needed and keeps the connection. Replies are read whole, up to a limit. There are no redirects,
//! no cookies and no proxies, and a request is never sent twice unless it surely never left.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use serde::{Serialize, de::DeserializeOwned};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use zeroize::Zeroizing;

use crate::identity::Identity;
use crate::tls;

pub use hyper::Method;

const CONNECT_LIMIT: Duration = Duration::from_secs(10);
const REPLY_LIMIT: Duration = Duration::from_secs(30);
const BODY_LIMIT_BYTES: usize = 4 * 1024 * 1024;
/// A CRL has about 40 bytes an entry, so that this is for a million of them.
const PLAIN_BODY_LIMIT_BYTES: usize = 64 * 1024 * 1024;

/// Why no reply arrived.
#[derive(Debug, thiserror::Error)]
pub enum WireError {
    #[error("not host:port: {0}")]
    BadAuthority(String),
    #[error("no usable root certificate")]
    BadRoots,
    #[error("cannot connect to {authority}: {source}")]
    Connect { authority: String, source: std::io::Error },
    #[error("no answer in time")]
    TimedOut,
    #[error("TLS: {0}")]
    Tls(#[source] rustls::Error),
    /// The server ended the handshake with an alert: it does not take the client certificate, or lacks one.
    #[error("the server ended the TLS handshake: {0:?}")]
    Alert(rustls::AlertDescription),
    #[error("the connection broke: {0}")]
    Broken(#[source] hyper::Error),
    #[error("the reply is larger than the {0} bytes that are read")]
    TooLarge(usize),
    #[error("the request cannot be written: {0}")]
    BadRequest(#[source] hyper::http::Error),
    #[error("the reply is not the expected JSON: {0}")]
    BadJson(#[source] serde_json::Error),
    #[error("the reply was lost")]
    ReplyLost,
}

impl WireError {
    /// Whether the same request may get through later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Connect { .. } | Self::TimedOut | Self::Broken(_) | Self::ReplyLost => true,
            Self::BadAuthority(_) | Self::BadRoots | Self::Tls(_) | Self::Alert(_) => false,
            Self::TooLarge(_) | Self::BadRequest(_) | Self::BadJson(_) => false,
        }
    }
}

/// A request: what differs between requests, and nothing else.
#[derive(Clone, Debug)]
pub struct Request {
    method: Method,
    path: String,
    headers: Vec<(&'static str, String)>,
    content: Option<(&'static str, Bytes)>,
}

impl Request {
    pub fn new(method: Method, path: impl Into<String>) -> Self {
        Self { method, path: path.into(), headers: Vec::new(), content: None }
    }

    pub fn get(path: impl Into<String>) -> Self {
        Self::new(Method::GET, path)
    }

    pub fn post(path: impl Into<String>) -> Self {
        Self::new(Method::POST, path)
    }

    pub fn delete(path: impl Into<String>) -> Self {
        Self::new(Method::DELETE, path)
    }

    /// Gives the request a further header.
    pub fn with_header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// Gives the request a body of the given media type.
    pub fn with_body(self, media_type: &'static str, body: impl Into<Bytes>) -> Self {
        Self { content: Some((media_type, body.into())), ..self }
    }

    /// Gives the request a JSON body.
    pub fn with_json(self, value: &impl Serialize) -> Result<Self, WireError> {
        Ok(self.with_body("application/json", serde_json::to_vec(value).map_err(WireError::BadJson)?))
    }

    /// Whether it asks for a change.
    pub fn is_write(&self) -> bool {
        !matches!(self.method, Method::GET | Method::HEAD)
    }

    /// A request that may have content always tells its length (RFC 9110 §8.6), and is never chunked.
    fn into_http(self, authority: &str) -> Result<hyper::Request<Full<Bytes>>, WireError> {
        let mut request = hyper::Request::builder().method(&self.method).uri(self.path).header(HOST, authority);
        for (name, value) in self.headers {
            request = request.header(name, value);
        }
        let body = match self.content {
            Some((media_type, body)) => {
                request = request.header(CONTENT_TYPE, media_type);
                body
            }
            None => Bytes::new(),
        };
        if !body.is_empty() || self.method != Method::GET {
            request = request.header(CONTENT_LENGTH, body.len());
        }
        request.body(Full::new(body)).map_err(WireError::BadRequest)
    }
}

/// A reply, read whole.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    pub fn json<T: DeserializeOwned>(&self) -> Result<T, WireError> {
        serde_json::from_slice(&self.body).map_err(WireError::BadJson)
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    #[cfg(test)]
    pub(crate) fn of(status: u16, body: &str) -> Self {
        Self { status, headers: HeaderMap::new(), body: body.as_bytes().to_vec() }
    }
}

/// One connection.
pub struct Connection {
    authority: String,
    sender: SendRequest<Full<Bytes>>,
    body_limit_bytes: usize,
    /// The exporter of RFC 9266, `None` before TLS 1.3 and without TLS.
    pub exporter: Option<Zeroizing<[u8; 32]>>,
    /// What the server showed, its own certificate first. Nothing without TLS.
    pub server_certificates: Vec<CertificateDer<'static>>,
}

impl Connection {
    /// Connects and shakes hands.
    pub async fn open(authority: &str, config: Arc<ClientConfig>) -> Result<Self, WireError> {
        timeout(CONNECT_LIMIT, Self::shake_hands(authority, config)).await.map_err(|_| WireError::TimedOut)?
    }

    async fn shake_hands(authority: &str, config: Arc<ClientConfig>) -> Result<Self, WireError> {
        let host = host_of(authority)?;
        let tcp = connect(authority).await?;
        let stream = TlsConnector::from(config).connect(host, tcp).await.map_err(|source| not_connected(authority, source))?;
        let tls = stream.get_ref().1;
        let exporter = exporter_of(tls)?;
        let server_certificates = tls.peer_certificates().unwrap_or_default().to_vec();
        let sender = drive(stream).await?;
        Ok(Self { authority: authority.to_owned(), sender, body_limit_bytes: BODY_LIMIT_BYTES, exporter, server_certificates })
    }

    /// Connects without TLS: for what is public and signed by itself.
    pub async fn open_plain(authority: &str) -> Result<Self, WireError> {
        let opened = async { drive(connect(authority).await?).await };
        let sender = timeout(CONNECT_LIMIT, opened).await.map_err(|_| WireError::TimedOut)??;
        let (authority, body_limit_bytes) = (authority.to_owned(), PLAIN_BODY_LIMIT_BYTES);
        Ok(Self { authority, sender, body_limit_bytes, exporter: None, server_certificates: Vec::new() })
    }

    /// Sends one request and reads the whole reply.
    pub async fn send(&mut self, request: Request) -> Result<Reply, WireError> {
        self.try_send(request).await.map_err(|unsent| unsent.error)
    }

    async fn try_send(&mut self, request: Request) -> Result<Reply, Failure> {
        let http = request.clone().into_http(&self.authority)?;
        timeout(REPLY_LIMIT, self.exchange(http, request)).await.map_err(|_| WireError::TimedOut)?
    }

    async fn exchange(&mut self, http: hyper::Request<Full<Bytes>>, request: Request) -> Result<Reply, Failure> {
        if let Err(error) = self.sender.ready().await {
            return Err(Failure { error: broken(error), unsent: Some(request) });
        }
        let reply = self
            .sender
            .try_send_request(http)
            .await
            .map_err(|mut failed| Failure { unsent: failed.take_message().map(|_| request), error: broken(failed.into_error()) })?;
        let (head, body) = reply.into_parts();
        let body = Limited::new(body, self.body_limit_bytes).collect().await.map_err(|error| self.read_error(error))?;
        let body = body.to_bytes().to_vec();
        Ok(Reply { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn read_error(&self, error: Box<dyn std::error::Error + Send + Sync>) -> WireError {
        match error.downcast::<LengthLimitError>() {
            Ok(_) => WireError::TooLarge(self.body_limit_bytes),
            Err(other) => other.downcast::<hyper::Error>().map_or(WireError::ReplyLost, |error| broken(*error)),
        }
    }

    fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }
}

async fn connect(authority: &str) -> Result<TcpStream, WireError> {
    let tcp = TcpStream::connect(authority).await.map_err(|source| not_connected(authority, source))?;
    tcp.set_nodelay(true).map_err(|source| not_connected(authority, source))?;
    Ok(tcp)
}

/// Speaks HTTP/1.1 over a stream. The driver ends by itself when the sender is dropped or the server closes; a failure also reaches
/// the waiting request.
async fn drive<S>(stream: S) -> Result<SendRequest<Full<Bytes>>, WireError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (sender, driver) = handshake(TokioIo::new(stream)).await.map_err(WireError::Broken)?;
    tokio::spawn(async move { driver.await.ok() });
    Ok(sender)
}

/// Tells apart a server that cannot be reached, one that does not want us, and one that we do not want.
fn not_connected(authority: &str, source: std::io::Error) -> WireError {
    match source.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(rustls::Error::AlertReceived(alert)) => WireError::Alert(*alert),
        Some(error) => WireError::Tls(error.clone()),
        None => WireError::Connect { authority: authority.to_owned(), source },
    }
}

/// A failed exchange, with the request where it surely never left.
struct Failure {
    error: WireError,
    unsent: Option<Request>,
}

impl From<WireError> for Failure {
    fn from(error: WireError) -> Self {
        Self { error, unsent: None }
    }
}

/// In TLS 1.3 a server judges the client certificate after the client is done, so that its alert arrives as a broken connection.
fn broken(error: hyper::Error) -> WireError {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(&error);
    while let Some(at) = cause {
        let inner = at.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        if let Some(rustls::Error::AlertReceived(alert)) = inner.and_then(|inner| inner.downcast_ref()) {
            return WireError::Alert(*alert);
        }
        cause = at.source();
    }
    WireError::Broken(error)
}

/// `EXPORTER-Channel-Binding` without context, 32 bytes (RFC 9266 §4.1).
fn exporter_of(tls: &rustls::ClientConnection) -> Result<Option<Zeroizing<[u8; 32]>>, WireError> {
    if tls.protocol_version() != Some(rustls::ProtocolVersion::TLSv1_3) {
        return Ok(None);
    }
    let exported = tls.export_keying_material([0; 32], b"EXPORTER-Channel-Binding", None).map_err(WireError::Tls)?;
    Ok(Some(Zeroizing::new(exported)))
}

/// The host of `host:port`, as a TLS server name. An IPv6 address is in brackets, or its port could not be told.
pub(crate) fn host_of(authority: &str) -> Result<ServerName<'static>, WireError> {
    let bad = || WireError::BadAuthority(authority.to_owned());
    let (host, port) = authority.rsplit_once(':').ok_or_else(bad)?;
    port.parse::<u16>().map_err(|_| bad())?;
    if let Some(address) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
        return Ok(ServerName::IpAddress(IpAddr::V6(address.parse().map_err(|_| bad())?).into()));
    }
    match ServerName::try_from(host.to_owned()) {
        Ok(name) if !host.contains(':') => Ok(name),
        Ok(_) | Err(_) => Err(bad()),
    }
}

/// A TLS configuration that trusts `roots_pem` and shows `identity`.
pub fn tls_config(roots_pem: &str, identity: Option<&Identity>) -> Result<Arc<ClientConfig>, WireError> {
    let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(roots_pem.as_bytes()).collect();
    let verifier = tls::verifier(roots.map_err(|_| WireError::BadRoots)?.iter().map(AsRef::as_ref))?;
    tls::config(verifier, identity, tls::ANY_VERSION)
}

/// A client of one server that connects when needed and keeps its connection. Requests of one client go one after another.
pub struct Client {
    authority: String,
    /// `None` for plain HTTP.
    config: Option<Arc<ClientConfig>>,
    connection: Mutex<Option<Connection>>,
}

impl Client {
    /// For `authority` (`host:port`), whose certificate must chain to one of `roots_pem`.
    pub fn new(authority: impl Into<String>, roots_pem: &str, identity: Option<Identity>) -> Result<Self, WireError> {
        Self::with_config(authority, tls_config(roots_pem, identity.as_ref())?)
    }

    /// With a TLS configuration of one's own, for tests that want an older version, or no trust.
    pub fn with_config(authority: impl Into<String>, config: Arc<ClientConfig>) -> Result<Self, WireError> {
        Self::made(authority.into(), Some(config))
    }

    /// Over plain HTTP: for what is public and signed by itself.
    pub fn plain(authority: impl Into<String>) -> Result<Self, WireError> {
        Self::made(authority.into(), None)
    }

    fn made(authority: String, config: Option<Arc<ClientConfig>>) -> Result<Self, WireError> {
        host_of(&authority)?;
        Ok(Self { authority, config, connection: Mutex::new(None) })
    }

    pub async fn get(&self, path: &str) -> Result<Reply, WireError> {
        self.send(Request::get(path)).await
    }

    pub async fn delete(&self, path: &str) -> Result<Reply, WireError> {
        self.send(Request::delete(path)).await
    }

    /// A POST without a body.
    pub async fn post(&self, path: &str) -> Result<Reply, WireError> {
        self.send(Request::post(path)).await
    }

    pub async fn post_json(&self, path: &str, value: &impl Serialize) -> Result<Reply, WireError> {
        self.send(Request::post(path).with_json(value)?).await
    }

    /// Connects now, where there is no open connection, instead of with the next request.
    pub async fn connect(&self) -> Result<(), WireError> {
        let mut held = self.connection.lock().await;
        if held.as_ref().is_none_or(Connection::is_closed) {
            *held = Some(self.fresh().await?);
        }
        Ok(())
    }

    /// Sends a request on the kept connection, or on a new one where there is none or the server has closed it meanwhile.
    pub async fn send(&self, request: Request) -> Result<Reply, WireError> {
        let mut held = self.connection.lock().await;
        let mut request = request;
        if let Some(mut kept) = held.take().filter(|kept| !kept.is_closed()) {
            match kept.try_send(request).await {
                Ok(reply) => {
                    *held = Some(kept);
                    return Ok(reply);
                }
                Err(Failure { unsent: Some(unsent), .. }) => request = unsent,
                Err(Failure { error, unsent: None }) => return Err(error),
            }
        }
        let mut fresh = self.fresh().await?;
        let reply = fresh.send(request).await?;
        *held = Some(fresh);
        Ok(reply)
    }

    async fn fresh(&self) -> Result<Connection, WireError> {
        match &self.config {
            Some(config) => Connection::open(&self.authority, config.clone()).await,
            None => Connection::open_plain(&self.authority).await,
        }
    }
}
