//! A look at the desk without a certificate in the browser: a door on the loopback interface of this machine, in the demonstration alone.
//! What comes in is passed on to the real desk, over TLS, with Omar's certificate. Nothing of it is in the server, which knows no other way
//! in than a certificate.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use mobile_sim::Identity;
use mobile_sim::wire::tls_config;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::http::words::cookie;
use crate::pki::key::{hex, random};
use crate::server::ServerError;
use crate::server::clock::SystemEntropy;

const COOKIE: &str = "remint-demo";

struct Way {
    /// The desk, `host:port`.
    desk: String,
    /// The door itself, `localhost:port`: under another name nobody comes in.
    own: String,
    /// Whoever was shown it comes in: other users of this machine were not.
    secret: String,
    tls: Arc<ClientConfig>,
}

/// The door, until this is dropped.
pub struct Door {
    /// To be opened in a browser of this machine.
    pub address: String,
    serving: JoinHandle<()>,
}

impl Drop for Door {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Door {
    pub async fn open(desk: &str, root: &str, omar: &Identity) -> Result<Self, ServerError> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let own = format!("localhost:{}", listener.local_addr()?.port());
        let secret = hex(&random::<16>(&SystemEntropy));
        let address = format!("http://{own}/?door={secret}");
        let tls = tls_config(root, Some(omar)).map_err(ServerError::new)?;
        let way = Arc::new(Way { desk: desk.to_owned(), own, secret, tls });
        let router = Router::new().fallback(come_in).with_state(way);
        let serving = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the demonstration's door to the desk is closed");
            }
        });
        Ok(Self { address, serving })
    }
}

async fn come_in(State(way): State<Arc<Way>>, request: Request) -> Response {
    let (headers, uri) = (request.headers(), request.uri());
    let is_own = headers.get(header::HOST).is_some_and(|host| host.as_bytes() == way.own.as_bytes());
    if is_own && uri.query() == Some(&format!("door={}", way.secret)) {
        let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", way.secret);
        return (StatusCode::SEE_OTHER, [(header::LOCATION, "/".to_owned()), (header::SET_COOKIE, cookie)]).into_response();
    }
    if !is_own || cookie(headers, COOKIE) != Some(way.secret.as_str()) {
        return (StatusCode::FORBIDDEN, "Open the address that the demonstration printed, as it is.\n").into_response();
    }
    match pass_on(&way, request).await {
        Ok(response) => response,
        Err(error) => (StatusCode::BAD_GATEWAY, format!("the desk does not answer: {error}\n")).into_response(),
    }
}

async fn pass_on(way: &Way, mut request: Request) -> Result<Response, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(&way.desk).await?;
    let name = ServerName::try_from(way.desk.split(':').next().unwrap_or_default().to_owned())?;
    let stream = TlsConnector::from(Arc::clone(&way.tls)).connect(name, stream).await?;
    let (mut sender, connection) = handshake(TokioIo::new(stream)).await?;
    tokio::spawn(connection);
    rename(way, request.headers_mut())?;
    let path = request.uri().path_and_query().map_or("/", |path| path.as_str()).to_owned();
    *request.uri_mut() = path.parse()?;
    let mut response = sender.send_request(request).await?.map(Body::new);
    response.headers_mut().remove(header::TRANSFER_ENCODING);
    response.headers_mut().remove(header::CONNECTION);
    Ok(response)
}

/// The desk knows itself under its own name: what says ours says that.
fn rename(way: &Way, headers: &mut HeaderMap) -> Result<(), header::InvalidHeaderValue> {
    let (ours, theirs) = (format!("http://{}", way.own), format!("https://{}", way.desk));
    for name in [header::ORIGIN, header::REFERER] {
        let renamed = headers.get(&name).and_then(|value| value.to_str().ok()).and_then(|value| value.strip_prefix(&ours));
        if let Some(rest) = renamed.map(str::to_owned) {
            headers.insert(name, HeaderValue::from_str(&format!("{theirs}{rest}"))?);
        }
    }
    headers.insert(header::HOST, HeaderValue::from_str(&way.desk)?);
    headers.remove(header::CONNECTION);
    Ok(())
}
